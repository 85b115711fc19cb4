/** Measurements -> status with reason and remedy, as tables. */

import { expect, test } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'
import { failure } from '../../src/base/failure.ts'
import { aggregateHealth, checkDependencies, checkDisk, checkEvents, checkImport, checkLog, checkMemory, checkRequests, checkStore, checkTree, checkWatching, type Check } from '../../src/host/health.ts'
import { METRICS } from '../../src/host/metric-names.ts'
import { createMetricRecorder } from '../../src/host/metric-recorder.ts'
import { NO_REQUESTS, requestTotals, requestWindow } from '../../src/host/request-window.ts'
import type { TreeNode } from '../../src/otp/starter.ts'
import type { WatcherStatus } from '../../src/project/watch/protocol.ts'
import { health as healthRecord } from '../../src/wire/records.ts'

const LIMITS = DEFAULTS.health
const check = (importance: Check['importance'], status: Check['status']): Check => ({ name: 'x', importance, status, reason: null, remedy: null })

test.each<[string, Check[], string]>([
  ['nothing to check', [], 'healthy'],
  ['all well', [check('critical', 'healthy'), check('supporting', 'healthy')], 'healthy'],
  ['a supporting one degraded', [check('critical', 'healthy'), check('supporting', 'degraded')], 'degraded'],
  ['a supporting one down', [check('critical', 'healthy'), check('supporting', 'unhealthy')], 'degraded'],
  ['all supporting ones down', Array.from({ length: 9 }, () => check('supporting', 'unhealthy')), 'degraded'],
  ['a critical one degraded', [check('critical', 'degraded')], 'degraded'],
  ['one critical down among many that are well', [...Array.from({ length: 9 }, () => check('critical', 'healthy')), check('critical', 'unhealthy')], 'unhealthy'],
])('%s: %s', (_, checks, status) => {
  const health = aggregateHealth(checks, '2026-01-01T00:00:00.000Z')
  expect(health.status).toBe(status)
  expect(healthRecord.parse(health)).toEqual(health)
})

const leaf = (state: TreeNode['state'], more: Partial<TreeNode> = {}): TreeNode => ({ id: 'gateway', kind: 'thread', state, restart: 'permanent', restarts: 0, ...more })
const verdict = ({ status, reason }: Check): string => `${status}: ${reason ?? ''}`

test.each<[TreeNode, string, string]>([
  [leaf('running'), 'healthy: ', 'healthy: '],
  [leaf('starting'), 'unhealthy: starting, 0 restarts so far', 'degraded: starting, 0 restarts so far'],
  [leaf('restarting', { restarts: 2, lastExit: 'oom' }), 'unhealthy: restarting after oom, 2 restarts so far', 'degraded: restarting after oom, 2 restarts so far'],
  [leaf('stopped', { lastExit: 'shutdown' }), 'unhealthy: stopped after shutdown', 'unhealthy: stopped after shutdown'],
  [leaf('stopping'), 'unhealthy: stopping', 'unhealthy: stopping'],
])('%j', (node, asCritical, asSupporting) => {
  expect(checkTree(node, ['gateway']).map(verdict)).toEqual([asCritical])
  expect(checkTree(node, []).map(verdict)).toEqual([asSupporting])
})

test('children that are started for one task each are no services', () => {
  const tasks = leaf('running', { kind: 'supervisor', strategy: 'simple_one_for_one', children: [leaf('stopping', { id: 'Task#1', restart: 'temporary' })] })
  expect(checkTree(tasks, [])).toEqual([])
})

test('the leaves of a tree, in order; its supervisors speak through them', () => {
  const tree = leaf('running', { id: 'root', kind: 'supervisor', children: [
    leaf('running', { id: 'threads', kind: 'supervisor', children: [leaf('running', { id: 'repository' }), leaf('running')] }), leaf('running', { id: 'parser', kind: 'pool' }),
  ] })
  expect(checkTree(tree, ['repository']).map(({ name, importance }) => `${name} ${importance}`)).toEqual(['repository critical', 'gateway supporting', 'parser supporting'])
})

test('a supervisor that does not run speaks for itself: whatever was below it is gone', () => {
  const gone = leaf('stopped', { id: 'sync', kind: 'supervisor', lastExit: 'shutdown' })
  const tasks = leaf('restarting', { id: 'tasks', kind: 'supervisor', strategy: 'simple_one_for_one' })
  const tree = leaf('running', { id: 'root', kind: 'supervisor', children: [gone, tasks, leaf('running')] })
  expect(checkTree(tree, []).map((one) => `${one.name} ${verdict(one)}`)).toEqual([
    'sync unhealthy: stopped after shutdown', 'tasks degraded: restarting, 0 restarts so far', 'gateway healthy: ',
  ])
})

