/** How a daemon comes in step with the files at its start: by one comparison, whoever asks for one, and told as it is. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { value, type Sandbox, type StartOptions } from './running-daemon.ts'
import { projectOf, startIn, type Live } from './set-up.ts'

/** A busy machine takes its time. */
const PATIENT = { timeout: 30_000 }

async function startWith(nModules: number, options: StartOptions): Promise<Live> {
  const files = Array.from({ length: nModules }, (_, n): [string, string] => [`lib/m${n}.ex`, `defmodule M${n} do\n  def f(x), do: x\nend\n`])
  const box = projectOf(Object.fromEntries(files))
  return { box, live: await startIn(box, options) }
}

const imports = ({ paths }: Sandbox): number => readFileSync(paths.logFile, 'utf8').split('\n').filter((line) => line.includes('"project imported"')).length

test('a daemon that follows files compares them once when it was started anew', async () => {
  const { box, live } = await startWith(3, { firstImport: 'daemon' })
  expect(await live.client.call('hello', { wait: true })).toMatchObject({ ok: true })
  expect(await value(live.client.call('get_statistics', {}))).toMatchObject({ modules: 4 })
  await expect.poll(() => imports(box), PATIENT).toBe(1)
})

test('without following it imports by itself when it was started anew', async () => {
  const { box, live } = await startWith(3, { firstImport: 'daemon', flags: { 'sync.watch': 'false' } })
  await expect.poll(() => imports(box), PATIENT).toBe(1)
  expect(await value(live.client.call('get_statistics', {}))).toMatchObject({ modules: 4 })
})

test('whoever asks for the import while the first comparison is due is answered with that one, and with what it did', async () => {
  // Enough files for the first comparison to be under way still.
  const { box, live } = await startWith(600, {})
  box.write('lib/late.ex', 'defmodule Late do\nend\n')
  const { files, parsed } = await value(live.client.call('import_project', {}))
  // A call that came after it all the same found nothing to do.
  const nBefore = parsed === 0 ? 2 : 1
  // The late one is found by the comparison, or told by the watcher after it.
  expect([601, 602]).toContain(files)
  // What was saved before the call is in, whichever way it came.
  expect(await live.client.call('get_module', { module_name: 'Late' })).toMatchObject({ ok: true })
  await expect.poll(() => imports(box), PATIENT).toBe(nBefore)
  expect(await value(live.client.call('import_project', {}))).toMatchObject({ files: 602, parsed: 0, unchanged: 602 })
  await expect.poll(() => imports(box), PATIENT).toBe(nBefore + 1)
  expect(await value(live.client.call('import_project', { force: true }))).toMatchObject({ parsed: 602 })
})

test('the status tells of the watcher as it is now, not as it was when health was asked for', async () => {
  const { live } = await startWith(1, { flags: { 'health.intervalMs': '3600000' } })
  await value(live.client.call('import_project', {}))
  expect(await live.client.call('hello', { wait: true })).toMatchObject({ ok: true })
  expect(await live.client.call('daemon_status', {})).toMatchObject({ ok: true, value: { watching: { phase: 'watching', pending_files: 0 } } })
})
