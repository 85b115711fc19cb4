/**
 * The daemon's health from what was measured: one check per service, and one status for all. Pure.
 *
 * Invariant: a critical service that is unhealthy makes the whole unhealthy, however many others are well; anything else
 * that is not healthy makes it degraded. What is not healthy says why and what to do.
 */

import type { Config } from '../../config/schema.ts'
import type { Failure } from '../base/failure.ts'
import { LEVEL_POLICIES, type PressureLevel } from '../memory/levels.ts'
import type { TreeNode } from '../otp/starter.ts'
import type { SetAside } from '../store/set-aside.ts'
import type { WatcherStatus } from '../project/watch/protocol.ts'
import type { Health, ServiceHealth, Statistics } from '../wire/records.ts'
import type { Reply } from '../wire/methods.ts'
import type { CircuitView } from '../otp/circuit-breaker.ts'
import type { RequestWindow } from './request-window.ts'

export type Check = ServiceHealth & { readonly importance: 'critical' | 'supporting' }

type Limits = Config['health']

export function aggregateHealth(checks: readonly Check[], checkedAt: string): Health {
  return {
    status: overall(checks), checked_at: checkedAt,
    services: checks.map(({ name, status, reason, remedy }) => ({ name, status, reason, remedy })),
  }
}

function overall(checks: readonly Check[]): Health['status'] {
  if (checks.some((check) => check.importance === 'critical' && check.status === 'unhealthy')) return 'unhealthy'
  return checks.every((check) => check.status === 'healthy') ? 'healthy' : 'degraded'
}

/**
 * One check per child of the tree that does work, and per supervisor that does not run, because its children may be gone from
 * the tree; `critical` are the ids without which no question is answered. Children that
 * are started for one task each come and go.
 */
export function checkTree(tree: TreeNode, critical: readonly string[]): Check[] {
  if (tree.kind === 'supervisor' && tree.state === 'running') {
    return tree.strategy === 'simple_one_for_one' ? [] : (tree.children ?? []).flatMap((child) => checkTree(child, critical))
  }
  const importance = critical.includes(tree.id) ? 'critical' : 'supporting'
  switch (tree.state) {
    case 'running':
      return [healthy(tree.id, importance)]
    case 'starting':
    case 'restarting': {
      const reason = `${tree.state}${tree.lastExit === undefined ? '' : ` after ${tree.lastExit}`}, ${tree.restarts} restarts so far`
      const status = importance === 'critical' ? 'unhealthy' : 'degraded'
      return [{ name: tree.id, importance, status, reason, remedy: 'wait for it to come up; if it does not, the log says why' }]
    }
    case 'stopping':
    case 'stopped':
      // It has done what it was there for.
      if (tree.restart !== 'permanent' && tree.lastExit === 'normal') return [healthy(tree.id, importance)]
      return [{
        name: tree.id, importance, status: 'unhealthy', reason: `${tree.state}${tree.lastExit === undefined ? '' : ` after ${tree.lastExit}`}`,
        remedy: 'the log says why it ended; `elixir-scope restart` starts the daemon anew',
      }]
  }
}

/** Who waits for whom: one check per node whose needs do not all run. Those that are well are counted by `checkTree`. */
export function checkDependencies(tree: TreeNode, needs: Readonly<Record<string, readonly string[]>>): Check[] {
  const states = new Map(flatten(tree).map(({ id, state }) => [id, state]))
  return Object.entries(needs).flatMap(([name, needed]) => {
    if (!states.has(name)) return []
    const missing = needed.filter((other) => states.get(other) !== 'running')
    if (missing.length === 0) return []
    return [degraded(`${name} needs`, `waits for ${missing.map((other) => `${other} (${states.get(other) ?? 'absent'})`).join(', ')}`,
      'wait for it to come up; if it does not, the log says why')]
  })
}

function flatten(node: TreeNode): TreeNode[] {
  return [node, ...(node.children ?? []).flatMap(flatten)]
}

