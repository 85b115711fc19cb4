/**
 * A real daemon follows a real project: whatever is done to the files, once it has caught up its facts are those of a fresh
 * import, and whoever asks it to wait is answered with them.
 */

import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { NotificationParams } from '../../src/wire/methods.ts'
import { differences } from '../project/verify/verified.ts'
import { untilAnswered, value, type RunningDaemon, type Sandbox } from './running-daemon.ts'
import { startIn, startOn, type Live } from './set-up.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

const moduleText = (name: string, body = 'x'): string => `defmodule ${name} do\n  def f(x), do: ${body}\n  def g(x), do: M0.f(x)\nend\n`

const startWith = (files: Readonly<Record<string, string>>): Promise<Live> => startOn({ 'lib/m0.ex': moduleText('M0'), ...files })

const module = (live: RunningDaemon, name: string) => live.client.call('get_module', { module_name: name, wait: true })
const NOT_FOUND = { ok: false, error: { code: 'not_found' } }

async function expectInStep({ box, live }: Live): Promise<void> {
  await untilAnswered(() => live.client.call('hello', { wait: true }))
  expect(await differences(box.paths.database, box.root)).toEqual([])
}

test('a file that is made, changed, moved and deleted', async () => {
  const { box, live } = await startWith({})
  box.write('lib/a.ex', moduleText('A'))
  expect(await module(live, 'A')).toMatchObject({ ok: true, value: { stale: false } })
  box.write('lib/a.ex', moduleText('A', 'x + 1'))
  const { functions: before } = await value(live.client.call('get_functions_for_module', { module_name: 'A', wait: true }))
  box.write('lib/a.ex', `# moved down\n${moduleText('A', 'x + 1')}`)
  const { functions: after } = await value(live.client.call('get_functions_for_module', { module_name: 'A', wait: true }))
  expect(after.map(({ line }) => line)).toEqual(before.map(({ line }) => (line ?? 0) + 1))
  mkdirSync(join(box.root, 'lib/sub'))
  renameSync(join(box.root, 'lib/a.ex'), join(box.root, 'lib/sub/b.ex'))
  expect(await value(module(live, 'A'))).toMatchObject({ source_file: 'lib/sub/b.ex' })
  box.remove('lib/sub/b.ex')
  expect(await module(live, 'A')).toMatchObject(NOT_FOUND)
  await expectInStep({ box, live })
})

test('editors save in many ways: by rename, by truncating first, through a backup; what ends on disk is what counts', async () => {
  const { box, live } = await startWith({ 'lib/a.ex': moduleText('A') })
  const file = join(box.root, 'lib/a.ex')
  writeFileSync(join(box.root, 'lib/.a.ex.swp'), moduleText('A', '1'))
  renameSync(join(box.root, 'lib/.a.ex.swp'), file)
  expect(await live.client.call('get_function', { mfa: 'A.f/1', wait: true })).toMatchObject({ ok: true })
  await expectInStep({ box, live })
  writeFileSync(file, '')
  writeFileSync(file, moduleText('A', '2'))
  await expectInStep({ box, live })
  renameSync(file, `${file}~`)
  writeFileSync(file, moduleText('A', '3'))
  rmSync(`${file}~`)
  await expectInStep({ box, live })
})

test('whole directories come, move and go; links are followed', async () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`lib/deep/er/m${i + 1}.ex`, moduleText(`M${i + 1}`)]))
  const { box, live } = await startWith(many)
  renameSync(join(box.root, 'lib/deep'), join(box.root, 'lib/moved'))
  expect(await value(module(live, 'M3'))).toMatchObject({ source_file: 'lib/moved/er/m3.ex' })
  await expectInStep({ box, live })
  symlinkSync(join(box.root, 'lib/moved/er/m3.ex'), join(box.root, 'lib/linked.ex'))
  await expectInStep({ box, live })
  rmSync(join(box.root, 'lib/moved'), { recursive: true })
  expect(await module(live, 'M3')).toMatchObject(NOT_FOUND)
  await expectInStep({ box, live })
})

test('another branch: hundreds of files at once, made, changed and deleted', async () => {
  const names = Array.from({ length: 400 }, (_, i) => i + 1)
  const { box, live } = await startWith(Object.fromEntries(names.map((i) => [`lib/m${i}.ex`, moduleText(`M${i}`)])))
  for (const i of names) {
    if (i % 3 === 0) rmSync(join(box.root, `lib/m${i}.ex`))
    else if (i % 3 === 1) box.write(`lib/m${i}.ex`, moduleText(`M${i}`, `x * ${i}`))
    box.write(`lib/new${i % 100}.ex`, moduleText(`New${i % 100}`))
  }
  await expectInStep({ box, live })
  const { modules } = await value(live.client.call('get_statistics', {}))
  expect(modules).toBe(2 + 400 - 133 + 100)
})

