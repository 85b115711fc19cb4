/**
 * The first minutes: the progress bar of an import, then what it found and what to type next, with names that exist in
 * the project at hand.
 */

import type { NotificationParams, Value } from '../../wire/methods.ts'
import type { FunctionSummary, ImportResult } from '../../wire/records.ts'
import { renderFunctions, type View } from './lists.ts'
import { displayWidth, formatBytes, formatCount, formatDuration, padEnd, plural, truncate } from './text.ts'

const BAR = 24
const MOST_COMPLEX = 5

export type Progress = NotificationParams<'import_progress' | 'verify_progress'>

/** One line; the terminal redraws it in place. */
export function progressLine(progress: Progress, { width, style }: View): string {
  const { files_done: done, files_total: total, phase } = progress
  const share = phase === 'done' ? 1 : total === 0 ? 0 : Math.min(1, done / total)
  const full = Math.round(share * BAR)
  const bar = `${style.cyan('█'.repeat(full))}${style.dim('░'.repeat(BAR - full))}`
  const text = truncate(`${phase} ${formatCount(done)} of ${plural(total, 'file')}`, Math.max(8, width - BAR - 2))
  return `${bar} ${text}`
}

export function renderImport(result: ImportResult): string[] {
  const parts = [
    `${formatCount(result.parsed)} parsed`,
    `${formatCount(result.unchanged)} unchanged`,
    result.removed > 0 ? `${formatCount(result.removed)} removed` : '',
    result.unreadable > 0 ? `${formatCount(result.unreadable)} unreadable` : '',
  ].filter((part) => part !== '')
  const size = result.parsed > 0 ? ` ${formatBytes(result.bytes)},` : ''
  return [`${plural(result.files, 'file')} (${parts.join(', ')}),${size} in ${formatDuration(result.duration_ms)}`]
}

export type Found = {
  readonly statistics: Value<'get_statistics'>
  readonly imported: ImportResult
  /** The most complex functions first. */
  readonly complex: readonly FunctionSummary[]
  /** A module and a function worth looking at, when there is any. */
  readonly module: string | undefined
  readonly mfa: string | undefined
  /** A function of the project that others in it call. */
  readonly called: string | undefined
}

/** `command` is what the user types before a subcommand, e.g. `elixir-scope --project examples/shop`. */
export function renderFound(found: Found, command: string, view: View): string[] {
  const { style } = view
  const { statistics: stats } = found
  const commands = nextCommands(found, command)
  const room = Math.max(...commands.map(([text]) => displayWidth(text)))
  const counts = [
    plural(stats.modules, 'module'), plural(stats.functions, 'function'), plural(stats.calls, 'call'),
    stats.problems > 0 ? style.yellow(plural(stats.problems, 'problem')) : '0 problems',
  ]
  return [
    `${style.bold('Found')} in ${stats.project_root}: ${filesFound(found)}`,
    `  ${counts.join(', ')}`,
    ...(found.complex.length === 0 ? [] : ['', style.bold('Most complex functions'),
      ...renderFunctions(found.complex, 'mfa', { ...view, width: view.width - 2 }).map((line) => `  ${line}`)]),
    '',
    style.bold('What to type next'),
    ...commands.map(([text, why]) => `  ${style.cyan(padEnd(text, room))}  ${style.dim(`# ${why}`)}`),
  ]
}

/** A project that the daemon has read before, or a moment ago by itself, was found all the same. */
function filesFound({ statistics, imported }: Found): string {
  return imported.parsed > 0 ? renderImport(imported).join('') : `${plural(imported.files, 'file')}, ${formatBytes(statistics.source_bytes)}`
}

function nextCommands({ statistics, module, mfa, called }: Found, command: string): [string, string][] {
  const commands: [string, string][] = []
  if (module !== undefined) commands.push([`${command} show ${shellQuote(module)}`, 'a module with its functions'])
  if (mfa !== undefined) commands.push([`${command} show ${shellQuote(mfa)}`, 'a function: clauses, docs, calls'])
  if (called !== undefined) commands.push([`${command} callers ${shellQuote(called)}`, 'who calls it'])
  if (statistics.problems > 0) commands.push([`${command} problems`, 'what is wrong in the files'])
  commands.push([`${command} modules`, 'all modules'], [`${command} status`, 'the daemon and its services'])
  return commands
}

/** Quotes for POSIX shells what they would read as more than a word. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/u.test(word) && word !== '' ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** Picks the functions to show from all of them, which may come in pages: the most complex, in a stable order. */
export function mostComplex(best: readonly FunctionSummary[], more: readonly FunctionSummary[]): FunctionSummary[] {
  return [...best, ...more]
    .sort((a, b) => b.cyclomatic_complexity - a.cyclomatic_complexity || b.lines_of_code - a.lines_of_code || (a.mfa < b.mfa ? -1 : 1))
    .slice(0, MOST_COMPLEX)
}

