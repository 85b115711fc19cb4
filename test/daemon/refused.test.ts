/** A start on a store that cannot be used says what is wrong with it and what to do; and all that a daemon leaves is its user's alone. */

import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { start, tryStart, value, type Sandbox } from './running-daemon.ts'
import { projectOf } from './set-up.ts'

const project = (): Sandbox => projectOf({ 'lib/m.ex': 'defmodule M do\n  def f(x), do: x\nend\n' })

test('a store of a later version is refused with the remedy, and left as it is', async () => {
  const box = project()
  const daemon = await start(box)
  await value(daemon.client.call('import_project', {}))
  await daemon.stop()
  const db = new DatabaseSync(box.paths.database)
  db.exec('PRAGMA user_version = 99')
  db.close()
  rmSync(`${box.paths.database}-sums`)
  const before = readFileSync(box.paths.database)
  expect(await tryStart(box)).toMatchObject({ type: 'failed', failures: [{ code: 'unsupported', message: expect.stringContaining('schema 99'), hint: expect.stringContaining('install the newer ElixirScope') }] })
  expect(readFileSync(box.paths.database)).toEqual(before)
})

test('every file, directory and socket of a daemon belongs to its user alone', async () => {
  const box = project()
  const daemon = await start(box)
  await value(daemon.client.call('import_project', {}))
  const all = [box.home, ...readdirSync(box.home, { recursive: true, encoding: 'utf8' }).map((name) => join(box.home, name))]
  expect(all.length).toBeGreaterThan(8)
  expect(all.filter((path) => (lstatSync(path).mode & 0o077) !== 0)).toEqual([])
  expect(await daemon.stop()).toBe(0)
})