/** A window too small to judge by is healthy. */
export function checkRequests({ nCalls, nFaults, p95Ms }: RequestWindow, limits: Limits): Check {
  const name = 'requests'
  if (nCalls < MIN_CALLS) return healthy(name, 'supporting')
  const share = nFaults / nCalls
  if (share > limits.errorRate) {
    return degraded(name, `${percent(share)} of ${nCalls} calls failed; ${percent(limits.errorRate)} is allowed (health.errorRate)`,
      'elixir_scope_rpc_errors_total tells which calls and why, the log has the details')
  }
  if (p95Ms > limits.latencyP95Ms) {
    return degraded(name, `95 % of ${nCalls} calls took up to ${p95Ms} ms; ${limits.latencyP95Ms} is allowed (health.latencyP95Ms)`,
      'elixir_scope_rpc_duration_seconds tells which calls are slow; ask for smaller pages or raise the limit')
  }
  return healthy(name, 'supporting')
}

const MIN_CALLS = 20

export type MemoryState = { readonly level: PressureLevel; readonly usedBytes: number; readonly maxBytes: number }

export function checkMemory({ level, usedBytes, maxBytes }: MemoryState): Check {
  if (LEVEL_POLICIES[level].clientWrites === 'accepted') return healthy('memory pressure', 'supporting')
  return degraded('memory pressure', `it is ${level}: ${mebibytes(usedBytes)} of ${mebibytes(maxBytes)} in use (memory.maxBytes); writes are refused and imports wait`,
    'wait for the cleaning that is under way; for a large project raise memory.maxBytes; `elixir-scope restart` gives memory back')
}

/** `null`: the free space could not be found out, which is no fault of the disk. */
export function checkDisk(freeBytes: number | null, { minFreeBytes }: Pick<Config['storage'], 'minFreeBytes'>): Check {
  if (freeBytes === null || freeBytes >= minFreeBytes) return healthy('disk', 'supporting')
  return degraded('disk', `${mebibytes(freeBytes)} free; ${mebibytes(minFreeBytes)} are wanted (storage.minFreeBytes)`,
    'free disk space; until then imports may fail with storage_full')
}

/**
 * How files are followed; `undefined` when the watcher has not said yet, which the tree explains. `stuck`: why changes that
 * are known do not come into the store, however often it is tried.
 */
export function checkWatching(status: WatcherStatus | undefined, nPending: number, stuck: Failure | undefined): Check {
  const name = 'following files'
  const faults = [...(status === undefined ? [] : faultsOfWatching(status)), ...(stuck === undefined ? [] : [faultOfStoring(stuck)])]
  if (faults.length === 0) return healthy(name, 'supporting')
  const pending = nPending === 0 ? [] : [`${nPending} changed files are not in yet`]
  return degraded(name, [...faults.map(({ reason }) => reason), ...pending].join('; '), faults.map(({ remedy }) => remedy).join('; '))
}

type Fault = { readonly reason: string; readonly remedy: string }

function faultsOfWatching({ phase, reason, problems }: WatcherStatus): Fault[] {
  if (phase === 'starting' || phase === 'watching') return []
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  return [{ reason: `${reason ?? phase}${more}`, remedy: WATCHING_REMEDIES[phase] }]
}

function faultOfStoring({ message, hint }: Failure): Fault {
  return { reason: `changes cannot be stored: ${message}`, remedy: hint ?? 'the log says why; it is tried again every 10 s at least' }
}

const WATCHING_REMEDIES: Readonly<Record<'degraded' | 'polling' | 'absent', string>> = {
  degraded: 'let the daemon read the path; until then it is looked at every 15 s and everything is compared every 10 minutes',
  polling: 'nothing is missed, but it takes some seconds until a change is in; raise the limit that is named, or move the project to a local file system',
  absent: 'bring the project directory back, or stop the daemon: it answers from what it knew',
}

