/** What is written is what is read; the lock decides whether it still holds true. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { acquireLock } from '../../src/host/lock.ts'
import { listDaemons, readDaemonState, removeDaemonState, writeDaemonState, type DaemonState } from '../../src/host/state-file.ts'
import { temporaryDirectory } from './support.ts'

const STATE: DaemonState = {
  pid: 1, version: '0.1.0', wire_version: 1, node_version: '24.0.0', project_root: '/b', profile: 'default', socket: '/run/x.sock', http: null,
  log_file: '/log', started_at: '2026-01-01T00:00:00.000Z', heart: { pid: 2, restarts: 3 },
}

test('written, read, removed', () => {
  const path = join(temporaryDirectory(), 'daemon.json')
  expect(readDaemonState(path)).toBeUndefined()
  expect(writeDaemonState(path, STATE).ok).toBe(true)
  expect(readDaemonState(path)).toEqual(STATE)
  removeDaemonState(path)
  removeDaemonState(path)
  expect(readDaemonState(path)).toBeUndefined()
})

test.each(['', '{', '[]', '{"pid": 1}'])('%j is no state', (text) => {
  const path = join(temporaryDirectory(), 'daemon.json')
  writeFileSync(path, text)
  expect(readDaemonState(path)).toBeUndefined()
})

test('all daemons of a user, those that run and those that are gone', () => {
  const projects = temporaryDirectory()
  const make = (name: string, state: DaemonState): string => {
    mkdirSync(join(projects, name))
    writeDaemonState(join(projects, name, 'daemon.json'), state)
    return join(projects, name)
  }
  const running = make('one', STATE)
  make('two', { ...STATE, project_root: '/a' })
  mkdirSync(join(projects, 'never-started'))
  writeFileSync(join(projects, 'stray'), '')
  const lock = acquireLock(join(running, 'lock'), { pid: 1, started_at: STATE.started_at })
  expect(listDaemons({ projects, cache: '' }).map(({ state, status }) => [state.project_root, status])).toEqual([['/a', 'gone'], ['/b', 'running']])
  if (lock.ok) lock.value.release()
  expect(listDaemons({ projects: join(projects, 'none'), cache: '' })).toEqual([])
})
