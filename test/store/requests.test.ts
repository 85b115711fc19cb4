/** A request is carried out at most once, and its repeats are answered as it was, whatever happens to the writer in between. */

import { DatabaseSync } from 'node:sqlite'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import type { Writer } from '../../src/store/contract.ts'
import { carryOver } from '../../src/engine/carry-over.ts'
import { KEPT_REQUESTS, LUMP } from '../../src/store/requests.ts'
import { salvage } from '../../src/store/salvage.ts'
import { migrate, MIGRATIONS } from '../../src/store/schema.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { error, NOW, openReaderAt, openWriterAt, temporaryPath, value } from './opened.ts'
import { module } from './sketch.ts'

const seeded = (numRuns: number) => ({ numRuns, ...(process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }) })

/** Ends with this instead of a commit. */
class Died extends Error {}

type Made = { readonly id: string; readonly call: string }

/** States a module, so that each that is carried out makes an epoch; what it answers tells which time it was. */
function stating(writer: Writer, request: Made | undefined, ran: string[], end: 'well' | 'refused' | 'dies' = 'well') {
  return writer.transaction((transaction) => {
    const n = ran.push(request?.id ?? 'none')
    value(transaction.storeClientModule({ facts: module(`Stated${n}`, {}, 0), path: null, document: { n } }))
    if (end === 'dies') throw new Died()
    return end === 'well' ? ok({ n, nested: [n, { text: 'ü' }], nothing: null }) : fail(failure('conflict', `refused ${n}`))
  }, { request })
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({
    type: fc.constant('call' as const), id: fc.option(fc.constantFrom('r1', 'r2', 'r3'), { nil: undefined }),
    call: fc.constantFrom('a', 'a', 'a', 'b'), end: fc.constantFrom('well', 'well', 'refused', 'dies'),
  }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('reopened', 'upkeep') }) },
)

test('at most once, and always the first answer', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
    const path = temporaryPath()
    let writer = openWriterAt(path)
    const ran: string[] = []
    const first = new Map<string, { call: string; answer: object }>()
    for (const next of steps) {
      if (next.type === 'upkeep') {
        value(writer.optimize())
        value(writer.vacuum())
      } else if (next.type === 'reopened') {
        writer.close()
        writer = openWriterAt(path)
      } else if ('id' in next) {
        const request = next.id === undefined ? undefined : { id: next.id, call: next.call }
        const known = first.get(next.id ?? '')
        const [before, nRan] = [writer.epoch(), ran.length]
        const make = () => stating(writer, request, ran, next.end)
        if (known !== undefined) {
          const again = make()
          if (known.call === next.call) expect(again).toEqual(ok(known.answer))
          else expect(error(again)).toMatchObject({ code: 'conflict' })
          expect([writer.epoch(), ran.length]).toEqual([before, nRan])
        } else if (next.end === 'dies') {
          expect(make).toThrow(Died)
          expect(writer.epoch()).toBe(before)
        } else {
          const done = make()
          expect(ran).toHaveLength(nRan + 1)
          expect(done.ok).toBe(next.end === 'well')
          if (done.ok) expect(done.value.epoch).toBe(before + 1)
          if (done.ok && request !== undefined) first.set(request.id, { call: request.call, answer: { ...done.value, changed: false } })
        }
      }
    }
    writer.close()
    expect(value(verifyPath(path))).toEqual([])
  }), seeded(60))
})

test('a repeat is answered before its expectations are looked at, and with the epoch of the first', () => {
  const writer = openWriterAt(temporaryPath())
  const request = { id: 'r', call: 'c' }
  const make = () => writer.transaction((transaction) => ok(value(transaction.storeClientModule({ facts: module('A', {}, 0), path: null, document: {} }, 0))), { request, expectedEpoch: 0 })
  expect(make()).toEqual(ok({ value: { key: 'A', version: 1 }, epoch: 1, writtenAt: new Date(NOW).toISOString(), changed: true }))
  stating(writer, undefined, [])
  expect(make()).toEqual(ok({ value: { key: 'A', version: 1 }, epoch: 1, writtenAt: new Date(NOW).toISOString(), changed: false }))
})

