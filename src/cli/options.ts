/** Options that several commands have, and how their values are read. */

import { InvalidArgumentError, type Command } from 'commander'
import type { Context } from './context.ts'
import type { Paging } from './pages.ts'
import { readSpanMs } from './times.ts'

/** Lists on a terminal stop here unless --all or --limit says otherwise. */
const TERMINAL_ROWS = 200

export type PageFlags = { limit?: number; all?: boolean; cursor?: string }

export function paged(command: Command): Command {
  return command
    .option('--limit <n>', 'at most so many', positive)
    .option('--all', `everything; a terminal gets ${TERMINAL_ROWS} otherwise`)
    .option('--cursor <cursor>', 'go on from where a list was cut')
}

export function pagingOf(context: Context, flags: PageFlags): Paging {
  const standard = context.ports.stdout.isTTY && context.format === 'text' && flags.all !== true ? TERMINAL_ROWS : Infinity
  return { limit: flags.limit ?? standard, cursor: flags.cursor }
}

export function positive(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1.')
  return value
}

/** Of a list that comes in one answer. */
export function upTo1000(text: string): number {
  const value = positive(text)
  if (value > 1000) throw new InvalidArgumentError('It must be at most 1000.')
  return value
}

export function seconds(text: string): number {
  const value = Number(text)
  if (!(value >= 0.1 && value <= 3600)) throw new InvalidArgumentError('It must be a number of seconds from 0.1 to 3600.')
  return value
}

/** Milliseconds of `10s`, `2m`; a number alone is seconds. */
export function span(text: string): number {
  const ms = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : readSpanMs(text)
  if (ms === undefined || !(ms > 0) || ms > 86_400_000) throw new InvalidArgumentError('It must be a span of time up to a day, e.g. 500ms, 10s or 2m.')
  return ms
}

/** The same without a limit, for what is kept for long. */
export function age(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 86_400_000 : readSpanMs(text)
  if (ms === undefined) throw new InvalidArgumentError('It must be a span of time, e.g. 12h or 7d; a number alone is days.')
  return Math.round(ms)
}

export function repeated(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...before ?? [], text]
}
