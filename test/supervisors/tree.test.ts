/**
 * The tree against what the requirement documents write, name by name, and docs/SUPERVISION.md against the tree. A node that
 * is missing must be one that is known to come later.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'
import type { NodeSpec } from '../../src/otp/node/tree-spec.ts'
import { AST, DEPENDENCIES, LATER, placesOf, TREE } from '../../supervisors/placement.ts'
import { supervisionTables } from '../../supervisors/reference.ts'
import { supervisionTree, type TreeInits } from '../../supervisors/tree.ts'

/** With every part switched on. */
const WHOLE = { ...DEFAULTS, capture: { ...DEFAULTS.capture, enabled: true } }
const INITS = { repository: { parserThreads: 3 }, gateway: {}, memory: {}, sync: {}, capture: {}, querying: {} } as unknown as TreeInits

/** Supervisor -> strategy and children with their restart types, as the documents have them; X: decided otherwise, see docs/DEVIATIONS.md. */
const SPECIFIED: Readonly<Record<string, readonly [strategy: string, children: Readonly<Record<string, string>>]>> = {
  'Supervisor': ['one_for_one', {
    'Repository.Supervisor': 'permanent', 'Parsing.Supervisor': 'permanent', 'Analysis.Supervisor': 'permanent', 'Querying.Supervisor': 'permanent',
    'Synchronization.Supervisor': 'permanent', TaskSupervisor: 'permanent',
  }],
  TaskSupervisor: ['simple_one_for_one', { Task: 'temporary' }],
  'Repository.Supervisor': ['one_for_one', { 'Repository.Core': 'permanent', 'Repository.Enhanced': 'permanent', 'Repository.MemoryManager.Supervisor': 'permanent' }],
  'Repository.MemoryManager.Supervisor': ['rest_for_one', {
    'Repository.MemoryManager.Monitor': 'permanent', 'Repository.MemoryManager.CacheManager': 'permanent',
    'Repository.MemoryManager.Cleaner': 'temporary', 'Repository.MemoryManager.PressureHandler': 'permanent',
  }],
  'Parsing.Supervisor': ['one_for_one', { 'Parsing.Parser': 'permanent', 'Parsing.InstrumentationMapper': 'permanent', 'Parsing.BatchProcessor': 'transient' }],
  'Analysis.Supervisor': ['one_for_one', { 'Analysis.PatternMatcher.Supervisor': 'permanent', 'Analysis.PerformanceOptimizer.Supervisor': 'permanent' }],
  'Analysis.PatternMatcher.Supervisor': ['one_for_one', {
    'Analysis.PatternMatcher.Core': 'permanent', 'Analysis.PatternMatcher.PatternLibrary': 'permanent', 'Analysis.PatternMatcher.Cache': 'permanent',
    'Analysis.PatternMatcher.WorkerPool': 'permanent',
  }],
  'Analysis.PerformanceOptimizer.Supervisor': ['one_for_one', {
    'Analysis.PerformanceOptimizer.BatchProcessor': 'permanent', 'Analysis.PerformanceOptimizer.LazyLoader': 'permanent',
    'Analysis.PerformanceOptimizer.OptimizationScheduler': 'permanent', 'Analysis.PerformanceOptimizer.StatisticsCollector': 'permanent',
  }],
  'Querying.Supervisor': ['one_for_one', { 'Querying.Executor': 'permanent', 'Querying.Cache': 'permanent', 'Querying.WorkerPool': 'permanent' }],
  'Synchronization.Supervisor': ['rest_for_one', {
    'Synchronization.FileWatcher': 'permanent', 'Synchronization.Synchronizer': 'permanent', 'Synchronization.IncrementalUpdater': 'permanent',
  }],
}

function nodes(spec: NodeSpec): NodeSpec[] {
  return [spec, ...(spec.start?.kind === 'supervisor' ? spec.start.children.flatMap(nodes) : [])]
}

const specs = new Map(nodes(supervisionTree(WHOLE, INITS)).map((spec) => [spec.id ?? '', spec]))

