/**
 * Imports in the repository thread: one at a time, as BatchProcessor has them run and as callers wish for them; and what must
 * not cross one: updates of single files, and repairs.
 */

import { failure, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { answer } from '../src/engine/answer.ts'
import type { MetricRecorder } from '../src/host/metric-recorder.ts'
import { createImportGate } from '../src/memory/import-gate.ts'
import type { ThreadContext } from '../src/otp/node/run-thread.ts'
import { promisePort } from '../src/otp/promise-port.ts'
import type { CallContext } from '../src/otp/service.ts'
import { BATCH_PROCESSOR, type ImportOperation } from '../src/project/batch-processor.actor.ts'
import type { Discovery } from '../src/project/discover.ts'
import { importProject, type ImportMode, type ImportPorts } from '../src/project/import-project.ts'
import { createImportQueue, type ImportOutcome } from '../src/project/import-queue.ts'
import { PARSER, type ParserBody, type ParserWork } from '../src/project/parser.actor.ts'
import { applyBatch } from '../src/project/sync/apply-batch.ts'
import type { SynchronizerBody, UpdateBatch } from '../src/project/sync/protocol.ts'
import type { TaskSink } from '../src/project/task-sink.ts'
import { SYNCHRONIZER } from '../src/project/watch/protocol.ts'
import { repairFiles, type RepairOrder } from '../src/project/verify/repair-files.ts'
import type { NotificationParams } from '../src/wire/methods.ts'
import type { ImportResult } from '../src/wire/records.ts'
import type { ImportCalls, SupervisionCalls } from './calls.ts'
import { freshness, orDisk, type RepositoryInit, type RepositoryParts } from './repository-parts.ts'
import { isVerified, pressureCellOf, setImportProgress, setImportWaits, setVerified } from './shared-state.ts'

type Progress = NotificationParams<'import_progress'>

/** Enough for the parser threads to go on while this thread writes. */
const TASKS_PER_THREAD = 12
/** After a start of BatchProcessor that did not come about: its supervisor may be restarting. */
const START_AGAIN_MS = 1000

export function createImports(parts: RepositoryParts, sink: TaskSink) {
  const { context, writer } = parts
  const { shared } = context.init
  const supervision = context.channel<SupervisionCalls>('supervision')
  const listeners = new Set<(progress: Progress) => void>()
  const startProcessor = async (): Promise<void> => {
    const started = await supervision.call('startOnDemand', { name: BATCH_PROCESSOR })
    if (started.ok) return
    // Whoever wished for an import waits for it: nobody else will try again.
    context.log('error', 'the import could not be started, and is tried again', { ...started.error })
    context.clock.after(START_AGAIN_MS, () => void startProcessor())
  }
  const queue = createImportQueue(() => void startProcessor())
  const tell = (progress: Progress): void => {
    setImportProgress(shared, writer.importState())
    for (const listener of listeners) listener(progress)
  }
  const gate = createImportGate({
    cell: pressureCellOf(shared), clock: context.clock,
    onChange: (state) => {
      setImportWaits(shared, state)
      const { filesDone, filesTotal } = writer.importState()
      if (state === 'waits') tell({ files_done: filesDone, files_total: filesTotal, phase: 'waiting for memory' })
    },
  })
  let isOwed = false
  const runOne = async (mode: ImportMode): Promise<ImportOutcome> => {
    const startedMs = context.clock.nowMs()
    const outcome = await orDisk(parts, () => importProject({ ...importPorts(parts, sink), progress: tell, admitted: gate.pass }, mode))
    isOwed = !outcome.ok && outcome.error.code === 'insufficient_memory'
    context.actors.cast(PARSER, { type: 'imported', error: outcome.ok ? undefined : outcome.error } satisfies ParserBody)
    setImportProgress(shared, writer.importState())
    measureImport(parts.recorder, outcome, context.clock.nowMs() - startedMs)
    if (outcome.ok) setVerified(shared)
    logImport(context, outcome)
    return outcome
  }
  const port = promisePort<ImportOperation>(async (asked) => asked.type === 'import'
    ? queue.run(asked.mode, runOne)
    : ok(await queue.next(asked.resume && writer.importState().state === 'interrupted')))
  /** What was read before an import may be older than what the import has stored. */
  const update = promisePort<UpdateBatch>(async (batch) => {
    if (!queue.isRunning()) return orDisk(parts, () => applyBatch(writer, batch))
    await queue.free()
    return fail(failure('conflict', 'an import has stored files since'))
  })
  const call = async ({ force }: ImportCalls['import']['args'], { progress }: CallContext<Progress>): Promise<Result<unknown, Failure>> => {
    listeners.add(progress)
    try {
      const outcome = await (force ? queue.wish('everything') : followed())
      return outcome.ok ? ok(answer(outcome.value, freshness(parts))) : outcome
    } finally {
      listeners.delete(progress)
    }
  }
  /**
   * Where files are followed, the Synchronizer has all of them compared at its start: whoever wants the same then waits for
   * that, and for what was saved meanwhile. Where it has nothing to do, or cannot, an import is wished for as ever.
   */
  const followed = async (): Promise<ImportOutcome> => {
    if (!context.init.config.sync.watch || isVerified(shared)) return queue.wish('changed')
    let seen: ImportOutcome | undefined
    const settled = context.actors.call(SYNCHRONIZER, { type: 'settle' } satisfies SynchronizerBody, 'infinity')
    const first = queue.outcome().then((outcome) => (seen = outcome))
    const isSettled = (await Promise.race([settled, first.then((outcome) => (outcome.ok ? settled : outcome))])).ok
    return seen !== undefined && (isSettled || !seen.ok) ? seen : queue.wish('changed')
  }
  const compare = async (): Promise<Result<{ readonly epoch: number }, Failure>> => {
    const outcome = await queue.wish('changed')
    return outcome.ok ? ok({ epoch: freshness(parts).epoch }) : outcome
  }
  /** A processor that had ended in order is not started again with the thread. */
  const resume = (): void => {
    if (context.epoch > 1 && writer.importState().state === 'interrupted') void startProcessor()
  }
  /** An import that waited too long for memory is made up for once there is some. */
  const catchUp = (): void => {
    if (!isOwed || !gate.isOpen()) return
    isOwed = false
    void queue.wish('changed')
  }
  /** Like an update, it must not store what was read before an import. */
  const repair = async (order: RepairOrder): Promise<Result<number, Failure>> => {
    await queue.free()
    const { parse } = importPorts(parts, sink)
    return orDisk(parts, () => repairFiles({ writer, parse }, order))
  }
  const rebuild = ({ why }: ImportCalls['rebuild']['args']): Result<null, Failure> => {
    if (context.init.config.storage.backend === 'memory') return fail(failure('unsupported', 'a store in memory is built anew when the daemon starts'))
    parts.storeWatch.met(failure('damaged', why))
    return ok(null)
  }
  return { port, call, compare, repair, rebuild, update, resume, catchUp }
}

/** A pool that is gone (restarting, or stopping with the daemon) interrupts an import and is nothing wrong with it. */
function logImport({ log }: ThreadContext<RepositoryInit>, outcome: Result<ImportResult, Failure>): void {
  if (outcome.ok) log('info', 'project imported', { ...outcome.value })
  else if (outcome.error.code === 'unavailable') log('warn', 'import interrupted', { ...outcome.error })
  else log('error', 'import failed', { ...outcome.error })
}

function importPorts(parts: RepositoryParts, sink: TaskSink): Omit<ImportPorts, 'progress' | 'admitted'> {
  const { context, writer, reader } = parts
  const { root, config, parserThreads } = context.init
  const ask = async <T>(work: ParserWork) => (await context.actors.call(PARSER, work, 'infinity')) as Result<T, Failure>
  // The pool bounds each task by parser.taskTimeoutMs; waiting for a thread is no fault of the file.
  return {
    writer, maxModules: config.storage.maxModules ?? Infinity, nowMs: context.clock.nowMs, tasksInFlight: Math.min(parserThreads * TASKS_PER_THREAD, config.parser.queue),
    statistics: () => reader.snapshot((snapshot) => snapshot.statistics()),
    discover: () => {
      // While one thread looks for files, the others start.
      for (let others = 1; others < parserThreads; others++) void ask({ type: 'prepare' })
      return ask<Discovery>({ type: 'discover', options: { root, ...config.project } })
    },
    parse: (files) => sink.await((task) => ask<null>({ type: 'parse', task: { task, root, files, maxFileBytes: config.project.maxFileBytes } })),
  }
}

/** How an import went. */
function measureImport(recorder: MetricRecorder, outcome: Result<ImportResult, Failure>, durationMs: number): void {
  recorder.histogram('elixir_scope_import_duration_seconds', [outcome.ok ? 'complete' : outcome.error.code]).observe(durationMs / 1000)
  if (outcome.ok) {
    for (const kind of ['parsed', 'unchanged', 'removed', 'unreadable'] as const) recorder.counter('elixir_scope_import_files_total', [kind]).add(outcome.value[kind])
  }
}
