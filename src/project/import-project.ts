/**
 * An import: brings the store in step with the files. Discover, compare with what is stored, parse what changed in the
 * parser pool, apply. Invariants: unchanged files are not read; a file is applied whole or not at all; what could not be
 * parsed is reported on its path; at most `BATCH_FILES` files or `BATCH_BYTES` of facts are held before they are applied
 * in one transaction, so a project of ordinary size changes in one step; while memory is short, no further task begins. Killed in between, the store has the last step
 * and says `interrupted`; the next import goes on from there.
 */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { ImportState, StoreStatistics, Writer } from '../store/contract.ts'
import type { ImportResult } from '../wire/records.ts'
import type { NotificationParams } from '../wire/methods.ts'
import { applyOutcome } from './apply-outcome.ts'
import type { Discovery } from './discover.ts'
import { unreadable, type FileOutcome, type WantedFile } from './parse-files.ts'
import { eachBounded } from './each-bounded.ts'
import { compare, type Comparison } from './scan.ts'

export type ImportPorts = {
  readonly writer: Writer
  /** Walks the project in a parser thread. */
  readonly discover: () => Promise<Result<Discovery, Failure>>
  /** Settles when memory admits more; failed when it has not for long. */
  readonly admitted: () => Promise<Result<null, Failure>>
  /** Parses files in a parser thread: one outcome for each. */
  readonly parse: (files: readonly WantedFile[]) => Promise<Result<readonly FileOutcome[], Failure>>
  /** Counts of what is committed. */
  readonly statistics: () => StoreStatistics
  /** An import that finds more stops with `too_large`. */
  readonly maxModules: number
  /** Tasks given to the pool at a time. */
  readonly tasksInFlight: number
  readonly nowMs: () => number
  readonly progress: (progress: NotificationParams<'import_progress'>) => void
}

export type ImportMode = 'changed' | 'everything'

const BATCH_FILES = 2000
const BATCH_BYTES = 64 << 20
/** A task is small enough to be spread over the threads, and large enough to be worth the way. */
const TASK_FILES = 48
const TASK_BYTES = 256 << 10

/** One import under way: what it found, what is held until it is applied, and the counts. */
type Run = {
  readonly ports: ImportPorts
  readonly comparison: Comparison
  /** Files, and directories that hide files, which are there but cannot be read. */
  readonly hidden: readonly FileOutcome[]
  readonly startedMs: number
  readonly tally: { parsed: number; same: number; gone: string[]; bytes: number; done: number }
  held: { outcomes: FileOutcome[]; bytes: number }
}

export async function importProject(ports: ImportPorts, mode: ImportMode): Promise<Result<ImportResult, Failure>> {
  const startedMs = ports.nowMs()
  const admitted = await ports.admitted()
  if (!admitted.ok) return admitted
  ports.progress({ files_done: 0, files_total: 0, phase: 'scanning' })
  const discovery = await ports.discover()
  if (!discovery.ok) return discovery
  const run: Run = {
    ports, startedMs, comparison: compare(discovery.value, ports.writer.fileStates(), mode), hidden: hiddenIn(discovery.value),
    tally: { parsed: 0, same: 0, gone: [], bytes: 0, done: 0 }, held: { outcomes: [], bytes: 0 },
  }
  const begun = setState(run, 'running')
  if (!begun.ok) return begun
  const tasks = cutIntoTasks(run.comparison.wanted)
  const parsed = await eachBounded(tasks, ports.tasksInFlight, (task) => runTask(run, task))
  const finished = parsed.ok ? finish(run) : parsed
  if (!finished.ok) setState(run, 'interrupted')
  return finished
}

/** What an import that never ended left behind: said, so that answers are not taken for complete. */
export function markInterrupted(writer: Writer): Result<unknown, Failure> {
  const state = writer.importState()
  if (state.state !== 'running') return ok(null)
  return storeState(writer, { ...state, state: 'interrupted' })
}

async function runTask(run: Run, task: readonly WantedFile[]): Promise<Result<null, Failure>> {
  const admitted = await run.ports.admitted()
  if (!admitted.ok) return admitted
  const outcomes = await outcomesOf(run.ports, task)
  if (!outcomes.ok) return outcomes
  for (const outcome of outcomes.value) hold(run, outcome)
  report(run, 'parsing')
  const full = run.held.outcomes.length >= BATCH_FILES || run.held.bytes >= BATCH_BYTES
  return full ? applyHeld(run, []) : ok(null)
}

/** A task that failed as a whole is tried file by file, so that one file cannot take others with it. */
export async function outcomesOf(ports: Pick<ImportPorts, 'parse'>, task: readonly WantedFile[]): Promise<Result<readonly FileOutcome[], Failure>> {
  const together = await ports.parse(task)
  if (together.ok) return together
  const outcomes: FileOutcome[] = []
  for (const file of task) {
    const alone = await ports.parse([file])
    if (alone.ok) outcomes.push(...alone.value)
    else if (isOfTheFile(alone.error)) outcomes.push(notAnalysed(file, alone.error))
    else return alone
  }
  return ok(outcomes)
}

