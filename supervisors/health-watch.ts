/** Health, checked when somebody asks, and by itself at each interval, so that a change of state is logged. */

import { CORE } from '../src/engine/core.actor.ts'
import {
  aggregateHealth, checkDependencies, checkDisk, checkEvents, checkImport, checkMemory, checkRequests, checkStore, checkTree, checkWatching, type Check, type MemoryState,
} from '../src/host/health.ts'
import { freeBytesAt } from '../src/host/preflight.ts'
import { NO_REQUESTS, requestTotals, requestWindow, type RequestTotals, type RequestWindow } from '../src/host/request-window.ts'
import { systemClock } from '../src/otp/node/message-port.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import { lastSetAside } from '../src/store/set-aside.ts'
import type { Health } from '../src/wire/records.ts'
import { importProgress, pendingFiles, type SharedState } from '../workers/shared-state.ts'
import type { Capturing } from './capturing.ts'
import type { Circuits } from './circuits.ts'
import type { DaemonOptions } from './daemon.ts'
import { DEPENDENCIES } from './placement.ts'
import type { Watching } from './watching.ts'

export type Watched = {
  readonly shared: SharedState
  readonly circuits: Circuits
  readonly memory: () => MemoryState
  readonly watching: Watching
  readonly capturing: Capturing
  readonly tree: () => Tree
}

export type HealthWatch = { check(): Promise<Health>; stop(): void }

/** Nodes without which no question is answered. */
const CRITICAL = ['repository', CORE, 'gateway']
const STATUSES = ['healthy', 'degraded', 'unhealthy']

export function healthWatch(options: DaemonOptions, watched: Watched): HealthWatch {
  const { config, logger, metrics } = options
  let seen: RequestTotals = NO_REQUESTS
  let lastWindow: RequestWindow | undefined
  let lastStatus = 'healthy'
  const check: HealthWatch['check'] = async () => {
    await Promise.all([watched.watching.refresh(), watched.capturing.refresh()])
    const requests = lastWindow === undefined ? [] : [checkRequests(lastWindow, config.health)]
    const health = aggregateHealth([...checksOf(options, watched), ...requests], new Date(systemClock.wallMs()).toISOString())
    for (const { name, status } of health.services) metrics.recorder.gauge('elixir_scope_health_status', [name]).set(STATUSES.indexOf(status))
    return health
  }
  const look = async (): Promise<void> => {
    const totals = requestTotals(metrics.recorder.records())
    lastWindow = requestWindow(seen, totals)
    seen = totals
    const { status, services } = await check()
    if (status === lastStatus) return
    lastStatus = status
    const reasons = services.filter((service) => service.reason !== null).map((service) => `${service.name}: ${service.reason}`)
    logger.log(status === 'healthy' ? 'info' : 'warn', `health is ${status}`, { reasons })
  }
  const timer = setInterval(() => void look(), config.health.intervalMs)
  timer.unref()
  return { check, stop: () => clearInterval(timer) }
}

function checksOf({ config, paths, startedAt }: DaemonOptions, { shared, circuits, memory, watching, capturing, tree }: Watched): Check[] {
  const view = tree().view()
  return [
    ...checkTree(view, CRITICAL),
    ...checkDependencies(view, DEPENDENCIES),
    checkMemory(memory()),
    checkDisk(freeBytesAt(paths.stateDir), config.storage),
    checkImport(importProgress(shared)),
    ...(config.sync.watch ? [checkWatching(watching.status(), pendingFiles(shared), watching.stuck())] : []),
    ...(config.capture.enabled ? [checkEvents(capturing.status())] : []),
    checkStore(lastSetAside(paths.database), startedAt, importProgress(shared)),
    ...circuits.checks(systemClock.nowMs()),
  ]
}
