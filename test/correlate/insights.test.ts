/** Insights over blocks that the writer filled: the figures are those of the events, whichever blocks they came in. */

import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import {
  complexAndHot, executedButUntested, insightsBy, neverExecuted, observedEdges, type SiteFigures, type WrittenEdge, type WrittenFunction,
} from '../../src/correlate/insights.ts'
import type { EventFunction } from '../../src/model/event.ts'
import { siteOf } from '../../src/event/names.ts'
import { append, beginBlock } from '../../src/event/writer.ts'
import { openWriter } from '../../src/event/writer-state.ts'
import { batchOf, type TestEvent } from '../event/batches.ts'
import { newBlock } from '../event/rows.ts'
import { summarise } from '../event/summaries.ts'

const WRITTEN: readonly WrittenFunction[] = [
  { module: 'A', name: 'f', arity: 1, defaults: 0, cyclomatic: 7 }, { module: 'A', name: 'g', arity: 2, defaults: 1, cyclomatic: 1 },
  { module: 'A', name: 'idle', arity: 0, defaults: 0, cyclomatic: 1 }, { module: 'B', name: 'h', arity: 1, defaults: 0, cyclomatic: 2 },
  { module: 'B', name: 'untraced', arity: 0, defaults: 0, cyclomatic: 9 },
]
const EDGES: readonly WrittenEdge[] = [
  { caller: 'A.f/1', callee: 'A.g/2', node: 'A.f/1#1/g' }, { caller: 'A.f/1', callee: 'B.h/1', node: 'A.f/1#1/h' },
  { caller: 'A.f/1', callee: 'B.h/1', node: 'A.f/1#1/h:2' }, { caller: 'A.idle/0', callee: 'B.h/1', node: 'A.idle/0#1/h' },
]

/** One call and its return: who, from where, when, and for how long. */
const done = (mfa: string, caller: string | undefined, node: string | undefined, [from, to]: readonly [number, number]): TestEvent[] => [
  { type: 'call', ts: from, pid: '0.1.0', mfa, ...(caller === undefined ? {} : { caller }), ...(node === undefined ? {} : { node }) },
  { type: 'return', ts: to, pid: '0.1.0', mfa },
]

/** Each list of events in a block of its own. */
function figuresOf(...blocks: readonly (readonly TestEvent[])[]): SiteFigures[] {
  const writer = openWriter()
  const figures = blocks.flatMap((events, idx) => {
    const block = newBlock()
    beginBlock(writer, block, idx + 1)
    expect(append(writer, batchOf(events.toSorted((a, b) => a.ts - b.ts)), { node: 'a@b', startNs: 1n }, () => ({ nodeId: null, evidence: 'none' }))).toBe('appended')
    return Array.from(summarise(block), ([site, summary]) => ({ site: must(siteOf(block, site), 'a site of the block'), summary }))
  })
  // The builder of batches reads no names with a slash.
  const named = <T extends EventFunction>(fn: T): T => (fn.function === 'fun_in_f' ? { ...fn, function: '-f/1-fun-0-' } : fn)
  return figures.map(({ site, summary }) => ({ summary, site: { ...site, mfa: site.mfa && named(site.mfa), caller: site.caller && named(site.caller) } }))
}

const first = [
  ...done('A.f/1', undefined, undefined, [0, 1000]),
  ...done('A.g/1', 'A.f/1 lib/a.ex:3', 'A.f/1#1/g', [100, 100]),
  ...done('A.g/2', 'A.f/1 lib/a.ex:3', undefined, [110, 210]),
  ...done('B.h/1', 'A.f/1 lib/a.ex:4', 'A.f/1#1/h', [300, 700]),
]
const second = [...done('B.h/1', 'A.f/1 lib/a.ex:4', 'A.f/1#1/h', [800, 1000]), ...done('B.h/1', 'A.fun_in_f/1 lib/a.ex:9', undefined, [1200, 1500]), ...done('A.fun_in_f/1', undefined, undefined, [1600, 1700])]
const figures = figuresOf(first, second)

