/**
 * The repository thread: the one writer. It answers the writing methods of the wire, takes facts from parser threads, and
 * runs imports, one at a time. Every acknowledged write is on disk; a new life of this thread finds the store as it was.
 */

import { createHash } from 'node:crypto'
import { serialize } from 'node:v8'
import type { Config } from '../config/schema.ts'
import { failure, FailureError, type Failure } from '../src/base/failure.ts'
import { latestRun } from '../src/base/latest-run.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { answer, type Freshness } from '../src/engine/answer.ts'
import { WRITES, type ClientWriteMethod, type WriteContext } from '../src/engine/writes.ts'
import { createMetricRecorder } from '../src/host/metric-recorder.ts'
import type { CallMap, Channel } from '../src/otp/channel.ts'
import { runThread, type ThreadContext } from '../src/otp/node/run-thread.ts'
import type { CallContext } from '../src/otp/service.ts'
import { importProject, markInterrupted, type ImportMode, type ImportPorts } from '../src/project/import-project.ts'
import type { Reader, Writer } from '../src/store/contract.ts'
import { createTaskSink, type TaskSink } from '../src/project/task-sink.ts'
import { openReader } from '../src/store/reader.ts'
import { openWriter } from '../src/store/writer.ts'
import type { Args, NotificationParams, WriteMethod } from '../src/wire/methods.ts'
import { createRepeatTable } from '../src/wire/repeat-table.ts'
import type { ImportResult } from '../src/wire/records.ts'
import type { MetricCasts, ParserCalls, RepositoryCalls } from './calls.ts'
import { isVerified, setImportProgress, setVerified, type SharedState } from './shared-state.ts'

export type RepositoryInit = {
  readonly storePath: string
  /** Used when the store is new. */
  readonly repositoryId: string
  readonly root: string
  readonly config: Pick<Config, 'project' | 'storage' | 'parser'>
  readonly parserThreads: number
  readonly shared: SharedState
}

type Progress = NotificationParams<'import_progress'>
type Parts = { readonly context: ThreadContext<RepositoryInit>; readonly writer: Writer; readonly reader: Reader }

type Answer = Result<unknown, Failure>

/** Enough for the parser threads to go on while this thread writes. */
const TASKS_PER_THREAD = 12
/** How often it is checked that the store is still where it was opened. */
const WATCH_MS = 1000
/** Answers kept for repeats. */
const KEPT_ANSWERS = 10_000

runThread<RepositoryInit>((context) => {
  const { init, clock } = context
  const writer = openWriter({ path: init.storePath, storage: init.config.storage.backend, now: clock.wallMs, repositoryId: init.repositoryId })
  if (!writer.ok) return writer.error
  const reader = openReader({ path: init.storePath, now: clock.wallMs })
  if (!reader.ok) return reader.error
  const marked = markInterrupted(writer.value)
  if (!marked.ok) return marked.error
  const parts = { context, writer: writer.value, reader: reader.value }
  setImportProgress(init.shared, writer.value.importState())
  const sink = createTaskSink(clock)
  const watch = setInterval(() => endUnlessInPlace(context, writer.value), WATCH_MS)
  return {
    services: { repository: { calls: { write: writeHandler(parts, sink) } }, sink: { casts: { take: sink.take } } },
    stats: () => ({ ...writer.value.metrics(), ...sizes(reader.value) }),
    stop: () => {
      clearInterval(watch)
      reader.value.close()
      writer.value.close()
    },
  }
})

/** The next life opens what is at the path then, or makes a new store. */
function endUnlessInPlace({ exit, log }: ThreadContext<RepositoryInit>, writer: Writer): void {
  const place = writer.place()
  if (place === 'in place') return
  log('error', `the store was ${place} while it was in use`, { remedy: 'what clients had stored is lost; import the project again' })
  exit({ kind: 'failed', failure: failure('unavailable', `the store was ${place} while it was in use`) })
}

/** Answers writing methods. A repeat of a request that has been carried out gets the first answer. */
function writeHandler(parts: Parts, sink: TaskSink) {
  const { writer, context } = parts
  const writeContext: WriteContext = {
    writer, freshness: () => freshness(parts), limits: { maxModules: context.init.config.storage.maxModules ?? Infinity },
    countModules: () => {
      const { modules, clientModules } = parts.reader.snapshot((snapshot) => snapshot.statistics())
      return modules + clientModules
    },
  }
  const imports = importer(parts, sink)
  const repeats = createRepeatTable(KEPT_ANSWERS)
  return ({ method, args }: RepositoryCalls['write']['args'], call: CallContext<Progress>): Answer | Promise<Answer> => {
    const run = (): Promise<Answer> =>
      orDisk(() => (method === 'import_project' ? imports(args as Args<'import_project'>, call) : runWrite(writeContext, method, args)))
    const { request_id: requestId } = args as { request_id?: string }
    return requestId === undefined ? run() : repeats.once(requestId, fingerprint(method, args), run)
  }
}

