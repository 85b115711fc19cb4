/**
 * Lines of code: a line counts when it holds anything but white space and is no comment. Lines inside strings, docs and
 * heredocs count unless they are blank, a `#` at their beginning notwithstanding. Answers for any span come from one
 * table of running totals.
 */

import { Kind, type Tree } from '../syntax/tree.ts'

export type LineTotals = {
  /** Offset of the first byte of each line. */
  readonly starts: Uint32Array
  /** How many lines of code stand before each line; one more entry than there are lines. */
  readonly before: Uint32Array
}

const NEWLINE = 10
const HASH = 35

export function lineTotals(tree: Tree): LineTotals {
  const { source } = tree
  const starts = lineStarts(source)
  const code = new Uint8Array(starts.length)
  const hashes: number[] = []
  for (let line = 0; line < starts.length; line++) {
    const first = firstVisible(source, starts[line] as number)
    if (first < 0) continue
    if (source[first] === HASH) hashes.push(line)
    else code[line] = 1
  }
  if (hashes.length > 0) countHashesInStrings(tree, starts, hashes, code)
  const before = new Uint32Array(starts.length + 1)
  for (let line = 0; line < starts.length; line++) before[line + 1] = (before[line] as number) + (code[line] as number)
  return { starts, before }
}

/** Lines of code between two byte offsets, the lines they lie in included; `end` is exclusive. */
export function linesOfCode(totals: LineTotals, start: number, end: number): number {
  const last = lineOf(totals.starts, Math.max(start, end - 1))
  return (totals.before[last + 1] ?? 0) - (totals.before[lineOf(totals.starts, start)] ?? 0)
}

/** How many lines the source has; a last line that is empty does not count. */
export function lineCount(totals: LineTotals, bytes: number): number {
  const last = totals.starts.length - 1
  return totals.starts[last] === bytes ? last : last + 1
}

function lineStarts(source: Uint8Array): Uint32Array {
  let count = 1
  for (let i = source.indexOf(NEWLINE); i !== -1; i = source.indexOf(NEWLINE, i + 1)) count++
  const starts = new Uint32Array(count)
  let line = 0
  for (let i = source.indexOf(NEWLINE); i !== -1; i = source.indexOf(NEWLINE, i + 1)) starts[++line] = i + 1
  return starts
}

/** Offset of the first byte of the line that is no white space, or -1 for a blank line. */
function firstVisible(source: Uint8Array, from: number): number {
  for (let i = from; i < source.length; i++) {
    const byte = source[i] as number
    if (byte === NEWLINE) return -1
    if (byte !== 32 && byte !== 9 && byte !== 13) return i
  }
  return -1
}

/** Turns lines that begin with `#` inside a string into code; both are in the order of the source. */
function countHashesInStrings(tree: Tree, starts: Uint32Array, hashes: readonly number[], code: Uint8Array): void {
  let next = 0
  for (let node = 0; node < tree.length && next < hashes.length; node++) {
    const kind = tree.kind[node]
    if (kind !== Kind.String && kind !== Kind.StringPart && kind !== Kind.Charlist) continue
    if ((tree.extent[node] as number) > 1) continue
    const start = tree.start[node] as number
    const end = tree.end[node] as number
    while (next < hashes.length && (starts[hashes[next] as number] as number) < start) next++
    while (next < hashes.length && (starts[hashes[next] as number] as number) < end) code[hashes[next++] as number] = 1
  }
}

function lineOf(starts: Uint32Array, offset: number): number {
  let low = 0
  let high = starts.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((starts[middle] as number) <= offset) low = middle
    else high = middle - 1
  }
  return low
}
