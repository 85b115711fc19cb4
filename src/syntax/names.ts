/**
 * The names of one tree, by symbol id. A name is kept as a range of bytes (of the source, or of `extra` for names that
 * the source does not spell out in one piece) and becomes a string only when asked for. Ids below the number of
 * well-known names mean the same in every tree.
 */

import { wellKnownNames } from './well-known.ts'

export type Names = {
  readonly source: Uint8Array
  /** Bytes of names that are not a range of the source. */
  readonly extra: Uint8Array
  /** For each id past the well-known ones, [start, end); start counts from the source's length on inside `extra`. */
  readonly ranges: Uint32Array
  /** Strings already made, by id. */
  readonly strings: (string | undefined)[]
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export function nameCount(names: Names): number {
  return wellKnownNames.length + names.ranges.length / 2
}

/** The bytes of a name. */
export function nameBytes(names: Names, id: number): Uint8Array {
  if (id < wellKnownNames.length) return new TextEncoder().encode(wellKnownNames[id] ?? '')
  const at = (id - wellKnownNames.length) * 2
  const start = names.ranges[at] ?? 0
  const end = names.ranges[at + 1] ?? 0
  const base = names.source.length
  return start >= base ? names.extra.subarray(start - base, end - base) : names.source.subarray(start, end)
}

/** The name as a string. */
export function nameString(names: Names, id: number): string {
  const known = wellKnownNames[id]
  if (known !== undefined) return known
  let string = names.strings[id]
  if (string === undefined) {
    string = decoder.decode(nameBytes(names, id))
    names.strings[id] = string
  }
  return string
}

/** The symbol id of a name in this tree, or -1 if the tree does not contain it. */
export function findName(names: Names, wanted: string): number {
  for (let id = 0; id < nameCount(names); id++) if (nameString(names, id) === wanted) return id
  return -1
}
