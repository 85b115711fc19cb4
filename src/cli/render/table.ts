/**
 * Tables as lines of text. Columns take the width they need; where the terminal is narrower, the columns that may give
 * way are cut, widest first, never below a few letters. Without a terminal (`width` infinite) nothing is cut, so that
 * other programs get everything.
 */

import type { Style } from './style.ts'
import { displayWidth, harmless, padEnd, padStart, truncate, truncateStart, wrapWords } from './text.ts'

export type Column<Row> = {
  readonly title: string
  readonly cell: (row: Row) => string
  readonly align?: 'left' | 'right'
  /** May be cut when the terminal is too narrow; the end of what is `from start` says more than its beginning, as of `lib/cart.ex:12`. */
  readonly flexible?: true | 'from start'
  /** Left out where the whole table does not fit. */
  readonly optional?: true
  /** Applied after padding, so that it never changes widths. */
  readonly paint?: (text: string, row: Row) => string
}

const GAP = 2
const LEAST = 8

type Width = { readonly width: number; readonly style: Style }

export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], view: Width): string[] {
  if (rows.length === 0) return []
  const cells = rows.map((row) => columns.map((column) => harmless(column.cell(row)).replaceAll('\n', ' ')))
  const natural = naturalWidths(columns, cells)
  const needed = columns.filter((column) => column.optional !== true)
  if (needed.length < columns.length && totalOf(natural) > view.width) return renderTable(needed, rows, view)
  return linesOf(columns, rows, cells, { widths: fit(columns, natural, view.width), style: view.style })
}

function linesOf<Row>(
  columns: readonly Column<Row>[], rows: readonly Row[], cells: readonly (readonly string[])[], { widths, style }: { widths: readonly number[]; style: Style },
): string[] {
  const lineOf = (texts: readonly string[], paint: (text: string, at: number) => string): string =>
    columns.map((column, at) => {
      const room = widths[at] ?? 0
      const text = (column.flexible === 'from start' ? truncateStart : truncate)(texts[at] ?? '', room)
      const last = at === columns.length - 1
      const padded = column.align === 'right' ? padStart(text, room) : last ? text : padEnd(text, room)
      return paint(padded, at)
    }).join(' '.repeat(GAP)).trimEnd()
  const header = lineOf(columns.map((column) => column.title), (text) => style.dim(text))
  const body = rows.map((row, at) => lineOf(cells[at] ?? [], (text, column) => columns[column]?.paint?.(text, row) ?? text))
  return [header, ...body]
}

/** Names and values, names padded alike; a value that is wider than the terminal goes on below. Pairs without a value are left out. */
export function renderFields(fields: readonly (readonly [name: string, value: string | null | undefined])[], { width, style }: Width): string[] {
  const shown = fields.filter(([, value]) => value !== null && value !== undefined && value !== '')
  const room = Math.max(0, ...shown.map(([name]) => displayWidth(name)))
  return shown.flatMap(([name, value]) => {
    const text = harmless(value ?? '')
    const lines = displayWidth(text) <= width - room - GAP ? [text] : wrapWords(text, width - room - GAP)
    return lines.map((line, at) => `${style.dim(padEnd(at === 0 ? name : '', room))}  ${line}`)
  })
}

function naturalWidths<Row>(columns: readonly Column<Row>[], cells: readonly (readonly string[])[]): number[] {
  return columns.map((column, at) => cells.reduce((most, row) => Math.max(most, displayWidth(row[at] ?? '')), displayWidth(column.title)))
}

function totalOf(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, GAP * (widths.length - 1))
}

function fit<Row>(columns: readonly Column<Row>[], natural: readonly number[], width: number): number[] {
  const widths = [...natural]
  let excess = totalOf(widths) - width
  while (excess > 0) {
    const flexible = widths.map((room, at) => ({ room, at })).filter(({ room, at }) => columns[at]?.flexible !== undefined && room > LEAST)
    const [widest, next] = flexible.sort((a, b) => b.room - a.room || a.at - b.at)
    if (widest === undefined) break
    const cut = Math.max(1, Math.min(excess, widest.room - Math.max(next?.room ?? LEAST, LEAST)))
    widths[widest.at] = widest.room - cut
    excess -= cut
  }
  return widths
}
