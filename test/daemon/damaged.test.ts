/** A daemon mends its store by itself: damaged while it was stopped, and under its hands; what clients stated is carried over. */

import { closeSync, existsSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { Client } from '../../src/client/client.ts'
import { examineStore } from '../../src/store/examine.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { createSandbox, start, untilAnswered, value, type RunningDaemon, type Sandbox } from './running-daemon.ts'

type Whole = { readonly box: Sandbox; readonly before: unknown }

/** One project for all: each test finds it whole, and leaves it so. */
let whole: Whole | undefined
let running: RunningDaemon | undefined

afterEach(async () => {
  await running?.kill()
  running = undefined
})
afterAll(() => whole?.box.dispose())

const MODULES = 80
const PAGE = 4096

/** Imported, with what a client stated, and stopped. */
async function project(): Promise<Whole> {
  if (whole !== undefined) return whole
  const files = Object.fromEntries(Array.from({ length: MODULES }, (_, i) => [`lib/p${i}.ex`, `defmodule P${i} do\n  @doc "number ${i}"\n  def f(x), do: P${(i * 7) % MODULES}.f(x)\nend\n`]))
  const box = createSandbox({ 'mix.exs': 'defmodule P.MixProject do\nend\n', ...files })
  const client = await daemonOf(box)
  await value(client.call('import_project', {}))
  await value(client.call('store_module', { module: STATED }))
  whole = { box, before: await answers(client) }
  expect(await running?.stop()).toBe(0)
  return whole
}

async function daemonOf(box: Sandbox): Promise<Client> {
  running = await start(box)
  return running.client
}

/** Everything a client sees of the store; without what a store made anew gives afresh. */
async function answers(client: Client): Promise<unknown> {
  const fn = await value(client.call('get_function', { mfa: 'P77.f/1' }))
  const { callers } = await value(client.call('get_callers', { mfa: 'P77.f/1' }))
  const { modules } = await value(client.call('list_modules', { limit: 1000 }))
  const { problems } = await value(client.call('list_problems', {}))
  const { version: _, last_updated: __, first_seen: ___, last_modified: ____, ...lasting } = fn
  return { lasting, callers, modules, problems }
}

/** Asks until an import has brought everything back by itself. */
async function untilRebuilt(client: Client): Promise<void> {
  for (;;) {
    const { value: stats } = await untilAnswered(() => client.call('get_statistics', {}))
    if (stats.complete && stats.verified && stats.value.modules === MODULES + 1) return
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function overwrite(path: string, edit: (bytes: Buffer) => void): void {
  const bytes = readFileSync(path)
  edit(bytes)
  // In place: an open database is not to find itself empty in between.
  const fd = openSync(path, 'r+')
  writeSync(fd, bytes)
  closeSync(fd)
}

const STATED = { module_name: 'Stated.ByClient', moduledoc: 'what a client said', functions: [{ function_name: 'g', arity: 2 }] }

test.each([
  ['a bit of a number', (bytes: Buffer) => bytes.writeUInt8(bytes.readUInt8(bytes.lastIndexOf('lib/p77.ex') + 13) ^ 1, bytes.lastIndexOf('lib/p77.ex') + 13)],
  ['the name of a column', (bytes: Buffer) => bytes.write('source_iD', bytes.indexOf('source_id'))],
  ['everything', (bytes: Buffer) => bytes.fill('nonsense')],
] as const)('%s damaged while the daemon was stopped: it sets the store aside, rebuilds it and answers as before', async (what, damage) => {
  const { box, before } = await project()
  const had = asides(box)
  overwrite(box.paths.database, damage)
  const client = await daemonOf(box)
  await untilRebuilt(client)
  const isReadable = what === 'a bit of a number' || what === 'the name of a column'
  if (!isReadable) await value(client.call('store_module', { module: STATED }))
  expect(await answers(client)).toEqual(before)
  expect(await client.call('get_module', { module_name: 'Stated.ByClient' })).toMatchObject({ ok: true, value: { value: { moduledoc: { text: 'what a client said' } } } })
  const status = await client.call('daemon_status', {})
  expect(status).toMatchObject({ ok: true, value: { store_set_aside: { path: expect.stringContaining('damaged-'), client_modules_kept: isReadable ? 1 : 0 } } })
  const aside = must(asides(box).find((name) => !had.includes(name)), 'a directory')
  expect(existsSync(join(dirname(box.paths.database), aside, 'repository.db'))).toBe(true)
  expect(verifyPath(box.paths.database)).toEqual({ ok: true, value: [] })
  expect(await running?.stop()).toBe(0)
  expect(examineStore(box.paths.database)).toEqual({ state: 'sound' })
})

test('damage under a running daemon is found without being asked, and by whoever asks; it answers again by itself', async () => {
  const { box, before } = await project()
  const client = await daemonOf(box)
  await value(client.call('vacuum', {}))
  for (const damage of [
    (bytes: Buffer) => void bytes.writeUInt8(bytes.readUInt8(bytes.lastIndexOf('lib/p77.ex') + 13) ^ 1, bytes.lastIndexOf('lib/p77.ex') + 13),
    (bytes: Buffer) => void bytes.fill(0xa5, PAGE * 2),
  ]) {
    const had = asides(box)
    overwrite(box.paths.database, damage)
    while (asides(box).every((name) => had.includes(name))) {
      const asked = await client.call('get_function', { mfa: 'P77.f/1' })
      if (!asked.ok) expect(['damaged', 'unavailable']).toContain(asked.error.code)
    }
    await untilRebuilt(client)
    await untilAnswered(() => client.call('store_module', { module: STATED }))
    await value(client.call('vacuum', {}))
    expect(await answers(client)).toEqual(before)
  }
  expect(await client.call('daemon_status', {})).toMatchObject({ ok: true, value: { store_set_aside: { client_modules_kept: 0 } } })
  expect(await running?.stop()).toBe(0)
})

/** Of which the oldest go. */
function asides(box: Sandbox): string[] {
  return readdirSync(dirname(box.paths.database)).filter((name) => name.startsWith('damaged-'))
}