test('who watches is told of each commit: what came, changed and went, and nothing twice', async () => {
  const { box, live } = await startWith({ 'lib/a.ex': moduleText('A') })
  const told: NotificationParams<'changed'>[] = []
  const watcher = await live.connect()
  watcher.onNotification('changed', (changes) => told.push(changes))
  for (let i = 0; i < 2; i++) expect(await watcher.call('watch', {})).toMatchObject({ ok: true })
  const next = async (): Promise<NotificationParams<'changed'>> => {
    await value(live.client.call('get_statistics', { wait: true }))
    while (told.length === 0) await watcher.call('hello', {})
    const [only, ...more] = told.splice(0)
    expect(more).toEqual([])
    return only as NotificationParams<'changed'>
  }
  box.write('lib/a.ex', moduleText('A', 'x + 1').replace('def g', 'def h'))
  expect(await next()).toMatchObject({
    files: { added: [], modified: ['lib/a.ex'], removed: [] }, modules: { added: [], modified: ['A'], removed: [] },
    functions: { added: ['A.h/1'], modified: ['A.f/1'], removed: ['A.g/1'] },
  })
  await value(live.client.call('store_module', { module: { module_name: 'Stated' } }))
  expect(await next()).toMatchObject({ modules: { added: ['Stated'] } })
  box.remove('lib/a.ex')
  expect(await next()).toMatchObject({ files: { removed: ['lib/a.ex'] }, modules: { removed: ['A'] }, functions: { removed: ['A.f/1', 'A.h/1'] } })
})

test('the sync thread, the repository thread and the daemon die while files change: nothing is missed', async () => {
  const { box, live } = await startWith({})
  for (const [round, node] of ['ElixirScope.AST.Synchronization.FileWatcher', 'ElixirScope.AST.Synchronization.Synchronizer', 'ElixirScope.AST.Synchronization.IncrementalUpdater'].entries()) {
    box.write(`lib/r${round}.ex`, moduleText(`R${round}`))
    const supervisor = 'ElixirScope.AST.Synchronization.Supervisor'
    await live.client.call('supervisor.terminate_child', { supervisor, child: node })
    box.write(`lib/s${round}.ex`, moduleText(`S${round}`))
    expect(await live.client.call('supervisor.restart_child', { supervisor, child: node })).toMatchObject({ ok: true })
    await expectInStep({ box, live })
  }
  await live.kill()
  box.write('lib/while_down.ex', moduleText('WhileDown'))
  box.remove('lib/r0.ex')
  const again = await startIn(box)
  await untilAnswered(() => again.client.call('hello', { wait: true }))
  expect(await module(again, 'WhileDown')).toMatchObject({ ok: true })
  await expectInStep({ box, live: again })
})

const PATHS = ['lib/a.ex', 'lib/b.ex', 'lib/x/c.ex', 'lib/x/d.ex', 'lib/y/e.exs', 'test/a_test.exs']
const TEXTS = [
  moduleText('A'), moduleText('A', 'x + 1'), moduleText('B'), `${moduleText('A')}${moduleText('C')}`, 'defmodule Broken do\n  def f(x), do: (x\nend\n', '',
  'defmodule D do\n  import A\n  def h(y) do\n    if y, do: f(y), else: A.g(y)\n  end\nend\n',
]
const edit = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant('write' as const), path: fc.constantFrom(...PATHS), text: fc.constantFrom(...TEXTS) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), path: fc.constantFrom(...PATHS, 'lib/x', 'lib/y') }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('rename' as const), path: fc.constantFrom(...PATHS, 'lib/x'), to: fc.constantFrom('lib/z.ex', 'lib/x2', ...PATHS) }) },
  { weight: 1, arbitrary: fc.constant({ type: 'look' as const }) },
)

test('after any edits, however fast, the facts are those of a fresh import', async () => {
  const parts = await startWith({})
  const { box } = parts
  await fc.assert(fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 25 }), async (edits) => {
    for (const next of edits) {
      if (next.type === 'look') await expectInStep(parts)
      else attempt(() => apply(box, next))
    }
    await expectInStep(parts)
  }), { numRuns: 15, ...seed })
})

function apply(box: Sandbox, next: Exclude<typeof edit extends fc.Arbitrary<infer Edit> ? Edit : never, { type: 'look' }>): void {
  const at = join(box.root, next.path)
  if (next.type === 'delete') return rmSync(at, { recursive: true, force: true })
  if (next.type === 'write') return box.write(next.path, next.text)
  mkdirSync(dirname(join(box.root, next.to)), { recursive: true })
  renameSync(at, join(box.root, next.to))
}

/** Edits that the disk refuses (nothing to rename, a directory in the way) change nothing. */
function attempt(work: () => void): void {
  try {
    work()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
  }
}
