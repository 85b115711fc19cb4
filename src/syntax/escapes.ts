/**
 * Escape sequences of strings, charlists and quoted atoms: checked while lexing, processed only when a value is asked for.
 * Sigils keep theirs.
 */

const hexValue = (c: number): number =>
  c >= 48 && c <= 57 ? c - 48 : c >= 65 && c <= 70 ? c - 55 : c >= 97 && c <= 102 ? c - 87 : -1

/** What the character after a backslash stands for; itself where it is no escape. */
export function escapedByte(c: number): number {
  switch (c) {
    case 48: return 0 // 0
    case 97: return 7 // a
    case 98: return 8 // b
    case 100: return 127 // d
    case 101: return 27 // e
    case 102: return 12 // f
    case 110: return 10 // n
    case 114: return 13 // r
    case 115: return 32 // s
    case 116: return 9 // t
    case 118: return 11 // v
    default: return c
  }
}

/** A code point or byte escape: `byte` for `\xHH`, else `value` is a code point; `length` after the letter; 0 if invalid. */
type Numeric = { readonly value: number; readonly byte: boolean; readonly length: number }

const invalid: Numeric = { value: 0, byte: false, length: 0 }

/** Reads what follows `\x` or `\u` at `i`. */
function readNumeric(bytes: Uint8Array, i: number, letter: number): Numeric {
  const first = hexValue(bytes[i] ?? 0)
  if (letter === 120 && first >= 0) {
    const second = hexValue(bytes[i + 1] ?? 0)
    if (second >= 0) return { value: first * 16 + second, byte: true, length: 2 }
    return { value: first, byte: false, length: 1 }
  }
  if (bytes[i] === 123) return readBraced(bytes, i)
  if (letter === 120) return invalid
  let value = 0
  for (let n = 0; n < 4; n++) {
    const digit = hexValue(bytes[i + n] ?? 0)
    if (digit < 0) return invalid
    value = value * 16 + digit
  }
  return { value, byte: false, length: 4 }
}

function readBraced(bytes: Uint8Array, open: number): Numeric {
  let value = 0
  let i = open + 1
  while (i <= open + 6) {
    const digit = hexValue(bytes[i] ?? 0)
    if (digit < 0) break
    value = value * 16 + digit
    i++
  }
  if (i === open + 1 || bytes[i] !== 125) return invalid
  return { value, byte: false, length: i - open + 1 }
}

const isScalar = (value: number): boolean => value <= 0x10ffff && (value < 0xd800 || value > 0xdfff)

/** Whether the escape whose letter (`x` or `u`) is at `i` is well-formed. */
export function validNumericEscape(bytes: Uint8Array, i: number): boolean {
  const numeric = readNumeric(bytes, i + 1, bytes[i] as number)
  return numeric.length > 0 && (numeric.byte || isScalar(numeric.value))
}

/** The bytes that `raw` stands for. What is not a valid escape is kept as it is. */
export function unescape(raw: Uint8Array): Uint8Array {
  if (!raw.includes(92)) return raw
  const out = new Uint8Array(raw.length * 2 + 4)
  let n = 0
  let i = 0
  while (i < raw.length) {
    const c = raw[i] as number
    if (c !== 92 || i + 1 >= raw.length) {
      out[n++] = c
      i++
      continue
    }
    const next = raw[i + 1] as number
    if (next === 10) i += 2
    else if (next === 13 && raw[i + 2] === 10) i += 3
    else if (next === 120 || next === 117) {
      const numeric = readNumeric(raw, i + 2, next)
      if (numeric.byte) out[n++] = numeric.value
      else if (numeric.length > 0) n = putCodePoint(out, n, numeric.value)
      i += 2 + numeric.length
    } else {
      out[n++] = escapedByte(next)
      i += 2
    }
  }
  return out.slice(0, n)
}

function putCodePoint(out: Uint8Array, at: number, code: number): number {
  let n = at
  if (code < 0x80) out[n++] = code
  else if (code < 0x800) {
    out[n++] = 0xc0 | (code >> 6)
    out[n++] = 0x80 | (code & 0x3f)
  } else if (code < 0x10000) {
    out[n++] = 0xe0 | (code >> 12)
    out[n++] = 0x80 | ((code >> 6) & 0x3f)
    out[n++] = 0x80 | (code & 0x3f)
  } else {
    out[n++] = 0xf0 | (code >> 18)
    out[n++] = 0x80 | ((code >> 12) & 0x3f)
    out[n++] = 0x80 | ((code >> 6) & 0x3f)
    out[n++] = 0x80 | (code & 0x3f)
  }
  return n
}

/** Drops the backslashes before the closing delimiter, as the lexer does: `\)` in `~s(…)`, `\"""` in a heredoc. */
export function unescapeDelimiter(raw: Uint8Array, delimiter: number, heredoc: number): Uint8Array {
  if (!raw.includes(92)) return raw
  const out = new Uint8Array(raw.length)
  let n = 0
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i] as number
    out[n++] = c
    if (c !== 92) continue
    const next = raw[i + 1]
    const closes = next === delimiter && (heredoc === 0 || (raw[i + 2] === delimiter && raw[i + 3] === delimiter))
    // A line break, too, keeps its backslash and ends the escape.
    if (closes) n--
    const taken = closes && heredoc !== 0 ? 3 : 1
    for (let k = 1; k <= taken && i + k < raw.length; k++) out[n++] = raw[i + k] as number
    i += taken
  }
  return out.slice(0, n)
}

/** Takes the indentation, at most `indent` blanks a line, from every line of a heredoc but the first. */
export function stripIndent(raw: Uint8Array, indent: number, first: number): Uint8Array {
  if (indent === 0) return raw
  const out = new Uint8Array(raw.length)
  let n = 0
  let strip = first
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i] as number
    if (strip > 0 && (c === 32 || c === 9)) {
      strip--
      continue
    }
    out[n++] = c
    strip = c === 10 ? indent : 0
  }
  return out.slice(0, n)
}
