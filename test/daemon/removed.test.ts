/** What the daemon stands on is taken away while it runs: its socket, its store, its whole state directory. */

import { once } from 'node:events'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { verifyPath } from '../../src/store/verify.ts'
import { start, untilAnswered, value, type Sandbox } from './running-daemon.ts'
import { projectOf } from './set-up.ts'

const project = (): Sandbox => projectOf({ 'lib/m7.ex': 'defmodule M7 do\n  def f(x), do: x\nend\n' })

test('a socket that is removed comes back, and so do the clients', async () => {
  const box = project()
  const daemon = await start(box)
  rmSync(box.paths.socket)
  while (!existsSync(box.paths.socket)) await new Promise((resolve) => setImmediate(resolve))
  const { value: answer } = await untilAnswered(async () => await (await daemon.connect()).call('hello', {}))
  expect(answer.pid).toBe(daemon.process.pid)
  await untilAnswered(() => daemon.client.call('hello', {}))
  expect(await daemon.stop()).toBe(0)
})

test('a store that is removed under the daemon: nothing is acknowledged that is lost, and an import makes a new one', async () => {
  const box = project()
  const daemon = await start(box)
  await value(daemon.client.call('import_project', {}))
  for (const suffix of ['', '-wal', '-shm']) rmSync(box.paths.database + suffix)
  expect(await daemon.client.call('store_module', { module: { module_name: 'Lost' } })).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  await untilAnswered(() => daemon.client.call('store_module', { module: { module_name: 'Kept' } }))
  await untilAnswered(() => daemon.client.call('import_project', {}))
  for (;;) {
    const read = await untilAnswered(() => daemon.client.call('get_statistics', {}))
    if (read.value.value.client_modules === 1) break
  }
  expect(await daemon.client.call('get_module', { module_name: 'Kept' })).toMatchObject({ ok: true })
  expect(await daemon.client.call('get_module', { module_name: 'M7' })).toMatchObject({ ok: true })
  expect(verifyPath(box.paths.database)).toEqual({ ok: true, value: [] })
  expect(await daemon.stop()).toBe(0)
})

test('a state directory that is gone: the daemon ends instead of running without its lock', async () => {
  const box = project()
  const daemon = await start(box)
  const ended = once(daemon.process, 'exit')
  renameSync(box.home, `${box.home}-aside`)
  expect(await ended).toEqual([70, null])
  daemon.client.close()
})
