/**
 * The rows of a block in order of (time, row): a merge sort of the runs that rise already. Batches come nearly in order, from
 * several nodes side by side, so the runs are few and long, or short and nearly in place: two merges of neighbours that are
 * in order already cost a comparison.
 */

/** Fills `order` with the rows in order of (ts, row), unless they stand so. */
export function mergeRuns(ts: Float64Array, nRows: number, order: Uint16Array): 'sorted' | 'out of order' {
  const starts = runStarts(ts, nRows)
  if (starts.length <= 2) return 'sorted'
  let from = new Uint16Array(nRows)
  let to = new Uint16Array(nRows)
  for (let row = 0; row < nRows; row++) from[row] = row
  for (let runs = starts; runs.length > 2;) {
    const merged: number[] = []
    for (let i = 0; i + 1 < runs.length; i += 2) {
      const start = runs[i] ?? 0
      const middle = runs[i + 1] ?? nRows
      merged.push(start)
      mergePair(ts, from, to, start, middle, runs[i + 2] ?? nRows)
    }
    merged.push(nRows)
    runs = merged;
    [from, to] = [to, from]
  }
  order.set(from)
  return 'out of order'
}

/** Where each run begins, then the end. */
function runStarts(ts: Float64Array, nRows: number): number[] {
  const starts = [0]
  for (let row = 1; row < nRows; row++) if ((ts[row] ?? 0) < (ts[row - 1] ?? 0)) starts.push(row)
  starts.push(nRows)
  return starts
}

/** Merges from[start .. middle) and from[middle .. end) into `to`; the left one first where times are equal, as its rows are lower. */
function mergePair(ts: Float64Array, from: Uint16Array, to: Uint16Array, start: number, middle: number, end: number): void {
  let left = start
  let right = middle
  let at = start
  if (middle < end && (ts[from[middle - 1] ?? 0] ?? 0) > (ts[from[middle] ?? 0] ?? 0)) {
    while (left < middle && right < end) {
      const a = from[left] ?? 0
      const b = from[right] ?? 0
      if ((ts[a] ?? 0) <= (ts[b] ?? 0)) {
        to[at++] = a
        left++
      } else {
        to[at++] = b
        right++
      }
    }
  }
  to.set(from.subarray(left, middle), at)
  to.set(from.subarray(right, end), at + middle - left)
}
