/**
 * The supervision tree as data: names, strategies, restart types, intensities. `start-tree.ts` reads it; nothing here runs.
 * Nodes of later parts of the design join where ARCHITECTURE.md draws them.
 */

import type { Config } from '../config/schema.ts'
import { moduleUrl, pool, supervisor, thread, type NodeSpec } from '../src/otp/node/tree-spec.ts'
import type { ThreadTimes } from '../src/otp/thread-life.ts'
import type { GatewayInit } from '../workers/gateway.thread.ts'
import type { RepositoryInit } from '../workers/repository.thread.ts'

export type TreeInits = { readonly repository: RepositoryInit; readonly gateway: GatewayInit }

export function supervisionTree(config: Config, inits: TreeInits): NodeSpec {
  const { intensity, periodS: period, shutdownMs, startTimeoutMs, heartbeatMs, unresponsiveMs } = config.supervision
  const times: Partial<ThreadTimes> = { startTimeoutMs, heartbeatMs, silenceMs: unresponsiveMs }
  const limits = { intensity, period }
  return supervisor({
    id: 'ElixirScope.Supervisor', strategy: 'rest_for_one', ...limits,
    children: [
      supervisor({
        id: 'Threads', strategy: 'one_for_one', ...limits,
        children: [
          thread({ id: 'repository', url: moduleUrl('../workers/repository.thread', import.meta.url), init: inits.repository, times, shutdown: shutdownMs }),
          thread({ id: 'gateway', url: moduleUrl('../workers/gateway.thread', import.meta.url), init: inits.gateway, times, shutdown: shutdownMs }),
        ],
      }),
      supervisor({
        id: 'AST.Supervisor', strategy: 'one_for_one', ...limits,
        children: [
          supervisor({
            id: 'Parsing.Supervisor', strategy: 'one_for_one', ...limits,
            children: [
              pool({
                id: 'parser', url: moduleUrl('../workers/parser.pool', import.meta.url),
                maxThreads: inits.repository.parserThreads, maxQueue: config.parser.queue, idleMs: config.parser.idleMs,
                taskTimeoutMs: config.parser.taskTimeoutMs, startTimeoutMs, shutdown: shutdownMs,
              }),
            ],
          }),
        ],
      }),
    ],
  })
}