/** What only the disk can cause inside a read is thrown, and is an answer like others; anything else is a bug of ours and ends the thread. */
async function orDisk(run: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await run()
  } catch (caught) {
    if (caught instanceof FailureError) return fail(caught.failure)
    throw caught
  }
}

/** Equal for equal calls. */
function fingerprint(method: WriteMethod, args: unknown): string {
  return createHash('sha256').update(method).update(serialize(args)).digest('base64')
}

function runWrite<M extends ClientWriteMethod>(context: WriteContext, method: M, args: unknown): Result<unknown, Failure> {
  return WRITES[method](context, args as Args<M>)
}

function importer(parts: Parts, sink: TaskSink) {
  const { context } = parts
  const listeners = new Set<(progress: Progress) => void>()
  const stronger = (a: ImportMode, b: ImportMode): ImportMode => (a === 'everything' ? a : b)
  const runs = latestRun<ImportMode, Result<ImportResult, Failure>>(async (mode) => {
    const startedMs = context.clock.nowMs()
    const outcome = await importProject(importPorts(parts, sink, (progress) => {
      setImportProgress(context.init.shared, parts.writer.importState())
      for (const listener of listeners) listener(progress)
    }), mode)
    setImportProgress(context.init.shared, parts.writer.importState())
    measureImport(context, outcome, context.clock.nowMs() - startedMs)
    if (outcome.ok) setVerified(context.init.shared)
    logImport(context, outcome)
    return outcome
  }, stronger)
  return async (args: Args<'import_project'>, call: CallContext<Progress>): Promise<Result<unknown, Failure>> => {
    const listener = (progress: Progress): void => call.progress(progress)
    listeners.add(listener)
    try {
      const outcome = await runs.request(args.force ? 'everything' : 'changed')
      return outcome.ok ? ok(answer(outcome.value, freshness(parts))) : outcome
    } finally {
      listeners.delete(listener)
    }
  }
}

/** A pool that is gone (restarting, or stopping with the daemon) interrupts an import and is nothing wrong with it. */
function logImport({ log }: ThreadContext<RepositoryInit>, outcome: Result<ImportResult, Failure>): void {
  if (outcome.ok) log('info', 'project imported', { ...outcome.value })
  else if (outcome.error.code === 'unavailable') log('warn', 'import interrupted', { ...outcome.error })
  else log('error', 'import failed', { ...outcome.error })
}

function importPorts(parts: Parts, sink: TaskSink, progress: (progress: Progress) => void): ImportPorts {
  const { context, writer, reader } = parts
  const { root, config, parserThreads } = context.init
  const parser: Channel<ParserCalls> = context.channel<ParserCalls>('parser')
  // The pool bounds each task by parser.taskTimeoutMs; waiting for a thread is no fault of the file.
  return {
    writer, progress, maxModules: config.storage.maxModules ?? Infinity, nowMs: context.clock.nowMs, tasksInFlight: parserThreads * TASKS_PER_THREAD,
    statistics: () => reader.snapshot((snapshot) => snapshot.statistics()),
    discover: () => {
      // While one thread looks for files, the others start.
      for (let others = 1; others < parserThreads; others++) void parser.call('prepare', null, { timeoutMs: 'infinity' })
      return parser.call('discover', { root, ...config.project }, { timeoutMs: 'infinity' })
    },
    parse: (files) => sink.await((task) => parser.call('parse', { task, root, files, maxFileBytes: config.project.maxFileBytes }, { timeoutMs: 'infinity' })),
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

/** Tells main how an import went. */
function measureImport(context: ThreadContext<RepositoryInit>, outcome: Result<ImportResult, Failure>, durationMs: number): void {
  const recorder = createMetricRecorder()
  recorder.histogram('elixir_scope_import_duration_seconds', [outcome.ok ? 'complete' : outcome.error.code]).observe(durationMs / 1000)
  if (outcome.ok) {
    for (const kind of ['parsed', 'unchanged', 'removed', 'unreadable'] as const) recorder.counter('elixir_scope_import_files_total', [kind]).add(outcome.value[kind])
  }
  context.channel<CallMap, MetricCasts>('metrics').cast('records', recorder.drain())
}

function freshness(parts: Parts): Freshness {
  const verified = isVerified(parts.context.init.shared)
  return parts.reader.snapshot(({ epoch, writtenAt, importState, unreadableFiles }) => ({ epoch, writtenAt, importState, unreadableFiles, verified }))
}
