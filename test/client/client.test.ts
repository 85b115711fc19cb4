/** The client against a daemon that answers, is slow, goes away, comes back, or is none. */

import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createSimulatedClock, type SimulatedClock } from '../../src/base/clock.ts'
import { failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import { type Client, type ClientOptions, connect } from '../../src/client/client.ts'
import type { Handle } from '../../src/gateway/ipc/dispatch.ts'
import { serveIpc } from '../../src/gateway/ipc/serve-ipc.ts'
import { temporaryDirectory, turns, until } from '../gateway/ipc/support/raw-client.ts'
import { tinyDecodeAll, tinyEncode } from '../wire/support/tiny-msgpack.ts'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

function socketPath(): string {
  const { path, remove } = temporaryDirectory()
  cleanups.push(remove)
  return join(path, 's.sock')
}

type Connected = { readonly client: Client; readonly clock: SimulatedClock }

async function connected(path: string, options: Partial<ClientOptions> = {}): Promise<Connected> {
  const clock = createSimulatedClock()
  let nIds = 0
  const client = await connect({ socketPath: path, clock, random: () => 1, newRequestId: () => `id-${++nIds}`, ...options })
  if (!client.ok) throw new Error(client.error.message)
  cleanups.push(() => client.value.close())
  return { client: client.value, clock }
}

async function withDaemon(handle: Handle, options: Partial<ClientOptions> = {}): Promise<Connected> {
  const path = socketPath()
  const clock = createSimulatedClock()
  const server = await serveIpc({ socketPath: path, handle, clock })
  if (!server.ok) throw new Error(server.error.message)
  cleanups.push(async () => {
    const closed = server.value.close(0)
    clock.advance(100_000)
    await closed
  })
  return await connected(path, options)
}

/** A daemon in the tests' own hands: it keeps what it is sent, and answers when told to. */
type Puppet = {
  readonly received: unknown[][]
  readonly sockets: Socket[]
  readonly nConnections: () => number
  answer(...messages: readonly unknown[]): void
  hangUp(): void
  stop(): Promise<void>
}

async function puppet(path: string): Promise<Puppet> {
  const received: unknown[][] = []
  const sockets: Socket[] = []
  let nConnections = 0
  const server: Server = createServer((socket) => {
    nConnections++
    sockets.push(socket)
    let bytes = Buffer.alloc(0)
    socket.on('error', () => socket.destroy()).on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      const { values, end } = tinyDecodeAll(bytes)
      received.push(...values as unknown[][])
      bytes = bytes.subarray(end)
    })
  })
  await new Promise<void>((resolve) => server.listen(path, () => resolve()))
  const hangUp = (): void => {
    for (const socket of sockets.splice(0)) socket.destroy()
  }
  const stop = async (): Promise<void> => {
    hangUp()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  cleanups.push(stop)
  return {
    received, sockets, hangUp, stop,
    nConnections: () => nConnections,
    answer: (...messages) => sockets.at(-1)?.write(Buffer.concat(messages.map((message) => tinyEncode(message)))),
  }
}

test('a call gives its result, an error comes back as the Failure it was', async () => {
  const why = failure('not_found', 'no module A', { hint: 'look again', details: { name: 'A' } })
  const { client } = await withDaemon((method, args) => (method === 'hello' ? ok({ args }) : fail(why)))
  expect(await client.call('hello', {})).toEqual(ok({ args: {} }))
  expect(await client.call('get_module', { module_name: 'A' })).toEqual(fail(why))
  expect(await client.request('no_such', {})).toMatchObject({ ok: false, error: { code: 'unknown_method' } })
})

test('many calls at once, answered in any order, each get their own answer', async () => {
  const { client } = await withDaemon((_method, args) => {
    const { prefix } = args as { prefix: string }
    return Number(prefix) % 3 === 0 ? ok(prefix) : new Promise((resolve) => setImmediate(() => resolve(ok(prefix))))
  })
  const results = await Promise.all(Array.from({ length: 500 }, (_, i) => client.call('list_modules', { prefix: String(i) })))
  expect(results).toEqual(Array.from({ length: 500 }, (_, i) => ok(String(i))))
})

