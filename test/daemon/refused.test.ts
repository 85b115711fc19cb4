/** A start on a store that cannot be used says what is wrong with it and what to do; and all that a daemon leaves is its user's alone. */

import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createSandbox, start, tryStart, value, type Sandbox } from './running-daemon.ts'

let sandbox: Sandbox | undefined

afterEach(() => sandbox?.dispose())

function project(): Sandbox {
  sandbox = createSandbox({ 'mix.exs': 'defmodule P.MixProject do\nend\n', 'lib/m.ex': 'defmodule M do\n  def f(x), do: x\nend\n' })
  return sandbox
}

const PAGE = 4096

test('a store whose pages are overwritten is refused as damaged, with the remedy', async () => {
  const box = project()
  const daemon = await start(box)
  await value(daemon.client.call('import_project', {}))
  await daemon.stop()
  const bytes = readFileSync(box.paths.database)
  // The first page is whole, so that the file looks like a store of this version.
  writeFileSync(box.paths.database, bytes.fill(0xa5, PAGE))
  expect(await tryStart(box)).toMatchObject({ type: 'failed', failures: [{ code: 'damaged', message: expect.stringContaining(box.paths.database), hint: expect.stringContaining('remove the file') }] })
})

test('a damaged page costs the answers that need it, and no thread', async () => {
  const box = project()
  for (let i = 0; i < 150; i++) box.write(`lib/p${i}.ex`, `defmodule P${i} do\n  def f(x), do: P${(i * 7) % 150}.f(x)\nend\n`)
  const first = await start(box)
  await value(first.client.call('import_project', {}))
  await first.stop()
  const bytes = readFileSync(box.paths.database)
  const at = bytes.indexOf('lib/p77.ex')
  expect(at).toBeGreaterThan(PAGE)
  const page = Math.floor(at / PAGE) * PAGE
  writeFileSync(box.paths.database, bytes.fill(0xa5, page, page + PAGE))
  const daemon = await start(box)
  for (let round = 0; round < 3; round++) {
    expect(await daemon.client.call('import_project', { force: true })).toMatchObject({ ok: false, error: { code: 'damaged', hint: expect.stringContaining('remove the file') } })
    expect(await daemon.client.call('get_module_by_file', { path: 'lib/p77.ex' })).toMatchObject({ ok: false, error: { code: 'damaged' } })
    expect(await daemon.client.call('hello', {})).toMatchObject({ ok: true })
  }
  const tree = await daemon.client.call('supervision_tree', {})
  if (!tree.ok) throw new Error(tree.error.message)
  expect(restartsIn(tree.value)).toBe(0)
  expect(await daemon.stop()).toBe(0)
})

type Node = { readonly restarts: number; readonly children: readonly Node[] }
function restartsIn({ restarts, children }: Node): number {
  return children.reduce((sum, child) => sum + restartsIn(child), restarts)
}

test('every file, directory and socket of a daemon belongs to its user alone', async () => {
  const box = project()
  const daemon = await start(box)
  await value(daemon.client.call('import_project', {}))
  const all = [box.home, ...readdirSync(box.home, { recursive: true, encoding: 'utf8' }).map((name) => join(box.home, name))]
  expect(all.length).toBeGreaterThan(8)
  expect(all.filter((path) => (lstatSync(path).mode & 0o077) !== 0)).toEqual([])
  expect(await daemon.stop()).toBe(0)
})
