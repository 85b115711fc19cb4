/**
 * The FileWatcher with a real clock over a real file system: what is saved reaches the Synchronizer, barriers say when, and
 * a queue of the system that overflows without a word is found out. Waits are for casts and answers.
 */

import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createActorSystem } from '../../../src/otp/actor-system.ts'
import type { Actor } from '../../../src/otp/actor.ts'
import { NORMAL } from '../../../src/otp/exit-reason.ts'
import { systemClock } from '../../../src/otp/node/message-port.ts'
import { fileWatcherActor } from '../../../src/project/watch/file-watcher.actor.ts'
import { FILE_WATCHER, SYNCHRONIZER, WATCHER_PORT } from '../../../src/project/watch/protocol.ts'
import type { ChangedMessage, Means, WatcherStatus } from '../../../src/project/watch/protocol.ts'
import { nodeWatchSystem } from '../../../src/project/watch/watch-system.ts'
import { watcherPort } from '../../../src/project/watch/watcher-port.ts'
import { makeTree, optionsFor, writeTree } from '../support.ts'
import { tempDirectory } from './world.ts'

const FILES = { 'mix.exs': 'x', 'lib/a.ex': 'a', 'lib/b.ex': 'b' }

async function watch(means: Means, root: string = makeTree(FILES)) {
  const told: ChangedMessage[] = []
  const waiters = new Set<() => void>()
  const synchronizer: Actor<null, ChangedMessage> = {
    mailbox: { capacity: 1000, overflow: 'shed' },
    init: () => ({ type: 'ok', state: null }),
    step: (state, msg) => {
      if (msg.type === 'cast') told.push(msg.body)
      for (const wake of waiters) wake()
      return [state, []]
    },
  }
  const system = createActorSystem({
    clock: systemClock, log: () => undefined, defer: (run) => void setImmediate(run),
    ports: {
      [WATCHER_PORT]: watcherPort({
        tree: optionsFor(root), cookieDirectory: join(tempDirectory(), 'cookies'), maxChokidarFiles: means === 'chokidar' ? 1000 : 0,
        system: { ...nodeWatchSystem, fileSystemType: () => 0xef53 },
      }),
    },
  })
  const until = (isTrue: () => boolean): Promise<void> => new Promise((resolve) => {
    const check = (): void => {
      if (!isTrue()) return
      waiters.delete(check)
      resolve()
    }
    waiters.add(check)
    check()
  })
  system.spawn({ actor: synchronizer, name: SYNCHRONIZER })
  system.spawn({ actor: fileWatcherActor, name: FILE_WATCHER })
  onTestFinished(() => system.stopAll(NORMAL))
  await until(() => told.length > 0)
  expect(told.splice(0)).toMatchObject([{ overflow: true, reason: 'opened' }])
  return {
    root, told, until,
    barrier: () => system.call(FILE_WATCHER, { type: 'barrier' }, 20_000),
    status: async () => {
      const answer = await system.call(FILE_WATCHER, { type: 'status' })
      return (answer.ok ? answer.value : undefined) as WatcherStatus
    },
  }
}

test.each<Means>(['chokidar', 'directories'])('%s: a save is told by itself, and idling costs nothing', async (means) => {
  const { root, told, until, status } = await watch(means)
  writeFileSync(join(root, 'lib/a.ex'), 'changed')
  await until(() => told.length > 0)
  expect(told).toEqual([{ type: 'changed', paths: ['lib/a.ex'] }])
  expect(await status()).toMatchObject({ phase: 'watching', means, nRescans: 1 })
})

test.each<Means>(['chokidar', 'directories'])('%s: after a barrier everything that was saved before it has been told', async (means) => {
  const { root, told, barrier } = await watch(means)
  for (let n = 0; n < 50; n++) {
    const path = `lib/n${n % 7}/f${n}.ex`
    writeTree(root, { [path]: String(n) })
    expect(await barrier()).toEqual({ ok: true, value: null })
    expect(told.flatMap(({ paths }) => paths)).toContain(path)
    told.length = 0
  }
})

test.runIf(process.platform === 'linux')('the queue of the system overflows without a word: found out, and the barrier is kept', async () => {
  const { root, told, barrier, status } = await watch('directories')
  const size = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'))
  const [a, b] = [openSync(join(root, 'lib/a.ex'), 'a'), openSync(join(root, 'lib/b.ex'), 'a')]
  for (let n = 0; n < size / 2 + 1000; n++) {
    writeSync(a, '.') // two by turns: events alike one after another are one
    writeSync(b, '.')
  }
  closeSync(a)
  closeSync(b)
  writeTree(root, { 'lib/new/lost.ex': 'the event of this one is lost' })
  expect(await barrier()).toEqual({ ok: true, value: null })
  expect(told.some(({ overflow }) => overflow)).toBe(true)
  told.length = 0
  writeFileSync(join(root, 'lib/new/lost.ex'), 'watched now')
  await barrier()
  expect(told.flatMap(({ paths }) => paths)).toContain('lib/new/lost.ex')
  expect((await status()).phase).toBe('watching')
}, 30_000)

test('the root is moved away and comes back', async () => {
  const home = tempDirectory()
  const root = join(home, 'project')
  writeTree(root, FILES)
  const { told, until, barrier, status } = await watch('directories', root)
  renameSync(root, join(home, 'elsewhere'))
  expect(await barrier()).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  expect(await status()).toMatchObject({ phase: 'absent' })
  expect(told).toEqual([])
  renameSync(join(home, 'elsewhere'), root)
  await until(() => told.length > 0)
  expect(told).toMatchObject([{ overflow: true, reason: 'opened' }])
  rmSync(join(root, 'lib/a.ex'))
  await barrier()
  expect(told.flatMap(({ paths }) => paths)).toContain('lib/a.ex')
})
