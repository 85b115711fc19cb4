/**
 * What main itself answers: the methods that concern the daemon as a whole, metrics, and the repository's wishes to the
 * parser pool. All of it is quick; main must never block.
 */

import { ok, type Result } from '../src/base/result.ts'
import type { Failure } from '../src/base/failure.ts'
import type { Health } from '../src/wire/records.ts'
import type { Metrics } from '../src/host/metrics.ts'
import type { AnyService, CallHandlers, CastHandlers } from '../src/otp/service.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import type { ControlMethod, Reply } from '../src/wire/methods.ts'
import type { ControlCalls, MetricCasts, ParserCalls, ParserTasks } from '../workers/calls.ts'
import { measureTree } from './measure.ts'
import { presentTree } from './present-tree.ts'

export type ControlPorts = {
  /** The tree that these services belong to; there once it has been started. */
  readonly tree: () => Tree
  readonly metrics: Metrics
  readonly health: () => Health
  readonly status: () => Reply<'daemon_status'>
  readonly listening: (http: string | null) => void
  readonly shutdown: () => void
  readonly wallMs: () => number
}

export function controlService(ports: ControlPorts): AnyService {
  const methods: { readonly [M in ControlMethod]: () => Reply<M> } = {
    health_check: ports.health,
    daemon_status: ports.status,
    supervision_tree: () => presentTree(ports.tree().view(), ports.wallMs()),
    shutdown: () => {
      ports.shutdown()
      return { stopping: true }
    },
  }
  const calls: CallHandlers<ControlCalls> = {
    control: ({ method }) => ok(methods[method]()),
    listening: ({ http }) => {
      ports.listening(http)
      return ok(null)
    },
    renderMetrics: async () => {
      measureTree(ports.metrics.recorder, ports.tree().view())
      return ok(await ports.metrics.render())
    },
  }
  return { calls }
}

/** What threads have measured since they last told. */
export function metricsService(metrics: Metrics): AnyService {
  const casts: CastHandlers<MetricCasts> = { records: (records) => metrics.recorder.merge(records) }
  return { casts }
}

/** The parser pool as the repository thread sees it: files and facts do not pass through here, only who wants what. */
export function parserService(tree: () => Tree): AnyService {
  const calls: CallHandlers<ParserCalls> = {
    prepare: () => tree().pool<ParserTasks>('parser').run('prepare', null),
    discover: (options, { signal }) => tree().pool<ParserTasks>('parser').run('discover', options, { signal }),
    parse: async (task, { signal }): Promise<Result<null, Failure>> => {
      const sink = tree().connect('repository', 'sink')
      if (!sink.ok) return sink
      const [only] = task.files
      const key = task.files.length === 1 && only !== undefined ? { key: `${only.path} ${only.mtimeNs}` } : {}
      return tree().pool<ParserTasks>('parser').run('parse', { ...task, sink: sink.value }, { signal, transfer: [sink.value], ...key })
    },
  }
  return { calls }
}
