/** One holder at a time, among processes that try at once, and over the death of any of them. */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { acquireLock, isLockHeld, readLockOwner } from '../../src/host/lock.ts'

const HOLDER = join(import.meta.dirname, 'fixtures/lock-holder.ts')
const OWNER = { pid: process.pid, started_at: '2026-01-01T00:00:00.000Z' }

let directory = ''
let path = ''
const children = new Set<ChildProcessWithoutNullStreams>()
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'scope-lock-'))
  path = join(directory, 'lock')
})
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
  rmSync(directory, { recursive: true })
})

async function contender(): Promise<{ child: ChildProcessWithoutNullStreams; outcome: string }> {
  const child = spawn(process.execPath, [HOLDER, path])
  children.add(child)
  const [outcome] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { child, outcome }
}

async function end(child: ChildProcessWithoutNullStreams, how: 'killed' | 'asked'): Promise<void> {
  const gone = once(child, 'exit')
  if (how === 'killed') child.kill('SIGKILL')
  else child.stdin.end()
  await gone
}

test('the second is refused with the pid of the first, and gets it after a release', () => {
  const first = acquireLock(path, OWNER)
  expect(first.ok).toBe(true)
  expect(isLockHeld(path)).toBe(true)
  const second = acquireLock(path, OWNER)
  expect(second).toEqual({ ok: false, error: {
    code: 'conflict', message: `a daemon is already running for this project (pid ${process.pid}, since ${OWNER.started_at})`,
    hint: '`elixir-scope status` shows it, `elixir-scope stop` ends it', details: OWNER,
  } })
  if (first.ok) first.value.release()
  expect([isLockHeld(path), readLockOwner(path)]).toEqual([false, undefined])
  const third = acquireLock(path, OWNER)
  if (first.ok) first.value.release()
  expect([third.ok, isLockHeld(path)]).toEqual([true, true])
  if (third.ok) third.value.release()
})

test('an owner that is not known is not named', () => {
  const first = acquireLock(path, OWNER)
  writeFileSync(`${path}.json`, '{"pid": "x"}')
  const second = acquireLock(path, OWNER)
  expect(second.ok ? '' : second.error.message).toBe('a daemon is already running for this project')
  if (first.ok) first.value.release()
})

test('asking does not make a lock, and what is no lock file is said', () => {
  expect(isLockHeld(path)).toBe(false)
  expect(isLockHeld(join(directory, 'none/lock'))).toBe(false)
  writeFileSync(path, 'not a lock, not a lock, not a lock. '.repeat(40))
  expect(acquireLock(path, OWNER)).toMatchObject({ ok: false, error: { code: 'damaged', message: `${path} is not a lock file` } })
  expect(acquireLock(join(directory, 'none/lock'), OWNER)).toMatchObject({ ok: false, error: { code: 'unavailable' } })
})

test('of many at once exactly one holds it, round after round, each holder killed', async () => {
  const outcomes: string[][] = []
  for (let round = 0; round < 3; round++) {
    const tried = await Promise.all(Array.from({ length: 4 }, contender))
    const holder = tried.find(({ outcome }) => outcome === 'held')
    outcomes.push(tried.map(({ outcome }) => outcome).sort())
    expect(readLockOwner(path)?.pid).toBe(holder?.child.pid)
    for (const { child } of tried) await end(child, child === holder?.child ? 'killed' : 'asked')
    // The file still names the dead; the lock does not.
    expect([isLockHeld(path), readLockOwner(path)?.pid]).toEqual([false, holder?.child.pid])
  }
  expect(outcomes).toEqual(Array.from({ length: 3 }, () => ['conflict', 'conflict', 'conflict', 'held']))
})

test('those who ask do not keep anybody from taking it', async () => {
  const { child, outcome } = await contender()
  expect([outcome, isLockHeld(path)]).toEqual(['held', true])
  await end(child, 'asked')
  const lock = acquireLock(path, OWNER)
  for (let i = 0; i < 50; i++) expect(isLockHeld(path)).toBe(true)
  expect(lock.ok).toBe(true)
  if (lock.ok) lock.value.release()
})
