/** The bulkhead: places and order by table, and any history against a model that keeps plain lists. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBulkhead } from '../../src/otp/bulkhead.ts'
import type { Bulkhead } from '../../src/otp/bulkhead.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

function enterAll(bulkhead: Bulkhead<string>, lane: string, n: number): string[] {
  return Array.from({ length: n }, (_, i) => bulkhead.enter(lane, `${lane}${i}`))
}

test('a lane takes size places, both together size + overflow, and what waits is bounded by lane', () => {
  const bulkhead = createBulkhead<string>({ size: 4, overflow: 2, maxWaiting: 1 })
  expect(enterAll(bulkhead, 'batch', 6)).toEqual(['run', 'run', 'run', 'run', 'wait', 'refused'])
  expect(enterAll(bulkhead, 'single', 4)).toEqual(['run', 'run', 'wait', 'refused'])
  expect(bulkhead.loads()).toEqual({ batch: { running: 4, waiting: 1, refused: 1 }, single: { running: 2, waiting: 1, refused: 1 } })
})

test('a lane that is full leaves the overflow to others even while it has work waiting', () => {
  const bulkhead = createBulkhead<string>({ size: 2, overflow: 1, maxWaiting: 100 })
  enterAll(bulkhead, 'batch', 50)
  for (let n = 0; n < 20; n++) {
    expect(bulkhead.enter('single', 'save')).toBe('run')
    expect(bulkhead.leave('single')).toBeUndefined()
    bulkhead.leave('batch')
  }
})

test('a free place goes to the lane that runs the fewest, among equals to the one served longest ago', () => {
  const bulkhead = createBulkhead<string>({ size: 1, overflow: 0, maxWaiting: 10 })
  enterAll(bulkhead, 'a', 4)
  enterAll(bulkhead, 'b', 3)
  const order: string[] = []
  for (let lane = 'a', next = bulkhead.leave(lane); next !== undefined; next = bulkhead.leave(lane)) {
    order.push(next)
    lane = next.slice(0, 1)
  }
  expect(order).toEqual(['b0', 'a1', 'b1', 'a2', 'b2', 'a3'])
})

test('what is taken out no longer waits', () => {
  const bulkhead = createBulkhead<string>({ size: 1, overflow: 0, maxWaiting: 10 })
  enterAll(bulkhead, 'a', 4)
  expect(bulkhead.remove((item) => item !== 'a2')).toEqual(['a1', 'a3'])
  expect(bulkhead.leave('a')).toBe('a2')
  expect(bulkhead.leave('a')).toBeUndefined()
})

test('to leave without having entered is a bug', () => {
  expect(() => createBulkhead({ size: 1, overflow: 0, maxWaiting: 1 }).leave('a')).toThrow('somebody runs in lane a')
})

type Model = { running: string[]; waiting: { lane: string; item: number }[]; served: Map<string, number> }

const step = fc.record({ what: fc.constantFrom('enter', 'enter', 'enter', 'leave', 'leave', 'remove'), lane: fc.constantFrom('a', 'b', 'c'), pick: fc.nat(1000) })

test('any history: as the model has it, in bounds, and nothing waits that could run', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.array(step, { maxLength: 80 }), (size, overflow, maxWaiting, steps) => {
    const bulkhead = createBulkhead<number>({ size, overflow, maxWaiting })
    const model: Model = { running: [], waiting: [], served: new Map() }
    const runningIn = (lane: string): number => model.running.filter((one) => one === lane).length
    const waitingIn = (lane: string): number => model.waiting.filter((one) => one.lane === lane).length
    const couldRun = (lane: string): boolean => runningIn(lane) < size && model.running.length < size + overflow
    const run = (lane: string, at: number): void => {
      model.running.push(lane)
      model.served.set(lane, at)
    }
    steps.forEach(({ what, lane, pick }, at) => {
      if (what === 'enter') {
        const expected = couldRun(lane) ? 'run' : waitingIn(lane) < maxWaiting ? 'wait' : 'refused'
        expect(bulkhead.enter(lane, at)).toBe(expected)
        if (expected === 'run') run(lane, at)
        if (expected === 'wait') model.waiting.push({ lane, item: at })
      } else if (what === 'remove') {
        const gone = model.waiting.filter(({ item }) => item % 3 === pick % 3)
        const taken = bulkhead.remove((item) => item % 3 === pick % 3)
        expect(new Set(taken)).toEqual(new Set(gone.map(({ item }) => item)))
        model.waiting = model.waiting.filter((one) => !gone.includes(one))
      } else if (model.running.length > 0) {
        const left = model.running.splice(pick % model.running.length, 1)[0] ?? ''
        const lanes = ['a', 'b', 'c'].filter((one) => waitingIn(one) > 0 && couldRun(one))
          .toSorted((x, y) => runningIn(x) - runningIn(y) || (model.served.get(x) ?? -1) - (model.served.get(y) ?? -1))
        const [chosen] = lanes
        const next = model.waiting.find((one) => one.lane === chosen)
        const first = bulkhead.leave(left)
        // Lanes that were never served are equal: any of them may be next.
        if (chosen !== undefined && model.served.has(chosen)) expect(first).toBe(next?.item)
        const taken = model.waiting.find(({ item }) => item === first)
        expect(taken === undefined).toBe(lanes.length === 0)
        if (taken !== undefined) {
          model.waiting = model.waiting.filter((one) => one !== taken)
          run(taken.lane, at)
        }
      }
      const loads = Object.values(bulkhead.loads())
      expect(loads.reduce((sum, { running }) => sum + running, 0)).toBe(model.running.length)
      expect(loads.reduce((sum, { waiting }) => sum + waiting, 0)).toBe(model.waiting.length)
      expect(loads.every(({ running, waiting }) => running <= size && waiting <= maxWaiting)).toBe(true)
      expect(model.running.length).toBeLessThanOrEqual(size + overflow)
      expect(model.waiting.some((one) => couldRun(one.lane))).toBe(false)
    })
  }), seed)
})
