/**
 * What the files of blocks hold, as each log says it of them: a file that has lost its end, or is gone, looks like one that never
 * had more, and only what stands elsewhere tells. A log says it when it is begun and whenever files come or go meanwhile.
 *
 * Of a finished file one stretch is stated, of the one that grows a stretch for each block: so a statement has a few bytes
 * for each file, and what a growing file lost is known by the block.
 */

import type { FileEntry, FileIndex } from './block-file.ts'

/** All of a file from the stretch before to byte `end`: blocks to `number`, and what is in them. */
export type Stretch = { readonly number: number; readonly end: number; readonly nRows: number; readonly minNs: bigint; readonly maxNs: bigint }
export type Held = ReadonlyMap<string, readonly Stretch[]>

/** Events that are not there, and from when to when they are; null where that is not known. */
export type Extent = { readonly minNs: bigint | null; readonly maxNs: bigint | null; readonly nRows: number | null }

export function heldBy({ files, growing }: { readonly files: readonly FileIndex[]; readonly growing: { readonly index: FileIndex } | undefined }): Held {
  const held = new Map(files.filter(({ entries }) => entries.length > 0).map((file) => [file.name, [whole(file)]]))
  if (growing !== undefined) held.set(growing.index.name, growing.index.entries.map((entry) => ({ ...extentOf([entry]), number: entry.number, end: entry.at + entry.nBytes })))
  return held
}

/** What the stretches that end behind byte `from` and not behind `to` held, without the blocks that are there all the same; undefined: nothing. */
export function missingFrom(stretches: readonly Stretch[], { from, to }: { readonly from: number; readonly to: number }, there: readonly Pick<FileEntry, 'number' | 'nRows'>[]): Extent | undefined {
  const missing = stretches.flatMap((stretch, idx) => {
    const before = stretches[idx - 1]?.number ?? 0
    const nRows = stretch.nRows - there.reduce((sum, block) => (block.number > before && block.number <= stretch.number ? sum + block.nRows : sum), 0)
    return stretch.end > from && stretch.end <= to && nRows > 0 ? [{ ...stretch, nRows }] : []
  })
  return missing.length === 0 ? undefined : extentOf(missing)
}

function whole({ entries, nBytes }: FileIndex): Stretch {
  return { ...extentOf(entries), number: Math.max(...entries.map(({ number }) => number)), end: nBytes }
}

/** Of at least one. */
function extentOf(parts: readonly { readonly nRows: number; readonly minNs: bigint; readonly maxNs: bigint }[]): { readonly nRows: number; readonly minNs: bigint; readonly maxNs: bigint } {
  return parts.reduce(({ nRows, minNs, maxNs }, part) => ({ nRows: nRows + part.nRows, minNs: part.minNs < minNs ? part.minNs : minNs, maxNs: part.maxNs > maxNs ? part.maxNs : maxNs }), { nRows: 0, minNs: parts[0]?.minNs ?? 0n, maxNs: parts[0]?.maxNs ?? 0n })
}

/** As it stands in a record. */
export function packHeld(held: Held): unknown {
  return Array.from(held, ([name, stretches]) => [name, stretches.map(({ number, end, nRows, minNs, maxNs }) => [number, end, nRows, minNs, maxNs])])
}

export function unpackHeld(packed: unknown): Held {
  type Row = readonly [number, number, number, bigint | number, bigint | number]
  return new Map((packed as readonly (readonly [string, readonly Row[]])[]).map(([name, rows]) => [
    name, rows.map(([number, end, nRows, minNs, maxNs]) => ({ number, end, nRows, minNs: BigInt(minNs), maxNs: BigInt(maxNs) })),
  ]))
}
