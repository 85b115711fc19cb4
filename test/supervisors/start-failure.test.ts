/** Why a daemon did not start, as its user reads it. */

import { expect, test } from 'vitest'
import type { ExitReason } from '../../src/otp/exit-reason.ts'
import { startFailure } from '../../supervisors/start-failure.ts'

function inTree(reason: ExitReason): ExitReason {
  const gateway: ExitReason = { kind: 'failed_to_start_child', id: 'gateway', reason }
  return { kind: 'shutdown', term: { kind: 'failed_to_start_child', id: 'Threads', reason: { kind: 'shutdown', term: gateway } } }
}

test('a typed failure is told as it stands, with its remedy and the log', () => {
  const failed: ExitReason = { kind: 'failed', failure: { code: 'conflict', message: 'the port is in use', hint: 'take another' } }
  expect(startFailure(inTree(failed), '/s/daemon.log')).toEqual({
    code: 'conflict', message: 'the port is in use', hint: 'take another; the log is /s/daemon.log',
  })
})

test.each<[ExitReason, string]>([
  [{ kind: 'uncaught', error: { name: 'Error', message: 'no disk', cause: { name: 'Error', message: 'unplugged' } } }, 'gateway: no disk, because unplugged'],
  [{ kind: 'start_timeout', ms: 5000 }, 'gateway was not ready within 5000 ms'],
  [{ kind: 'oom' }, 'gateway reached the memory limit of its thread'],
  [{ kind: 'exit_code', code: 3 }, 'gateway ended with exit code 3'],
  [{ kind: 'noproc' }, 'gateway ended'],
])('%j: who and why in plain words', (reason, words) => {
  const told = startFailure(inTree(reason), null)
  expect(told.message).toBe(`the daemon did not come up: ${words}`)
  expect(told.hint).toMatch(/the log above has the details$/)
})