test('functions: an arity that defaults generate counts once, funs belong to their function', () => {
  const insights = insightsBy('function', figures, WRITTEN)
  expect(insights.get('A.g/2')).toMatchObject({ calls: 1, timed: 1, totalNs: 100, callers: [{ function: 'A.f/1', calls: 1 }] })
  expect(insights.has('A.g/1')).toBe(false)
  expect(insights.get('B.h/1')).toMatchObject({ calls: 3, returns: 3, exceptions: 0, totalNs: 900, meanNs: 300, maxNs: 400, callers: [{ function: 'A.f/1', calls: 3 }] })
  expect(insights.get('A.f/1')).toMatchObject({ calls: 1, ownNs: 500, callees: [{ function: 'B.h/1', calls: 3 }, { function: 'A.g/2', calls: 1 }] })
  expect(Math.abs(must(insights.get('B.h/1')?.p50Ns, 'a quantile') - 300)).toBeLessThanOrEqual(300 / 128)
})

test('the blocks that events came in make no difference, nor does their order', () => {
  const one = figuresOf([...first, ...second.map((event) => ({ ...event, ts: event.ts + 10_000 }))])
  const sorted = (of: readonly SiteFigures[]) => Array.from(insightsBy('function', of, WRITTEN)).toSorted(([a], [b]) => (a < b ? -1 : 1))
  expect(sorted(one)).toEqual(sorted(figures))
  expect(sorted(figures.toReversed())).toEqual(sorted(figures))
})

test('nodes and modules', () => {
  expect(Array.from(insightsBy('node', figures, WRITTEN), ([node, { calls }]) => [node, calls])).toEqual([['A.f/1#1/h', 2]])
  const modules = insightsBy('module', figures, WRITTEN)
  expect([modules.get('A')?.calls, modules.get('B')?.calls]).toEqual([2, 3])
})

test('never executed: what was traced and not called; what was not traced is not said to be idle', () => {
  expect(neverExecuted(WRITTEN, figures, ({ function: name }) => name !== 'untraced')).toEqual(['A.idle/0'])
})

test('executed, but in no test', () => {
  const tested = figuresOf(done('A.f/1', undefined, undefined, [0, 10]))
  expect(executedButUntested(WRITTEN, figures, tested)).toEqual(['A.g/2', 'B.h/1'])
})

test('edges: each place with its own count, what is only seen after what is written', () => {
  const more = [...figures, ...figuresOf(done('A.idle/0', 'C.run/0 lib/c.ex:1', undefined, [0, 1]))]
  expect(observedEdges(EDGES, WRITTEN, more).map(({ caller, callee, node, calls, grade }) => [caller, callee, node, calls, grade])).toEqual([
    ['A.f/1', 'A.g/2', 'A.f/1#1/g', 1, 'written and observed'],
    ['A.f/1', 'B.h/1', 'A.f/1#1/h', 2, 'written and observed'],
    ['A.f/1', 'B.h/1', 'A.f/1#1/h:2', 0, 'written'],
    ['A.idle/0', 'B.h/1', 'A.idle/0#1/h', 0, 'written'],
    ['C.run/0', 'A.idle/0', null, 1, 'observed'],
  ])
})

test('complex and hot: by own time, or by calls where no time is known', () => {
  expect(complexAndHot(WRITTEN, figures, 2)).toEqual(['A.f/1', 'B.h/1'])
  const untimed = figures.map(({ site, summary }) => ({ site, summary: { ...summary, ownNs: 0 } }))
  expect(complexAndHot(WRITTEN, untimed, 2)).toEqual(['A.f/1', 'B.h/1'])
  expect(complexAndHot(WRITTEN, untimed, 3)).toEqual(['A.f/1'])
})