/** How events are kept; `undefined` when the store of events has not said yet, which the tree explains. */
export function checkEvents(status: EventStatus | undefined): Check {
  const name = 'events'
  if (status === undefined) return healthy(name, 'supporting')
  const { waiting_blocks: nWaiting, last_problem: problem, set_aside: setAside } = status
  if (problem !== null) return degraded(name, `events cannot be stored: ${problem}`, 'make room on the disk, or delete old events with cleanup_old_events; nodes keep what is not acknowledged, and say what they cannot keep')
  if (nWaiting > 0) return degraded(name, `${nWaiting} blocks of events wait for room on the disk`, 'make room on the disk; it is tried again by itself, and nothing acknowledged is lost')
  const [damaged] = setAside
  if (damaged === undefined) return healthy(name, 'supporting')
  return degraded(name, `damaged events were set aside: ${damaged.why} (${damaged.path})${setAside.length > 1 ? `, and ${setAside.length - 1} more` : ''}`, 'keep the file for a look at it, or delete it; the other events are whole. The next start of the daemon is healthy again; answers about that time go on saying what is missing')
}

type EventStatus = Pick<Reply<'get_event_stats'>, 'waiting_blocks' | 'last_problem' | 'set_aside'>
type ImportProgress = Pick<Statistics['import'], 'files_done' | 'files_total'> & { readonly state: Statistics['import']['state'] | 'waiting' }

export function checkImport({ state, files_done: done, files_total: total }: ImportProgress): Check {
  if (state === 'waiting') {
    return degraded('import', `waiting for memory after ${done} of ${total} files; answers may be behind the files`, 'it goes on when the memory pressure goes down; for a large project raise memory.maxBytes')
  }
  if (state === 'interrupted') {
    return degraded('import', `the last import ended early, after ${done} of ${total} files; answers may be incomplete`, 'run `elixir-scope import`')
  }
  if (state === 'never') return degraded('import', 'nothing has been imported yet', 'run `elixir-scope import`')
  return healthy('import', 'supporting')
}

/** A circuit that is not closed: what stands behind it is refused at once until a trial has shown that it works. */
export function checkCircuit({ name, state, nFailures, retryAtMs }: CircuitView, nowMs: number): Check {
  const service = `circuit ${name}`
  if (state === 'closed') return healthy(service, 'supporting')
  const next = retryAtMs === undefined ? 'it is being tried' : `it is tried again in ${Math.max(0, Math.ceil((retryAtMs - nowMs) / 1000))} s at the earliest`
  return degraded(service, `${nFailures} failures in a row; ${next}`, CIRCUIT_REMEDIES[name] ?? 'the log says why')
}

const CIRCUIT_REMEDIES: Readonly<Record<string, string>> = {
  parse: 'the log says why parser threads fail, `elixir-scope tree` how often; it closes by itself once one task succeeds',
  import: 'the log says why imports fail; an import that was cut short is taken up by itself, `elixir-scope import` starts any other',
}

/** A store that was set aside in this life of the daemon is degraded until an import has brought everything back. */
export function checkStore(setAside: SetAside | undefined, startedAt: string, { state }: Pick<ImportProgress, 'state'>): Check {
  if (setAside === undefined || setAside.at < startedAt || state === 'complete') return healthy('store', 'supporting')
  const { carriedOver, why, path } = setAside
  const kept = carriedOver === null ? '' : `; of what clients had stored ${carriedOver.kept} modules are kept, ${carriedOver.lost ?? 'an unknown number'} lost`
  return degraded('store', `it was damaged (${why}) and is being built anew from the files${kept}`, `nothing needs to be done; the damaged store is in ${path}`)
}

export function checkLog(nDroppedSince: number): Check {
  if (nDroppedSince === 0) return healthy('log', 'supporting')
  return degraded('log', `${nDroppedSince} lines could not be written`, 'free disk space, and check that the log file can be written')
}

function healthy(name: string, importance: Check['importance']): Check {
  return { name, importance, status: 'healthy', reason: null, remedy: null }
}

function degraded(name: string, reason: string, remedy: string): Check {
  return { name, importance: 'supporting', status: 'degraded', reason, remedy }
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`
}