/** Failures that come from the file itself, and not from a pool that is down or full. */
function isOfTheFile(error: Failure): boolean {
  return error.code === 'internal' || error.code === 'timeout' || error.code === 'unsupported'
}

function notAnalysed(file: WantedFile, error: Failure): FileOutcome {
  return unreadable(file.path, { size: 0, changedNs: 0n }, 'parse_failed', `the file could not be analysed: ${error.message}`)
}

function hold(run: Run, outcome: FileOutcome): void {
  const { tally, held } = run
  tally.done += 1
  held.outcomes.push(outcome)
  if (outcome.kind === 'gone') tally.gone.push(outcome.path)
  if (outcome.kind === 'same') tally.same += 1
  if (outcome.kind !== 'parsed') return
  tally.parsed += 1
  tally.bytes += outcome.bytes
  held.bytes += outcome.encoded.length
}

/** Applies what is held, and forgets files, in one transaction. */
function applyHeld(run: Run, removed: readonly string[]): Result<null, Failure> {
  const { outcomes } = run.held
  run.held = { outcomes: [], bytes: 0 }
  const done = run.ports.writer.transaction((transaction) => {
    for (const outcome of outcomes) applyOutcome(transaction, outcome)
    transaction.removeFiles(removed)
    transaction.setImportState(stateOf(run, 'running', lastResult(run)))
    return ok(null)
  })
  return done.ok ? checkSize(run.ports) : done
}

function checkSize({ statistics, maxModules }: ImportPorts): Result<null, Failure> {
  const { modules } = statistics()
  if (modules <= maxModules) return ok(null)
  return fail(failure('too_large', `the project has more than ${maxModules} modules, the limit of storage.maxModules`, {
    hint: 'raise storage.maxModules, or leave files out with project.exclude',
  }))
}

function finish(run: Run): Result<ImportResult, Failure> {
  report(run, 'writing')
  for (const outcome of run.hidden) hold(run, outcome)
  const marked = new Set(run.hidden.map(({ path }) => path))
  const removed = [...run.comparison.removed.filter((path) => !marked.has(path)), ...run.tally.gone]
  const applied = applyHeld(run, removed)
  if (!applied.ok) return applied
  const result = summary(run, removed.length)
  const stored = storeState(run.ports.writer, stateOf(run, 'complete', result))
  if (!stored.ok) return stored
  report(run, 'done')
  return ok(result)
}

function summary(run: Run, removed: number): ImportResult {
  const { ports, tally, comparison } = run
  const counted = ports.statistics()
  return {
    files: counted.files, parsed: tally.parsed, unchanged: comparison.unchanged + tally.same, removed, unreadable: counted.unreadableFiles,
    modules: counted.modules, functions: counted.functions, problems: counted.problems, bytes: tally.bytes,
    duration_ms: Math.round(ports.nowMs() - run.startedMs), epoch: counted.epoch,
  }
}

function report(run: Run, phase: NotificationParams<'import_progress'>['phase']): void {
  run.ports.progress({ files_done: run.tally.done, files_total: total(run), phase })
}

function total(run: Run): number {
  return run.comparison.wanted.length + run.hidden.length
}

function hiddenIn({ unreadable: files, problems }: Discovery): FileOutcome[] {
  const directories = problems.map((problem) => unreadable(problem.path || '.', { size: 0, changedNs: 0n }, problem.code, problem.message))
  return [...files.map(({ path, size, changedNs, problem }) => unreadable(path, { size, changedNs }, problem.code, problem.message)), ...directories]
}

function setState(run: Run, state: ImportState['state']): Result<unknown, Failure> {
  return storeState(run.ports.writer, stateOf(run, state, lastResult(run)))
}

function stateOf(run: Run, state: ImportState['state'], last: ImportResult | null): ImportState {
  return { state, filesDone: run.tally.done, filesTotal: total(run), last }
}

function storeState(writer: Writer, state: ImportState): Result<unknown, Failure> {
  return writer.transaction((transaction) => {
    transaction.setImportState(state)
    return ok(null)
  })
}

function lastResult(run: Run): ImportResult | null {
  return run.ports.writer.importState().last as ImportResult | null
}

function cutIntoTasks(wanted: readonly (WantedFile & { readonly size: number })[]): WantedFile[][] {
  const tasks: WantedFile[][] = []
  let task: WantedFile[] = []
  let bytes = 0
  for (const { path, changedNs, knownHash, size } of wanted) {
    task.push({ path, changedNs, knownHash })
    bytes += size
    if (task.length < TASK_FILES && bytes < TASK_BYTES) continue
    tasks.push(task)
    task = []
    bytes = 0
  }
  if (task.length > 0) tasks.push(task)
  return tasks
}