test('no daemon: the failure says how to start one', async () => {
  const clock = createSimulatedClock()
  const path = socketPath()
  const ports = { socketPath: path, clock, random: () => 0, newRequestId: () => 'x' }
  expect(await connect(ports)).toMatchObject({
    ok: false, error: { code: 'unavailable', message: `no daemon listens on ${path}`, hint: 'elixir-scope start starts it' },
  })
})

test('a call without an answer in time fails; a late answer changes nothing', async () => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client, clock } = await connected(path, { timeoutMs: 1000 })
  const slow = client.call('hello', {})
  const slower = client.call('hello', {}, { timeoutMs: 5000 })
  await until(() => daemon.received.length === 2)
  clock.advance(1000)
  expect(await slow).toMatchObject({ ok: false, error: { code: 'timeout', message: 'hello: no answer within 1000 ms' } })
  daemon.answer([1, daemon.received[0]?.[1], null, 'late'], [1, daemon.received[1]?.[1], null, 'in time'])
  expect(await slower).toEqual(ok('in time'))
  expect(clock.nTimers()).toBe(0)
})

test('writes carry a request_id, which a failure names so that the call can be repeated', async () => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client } = await connected(path)
  const write = client.call('delete_module', { module_name: 'A' })
  const named = client.call('vacuum', { request_id: 'mine' })
  await until(() => daemon.received.length === 2)
  expect(daemon.received.map((message) => message.slice(2))).toEqual([
    ['delete_module', [{ module_name: 'A', request_id: 'id-1' }]], ['vacuum', [{ request_id: 'mine' }]],
  ])
  daemon.hangUp()
  expect(await write).toMatchObject({ ok: false, error: { code: 'unavailable', hint: expect.stringContaining('same request_id'), details: { request_id: 'id-1' } } })
  expect(await named).toMatchObject({ ok: false, error: { code: 'unavailable', details: { request_id: 'mine' } } })
})

test('when the connection is lost, reads under way are sent again on the next one', async () => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client, clock } = await connected(path)
  const read = client.call('get_module', { module_name: 'A' })
  await until(() => daemon.received.length === 1)
  daemon.hangUp()
  await until(() => client.state() === 'waiting')
  const meanwhile = client.call('hello', {})
  clock.advance(50)
  await until(() => daemon.received.length === 3)
  expect(daemon.received.map(([, id, method]) => [id, method])).toEqual([[1, 'get_module'], [1, 'get_module'], [2, 'hello']])
  daemon.answer([1, 2, null, 'hello'], [1, 1, null, 'module'])
  expect(await Promise.all([read, meanwhile])).toEqual([ok('module'), ok('hello')])
})

test('a read that loses its connection twice fails', async () => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client, clock } = await connected(path)
  const read = client.call('hello', {})
  for (const n of [1, 2]) {
    await until(() => daemon.received.length === n)
    daemon.hangUp()
    await until(() => client.state() === 'waiting')
    clock.advance(200)
  }
  expect(await read).toMatchObject({ ok: false, error: { code: 'unavailable', message: expect.stringContaining('hello: the connection to the daemon was lost') } })
})

test('a daemon that goes and comes: pauses double up to their bound, then everything works again', async () => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client, clock } = await connected(path, { backOff: { firstMs: 100, maxMs: 400 } })
  await daemon.stop()
  await until(() => client.state() === 'waiting')
  for (const pauseMs of [100, 200, 400, 400]) {
    clock.advance(pauseMs - 1)
    expect(client.state()).toBe('waiting')
    clock.advance(1)
    expect(client.state()).toBe('connecting')
    await until(() => client.state() === 'waiting')
  }
  const again = await puppet(path)
  clock.advance(400)
  await until(() => client.state() === 'connected')
  const call = client.call('hello', {})
  await until(() => again.received.length === 1)
  again.answer([1, again.received[0]?.[1], null, 'back'])
  expect(await call).toEqual(ok('back'))
  again.hangUp()
  await until(() => client.state() === 'waiting')
  clock.advance(100)
  await until(() => again.nConnections() === 2)
})

