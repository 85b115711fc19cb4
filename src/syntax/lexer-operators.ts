/**
 * How long the operators at a place are. Only bytes are looked at; what an operator means there is for the lexer to say.
 */

/** Length of the operator that can follow a colon at `i`, or 0. */
export function atomOperatorLength(source: Uint8Array, i: number): number {
  const a = source[i] as number
  const b = source[i + 1] as number
  const c = source[i + 2] as number
  if (a === 46 && b === 46 && c === 46) return 3
  if (a === 60 && b === 60 && c === 62 && source[i + 3] === 62) return 4
  if (a === 37) return b === 123 && c === 125 ? 3 : 1
  if (a === 123) return b === 125 ? 2 : 0
  if (a === 46 && b === 46 && c === 47 && source[i + 3] === 47) return 4
  const length = operatorLength(source, i)
  if (length === 3) return 3
  if (a === 58) return b === 58 ? 2 : 0
  // `//` and `=>` are no atoms, their first character is.
  if (length === 2) return (a === 47 && b === 47) || (a === 61 && b === 62) ? 1 : 2
  if (length === 1) return 1
  // Brackets of bitstrings, but for the first character.
  return a === 46 || a === 60 || a === 62 ? 1 : 0
}

/** Length of the operator at `i`, the longest there is: brackets, dots and `%` aside; 0 if there is none. */
export function operatorLength(source: Uint8Array, i: number): number {
  const a = source[i] as number
  const b = source[i + 1] as number
  const c = source[i + 2] as number
  switch (a) {
    case 43: case 45: // + -
      if (b === a) return c === a ? 3 : 2
      return a === 45 && b === 62 ? 2 : 1
    case 42: // *
      return b === 42 ? 2 : 1
    case 47: // /
      return b === 47 ? 2 : 1
    case 61: // =
      if (b === 61) return c === 61 ? 3 : 2
      return b === 126 || b === 62 ? 2 : 1
    case 33: // !
      if (b === 61) return c === 61 ? 3 : 2
      return 1
    case 94: // ^
      return b === 94 && c === 94 ? 3 : 1
    case 38: // &
      return b === 38 ? (c === 38 ? 3 : 2) : 1
    case 124: // |
      if (b === 124) return c === 124 ? 3 : 2
      return b === 62 ? 2 : 1
    case 60: // <
      return lessLength(b, c)
    case 62: // >
      if (b === 62) return c === 62 ? 3 : 0
      return b === 61 ? 2 : 1
    case 126: // ~
      if (b === 126 && c === 126) return 3
      return b === 62 ? (c === 62 ? 3 : 2) : 0
    case 58: // :
      return b === 58 ? 2 : 0
    case 92: // backslash
      return b === 92 ? 2 : 0
    case 46: // .
      return b === 46 ? 2 : 0
    case 64: // @
      return 1
    default:
      return 0
  }
}

function lessLength(b: number, c: number): number {
  if (b === 60) return c === 60 || c === 126 ? 3 : 0
  if (b === 126) return c === 62 ? 3 : 2
  if (b === 124) return c === 62 ? 3 : 1
  return b === 61 || b === 45 || b === 62 ? 2 : 1
}

/** Length of the operator that names a call after a dot at `i`, or 0. */
export function dottedOperatorLength(source: Uint8Array, i: number): number {
  if (source[i] === 46) return source[i + 1] === 46 ? 2 : 0
  if (source[i] === 92 && source[i + 1] !== 92) return 0
  const length = operatorLength(source, i)
  if (length !== 2) return length === 0 && source[i] === 62 ? 1 : length === 0 && source[i] === 60 ? 1 : length
  const a = source[i]
  const b = source[i + 1]
  const single = (a === 47 && b === 47) || (a === 61 && b === 62) || (a === 45 && b === 62)
  return single ? 1 : 2
}

/** The byte that closes a sigil which `delimiter` opens, or 0. */
export function sigilClose(delimiter: number): number {
  switch (delimiter) {
    case 40: return 41
    case 91: return 93
    case 123: return 125
    case 60: return 62
    case 47: case 124: case 34: case 39: return delimiter
    default: return 0
  }
}

/** Whether a line of version control begins at `i`: `<<<<<<<`, `=======` or `>>>>>>>`, none of which can be code. */
export function isConflictMarker(source: Uint8Array, i: number): boolean {
  if (i > 0 && source[i - 1] !== 10) return false
  for (let n = 1; n < 7; n++) if (source[i + n] !== source[i]) return false
  return true
}
