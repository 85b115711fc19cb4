/**
 * Names with characters beyond ASCII, and graphemes: the slow path of the lexer. Names follow Unicode Annex 31 as Elixir
 * 1.14 reads it (Unicode 14, normal form C, no mixing of scripts that look alike), graphemes Annex 29 as OTP 25 does.
 */

import { graphemeRanges, nameRanges, scriptSets } from './unicode-tables.ts'

export type UnicodeName = {
  /** As NameKind: 0 identifier, 1 alias, 2 upper-case letter beyond ASCII, 3 no name. */
  readonly kind: number
  readonly end: number
  /** The normalised bytes. */
  readonly bytes: Uint8Array | undefined
  readonly characters: number
  readonly at: boolean
  readonly mark: boolean
  readonly problem: string | undefined
}

type Ranges = { readonly first: Int32Array; readonly last: Int32Array; readonly code: Int32Array }

function decodeRanges(text: string): Ranges {
  const words = text.trim().split(' ')
  const ranges: Ranges = {
    first: new Int32Array(words.length),
    last: new Int32Array(words.length),
    code: new Int32Array(words.length),
  }
  let previous = 0
  words.forEach((word, i) => {
    const [gap = 0, length = 0, code = 0] = word.split('.').map((part) => Number.parseInt(part, 36))
    ranges.first[i] = previous + gap
    previous += gap + length
    ranges.last[i] = previous
    ranges.code[i] = code
  })
  return ranges
}

/** The code of the range that holds `character`, or -1. */
function lookUp(ranges: Ranges, character: number): number {
  let low = 0
  let high = ranges.first.length - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    if ((ranges.first[middle] as number) > character) high = middle - 1
    else if ((ranges.last[middle] as number) < character) low = middle + 1
    else return ranges.code[middle] as number
  }
  return -1
}

const nameTable = decodeRanges(nameRanges)
const graphemeTable = decodeRanges(graphemeRanges)
const sets: readonly bigint[] = scriptSets.map((hex) => BigInt(`0x${hex}`))

const LATIN = 1n
const ALL = -1n
const MICRO = 0xb5
const MU = 0x3bc

function scriptsOf(character: number): bigint {
  if (character < 128) return /[A-Za-z]/.test(String.fromCharCode(character)) ? LATIN : ALL
  const code = lookUp(nameTable, character)
  return code < 0 ? ALL : (sets[Math.floor(code / 3)] as bigint)
}

// Scripts that are written together, each of which Latin may join: read off characters that belong to just those.
const han = scriptsOf(0x4e00)
const mayJoinLatin = [0x3042, 0x3105, 0xac00].map((character) => LATIN | (scriptsOf(character) & han))

const encoder = new TextEncoder()

/** The code point at `i` of valid UTF-8. */
export function codePointAt(source: Uint8Array, i: number): number {
  const a = source[i] as number
  if (a < 0x80) return a
  const b = (source[i + 1] as number) & 0x3f
  if (a < 0xe0) return ((a & 0x1f) << 6) | b
  const c = (source[i + 2] as number) & 0x3f
  if (a < 0xf0) return ((a & 0x0f) << 12) | (b << 6) | c
  return Math.min(((a & 0x07) << 18) | (b << 12) | (c << 6) | ((source[i + 3] as number) & 0x3f), 0x10ffff)
}

export const utf8Length = (codePoint: number): number =>
  codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4

/** What a name's first character makes it; 3 where it begins none. */
function kindOfFirst(character: number): number {
  if (character < 128) return character >= 65 && character <= 90 ? 1 : 0
  if (character === MICRO) return 0
  const code = lookUp(nameTable, character)
  if (code < 0) return 3
  return code % 3 === 2 ? 2 : code % 3 === 1 ? 0 : 3
}

