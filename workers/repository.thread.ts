/**
 * The repository thread: the one writer. It hosts Core, which takes what clients write, and BatchProcessor, which has imports
 * run, one at a time, on facts that parser threads send straight here. Every acknowledged write is on disk; a new life of
 * this thread finds the store as it was.
 */

import type { Config } from '../config/schema.ts'
import { failure, FailureError, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { answer, type Freshness } from '../src/engine/answer.ts'
import { CORE, coreActor, STORE_PORT, type ClientWriteMethod, type StoreOperation } from '../src/engine/core.actor.ts'
import { requestOf, WRITES, type WriteContext } from '../src/engine/writes.ts'
import { collectGarbage } from '../src/host/collect-garbage.ts'
import { createMetricRecorder, type MetricRecorder } from '../src/host/metric-recorder.ts'
import { admitWrite, insufficientMemory } from '../src/memory/admission.ts'
import { createImportGate } from '../src/memory/import-gate.ts'
import { levelOf } from '../src/memory/pressure-cell.ts'
import { MEMORY_ACTORS, type CleanupStep, type PressureHandlerBody } from '../src/memory/protocol.ts'
import type { ActorPort } from '../src/otp/actor-system.ts'
import type { CallMap } from '../src/otp/channel.ts'
import { runThread, type ThreadContext } from '../src/otp/node/run-thread.ts'
import { promisePort } from '../src/otp/promise-port.ts'
import type { CallContext } from '../src/otp/service.ts'
import { BATCH_PROCESSOR, batchProcessorActor, IMPORTS_PORT, type ImportOperation } from '../src/project/batch-processor.actor.ts'
import type { Discovery } from '../src/project/discover.ts'
import { importProject, markInterrupted, type ImportMode, type ImportPorts } from '../src/project/import-project.ts'
import { createImportQueue, type ImportOutcome } from '../src/project/import-queue.ts'
import { applyBatch } from '../src/project/sync/apply-batch.ts'
import { incrementalUpdaterActor } from '../src/project/sync/incremental-updater.actor.ts'
import { INCREMENTAL_UPDATER, SYNC_PORTS, type UpdateBatch } from '../src/project/sync/protocol.ts'
import { PARSER, type ParserBody, type ParserWork } from '../src/project/parser.actor.ts'
import { repairFiles, type RepairOrder } from '../src/project/verify/repair-files.ts'
import type { Reader, Writer } from '../src/store/contract.ts'
import { createTaskSink, type TaskSink } from '../src/project/task-sink.ts'
import { openReader } from '../src/store/reader.ts'
import type { Args, NotificationParams } from '../src/wire/methods.ts'
import type { ImportResult } from '../src/wire/records.ts'
import type { ImportCalls, MetricCasts, SupervisionCalls } from './calls.ts'
import { isVerified, pendingFiles, pressureCellOf, setImportProgress, setImportWaits, setUnverified, setVerified, type SharedState } from './shared-state.ts'
import { openStore, watchStore, type StoreWatch } from './store-watch.ts'

export type RepositoryInit = {
  readonly storePath: string
  /** Used when the store is new. */
  readonly repositoryId: string
  readonly root: string
  readonly config: Pick<Config, 'project' | 'storage' | 'parser' | 'sync'>
  readonly parserThreads: number
  readonly shared: SharedState
}

type Progress = NotificationParams<'import_progress'>
type Parts = { readonly context: ThreadContext<RepositoryInit>; readonly writer: Writer; readonly reader: Reader; readonly recorder: MetricRecorder; readonly storeWatch: StoreWatch }

/** Enough for the parser threads to go on while this thread writes. */
const TASKS_PER_THREAD = 12
/** How often it is checked that the store is still where it was opened, and metrics are told. */
const WATCH_MS = 1000
/** After a start of BatchProcessor that did not come about: its supervisor may be restarting. */
const START_AGAIN_MS = 1000

runThread<RepositoryInit>((context) => {
  const { init, clock } = context
  const recorder = createMetricRecorder()
  const writer = openStore(context, recorder)
  if (!writer.ok) return writer.error
  const reader = openReader({ path: init.storePath, now: clock.wallMs })
  if (!reader.ok) return reader.error
  const marked = markInterrupted(writer.value)
  if (!marked.ok) return marked.error
  const storeWatch = watchStore(context, writer.value)
  const parts = { context, writer: writer.value, reader: reader.value, recorder, storeWatch }
  setImportProgress(init.shared, writer.value.importState())
  const sink = createTaskSink(clock)
  const { port, call, repair, rebuild, update, resume, catchUp } = imports(parts, sink)
  const watch = setInterval(() => {
    storeWatch.look()
    context.channel<CallMap, MetricCasts>('metrics').cast('records', parts.recorder.drain())
    catchUp()
  }, WATCH_MS)
  resume()
  return {
    services: {
      imports: { calls: { import: call, repair, rebuild }, casts: { metDamage: storeWatch.met } }, sink: { casts: { take: sink.take } }, 'memory.repository': { calls: { free: (step: CleanupStep) => free(parts, step) } },
    },
    actors: { [CORE]: () => coreActor(() => admit(parts)), [BATCH_PROCESSOR]: () => batchProcessorActor, [INCREMENTAL_UPDATER]: () => incrementalUpdaterActor(() => admitSync(parts)) },
    ports: { [STORE_PORT]: storePort(parts), [IMPORTS_PORT]: port, [SYNC_PORTS.update]: update },
    stats: () => ({ ...writer.value.metrics(), ...sizes(reader.value), externalBytes: process.memoryUsage().external }),
    stop: () => {
      clearInterval(watch)
      reader.value.close()
      writer.value.close()
    },
  }
})

/** Whether memory lets a client's write go ahead; under mild pressure it does, and asks for cleaning. */
function admit({ context, recorder }: Parts): Failure | undefined {
  const admission = admitWrite(levelOf(pressureCellOf(context.init.shared)), 'client')
  if (admission.type === 'accept_and_clean') context.actors.cast(MEMORY_ACTORS.pressureHandler, { type: 'cleanup_wanted' } satisfies PressureHandlerBody)
  if (admission.type !== 'refuse') return undefined
  recorder.counter('elixir_scope_writes_total', ['storage_rejected']).add()
  return admission.failure
}

/** A changed file is not refused: its update waits in the sync thread and comes again. */
function admitSync({ context }: Parts): Failure | undefined {
  const level = levelOf(pressureCellOf(context.init.shared))
  return admitWrite(level, 'sync').type === 'wait' ? insufficientMemory(level) : undefined
}

function free({ writer, reader }: Parts, step: CleanupStep): Result<number, Failure> {
  switch (step) {
    case 'shrink_store':
      writer.shrink()
      reader.shrink()
      return ok(0)
    case 'checkpoint_wal': {
      const done = writer.checkpoint()
      return done.ok ? ok(0) : done
    }
    case 'collect_garbage':
      return ok(collectGarbage())
    case 'release_idle_pools':
      return ok(0)
  }
}

/** What only the disk can cause inside a read is thrown, and is an answer like others; anything else is a bug of ours and ends the thread. */
async function orDisk<T>({ storeWatch }: Parts, run: () => Result<T, Failure> | Promise<Result<T, Failure>>): Promise<Result<T, Failure>> {
  const done = await caughtFrom(run)
  if (!done.ok) storeWatch.met(done.error)
  return done
}

async function caughtFrom<T>(run: () => Result<T, Failure> | Promise<Result<T, Failure>>): Promise<Result<T, Failure>> {
  try {
    return await run()
  } catch (caught) {
    if (caught instanceof FailureError) return fail(caught.failure)
    throw caught
  }
}

/** Carries out what Core lets through. */
function storePort(parts: Parts): ActorPort {
  const { writer, context, reader, recorder } = parts
  const writeContext: Omit<WriteContext, 'request'> = {
    writer, freshness: () => freshness(parts), rolledBack: () => setUnverified(context.init.shared), limits: { maxModules: context.init.config.storage.maxModules ?? Infinity },
    countModules: () => {
      const { modules, clientModules } = reader.snapshot((snapshot) => snapshot.statistics())
      return modules + clientModules
    },
  }
  return promisePort<StoreOperation>(async (operation) => {
    const done = await orDisk(parts, () => runWrite({ ...writeContext, request: requestOf(operation) }, operation))
    const level = levelOf(pressureCellOf(context.init.shared))
    if (done.ok) recorder.counter('elixir_scope_writes_total', [level === 'normal' ? 'stored' : 'stored_with_pressure']).add()
    return done
  })
}

function runWrite<M extends ClientWriteMethod>(context: WriteContext, { method, args }: { readonly method: M; readonly args: unknown }): Result<unknown, Failure> {
  return WRITES[method](context, args as Args<M>)
}

/** Imports as BatchProcessor has them run, and as callers wish for them. */
function imports(parts: Parts, sink: TaskSink) {
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
      const outcome = await queue.wish(force ? 'everything' : 'changed')
      return outcome.ok ? ok(answer(outcome.value, freshness(parts))) : outcome
    } finally {
      listeners.delete(progress)
    }
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
  return { port, call, repair, rebuild, update, resume, catchUp }
}

