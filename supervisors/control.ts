/**
 * What main itself answers: the methods that concern the daemon as a whole, metrics, and work for the
 * parser pool. All of it is quick; main must never block.
 */

import type { ProfileName } from '../config/schema.ts'
import { ok, type Result } from '../src/base/result.ts'
import type { Failure } from '../src/base/failure.ts'
import type { MemoryBudget } from '../src/memory/budget.ts'
import type { Health } from '../src/wire/records.ts'
import type { Metrics } from '../src/host/metrics.ts'
import type { ActorPort } from '../src/otp/actor-system.ts'
import { promisePort } from '../src/otp/promise-port.ts'
import type { AnyService, CallHandlers, CastHandlers } from '../src/otp/service.ts'
import type { ParserWork } from '../src/project/parser.actor.ts'
import type { PoolRunOptions, Tree } from '../src/otp/node/tree.ts'
import type { NodeSpec } from '../src/otp/node/tree-spec.ts'
import type { Args, ControlMethod, Reply } from '../src/wire/methods.ts'
import type { ControlCalls, MetricCasts, ParserTasks, SupervisionCalls } from '../workers/calls.ts'
import { chaosCalls } from './chaos.ts'
import { memoryCalls } from './memory.ts'
import { presentTree } from './present-tree.ts'
import { startOnDemand, supervisorCalls } from './supervisor-calls.ts'
import { taskCalls } from './tasks.ts'

export type ControlPorts = {
  /** The tree that these services belong to; there once it has been started. */
  readonly tree: () => Tree
  /** The tree as it was written. */
  readonly root: NodeSpec
  readonly metrics: Metrics
  readonly health: () => Promise<Health>
  readonly status: () => Promise<Reply<'daemon_status'>>
  readonly listening: (http: string | null) => void
  readonly shutdown: () => void
  readonly wallMs: () => number
  readonly profile: ProfileName
  readonly budget: MemoryBudget
  /** Brings the metrics up to date that are read when somebody asks. */
  readonly measure: () => void
}

type ControlMethods = { readonly [M in ControlMethod]: (args: Args<M>) => Result<Reply<M>, Failure> | Promise<Result<Reply<M>, Failure>> }

export function controlService(ports: ControlPorts): AnyService {
  const supervised = () => ({ tree: ports.tree(), root: ports.root })
  const methods: ControlMethods = {
    health_check: async () => ok(await ports.health()),
    daemon_status: async () => ok(await ports.status()),
    supervision_tree: () => ok(presentTree(ports.tree().view(), ports.wallMs())),
    ...memoryCalls(ports.tree, ports.budget),
    ...supervisorCalls(supervised),
    ...chaosCalls(ports.profile, supervised),
    ...taskCalls(supervised),
    shutdown: () => {
      ports.shutdown()
      return ok({ stopping: true })
    },
  }
  const answer = async <M extends ControlMethod>(method: M, args: unknown): Promise<Result<unknown, Failure>> => methods[method](args as Args<M>)
  const calls: CallHandlers<ControlCalls> = {
    control: ({ method, args }) => answer(method, args),
    listening: ({ http }) => {
      ports.listening(http)
      return ok(null)
    },
    renderMetrics: async () => {
      ports.measure()
      return ok(await ports.metrics.render())
    },
  }
  return { calls }
}

/** Children that are started when there is work for them. */
export function supervisionService(root: NodeSpec, tree: () => Tree): AnyService {
  const calls: CallHandlers<SupervisionCalls> = { startOnDemand: ({ name }) => startOnDemand({ tree: tree(), root }, name) }
  return { calls }
}

/** What threads have measured since they last told. */
export function metricsService(metrics: Metrics): AnyService {
  const casts: CastHandlers<MetricCasts> = { records: (records) => metrics.recorder.merge(records) }
  return { casts }
}

/** What the actor Parser lets through to the pool. Files and facts do not pass through here, only who wants what. */
export function parserPoolPort(tree: () => Tree): ActorPort {
  return promisePort<ParserWork>((work) => runInPool(tree(), work))
}

function runInPool(tree: Tree, work: ParserWork): Promise<Result<unknown, Failure>> {
  const pool = tree.pool<ParserTasks>('parser')
  switch (work.type) {
    case 'prepare':
      return pool.run('prepare', null, { lane: 'batch' })
    case 'discover':
      return pool.run('discover', work.options, { lane: 'batch' })
    case 'parse': {
      const { task } = work
      const [only] = task.files
      // Of several files it is not known which one is to blame: whoever wants them asks again for one at a time.
      const options: PoolRunOptions = task.files.length === 1 && only !== undefined ? { lane: 'single', key: `${only.path} ${only.changedNs}` } : { lane: 'batch', attempts: 1 }
      return pool.run('parse', () => {
        const sink = tree.connect('repository', 'sink')
        return sink.ok ? ok({ args: { ...task, sink: sink.value }, transfer: [sink.value] }) : sink
      }, options)
    }
  }
}
