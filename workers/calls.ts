/**
 * What the threads ask of each other, as types: one map for each service of the wiring (supervisors/wires.ts). Files and
 * facts go straight from a parser thread to the repository thread; main sees only who wants what done.
 */

import type { MessagePort } from 'node:worker_threads'
import type { Config } from '../config/schema.ts'
import type { Failure } from '../src/base/failure.ts'
import type { MetricRecord } from '../src/host/metric-recorder.ts'
import type { PressureFields } from '../src/memory/pressure-effects.ts'
import type { CacheOperation, CleanupStep } from '../src/memory/protocol.ts'
import type { MemorySample } from '../src/memory/sample.ts'
import type { Discovery, DiscoverOptions } from '../src/project/discover.ts'
import type { FileOutcome } from '../src/project/parse-files.ts'
import type { ParseTask } from '../src/project/parser.actor.ts'
import type { RepairOrder } from '../src/project/verify/repair-files.ts'
import type { Verified, VerifyPorts } from '../src/project/verify/verify-project.ts'
import type { Made, Question } from '../src/querying/protocol.ts'
import type { CommitChanges } from '../src/store/contract.ts'
import type { Args, ControlMethod, NotificationParams, Reply, TaskMethod } from '../src/wire/methods.ts'
import type { SharedState } from './shared-state.ts'

/** Answered by the repository thread. What clients write goes to the actor Core instead. */
export type ImportCalls = {
  import: { args: Pick<Args<'import_project'>, 'force'>; result: unknown; progress: NotificationParams<'import_progress'> }
  /** The same as the Synchronizer wants it: all files compared with the store, from now on. */
  compare: { args: null; result: { readonly epoch: number } }
  /** How many files were repaired. */
  repair: { args: RepairOrder; result: number }
  /** The store is given up and built anew from the files: the next life of the thread does it. */
  rebuild: { args: { readonly why: string }; result: null }
}

/** What the repository thread tells the gateway: every commit that changed something. */
export type ChangeCasts = { changed: CommitChanges }

/** Answered by main for the gateway, for as long as it takes. */
export type TaskCalls = {
  [M in TaskMethod]: { args: Args<M>; result: Reply<M>; progress: NotificationParams<'verify_progress'> }
}

/** The task of the verifier pool: a port to main comes with it. */
export type VerifierTasks = {
  verify: {
    args: Pick<VerifyPorts, 'storePath' | 'scratchPath' | 'limit' | 'tasksInFlight'> & {
      readonly port: MessagePort
      readonly root: string
      readonly project: Config['project']
      readonly shared: SharedState
    }
    result: Verified
  }
}

/** What the capture thread tells the gateway, for those who listen there. */
export type RuntimeCasts = {
  instrumentationChanged: NotificationParams<'instrumentation_changed'>
  correlationUpdated: NotificationParams<'correlation_updated'>
}

/** Answered by main for the gateway: a question about events. `facts`: the state of the repository that it knows of. The answer is encoded. */
export type QueryCalls = { query: { args: Question & { readonly facts: string }; result: Uint8Array } }

/** The task of the query pool: `slot` is its own among the readers of the slabs. */
export type QueryTasks = { query: { args: Question & { readonly slot: number }; result: Made } }

/** What the verifier has main do: the parser pool sends the outcomes of a task straight to its sink. */
export type VerifierCalls = {
  discover: { args: DiscoverOptions; result: Discovery }
  parse: ParserTasks['parse']
  settle: { args: null; result: unknown }
}

export type VerifierCasts = { progress: NotificationParams<'verify_progress'> }

/** What the gateway tells the repository thread: a read of the store that is in place has failed with `damaged`. */
export type ImportCasts = { metDamage: Failure }

/** Answered by main: a child that ends by itself, or has ended, is started because there is work for it. */
export type SupervisionCalls = { startOnDemand: { args: { readonly name: string }; result: null } }

/** What parser threads tell the repository thread: what became of the files of a task. */
export type SinkCasts = {
  take: { readonly task: number; readonly outcomes: readonly FileOutcome[] }
}

/** The tasks of the parser pool itself: a port to the sink comes with the files. */
export type ParserTasks = {
  prepare: { args: null; result: null }
  discover: { args: DiscoverOptions; result: Discovery }
  parse: { args: ParseTask & { readonly sink: MessagePort }; result: null }
}

/** Answered by main for the gateway: a method of the wire that concerns the daemon as a whole. */
export type ControlCalls = {
  control: { args: { readonly method: ControlMethod; readonly args: unknown }; result: unknown }
  /** Where HTTP is served, once it is. */
  listening: { args: { readonly http: string | null }; result: null }
  renderMetrics: { args: null; result: { readonly contentType: string; readonly text: string } }
}

/** Answered by every thread that holds memory that it can do without: bytes freed, as far as known. */
export type FreeCalls = { free: { args: CleanupStep; result: number } }

/** Answered by the gateway thread, where the caches are. */
export type CacheCalls = FreeCalls & { caches: { args: CacheOperation; result: unknown } }

/** What the memory thread tells the gateway thread, for those who listen there. */
export type PressureCasts = { pressure: PressureFields }

/** Answered by main for the memory thread, from the last heartbeats. */
export type HeapCalls = FreeCalls & { heaps: { args: null; result: Pick<MemorySample, 'heaps' | 'externalBytes'> } }

/** What threads tell main without waiting: what they measured since they last told. */
export type MetricCasts = { records: readonly MetricRecord[] }