/** A pool that is gone (restarting, or stopping with the daemon) interrupts an import and is nothing wrong with it. */
function logImport({ log }: ThreadContext<RepositoryInit>, outcome: Result<ImportResult, Failure>): void {
  if (outcome.ok) log('info', 'project imported', { ...outcome.value })
  else if (outcome.error.code === 'unavailable') log('warn', 'import interrupted', { ...outcome.error })
  else log('error', 'import failed', { ...outcome.error })
}

function importPorts(parts: Parts, sink: TaskSink): Omit<ImportPorts, 'progress' | 'admitted'> {
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

/** Empty when the store cannot be read: a heartbeat must not end the thread for it. */
function sizes(reader: Reader): Record<string, number> {
  try {
    const { files, modules, functions, calls, problems, epoch, databaseBytes, walBytes } = reader.snapshot((snapshot) => snapshot.statistics())
    return { files, modules, functions, calls, problems, epoch, databaseBytes, walBytes }
  } catch (caught) {
    if (caught instanceof FailureError) return {}
    throw caught
  }
}

/** How an import went. */
function measureImport(recorder: MetricRecorder, outcome: Result<ImportResult, Failure>, durationMs: number): void {
  recorder.histogram('elixir_scope_import_duration_seconds', [outcome.ok ? 'complete' : outcome.error.code]).observe(durationMs / 1000)
  if (outcome.ok) {
    for (const kind of ['parsed', 'unchanged', 'removed', 'unreadable'] as const) recorder.counter('elixir_scope_import_files_total', [kind]).add(outcome.value[kind])
  }
}

function freshness(parts: Parts): Freshness {
  const { shared } = parts.context.init
  const [verified, stale] = [isVerified(shared), pendingFiles(shared) > 0]
  return parts.reader.snapshot(({ epoch, writtenAt, importState, unreadableFiles }) => ({ epoch, writtenAt, importState, unreadableFiles, verified, stale }))
}
