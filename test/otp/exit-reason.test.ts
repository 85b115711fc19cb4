/** Exit reasons cross threads unchanged and print as Erlang would. */

import { expect, test } from 'vitest'

import { failureIn, formatReason, isOrderly, KILLED, NORMAL, SHUTDOWN, toErrorValue, uncaught } from '../../src/otp/exit-reason.ts'
import type { ExitReason } from '../../src/otp/exit-reason.ts'

const deep = new Error('top', { cause: new TypeError('middle', { cause: 'bottom' }) })

test.each<[ExitReason, string, boolean]>([
  [NORMAL, 'normal', true],
  [SHUTDOWN, 'shutdown', true],
  [{ kind: 'shutdown', term: { step: 3 } }, '{shutdown, {"step":3}}', true],
  [{ kind: 'shutdown', term: { kind: 'failed_to_start_child', id: 'a', reason: { kind: 'oom' } } }, '{shutdown, {failed_to_start_child, a, oom}}', true],
  [KILLED, 'killed', false],
  [{ kind: 'noconnection' }, 'noconnection', false],
  [{ kind: 'oom' }, 'oom', false],
  [{ kind: 'exit_code', code: 13 }, '{exit_code, 13}', false],
  [{ kind: 'unresponsive', ms: 51 }, '{unresponsive, 51}', false],
  [uncaught(deep), '{uncaught, "Error: top, because TypeError: middle, because Thrown: bottom"}', false],
  [uncaught(undefined), '{uncaught, "Thrown: undefined"}', false],
  [uncaught(Symbol('s')), '{uncaught, "Thrown: Symbol(s)"}', false],
])('%o prints as %s', (reason, text, orderly) => {
  expect(formatReason(structuredClone(reason))).toBe(text)
  expect(isOrderly(reason)).toBe(orderly)
})

test('a cause that leads back to itself ends', () => {
  const loop = new Error('loop')
  loop.cause = loop
  let depth = 0
  for (let value = toErrorValue(loop).cause; value !== undefined; value = value.cause) depth += 1
  expect(depth).toBe(8)
})

test('the failure behind a failed start is found, however deep', () => {
  const failed: ExitReason = { kind: 'failed', failure: { code: 'damaged', message: 'm', hint: 'h' } }
  const nested: ExitReason = { kind: 'shutdown', term: { kind: 'failed_to_start_child', id: 'a', reason: { kind: 'shutdown', term: { kind: 'failed_to_start_child', id: 'b', reason: failed } } } }
  expect(failureIn(nested)).toEqual({ code: 'damaged', message: 'm', hint: 'h' })
  expect(failureIn({ kind: 'shutdown', term: 7 })).toBeUndefined()
  expect(failureIn({ kind: 'failed_to_start_child', id: 'a', reason: { kind: 'oom' } })).toBeUndefined()
})