test('every node that is written down is in the tree with its strategy and restart type, or is known to come later', () => {
  for (const [name, [strategy, children]] of Object.entries(SPECIFIED)) {
    const supervisor = specs.get(`${AST}.${name}`)
    if (supervisor === undefined) expect(Object.keys(LATER)).toContain(`${AST}.${name}`)
    else expect([name, supervisor.start?.kind === 'supervisor' ? supervisor.start.flags.strategy : '']).toEqual([name, strategy])
    const found = supervisor?.start?.kind === 'supervisor' ? supervisor.start.children : []
    for (const [child, restart] of Object.entries(children)) {
      const spec = found.find(({ id }) => id === `${AST}.${child}`)
      if (spec === undefined) expect(Object.keys(LATER)).toContain(`${AST}.${child}`)
      else expect([child, spec.restart ?? 'permanent']).toEqual([child, restart])
    }
    const order = found.map(({ id }) => id ?? '').filter((id) => Object.hasOwn(children, id.slice(AST.length + 1)))
    expect(order).toEqual(Object.keys(children).map((child) => `${AST}.${child}`).filter((id) => order.includes(id)))
  }
})

test('what is said to come later is not in the tree', () => {
  expect(Object.keys(LATER).filter((name) => specs.has(name))).toEqual([])
})

test('dependencies are nodes of the tree, and start before those that need them', () => {
  const order = placesOf(TREE).map(({ name }) => name)
  for (const [name, needed] of Object.entries(DEPENDENCIES)) {
    expect(order).toContain(name)
    expect(needed.filter((other) => !order.slice(0, order.indexOf(name)).includes(other))).toEqual([])
  }
})

test('intensities are those of the class, times the factor of the configuration', () => {
  const flagsOf = (spec: NodeSpec | undefined) => (spec?.start?.kind === 'supervisor' ? [spec.start.flags.intensity, spec.start.flags.period] : [])
  expect(flagsOf(specs.get('ElixirScope.Supervisor'))).toEqual([3, 10])
  expect(flagsOf(specs.get(`${AST}.Repository.Supervisor`))).toEqual([5, 10])
  expect(flagsOf(specs.get(`${AST}.Parsing.WorkerPool`))).toEqual([10, 5])
  expect(flagsOf(supervisionTree({ ...DEFAULTS, supervision: { ...DEFAULTS.supervision, intensityFactor: 100 } }, INITS))).toEqual([300, 10])
})

test('children are given less time to end than the whole daemon, in the order of the end', () => {
  const shutdowns = placesOf(TREE).flatMap((place) => (place.kind === 'thread' || place.kind === 'pool' ? [Number(place.shutdown)] : []))
  expect(shutdowns.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(DEFAULTS.supervision.stopTimeoutMs)
})

test('what the configuration says of supervision reaches every thread', () => {
  const supervision = { ...DEFAULTS.supervision, heartbeatMs: 11, unresponsiveMs: 222, startTimeoutMs: 3333 }
  const starts = nodes(supervisionTree({ ...DEFAULTS, supervision }, INITS)).map(({ start }) => start)
  const times = starts.flatMap((start) => (start?.kind === 'thread' ? [start.times] : []))
  expect(times.length).toBeGreaterThan(0)
  for (const one of times) expect(one).toEqual({ heartbeatMs: 11, silenceMs: 222, startTimeoutMs: 3333 })
  expect(starts.find((start) => start?.kind === 'pool')).toMatchObject({ startTimeoutMs: 3333 })
})

test('docs/SUPERVISION.md shows this tree', async () => {
  const path = join(import.meta.dirname, '../../docs/SUPERVISION.md')
  const written = readFileSync(path, 'utf8')
  const tables = supervisionTables()
  for (const name of Object.keys(tables)) expect(written).toContain(`<!-- drawn: ${name} -->`)
  const drawn = written.replaceAll(/(<!-- drawn: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g, (_all, opening: string, name: string, closing: string) => `${opening}${tables[name] ?? ''}\n${closing}`)
  await expect(drawn).toMatchFileSnapshot(path)
})
