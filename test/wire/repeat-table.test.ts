/** A repeat is answered with the first result; the table stays within its bound. */

import { expect, test } from 'vitest'
import { failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import { createRepeatTable, fingerprint } from '../../src/wire/repeat-table.ts'

const CARRY_OUT = { type: 'carry_out' }

test('a repeat gets the first answer and is not carried out', () => {
  const table = createRepeatTable<string>(10)
  expect(table.begin('a', 'call', 'first')).toEqual(CARRY_OUT)
  expect(table.settle('a', ok(1))).toEqual(['first'])
  expect(table.begin('a', 'call', 'second')).toEqual({ type: 'answer', answer: ok(1) })
})

test('repeats while the first is under way wait for its answer', () => {
  const table = createRepeatTable<string>(10)
  table.begin('a', 'call', 'first')
  expect(table.begin('a', 'call', 'second')).toEqual({ type: 'wait' })
  expect(table.settle('a', ok(2))).toEqual(['first', 'second'])
})

test('the same id for another call is a conflict, under way and answered', () => {
  const table = createRepeatTable<string>(10)
  const conflict = { type: 'answer', answer: { ok: false, error: { code: 'conflict' } } }
  table.begin('a', 'call', 'first')
  expect(table.begin('a', 'another', 'second')).toMatchObject(conflict)
  table.settle('a', ok(1))
  expect(table.begin('a', 'another', 'second')).toMatchObject(conflict)
})

test('a refusal that was final is kept, one that leaves it open is not', () => {
  const table = createRepeatTable<string>(10)
  const refused = fail(failure('conflict', 'no'))
  for (const [id, answer] of [['a', refused], ['b', fail(failure('busy', 'later'))]] as const) {
    table.begin(id, 'call', 'first')
    table.settle(id, answer)
  }
  expect(table.begin('a', 'call', 'second')).toEqual({ type: 'answer', answer: refused })
  expect(table.begin('b', 'call', 'second')).toEqual(CARRY_OUT)
})

test('the oldest answers go first, those under way never', () => {
  const table = createRepeatTable<string>(3)
  table.begin('under way', 'call', 'first')
  for (const id of ['a', 'b', 'c', 'd']) {
    table.begin(id, 'call', id)
    table.settle(id, ok(id))
  }
  expect(table.size()).toBe(4)
  expect(table.begin('a', 'call', 'again')).toEqual(CARRY_OUT)
  expect(table.begin('d', 'call', 'again')).toEqual({ type: 'answer', answer: ok('d') })
  expect(table.begin('under way', 'call', 'again')).toEqual({ type: 'wait' })
})

test('calls are equal when method and arguments are', () => {
  expect(fingerprint('store_module', { a: [1] })).toBe(fingerprint('store_module', { a: [1] }))
  expect(fingerprint('store_module', { a: [1] })).not.toBe(fingerprint('store_module', { a: [2] }))
  expect(fingerprint('store_module', {})).not.toBe(fingerprint('store_function', {}))
})