test.each<[string, Check, string]>([
  ['too few calls to judge', checkRequests({ nCalls: 19, nFaults: 19, p95Ms: Infinity }, LIMITS), 'healthy: '],
  ['within limits', checkRequests({ nCalls: 1000, nFaults: 10, p95Ms: 200 }, LIMITS), 'healthy: '],
  ['too many faults', checkRequests({ nCalls: 1000, nFaults: 11, p95Ms: 1 }, LIMITS), 'degraded: 1.1 % of 1000 calls failed; 1 % is allowed (health.errorRate)'],
  ['too slow', checkRequests({ nCalls: 1000, nFaults: 0, p95Ms: 500 }, LIMITS), 'degraded: 95 % of 1000 calls took up to 500 ms; 200 is allowed (health.latencyP95Ms)'],
  ['memory under pressure', checkMemory({ level: 'warning', usedBytes: 85 << 20, maxBytes: 100 << 20 }), 'healthy: '],
  ['memory critical', checkMemory({ level: 'critical', usedBytes: 91 << 20, maxBytes: 100 << 20 }), 'degraded: it is critical: 91 MiB of 100 MiB in use (memory.maxBytes); writes are refused and imports wait'],
  ['disk', checkDisk(1e12, DEFAULTS.storage), 'healthy: '],
  ['disk unknown', checkDisk(null, DEFAULTS.storage), 'healthy: '],
  ['disk full', checkDisk(0, DEFAULTS.storage), 'degraded: 0 MiB free; 128 MiB are wanted (storage.minFreeBytes)'],
  ['import complete', checkImport({ state: 'complete', files_done: 1, files_total: 1 }), 'healthy: '],
  ['import running', checkImport({ state: 'running', files_done: 1, files_total: 2 }), 'healthy: '],
  ['import waiting', checkImport({ state: 'waiting', files_done: 1, files_total: 2 }), 'degraded: waiting for memory after 1 of 2 files; answers may be behind the files'],
  ['import never', checkImport({ state: 'never', files_done: 0, files_total: 0 }), 'degraded: nothing has been imported yet'],
  ['import interrupted', checkImport({ state: 'interrupted', files_done: 1, files_total: 2 }), 'degraded: the last import ended early, after 1 of 2 files; answers may be incomplete'],
  ['log', checkLog(0), 'healthy: '],
  ['log lines lost', checkLog(2), 'degraded: 2 lines could not be written'],
])('%s', (_, found, expected) => {
  expect(verdict(found)).toBe(expected)
  expect(found.remedy === null).toBe(found.status === 'healthy')
})

test('the window of an interval counts our faults, not those of callers, and leaves long calls out', () => {
  const recorder = createMetricRecorder()
  const call = recorder.histogram('elixir_scope_rpc_duration_seconds', ['get_module'])
  call.observe(60)
  const before = requestTotals(recorder.records())
  for (let i = 0; i < 95; i++) call.observe(0.0001)
  for (let i = 0; i < 5; i++) call.observe(1)
  recorder.histogram('elixir_scope_rpc_duration_seconds', ['import_project']).observe(40)
  recorder.counter('elixir_scope_rpc_errors_total', ['get_module', 'not_found']).add(7)
  recorder.counter('elixir_scope_rpc_errors_total', ['get_module', 'internal']).add(2)
  recorder.counter('elixir_scope_rpc_errors_total', ['get_module', 'timeout']).add(1)
  expect(requestWindow(before, requestTotals(recorder.records()))).toEqual({ nCalls: 100, nFaults: 3, p95Ms: 0.1 })
  call.observe(1)
  expect(requestWindow(before, requestTotals(recorder.records())).p95Ms).toBe(1000)
})

test('who waits for a task says nothing about how the daemon does, however long it takes and whatever became of it', () => {
  const recorder = createMetricRecorder()
  recorder.histogram('elixir_scope_rpc_duration_seconds', ['task.await']).observe(20)
  recorder.counter('elixir_scope_rpc_errors_total', ['task.await', 'timeout']).add(1)
  expect(requestWindow(NO_REQUESTS, requestTotals(recorder.records()))).toEqual({ nCalls: 0, nFaults: 0, p95Ms: 0 })
})

test('a window without calls, and one with calls beyond all bounds', () => {
  const recorder = createMetricRecorder()
  expect(requestWindow(NO_REQUESTS, requestTotals([]))).toEqual({ nCalls: 0, nFaults: 0, p95Ms: 0 })
  recorder.histogram('elixir_scope_rpc_duration_seconds', ['hello']).observe((METRICS.elixir_scope_rpc_duration_seconds.buckets.at(-1) ?? 0) + 1)
  expect(requestWindow(NO_REQUESTS, requestTotals(recorder.records()))).toEqual({ nCalls: 1, nFaults: 0, p95Ms: Infinity })
})

test('a node whose needs do not all run says for whom it waits', () => {
  const node = (id: string, state: TreeNode['state'], children: TreeNode[] = []): TreeNode => ({ id, kind: 'actor', state, restart: 'permanent', restarts: 0, children })
  const needs = { Reader: ['Core', 'pool'], Other: ['Core'], Late: ['Absent'] }
  expect(checkDependencies(node('root', 'running', [node('Core', 'running'), node('pool', 'running')]), { Reader: ['Core', 'pool'] })).toEqual([])
  const found = checkDependencies(node('root', 'running', ['Reader', 'Other', 'Late'].map((id) => node(id, 'running')).concat([node('Core', 'running'), node('pool', 'restarting')])), { ...needs, Nobody: ['Absent'] })
  expect(found.map(({ name, status, reason }) => [name, status, reason])).toEqual([
    ['Reader needs', 'degraded', 'waits for pool (restarting)'], ['Late needs', 'degraded', 'waits for Absent (absent)'],
  ])
})

