/** What is wrong -> every failure with its remedy; nothing is held after a refusal. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { failure } from '../../src/base/failure.ts'
import { fail } from '../../src/base/result.ts'
import { acquireLock, isLockHeld } from '../../src/host/lock.ts'
import { projectPaths, type ProjectPaths } from '../../src/host/paths.ts'
import { freeBytesAt, preflight, type PreflightOptions } from '../../src/host/preflight.ts'
import { resolveConfig } from '../../src/host/resolve-config.ts'
import { temporaryDirectory } from './support.ts'

const uid = process.getuid?.() ?? 0
const OWNER = { pid: process.pid, started_at: '2026-01-01T00:00:00.000Z' }

function newPaths(): ProjectPaths {
  return projectPaths({ env: { ELIXIR_SCOPE_HOME: temporaryDirectory() }, home: '/none', tmpDir: '/tmp', uid }, '/code/shop')
}

/** Codes of the failures, or `cleared`; every failure must say what to do. */
function outcome(paths: ProjectPaths, changes: Partial<PreflightOptions> = {}): string[] {
  const result = preflight({ config: resolveConfig({}), paths, uid, nodeVersion: '24.1.0', owner: OWNER, checkStore: () => undefined, freeBytes: () => 1e12, ...changes })
  if (!result.ok) return result.error.map(({ code, hint }) => (hint === undefined ? `${code} without a remedy` : code))
  result.value.lock.release()
  return ['cleared']
}

test('all well: the lock is held, the directories are there', () => {
  const paths = newPaths()
  const result = preflight({ config: resolveConfig({}), paths, uid, nodeVersion: '26.0.0', owner: OWNER, checkStore: () => undefined })
  expect([result.ok, isLockHeld(paths.lock)]).toEqual([true, true])
  if (result.ok) result.value.lock.release()
})

test('each failure alone', () => {
  const paths = newPaths()
  expect(outcome(paths, { nodeVersion: '22.9.0' })).toEqual(['unsupported'])
  expect(outcome(paths, { config: resolveConfig({ flags: { 'http.port': -1 } }) })).toEqual(['invalid_argument'])
  expect(outcome(paths, { freeBytes: () => 5 })).toEqual(['storage_full'])
  expect(outcome(paths, { freeBytes: () => null })).toEqual(['cleared'])
  expect(outcome(paths, { checkStore: () => failure('unsupported', 'newer', { hint: 'upgrade' }) })).toEqual(['unsupported'])
  expect(outcome(paths, { uid: uid + 1 })).toEqual(['unavailable', 'unavailable'])
  expect(outcome(paths)).toEqual(['cleared'])
})

test('all failures at once, and the lock is free again', () => {
  const paths = newPaths()
  const config = fail([failure('invalid_argument', 'a', { hint: 'b' }), failure('invalid_argument', 'c', { hint: 'd' })])
  const checkStore = () => failure('unsupported', 'newer', { hint: 'upgrade' })
  expect(outcome(paths, { nodeVersion: '20.0.0', config, checkStore })).toEqual(['unsupported', 'invalid_argument', 'invalid_argument', 'unsupported'])
  expect(isLockHeld(paths.lock)).toBe(false)
})

test('a second daemon is refused, and the store of the first is left alone', () => {
  const paths = newPaths()
  expect(outcome(paths)).toEqual(['cleared'])
  const first = acquireLock(paths.lock, OWNER)
  const checkStore = () => failure('damaged', 'not to be opened now', { hint: '' })
  expect(outcome(paths, { checkStore })).toEqual(['conflict'])
  if (first.ok) first.value.release()
})

test('a directory that cannot be made', () => {
  const paths = newPaths()
  mkdirSync(dirname(dirname(paths.stateDir)), { recursive: true })
  writeFileSync(dirname(paths.stateDir), '')
  expect(outcome(paths)).toEqual(['unavailable'])
})

test('a store in memory has no version to check', () => {
  expect(outcome(newPaths(), { config: resolveConfig({ flags: { profile: 'test' } }), checkStore: () => failure('unsupported', 'newer') })).toEqual(['cleared'])
})

test('free space is told where there is a file system', () => {
  expect(freeBytesAt('/')).toBeGreaterThanOrEqual(0)
  expect(freeBytesAt('/none/such')).toBeNull()
})