/** Reads the name at `start`, of which at least one character is beyond ASCII. */
export function readUnicodeName(source: Uint8Array, start: number): UnicodeName {
  const first = codePointAt(source, start)
  const kind = kindOfFirst(first)
  const none = { kind: 3, bytes: undefined, characters: 0, at: false, mark: false }
  if (kind === 3) return { ...none, end: start, problem: undefined }
  const characters: number[] = []
  let end = start
  let at = false
  let mark = false
  let scripts = ALL
  for (let character = first; ; character = codePointAt(source, end)) {
    if (character === 33 || character === 63) mark = true
    else if (character === 64) at = true
    else if (character < 128 && !/[A-Za-z0-9_]/.test(String.fromCharCode(character))) break
    else if (character > 127 && character !== MICRO && lookUp(nameTable, character) < 0) {
      return { ...none, end, problem: 'unexpected_character' }
    }
    const plain = character === MICRO ? MU : character
    scripts &= scriptsOf(plain)
    characters.push(plain)
    end += utf8Length(character)
    if (mark) break
  }
  const normal = String.fromCodePoint(...characters.slice(0, 1000)).normalize('NFC')
  const problem = scripts !== 0n || mayMix(normal) ? undefined : 'mixed_script'
  return { kind, end, bytes: encoder.encode(normal), characters: characters.length, at, mark, problem }
}

/** Whether a name of several scripts is allowed: those of 1.14, or, as newer Elixir has it, one in each part between `_`. */
function mayMix(name: string): boolean {
  const scripts = Array.from(name, (char) => scriptsOf(char.codePointAt(0) ?? 0))
  if (mayJoinLatin.some((allowed) => scripts.every((set) => (set & allowed) !== 0n))) return true
  return name.split('_').every((part) => {
    return Array.from(part).reduce((set, char) => set & scriptsOf(char.codePointAt(0) ?? 0), ALL) !== 0n
  })
}

/** Formatting characters that can make code look other than it is. */
export const isBidi = (code: number): boolean =>
  (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)

/** A grapheme: where it ends, how many code points it has, and the first of them. */
export type Cluster = { end: number; characters: number; first: number }

// Classes of graphemeRanges.
const EXTEND = 1
const SPACING = 2
const PREPEND = 3
const REGIONAL = 4
const HANGUL_L = 5
const HANGUL_V = 6
const HANGUL_T = 7
const HANGUL_LV = 8
const HANGUL_LVT = 9
const PICTOGRAPH = 10
const CONTROL = 11

const ZWJ = 0x200d

function graphemeClass(character: number): number {
  if (character < 128) return character < 32 || character === 127 ? CONTROL : 0
  return Math.max(lookUp(graphemeTable, character), 0)
}

/** Whether Hangul syllable part `after` joins `before`. */
function joinsHangul(before: number, after: number): boolean {
  if (before === HANGUL_L) return after === HANGUL_L || after === HANGUL_V || after === HANGUL_LV || after === HANGUL_LVT
  if (before === HANGUL_LV || before === HANGUL_V) return after === HANGUL_V || after === HANGUL_T
  return (before === HANGUL_LVT || before === HANGUL_T) && after === HANGUL_T
}

/** Measures the grapheme at `i` of the source, which ends at `limit`, into `into`. */
export function readCluster(source: Uint8Array, i: number, limit: number, into: Cluster): void {
  const first = codePointAt(source, i)
  into.first = first
  into.characters = 1
  into.end = i + utf8Length(first)
  let before = graphemeClass(first)
  if (before === CONTROL) return
  let pictograph = before === PICTOGRAPH
  let regional = before === REGIONAL
  let joined = false
  while (into.end < limit) {
    const character = codePointAt(source, into.end)
    const after = graphemeClass(character)
    // After a pictograph and a joiner only another pictograph goes on.
    if (pictograph && joined && after !== PICTOGRAPH) return
    const joins =
      after !== CONTROL &&
      (after === EXTEND || after === SPACING || character === ZWJ || before === PREPEND ||
        joinsHangul(before, after) || (after === PICTOGRAPH && pictograph && joined) || (after === REGIONAL && regional))
    if (!joins) return
    regional = after === REGIONAL && before === PREPEND
    joined = character === ZWJ
    if (after === PICTOGRAPH) pictograph = true
    else if (after !== EXTEND && after !== SPACING && !joined) pictograph = false
    into.characters++
    into.end += utf8Length(character)
    before = after
  }
}
