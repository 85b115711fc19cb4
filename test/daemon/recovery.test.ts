import { expect, test } from 'vitest'
import { verifyPath } from '../../src/store/verify.ts'
import { start, untilAnswered, value, type Sandbox } from './running-daemon.ts'
import { daemonHere, projectOf } from './set-up.ts'

const MODULES = 120

function project(): Sandbox {
  const files = Object.fromEntries(Array.from({ length: MODULES }, (_, i) => [
    `lib/m${i}.ex`, `defmodule M${i} do\n  def f(x), do: M${(i + 1) % MODULES}.f(x)\n  def g(x), do: Enum.map(x, &f/1)\nend\n`,
  ]))
  return projectOf(files)
}

test('a gateway that dies closes its sockets: calls under way fail typed or are repeated, and clients come back', async () => {
  const { daemon, client } = await daemonHere(project())
  await value(client.call('import_project', {}))
  for (let round = 0; round < 3; round++) {
    const underWay = Array.from({ length: 20 }, () => client.call('get_module', { module_name: 'M1' }))
    expect(daemon.kill('gateway')).toBe(true)
    for (const answer of await Promise.all(underWay)) if (!answer.ok) expect(answer.error.code).toBe('unavailable')
    await untilAnswered(() => client.call('get_module', { module_name: 'M1' }))
  }
})

test('a repository thread that dies: reads go on, writes under way fail at once, and what was acknowledged is there', async () => {
  const { daemon, client } = await daemonHere(project())
  await value(client.call('import_project', {}))
  const acknowledged: string[] = []
  for (let round = 0; round < 5; round++) {
    const names = Array.from({ length: 10 }, (_, i) => `R${round}x${i}`)
    const writes = names.map((name) => client.call('store_module', { module: { module_name: name } }))
    daemon.kill('repository')
    expect(await client.call('get_module', { module_name: 'M2' })).toMatchObject({ ok: true })
    for (const [i, answer] of (await Promise.all(writes)).entries()) {
      if (answer.ok) acknowledged.push(names[i] ?? '')
      else expect(answer.error.code).toBe('unavailable')
    }
    await untilAnswered(() => client.call('store_module', { module: { module_name: `After${round}` } }))
    acknowledged.push(`After${round}`)
  }
  for (const name of acknowledged) expect(await client.call('get_module', { module_name: name })).toMatchObject({ ok: true })
})

/** What an answer says of the write itself. */
function done(answer: { readonly value: { readonly value: unknown; readonly epoch: number; readonly as_of: string } }): unknown {
  const { value: said, epoch, as_of: asOf } = answer.value
  return { said, epoch, asOf }
}

test('a request whose thread dies is carried out once, and a repeat is answered as the first was', async () => {
  const { daemon, client } = await daemonHere(project())
  await value(client.call('import_project', {}))
  const names = Array.from({ length: 12 }, (_, i) => `Once${i}`)
  for (const name of names) await value(client.call('store_module', { module: { module_name: name } }))
  for (let round = 1; round <= 4; round++) {
    const { modules } = await value(client.call('list_modules', { origin: 'client' }))
    const versions = await Promise.all(modules.map(async ({ module_name: name }) => (await untilAnswered(() => client.call('get_module', { module_name: name }))).value.value.version))
    const before = (await untilAnswered(() => client.call('get_statistics', {}))).value.epoch
    const calls = modules.map(({ module_name: name }, i) => ({ module_name: name, expected_version: versions[i] ?? 0, patch: { moduledoc: `${round}` }, request_id: `${round} ${name}` }))
    const first = calls.map((args) => client.call('update_module', args))
    // Every other round what was answered is all there is; else the thread dies in the midst of it.
    if (round % 2 === 0) await Promise.all(first)
    daemon.kill('repository')
    const told = await Promise.all(first)
    // Carried out again it would be a conflict: the version is another one by then.
    const repeated = await Promise.all(calls.map((args) => untilAnswered(() => client.call('update_module', args))))
    for (const [i, answer] of told.entries()) if (answer.ok) expect(done(repeated[i] as never)).toEqual(done(answer))
    expect((await untilAnswered(() => client.call('get_statistics', {}))).value.epoch).toBe(before + names.length)
  }
})

test('a request that was answered before the daemon was killed is known to the next one', async () => {
  const box = project()
  const call = { items: [{ operation: 'store_module' as const, module: { module_name: 'Stated' } }], request_id: 'the-one' }
  const daemon = await start(box)
  const first = await daemon.client.call('batch_store', call)
  await value(daemon.client.call('delete_module', { module_name: 'Stated' }))
  await daemon.kill()
  const next = await start(box)
  expect(done(await untilAnswered(() => next.client.call('batch_store', call)))).toEqual(done(first as never))
  expect(await next.client.call('get_module', { module_name: 'Stated' })).toMatchObject({ ok: false, error: { code: 'not_found' } })
  expect(await next.client.call('delete_module', { module_name: 'Stated', request_id: 'the-one' })).toMatchObject({ ok: false, error: { code: 'conflict' } })
  await next.stop()
})

test.each(['repository', 'parser'])('%s killed during an import: the next one completes', async (victim) => {
  const box = project()
  const { daemon, client } = await daemonHere(box)
  const kills = { left: 3 }
  client.onNotification('import_progress', ({ phase }) => {
    if (phase === 'parsing' && kills.left-- > 0) daemon.kill(victim)
  })
  const { value: answer } = await untilAnswered(async () => {
    const imported = await client.call('import_project', { force: true }, { timeoutMs: 20_000 })
    return imported
  })
  expect(answer.value).toMatchObject({ files: MODULES + 1, modules: MODULES + 1, problems: 0 })
  expect(verifyPath(box.paths.database)).toEqual({ ok: true, value: [] })
})

test('the daemon killed at any moment of an import leaves the last complete state, and the next start completes', async () => {
  const box = project()
  for (let round = 0; round < 5; round++) {
    const daemon = await start(box)
    const progress = Promise.withResolvers<void>()
    let heard = 0
    daemon.client.onNotification('import_progress', () => {
      if (heard++ >= round) progress.resolve()
    })
    void daemon.client.call('import_project', { force: true })
    await progress.promise
    await daemon.kill()
    expect(verifyPath(box.paths.database)).toEqual({ ok: true, value: [] })
  }
  const daemon = await start(box)
  for (;;) {
    const answered = await daemon.client.call('get_statistics', {})
    if (!answered.ok) throw new Error(answered.error.message)
    const { verified, value: { import: last, modules } } = answered.value
    // A complete state may be that of an earlier start, which this one has not compared with the files yet.
    if (verified && last.state === 'complete') {
      expect(modules).toBe(MODULES + 1)
      break
    }
  }
  expect(await daemon.client.call('get_module', { module_name: 'M7' })).toMatchObject({ ok: true, value: { verified: true, complete: true } })
  const { callers } = await value(daemon.client.call('get_callers', { mfa: 'M7.f/1' }))
  expect(callers.map((one) => one.caller)).toEqual(['M6.f/1', 'M7.g/1'])
  expect(await daemon.stop()).toBe(0)
})