test('a call that finds no connection in time is unavailable', async () => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client, clock } = await connected(path, { timeoutMs: 300, backOff: { firstMs: 10_000, maxMs: 10_000 } })
  await daemon.stop()
  await until(() => client.state() === 'waiting')
  const call = client.call('vacuum', {})
  clock.advance(300)
  expect(await call).toMatchObject({ ok: false, error: { code: 'unavailable', message: 'vacuum: no connection to the daemon within 300 ms' } })
})

test('without reconnection a lost connection is the end', async () => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client } = await connected(path, { reconnect: 'never' })
  const read = client.call('hello', {})
  await until(() => daemon.received.length === 1)
  daemon.hangUp()
  expect(await read).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  expect(client.state()).toBe('closed')
  expect(await client.call('hello', {})).toMatchObject({ ok: false, error: { code: 'unavailable' } })
})

test('what the daemon said before it hung up is what the calls fail with', async () => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client } = await connected(path, { reconnect: 'never' })
  const read = client.call('hello', {})
  await until(() => daemon.received.length === 1)
  daemon.answer([2, 'error', [{ code: 'busy', message: 'too many connections' }]])
  daemon.sockets[0]?.end()
  expect(await read).toMatchObject({ ok: false, error: { code: 'busy', message: 'hello: too many connections' } })
})

test('calls without an answer are bounded', async () => {
  const path = socketPath()
  await puppet(path)
  const { client } = await connected(path, { maxPending: 2 })
  const kept = [client.call('hello', {}), client.call('hello', {})]
  expect(await client.call('hello', {})).toMatchObject({ ok: false, error: { code: 'busy' } })
  client.close()
  expect(await Promise.all(kept)).toMatchObject([{ error: { code: 'unavailable' } }, { error: { code: 'unavailable' } }])
  expect(await client.call('hello', {})).toMatchObject({ ok: false, error: { code: 'unavailable', message: 'hello: the client is closed' } })
})

test('closing while an attempt is under way ends there', async () => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client, clock } = await connected(path)
  daemon.hangUp()
  await until(() => client.state() === 'waiting')
  clock.advance(50)
  expect(client.state()).toBe('connecting')
  client.close()
  await turns(20)
  expect([client.state(), clock.nTimers()]).toEqual(['closed', 0])
})

test.each([
  ['no MessagePack', Buffer.of(0xc1)],
  ['no message', tinyEncode('hello')],
  ['a request', tinyEncode([0, 1, 'hello', []])],
])('a daemon that sends %s is left', async (_name, bytes) => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client } = await connected(path, { reconnect: 'never' })
  const call = client.call('hello', {})
  await until(() => daemon.received.length === 1)
  daemon.sockets[0]?.write(bytes)
  expect(await call).toMatchObject({ ok: false })
  expect(client.state()).toBe('closed')
})

test('an answer over the limit fails its own call alone', async () => {
  const { client } = await withDaemon((method) => ok(method === 'hello' ? 'x'.repeat(100_000) : 'small'), { maxResponseBytes: 10_000 })
  const [large, small] = await Promise.all([client.call('hello', {}), client.call('health_check', {})])
  expect(large).toMatchObject({ ok: false, error: { code: 'too_large' } })
  expect(small).toEqual(ok('small'))
})

test('notifications reach their listeners until those leave', async () => {
  const { client } = await withDaemon((_method, _args, context) => {
    context.notify('import_progress', { files_done: 1, files_total: 2, phase: 'parsing' })
    return ok(null)
  })
  const seen: number[] = []
  const leave = client.onNotification('import_progress', (progress) => seen.push(progress.files_done))
  await client.call('import_project', {})
  leave()
  await client.call('import_project', {})
  expect(seen).toEqual([1])
})

test('an error of an unknown form is no Failure of the daemon', async () => {
  const path = socketPath()
  const daemon = await puppet(path)
  const { client } = await connected(path)
  const call = client.call('hello', {})
  await until(() => daemon.received.length === 1)
  daemon.answer([1, 1, 2n ** 60n, null])
  expect(await call).toMatchObject({ ok: false, error: { code: 'internal' } })
})
