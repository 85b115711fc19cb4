/**
 * Byte offsets of a source as lines and columns, both from 1, and back. Columns count code points: within strings Elixir
 * counts graphemes, so that a call after one of several code points on the same line is not found.
 */

export type Positions = { readonly lineOf: (offset: number) => number; readonly columnOf: (offset: number) => number }

export function readPositions(source: Uint8Array): Positions {
  const starts = [0]
  for (let at = 0; at < source.length; at++) if (source[at] === 10) starts.push(at + 1)
  const lineOf = (offset: number): number => {
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((starts[middle] ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
  const columnOf = (offset: number): number => {
    let column = 1
    for (let at = starts[lineOf(offset) - 1] ?? 0; at < offset; at++) if (((source[at] ?? 0) & 0xc0) !== 0x80) column++
    return column
  }
  return { lineOf, columnOf }
}
