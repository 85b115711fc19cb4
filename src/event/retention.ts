/**
 * Which files go, by age, count and bytes: whole files, the oldest first, never what is not in a file yet.
 *
 * By age a file goes when its last block was sealed too long ago: what came in is kept for as long whatever the clock of its node
 * said, and nothing that claims to be of the future stays for ever. Asked for by time, files go all of whose events are before. By count and
 * bytes files go until what is left is within the limit, so up to one file more goes than would have to.
 */

export type PrunableFile = { readonly name: string; readonly nRows: number; readonly nBytes: number; readonly maxNs: bigint; readonly sealedMs: number }

/** What is kept; a limit that is left out is none. */
export type Retention = { readonly maxAgeMs?: number; readonly maxEvents?: number; readonly maxBytes?: number }

/** Of files in the order of their blocks. `rest`: what is stored beside them. */
export function filesToRemove(
  files: readonly PrunableFile[], { maxAgeMs, maxEvents = Infinity, maxBytes = Infinity }: Retention,
  { nowMs, rest }: { readonly nowMs: number; readonly rest: { readonly nRows: number; readonly nBytes: number } },
): readonly string[] {
  const old = new Set(maxAgeMs === undefined ? [] : files.filter(({ sealedMs }) => sealedMs < nowMs - maxAgeMs).map(({ name }) => name))
  const kept = files.filter(({ name }) => !old.has(name))
  let nRows = kept.reduce((sum, file) => sum + file.nRows, rest.nRows)
  let nBytes = kept.reduce((sum, file) => sum + file.nBytes, rest.nBytes)
  for (const file of kept) {
    if (nRows <= maxEvents && nBytes <= maxBytes) break
    old.add(file.name)
    nRows -= file.nRows
    nBytes -= file.nBytes
  }
  return files.map(({ name }) => name).filter((name) => old.has(name))
}

/** The files all of whose events are before. */
export function filesBefore(files: readonly PrunableFile[], beforeNs: bigint): readonly string[] {
  return files.filter(({ maxNs }) => maxNs < beforeNs).map(({ name }) => name)
}
