import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSandbox, start, value, type RunningDaemon, type Sandbox } from './running-daemon.ts'

let sandbox: Sandbox
let daemon: RunningDaemon

beforeAll(async () => {
  sandbox = createSandbox({ 'mix.exs': 'defmodule P.MixProject do\nend\n', 'lib/a.ex': 'defmodule A do\n  def a, do: 1\nend\n' })
  daemon = await start(sandbox, { flags: { 'storage.maxModules': '40' } })
  await value(daemon.client.call('import_project', {}))
})

afterAll(async () => {
  await daemon.stop()
  sandbox.dispose()
})

const epoch = async (): Promise<number> => {
  const answer = await daemon.client.call('get_statistics', {})
  return answer.ok ? answer.value.epoch : -1
}

test('facts that a client states are found, listed apart, and never shadow those of files', async () => {
  await value(daemon.client.call('store_module', {
    module: { module_name: 'Stated', moduledoc: 'Told.', functions: [{ function_name: 'f', arity: 1, calls: ['A.a/0'] }] },
  }))
  await value(daemon.client.call('store_module', { module: { module_name: 'A', functions: [{ function_name: 'fake', arity: 0 }] } }))
  expect(await value(daemon.client.call('get_module', { module_name: 'Stated' }))).toMatchObject({ origin: 'client', moduledoc: { text: 'Told.' }, source_location: null })
  expect(await value(daemon.client.call('get_module', { module_name: 'A' }))).toMatchObject({ origin: 'file', exports: ['a/0'] })
  const { modules } = await value(daemon.client.call('list_modules', { origin: 'client' }))
  expect(modules.map((one) => one.module_name)).toEqual(['A', 'Stated'])
  expect(await value(daemon.client.call('get_callers', { mfa: 'A.a/0' }))).toMatchObject({ callers: [{ caller: 'Stated.f/1' }] })
  await value(daemon.client.call('delete_module', { module_name: 'A' }))
})

test('source text is read as a file is', async () => {
  await value(daemon.client.call('store_module', { module: { module_name: 'FromText', source: 'defmodule FromText do\n  def x(y), do: y\nend' } }))
  expect(await value(daemon.client.call('get_function', { mfa: 'FromText.x/1' }))).toMatchObject({ signature: 'x(y)', origin: 'client' })
  expect(await daemon.client.call('store_module', { module: { module_name: 'Other', source: 'defmodule FromText do\nend' } })).toMatchObject({
    ok: false, error: { code: 'invalid_argument', message: 'module.source defines no Other' },
  })
  expect(await daemon.client.call('store_module', { module: { module_name: 'Half', source: 'defmodule Half do\n  def x(\nend' } })).toMatchObject({
    ok: false, error: { code: 'invalid_argument', message: expect.stringMatching(/^module\.source:\d+:\d+: /) as string },
  })
  const both = { module_name: 'Both', source: 'defmodule Both do\nend', functions: [{ function_name: 'f', arity: 0 }] }
  expect(await daemon.client.call('store_module', { module: both })).toMatchObject({ ok: false, error: { code: 'invalid_argument' } })
})

test('a patch changes what it names; a stale version is a conflict', async () => {
  const { version } = await value(daemon.client.call('store_module', { module: { module_name: 'Patched', moduledoc: 'one', functions: [{ function_name: 'f', arity: 0 }] } }))
  const changed = await value(daemon.client.call('update_module', { module_name: 'Patched', expected_version: version, patch: { moduledoc: 'two' } }))
  expect(changed.version).toBeGreaterThan(version)
  expect(await value(daemon.client.call('get_module', { module_name: 'Patched' }))).toMatchObject({ moduledoc: { text: 'two' }, exports: ['f/0'] })
  expect(await daemon.client.call('update_module', { module_name: 'Patched', expected_version: version, patch: {} })).toMatchObject({ ok: false, error: { code: 'conflict' } })
  expect(await daemon.client.call('update_module', { module_name: 'Patched', patch: { functions: 'no list' } })).toMatchObject({ ok: false, error: { code: 'invalid_argument' } })
  expect(await daemon.client.call('update_module', { module_name: 'Patched', patch: { module_name: 'Renamed' } })).toMatchObject({ ok: false, error: { code: 'invalid_argument' } })
  expect(await daemon.client.call('update_module', { module_name: 'Absent', patch: {} })).toMatchObject({ ok: false, error: { code: 'not_found' } })
})