test('one that changed nothing is kept too, and keeping it makes no epoch', () => {
  const writer = openWriterAt(temporaryPath())
  const request = { id: 'r', call: 'c' }
  const cleanup = () => value(writer.transaction((transaction) => ok(transaction.cleanupClientModule('Stated1')), { request }))
  expect(cleanup()).toMatchObject({ value: 0, epoch: 0, changed: false })
  stating(writer, undefined, [])
  expect(cleanup()).toMatchObject({ value: 0, epoch: 0 })
  expect(writer.epoch()).toBe(1)
})

function kept(path: string): { n: number; oldest: string; bytes: number } {
  const db = new DatabaseSync(path, { readOnly: true })
  const row = db.prepare('SELECT count(*) AS n, (SELECT request FROM requests ORDER BY id LIMIT 1) AS oldest, sum(length(answer)) AS bytes FROM requests').get()
  db.close()
  return { ...row } as ReturnType<typeof kept>
}

test('the oldest go, by number, by age and by bytes', () => {
  const path = temporaryPath()
  let nowMs = NOW
  const writer = openWriterAt(path, { storage: 'memory', now: () => nowMs })
  const make = (id: string, answer: unknown): void => void value(writer.transaction(() => ok(answer), { request: { id, call: '' } }))
  for (let n = 1; n <= KEPT_REQUESTS.number + 3 * LUMP; n++) make(`number ${n}`, n)
  const { n, oldest } = kept(path)
  expect(n).toBeGreaterThanOrEqual(KEPT_REQUESTS.number)
  expect(n).toBeLessThan(KEPT_REQUESTS.number + LUMP)
  expect(oldest).toBe(`number ${KEPT_REQUESTS.number + 3 * LUMP - n + 1}`)
  nowMs += KEPT_REQUESTS.ageMs + 1
  for (let at = 1; at <= LUMP; at++) make(`age ${at}`, at)
  expect(kept(path).n).toBeLessThanOrEqual(LUMP)
  const large = 'x'.repeat(KEPT_REQUESTS.bytes / LUMP)
  for (let at = 1; at <= 2 * LUMP; at++) make(`bytes ${at}`, large)
  expect(kept(path).bytes).toBeLessThan(2 * KEPT_REQUESTS.bytes)
  expect(kept(path).oldest).toMatch(/^bytes/)
})

test('a store of the form before is brought to this one, with what it holds', () => {
  const path = temporaryPath()
  const db = new DatabaseSync(path)
  value(migrate(db, path, MIGRATIONS.slice(0, 2)))
  db.close()
  const writer = openWriterAt(path)
  const [first, again] = [1, 2].map(() => stating(writer, { id: 'r', call: 'c' }, []))
  expect(again).toEqual(ok({ ...value(first ?? fail(failure('internal', ''))), changed: false }))
})

test('answers of a damaged store are taken over when every statement is, and not when one is lost', () => {
  const path = temporaryPath()
  const writer = openWriterAt(path)
  const statement = (name: string) => ({ module_name: name })
  for (const name of ['A', 'B']) {
    value(writer.transaction((transaction) => transaction.storeClientModule({ facts: module(name, {}, 0), path: null, document: statement(name) }), { request: { id: name, call: 'c' } }))
  }
  writer.close()
  const salvaged = salvage(path)
  expect(salvaged).toMatchObject({ stated: 2, requests: [{ id: 'A', epoch: 1 }, { id: 'B', epoch: 2, value: { key: 'B', version: 2 } }] })
  for (const [documents, isKept] of [[salvaged.documents, true], [salvaged.documents.slice(1), false]] as const) {
    const fresh = openWriterAt(temporaryPath())
    value(carryOver(fresh, { ...salvaged, documents }))
    const again = fresh.transaction<unknown>(() => ok('anew'), { request: { id: 'B', call: 'c' } })
    expect(value(again)).toMatchObject(isKept ? { value: { key: 'B', version: 2 }, epoch: 2 } : { value: 'anew' })
  }
})

test('readers know nothing of it', () => {
  const path = temporaryPath()
  const writer = openWriterAt(path)
  stating(writer, { id: 'r', call: 'c' }, [])
  const before = openReaderAt(path).snapshot((s) => [s.epoch, s.exportRows({ limit: 100 }).items])
  for (const id of ['s', 't']) value(writer.transaction(() => ok(null), { request: { id, call: 'c' } }))
  expect(openReaderAt(path).snapshot((s) => [s.epoch, s.exportRows({ limit: 100 }).items])).toEqual(before)
})
