/**
 * The repository thread: the one writer. It hosts Core, which takes what clients write, and BatchProcessor, which has imports
 * run, one at a time, on facts that parser threads send straight here. Every acknowledged write is on disk; a new life of
 * this thread finds the store as it was.
 */

import { FailureError, type Failure } from '../src/base/failure.ts'
import { ok, type Result } from '../src/base/result.ts'
import { CORE, coreActor, STORE_PORT, type ClientWriteMethod, type StoreOperation } from '../src/engine/core.actor.ts'
import { requestOf, WRITES, type WriteContext } from '../src/engine/writes.ts'
import { collectGarbage } from '../src/host/collect-garbage.ts'
import { createMetricRecorder } from '../src/host/metric-recorder.ts'
import { admitWrite, insufficientMemory } from '../src/memory/admission.ts'
import { levelOf } from '../src/memory/pressure-cell.ts'
import { MEMORY_ACTORS, type CleanupStep, type PressureHandlerBody } from '../src/memory/protocol.ts'
import type { ActorPort } from '../src/otp/actor-system.ts'
import type { CallMap } from '../src/otp/channel.ts'
import { runThread } from '../src/otp/node/run-thread.ts'
import { promisePort } from '../src/otp/promise-port.ts'
import { BATCH_PROCESSOR, batchProcessorActor, IMPORTS_PORT } from '../src/project/batch-processor.actor.ts'
import { markInterrupted } from '../src/project/import-project.ts'
import { incrementalUpdaterActor } from '../src/project/sync/incremental-updater.actor.ts'
import { INCREMENTAL_UPDATER, SYNC_PORTS } from '../src/project/sync/protocol.ts'
import { createTaskSink } from '../src/project/task-sink.ts'
import type { Reader } from '../src/store/contract.ts'
import { openReader } from '../src/store/reader.ts'
import type { Args } from '../src/wire/methods.ts'
import type { MetricCasts } from './calls.ts'
import { createImports } from './imports.ts'
import { freshness, orDisk, type RepositoryInit, type RepositoryParts } from './repository-parts.ts'
import { pressureCellOf, setImportProgress, setUnverified } from './shared-state.ts'
import { openStore, watchStore } from './store-watch.ts'

/** How often it is checked that the store is still where it was opened, and metrics are told. */
const WATCH_MS = 1000
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
  const { port, call, compare, repair, rebuild, update, resume, catchUp } = createImports(parts, sink)
  const watch = setInterval(() => {
    storeWatch.look()
    context.channel<CallMap, MetricCasts>('metrics').cast('records', parts.recorder.drain())
    catchUp()
  }, WATCH_MS)
  resume()
  return {
    services: {
      imports: { calls: { import: call, compare, repair, rebuild }, casts: { metDamage: storeWatch.met } }, sink: { casts: { take: sink.take } }, 'memory.repository': { calls: { free: (step: CleanupStep) => free(parts, step) } },
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
function admit({ context, recorder }: RepositoryParts): Failure | undefined {
  const admission = admitWrite(levelOf(pressureCellOf(context.init.shared)), 'client')
  if (admission.type === 'accept_and_clean') context.actors.cast(MEMORY_ACTORS.pressureHandler, { type: 'cleanup_wanted' } satisfies PressureHandlerBody)
  if (admission.type !== 'refuse') return undefined
  recorder.counter('elixir_scope_writes_total', ['storage_rejected']).add()
  return admission.failure
}

/** A changed file is not refused: its update waits in the sync thread and comes again. */
function admitSync({ context }: RepositoryParts): Failure | undefined {
  const level = levelOf(pressureCellOf(context.init.shared))
  return admitWrite(level, 'sync').type === 'wait' ? insufficientMemory(level) : undefined
}

function free({ writer, reader }: RepositoryParts, step: CleanupStep): Result<number, Failure> {
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

/** Carries out what Core lets through. */
function storePort(parts: RepositoryParts): ActorPort {
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
