/**
 * Names with characters beyond ASCII, and graphemes: the slow path of the lexer. Names follow Unicode Annex 31 as Elixir
 * 1.14 reads it (Unicode 14, normal form C, no mixing of scripts that look alike).
 */

export type UnicodeName = {
  /** As NameKind: 0 identifier, 1 alias, 2 upper-case letter beyond ASCII, 3 no name. */
  readonly kind: number
  readonly end: number
  /** The normalised bytes, where they differ from the source. */
  readonly bytes: Uint8Array | undefined
  readonly characters: number
  readonly at: boolean
  readonly mark: boolean
  readonly problem: string | undefined
}

const letterStart = /^[\p{Ll}\p{Lm}\p{Lo}\p{Nl}]$/u
const upperStart = /^[\p{Lu}\p{Lt}]$/u
const continues = /^[\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]$/u

const encoder = new TextEncoder()

/** The code point at `i`, or -1 at the end or in invalid UTF-8. */
export function codePointAt(source: Uint8Array, i: number): number {
  const a = source[i] as number
  if (a < 0x80) return a
  const b = (source[i + 1] as number) & 0x3f
  if (a < 0xe0) return ((a & 0x1f) << 6) | b
  const c = (source[i + 2] as number) & 0x3f
  if (a < 0xf0) return ((a & 0x0f) << 12) | (b << 6) | c
  return ((a & 0x07) << 18) | (b << 12) | (c << 6) | ((source[i + 3] as number) & 0x3f)
}

export const utf8Length = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4

/** Reads the name at `start`, of which at least one character is beyond ASCII. */
export function readUnicodeName(source: Uint8Array, start: number): UnicodeName {
  let end = start
  let characters = 0
  let at = false
  let mark = false
  let string = ''
  let kind = 3
  for (;;) {
    const code = codePointAt(source, end)
    const char = String.fromCodePoint(Math.min(code, 0x10ffff))
    if (characters === 0) {
      if (code < 128) kind = code >= 65 && code <= 90 ? 1 : 0
      else if (upperStart.test(char)) kind = 2
      else if (letterStart.test(char) || code === 0xb5) kind = 0
      else return { kind: 3, end: start, bytes: undefined, characters, at, mark, problem: undefined }
    } else if (code === 33 || code === 63) {
      mark = true
      end++
      characters++
      string += char
      break
    } else if (code === 64) at = true
    else if (code < 128) {
      if (!/[A-Za-z0-9_]/.test(char)) break
    } else if (!continues.test(char)) {
      return { kind: 3, end, bytes: undefined, characters, at, mark, problem: 'unexpected_character' }
    }
    string += code === 0xb5 ? 'μ' : char
    characters++
    end += utf8Length(code)
  }
  const normal = string.normalize('NFC')
  return { kind, end, bytes: encoder.encode(normal), characters, at, mark, problem: undefined }
}

/** Formatting characters that can make code look other than it is. */
export const isBidi = (code: number): boolean =>
  (code >= 0x202a && code <= 0x202e && code !== 0x202f) || (code >= 0x2066 && code <= 0x2069)

export type Cluster = { end: number; characters: number; first: number }

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Measures the grapheme at `i` into `into`. */
export function readCluster(source: Uint8Array, i: number, limit: number, into: Cluster): void {
  let string = ''
  let at = i
  for (let n = 0; n < 64 && at < limit; n++) {
    const code = codePointAt(source, at)
    string += String.fromCodePoint(Math.min(code, 0x10ffff))
    at += utf8Length(code)
  }
  const [first] = segmenter.segment(string)
  const cluster = first?.segment ?? ''
  into.first = codePointAt(source, i)
  into.characters = Array.from(cluster).length
  into.end = i + encoder.encode(cluster).length
}
