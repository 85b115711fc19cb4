/**
 * The rows of each code of a column, rising: a counting sort in two passes over the column, whatever its codes.
 */

/**
 * Fills `starts` (`maxCode` + 2 elements) and `rows`: the rows of code c are rows[starts[c] .. starts[c + 1]). Code 0, the
 * events that have none, included.
 */
export function postings(column: Uint8Array | Uint16Array, nRows: number, maxCode: number, starts: Uint32Array, rows: Uint16Array): void {
  // starts[c + 2] counts c, then starts[c + 1] is where c begins and moves on as its rows are put down: it ends as c's end.
  const next = new Uint32Array(maxCode + 3)
  for (let row = 0; row < nRows; row++) {
    const at = (column[row] ?? 0) + 2
    next[at] = (next[at] ?? 0) + 1
  }
  for (let code = 1; code < next.length; code++) next[code] = (next[code] ?? 0) + (next[code - 1] ?? 0)
  for (let row = 0; row < nRows; row++) {
    const at = (column[row] ?? 0) + 1
    const place = next[at] ?? 0
    rows[place] = row
    next[at] = place + 1
  }
  starts.set(next.subarray(0, maxCode + 2))
}
