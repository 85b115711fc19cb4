/** Figures of any window, from summaries and from rows, against a count over the events that a query finds there. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { figuresIn } from '../../../src/engine/runtime/figures.ts'
import { finish, runQuery } from '../../../src/event/query/run.ts'
import { seed, type TestEvent } from '../../event/batches.ts'
import { runtime, T0, type Runtime } from './runtime.ts'

const MFAS = ['A.f/0', 'A.g/1', 'B.h/0', 'B.-h/0-fun-0-/1']
const CALLERS = ['A.f/0 lib/a.ex:3', 'B.h/0 lib/b.ex:4', undefined]

const step: fc.Arbitrary<readonly TestEvent[] | 'seal' | 'prune'> = fc.oneof({ weight: 2, arbitrary: fc.constantFrom('seal' as const, 'seal' as const, 'prune' as const) }, {
  weight: 5,
  arbitrary: fc.array(fc.record({ type: fc.constantFrom('call' as const, 'return' as const, 'exception' as const, 'send' as const), ts: fc.integer({ min: 0, max: 30 }), pid: fc.constantFrom('0.1.0', '0.2.0'), mfa: fc.constantFrom(...MFAS), caller: fc.constantFrom(...CALLERS) }), { minLength: 1, maxLength: 15 }).map((events) =>
    events.map(({ caller, ...event }) => ({ ...event, ...(caller === undefined || event.type !== 'call' ? {} : { caller }) }))),
})
const moment = fc.option(fc.integer({ min: -2, max: 33 }), { nil: undefined })

type Counted = { calls: number; returns: number; exceptions: number; timed: number; sumNs: number; ownNs: number }

function naive({ context }: Runtime, window: { sinceNs?: bigint; untilNs?: bigint }): Record<string, Counted> {
  const { events } = context(({ queries }) => finish(runQuery(queries, { filter: window, order: 'asc', limit: 100_000 })))
  const all: Record<string, Counted> = {}
  for (const { type, mfa, caller, durationNs, ownNs } of events) {
    if (type !== 'call' && type !== 'return' && type !== 'exception') continue
    const sums = (all[JSON.stringify([mfa, caller])] ??= { calls: 0, returns: 0, exceptions: 0, timed: 0, sumNs: 0, ownNs: 0 })
    sums[`${type}s`]++
    if (durationNs === null) continue
    sums.timed++
    sums.sumNs += durationNs
    sums.ownNs += ownNs ?? 0
  }
  return all
}

test('the figures of a window are those of its events, whatever is summed up, cut, open or kept', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 12 }), fc.array(fc.tuple(moment, moment), { minLength: 1, maxLength: 4 }), (steps, windows) => {
    const program = runtime(20)
    for (const one of steps) {
      if (one === 'seal') program.seal()
      else if (one === 'prune') program.prune()
      else program.take(one)
      for (const [since, until] of windows) {
        const window = { ...(since === undefined ? {} : { sinceNs: T0 + BigInt(since) }), ...(until === undefined ? {} : { untilNs: T0 + BigInt(until) }) }
        const figures = program.context((context) => figuresIn(context, window))
        const found = Object.fromEntries(figures.map(({ site: { mfa, caller }, summary: { calls, returns, exceptions, timed, sumNs, ownNs } }) => [JSON.stringify([mfa, caller]), { calls, returns, exceptions, timed, sumNs, ownNs }]))
        expect(found).toEqual(naive(program, window))
      }
    }
  }), { numRuns: 40, ...seed })
})

test('sums of sealed blocks are kept and carried on, and asked for again they are the same', () => {
  const program = runtime(20)
  const calls = () => program.context((context) => figuresIn(context, {}).reduce((sum, { summary }) => sum + summary.calls, 0))
  const kept = () => program.context(({ caches }) => [...caches.figures.values()].map(({ numbers }) => numbers.length).sort((a, b) => a - b))
  for (let idx = 1; idx <= 40; idx++) {
    program.take([{ type: 'call', ts: idx, pid: '0.1.0', mfa: 'A.f/0' }])
    expect([calls(), calls()]).toEqual([idx, idx])
    program.seal()
  }
  expect([calls(), calls(), kept()]).toEqual([40, 40, [9, 31]])
  program.prune()
  expect([calls(), calls(), kept()]).toEqual([39, 39, [9, 30]])
})

test.each(['filled on', 'sealed'])('a question sees the rows that were there when it began, though the block was %s since', (since) => {
  const program = runtime(20)
  program.take([{ type: 'call', ts: 1, pid: '0.1.0', mfa: 'A.f/0' }])
  const blocks = program.context(({ queries }) => queries.blocks)
  program.take([{ type: 'call', ts: 2, pid: '0.1.0', mfa: 'A.f/0' }])
  if (since === 'sealed') program.seal()
  const calls = program.context((context) => figuresIn({ ...context, queries: { ...context.queries, blocks } }, {}).map(({ summary }) => summary.calls))
  expect(calls).toEqual([1])
})