test('functions are added one by one, and many to one module at once', async () => {
  await value(daemon.client.call('store_function', { module_name: 'Grown', function: { function_name: 'f', arity: 0 } }))
  await value(daemon.client.call('batch_store', {
    items: Array.from({ length: 2000 }, (_, i) => ({ operation: 'store_function' as const, module_name: 'Grown', function: { function_name: `g${i}`, arity: i % 5 } })),
  }))
  expect((await value(daemon.client.call('get_module', { module_name: 'Grown' }))).exports).toHaveLength(2001)
})

test('a bulk update is all or nothing, and names the operation that failed', async () => {
  const before = await epoch()
  const failed = await daemon.client.call('bulk_update', {
    operations: [
      { operation: 'store_module', module: { module_name: 'Half' } },
      { operation: 'delete_module', module_name: 'NotThere' },
    ],
  })
  expect(failed).toMatchObject({ ok: false, error: { code: 'not_found', details: { operation: 1 } } })
  expect(await daemon.client.call('get_module', { module_name: 'Half' })).toMatchObject({ ok: false })
  expect(await epoch()).toBe(before)
  expect(await daemon.client.call('bulk_update', { expected_epoch: before + 1, operations: [{ operation: 'store_module', module: { module_name: 'Half' } }] }))
    .toMatchObject({ ok: false, error: { code: 'conflict' } })
  const done = await value(daemon.client.call('bulk_update', {
    expected_epoch: before,
    operations: [
      { operation: 'store_module', module: { module_name: 'One' } },
      { operation: 'store_function', module_name: 'One', function: { function_name: 'f', arity: 2 } },
      { operation: 'update_module', module_name: 'One', patch: { moduledoc: 'x' } },
    ],
  }))
  expect(done.results).toHaveLength(3)
  expect(await value(daemon.client.call('get_module', { module_name: 'One' }))).toMatchObject({ moduledoc: { text: 'x' }, exports: ['f/2'] })
  expect(await epoch()).toBe(before + 1)
})

test('a repeat with the same request id is answered with the first result', async () => {
  const call = { module: { module_name: 'Once' }, request_id: 'r-1' }
  const first = await daemon.client.request('store_module', call)
  expect(await daemon.client.request('store_module', call)).toEqual(first)
  expect(await daemon.client.request('store_module', { module: { module_name: 'Other' }, request_id: 'r-1' })).toMatchObject({ ok: false, error: { code: 'conflict' } })
})

test('more modules than the limit are refused, in one batch as one by one', async () => {
  const items = Array.from({ length: 60 }, (_, i) => ({ operation: 'store_module' as const, module: { module_name: `Many${i}` } }))
  expect(await daemon.client.call('batch_store', { items })).toMatchObject({ ok: false, error: { code: 'too_large' } })
  expect(await daemon.client.call('get_module', { module_name: 'Many0' })).toMatchObject({ ok: false })
})

test('cleanup removes what was stated, and is fine with nothing', async () => {
  expect(await value(daemon.client.call('cleanup_module', { module_name: 'Grown' }))).toMatchObject({ removed: 2002 })
  expect(await value(daemon.client.call('cleanup_module', { module_name: 'Grown' }))).toMatchObject({ removed: 0 })
})

test('optimize and vacuum', async () => {
  await value(daemon.client.call('optimize', {}))
  const { bytes_before: before, bytes_after: after } = await value(daemon.client.call('vacuum', {}))
  expect(after).toBeLessThanOrEqual(before)
})