test('a store that was set aside is degraded until an import has ended, and says what was lost', () => {
  const startedAt = '2026-01-02T03:00:00.000Z'
  const setAside = { path: '/state/damaged-x', at: '2026-01-02T03:00:01.000Z', reason: 'pages', why: 'page 7 is not as it was written', carriedOver: { kept: 5, lost: 2 } } as const
  expect(checkStore(undefined, startedAt, { state: 'never' }).status).toBe('healthy')
  expect(checkStore(setAside, startedAt, { state: 'running' })).toEqual({
    name: 'store', importance: 'supporting', status: 'degraded', remedy: 'nothing needs to be done; the damaged store is in /state/damaged-x',
    reason: 'it was damaged (page 7 is not as it was written) and is being built anew from the files; of what clients had stored 5 modules are kept, 2 lost',
  })
  expect(checkStore({ ...setAside, carriedOver: { kept: 0, lost: null } }, startedAt, { state: 'running' }).reason).toContain('0 modules are kept, an unknown number lost')
  expect(checkStore(setAside, startedAt, { state: 'complete' }).status).toBe('healthy')
  expect(checkStore(setAside, '2026-01-02T04:00:00.000Z', { state: 'interrupted' }).status).toBe('healthy')
})

const WATCHED: WatcherStatus = { phase: 'watching', means: 'directories', reason: undefined, nDirectories: 1, problems: [], windowMs: 10, nPending: 0, nEvents: 0, nCasts: 0, nRescans: 0, lastRescan: undefined }

test('following files: what keeps changes out of the store is said with its remedy', () => {
  const full = failure('storage_full', 'no space is left for the store /state/db', { hint: 'free disk space' })
  expect(checkWatching(WATCHED, 3, full)).toEqual({
    name: 'following files', importance: 'supporting', status: 'degraded',
    reason: 'changes cannot be stored: no space is left for the store /state/db; 3 changed files are not in yet', remedy: 'free disk space',
  })
  expect(checkWatching({ ...WATCHED, phase: 'absent', reason: 'the project directory is not there' }, 1, failure('unavailable', 'it is restarting'))).toMatchObject({
    reason: 'the project directory is not there; changes cannot be stored: it is restarting; 1 changed files are not in yet',
    remedy: 'bring the project directory back, or stop the daemon: it answers from what it knew; the log says why; it is tried again every 10 s at least',
  })
  expect(checkWatching(WATCHED, 3, undefined).status).toBe('healthy')
})

test.each<[string, Partial<WatcherStatus> | undefined, number, string, string | null]>([
  ['not asked yet', undefined, 0, 'healthy', null],
  ['at the start', { phase: 'starting' }, 3, 'healthy', null],
  ['all is well', { phase: 'watching' }, 0, 'healthy', null],
  ['paths that cannot be read', { phase: 'degraded', reason: 'lib/x cannot be read (EACCES)', problems: [{ path: 'lib/x', code: 'EACCES', message: '' }, { path: 'lib/y', code: 'EACCES', message: '' }] }, 0,
    'degraded', 'lib/x cannot be read (EACCES) (and 1 more)'],
  ['the limit of watches', { phase: 'polling', reason: 'the system refuses to watch more (ENOSPC)' }, 2, 'degraded', 'the system refuses to watch more (ENOSPC); 2 changed files are not in yet'],
  ['a project that is gone', { phase: 'absent', reason: 'the project directory is not there' }, 0, 'degraded', 'the project directory is not there'],
])('following files: %s', (_name, status, nPending, expected, reason) => {
  const found = checkWatching(status && { ...WATCHED, ...status }, nPending, undefined)
  expect([found.status, found.reason]).toEqual([expected, reason])
  expect(found.remedy === null).toBe(expected === 'healthy')
})

test('events: well, in want of room, or damaged, each with what to do', () => {
  const well = { waiting_blocks: 0, last_problem: null, set_aside: [] }
  expect(checkEvents(undefined).status).toBe('healthy')
  expect(checkEvents(well).status).toBe('healthy')
  for (const status of [{ ...well, last_problem: 'cannot append: ENOSPC' }, { ...well, waiting_blocks: 2 }, { ...well, set_aside: [{ path: '/e/set-aside/1', why: 'its checksum is another' }, { path: '/e/set-aside/2', why: '' }] }]) {
    expect(checkEvents(status)).toMatchObject({ name: 'events', status: 'degraded', reason: expect.any(String) as unknown, remedy: expect.any(String) as unknown })
  }
  expect(checkEvents({ ...well, last_problem: 'cannot append: ENOSPC' }).reason).toBe('events cannot be stored: cannot append: ENOSPC')
})
