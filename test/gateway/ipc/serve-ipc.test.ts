/** The socket server against clients of every kind: polite, fast, silent, broken, greedy. */

import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createSimulatedClock, type SimulatedClock } from '../../../src/base/clock.ts'
import { failure, FailureError } from '../../../src/base/failure.ts'
import { fail, ok, type Result } from '../../../src/base/result.ts'
import type { Answer, Handle } from '../../../src/gateway/ipc/dispatch.ts'
import { type IpcOptions, type IpcServer, serveIpc } from '../../../src/gateway/ipc/serve-ipc.ts'
import { tinyEncode } from '../../wire/support/tiny-msgpack.ts'
import { type RawClient, rawConnect, temporaryDirectory, turns, until } from './support/raw-client.ts'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

type Running = { readonly server: IpcServer; readonly clock: SimulatedClock; readonly client: (reads?: 'when asked') => Promise<RawClient> }

async function start(handle: Handle, options: Partial<IpcOptions> = {}): Promise<Running> {
  const directory = temporaryDirectory()
  const clock = createSimulatedClock()
  const socketPath = join(directory.path, 'run', 's.sock')
  const server = must(await serveIpc({ socketPath, handle, clock, ...options }))
  const clients: RawClient[] = []
  cleanups.push(directory.remove, async () => {
    for (const { socket } of clients) socket.destroy()
    const closed = server.close(0)
    clock.advance(100_000)
    await closed
  })
  return {
    server,
    clock,
    client: async (reads) => {
      const client = await rawConnect(socketPath, reads === undefined ? {} : { reads })
      clients.push(client)
      return client
    },
  }
}

function must<T>(result: Result<T, unknown>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.value
}

const echo: Handle = (method, args) => ok({ method, args })

test('a request is answered with its id, defaults filled in', async () => {
  const { client } = await start(echo)
  const raw = await client()
  raw.send([0, 7, 'list_modules', [{ limit: 3 }]])
  expect(await raw.next()).toEqual([1, 7, null, { method: 'list_modules', args: { limit: 3, origin: 'all' } }])
  raw.send([0, 0xffff_ffff, 'hello', []])
  expect(await raw.next()).toEqual([1, 0xffff_ffff, null, { method: 'hello', args: {} }])
})

test('wrong calls are answered with typed errors, and the connection stays', async () => {
  const bugs: unknown[] = []
  const seen: unknown[] = []
  const { client } = await start((method) => {
    if (method === 'vacuum') throw new Error('a bug')
    if (method === 'optimize') return Promise.reject(new Error('a late bug'))
    return method === 'hello' ? ok(new Map()) : fail(failure('not_found', 'no such module', { details: { name: 'A' } }))
  }, { onBug: (error) => bugs.push(error), onCall: (...told) => seen.push(told) })
  const raw = await client()
  raw.send([0, 1, 'helo', []], [0, 2, 'get_module', [{}]], [0, 3, 'get_module', [{ module_name: 'A' }]], [0, 4, 'vacuum', []], [0, 5, 'hello', []])
  expect(await raw.take(5)).toEqual([
    [1, 1, { code: 'unknown_method', message: 'unknown method "helo"', hint: 'did you mean hello?' }, null],
    [1, 2, expect.objectContaining({ code: 'invalid_argument', details: { key: 'module_name', value: null, expected: 'a string' } }), null],
    [1, 3, { code: 'not_found', message: 'no such module', details: { name: 'A' } }, null],
    [1, 4, expect.objectContaining({ code: 'internal', message: expect.stringContaining('a bug') }), null],
    [1, 5, expect.objectContaining({ code: 'internal' }), null],
  ])
  raw.send([0, 6, 'optimize', []])
  expect(await raw.next()).toEqual([1, 6, expect.objectContaining({ code: 'internal', message: expect.stringContaining('a late bug') }), null])
  expect(bugs).toHaveLength(3)
  expect(seen).toEqual([
    [undefined, 0, 'unknown_method'], [undefined, 0, 'invalid_argument'], ['get_module', 0, 'not_found'], ['vacuum', 0, 'internal'],
    ['hello', 0, undefined], ['optimize', 0, 'internal'],
  ])
})

test('what a handler throws because of the arguments is answered, and is no bug of ours', async () => {
  const bugs: unknown[] = []
  const { client } = await start((method) => {
    throw new FailureError(failure(method === 'hello' ? 'damaged' : 'invalid_argument', method))
  }, { onBug: (error) => bugs.push(error) })
  const raw = await client()
  raw.send([0, 1, 'list_modules', [{ cursor: 'made up' }]], [0, 2, 'hello', []])
  expect(await raw.take(2)).toEqual([[1, 1, { code: 'invalid_argument', message: 'list_modules' }, null], [1, 2, { code: 'damaged', message: 'hello' }, null]])
  expect(bugs).toHaveLength(1)
})

test('answers go out as they become ready', async () => {
  const slow = Promise.withResolvers<Answer>()
  const { client } = await start((method) => (method === 'hello' ? slow.promise : ok('fast')))
  const raw = await client()
  raw.send([0, 1, 'hello', []], [0, 2, 'health_check', []])
  expect(await raw.next()).toEqual([1, 2, null, 'fast'])
  slow.resolve(ok('slow'))
  expect(await raw.next()).toEqual([1, 1, null, 'slow'])
})

test('a notification runs its method and is not answered', async () => {
  const ran: string[] = []
  const { client } = await start((method) => (ran.push(method), ok(null)))
  const raw = await client()
  raw.send([2, 'shutdown', []], [2, 'no such', []], [0, 1, 'hello', []])
  expect(await raw.next()).toEqual([1, 1, null, null])
  expect(ran).toEqual(['shutdown', 'hello'])
})

const BROKEN: readonly (readonly [name: string, bytes: Uint8Array, first: unknown[]])[] = [
  ['a byte that is no MessagePack', Uint8Array.of(0xc1), []],
  ['an extension type', Uint8Array.of(0xd4, 0x72, 0x40), []],
  ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n'), []],
  ['nesting without end', new Uint8Array(1000).fill(0x91), []],
  ['a value that is no message', tinyEncode({ a: 1 }), []],
  ['a response to nothing', tinyEncode([1, 1, null, null]), []],
  ['a request with params that are no array', tinyEncode([0, 9, 'hello', {}]), [[1, 9, expect.objectContaining({ code: 'invalid_argument' }), null]]],
]

test.each(BROKEN)('%s gets an error, then the connection ends; others go on', async (_name, bytes, first) => {
  const { server, client } = await start(echo)
  const [raw, other] = [await client(), await client()]
  raw.sendBytes(bytes)
  const error = [2, 'error', [expect.objectContaining({ code: 'invalid_argument' })]]
  expect(await raw.take(first.length + 2)).toEqual([...first, error, undefined])
  raw.socket.end()
  await raw.closed
  other.send([0, 1, 'hello', []])
  expect(await other.next()).toMatchObject([1, 1, null, {}])
  await until(() => server.stats().connections === 1)
})

test('a client that ignores the end of a refused connection is cut off', async () => {
  const { server, clock, client } = await start(echo, { limits: { lingerMs: 500 } })
  const raw = await client()
  raw.sendBytes(Uint8Array.of(0xc1))
  expect(await raw.next()).toMatchObject([2, 'error', [{}]])
  expect(server.stats().connections).toBe(1)
  clock.advance(500)
  await until(() => server.stats().connections === 0)
})

test('100 MB in one argument is refused by its header, thrown away as it comes, and the connection goes on', async () => {
  const { server, client } = await start(echo)
  const raw = await client()
  raw.sendBytes(Buffer.concat([Uint8Array.of(0x94, 0, 5, 0xaa), Buffer.from('get_module'), Uint8Array.of(0x91, 0x81, 0xa1, 0x61, 0xdb), uint32(100 << 20)]))
  expect(await raw.next()).toMatchObject([1, 5, { code: 'too_large' }, null])
  const chunk = Buffer.alloc(1 << 20, 0x61)
  let mostHeld = 0
  for (let i = 0; i < 100; i++) {
    await new Promise<void>((resolve) => raw.socket.write(chunk, () => resolve()))
    mostHeld = Math.max(mostHeld, server.stats().inputBytes)
  }
  raw.send([0, 6, 'hello', []])
  expect(await raw.next()).toMatchObject([1, 6, null, {}])
  expect(mostHeld).toBeLessThan(1000)
})

test('calls under way are bounded; the rest is read when one is answered', async () => {
  const open: ((answer: Answer) => void)[] = []
  const { server, client } = await start(() => new Promise((resolve) => open.push(resolve)), { limits: { maxInFlight: 4 } })
  const raw = await client()
  for (let i = 0; i < 10; i++) raw.send([0, i, 'hello', []])
  await until(() => open.length === 4)
  await turns(20)
  expect([open.length, server.stats().inFlight]).toEqual([4, 4])
  for (let n = 0; n < 10; n++) {
    await until(() => open.length > n)
    open[n]?.(ok(n))
    expect(await raw.next()).toEqual([1, n, null, n])
  }
})

test('a client that does not read is not read from, holds bounded memory, disturbs nobody, and is closed in the end', async () => {
  let calls = 0
  const { server, clock, client } = await start((method) => (calls++, ok(method === 'hello' ? 'x'.repeat(100_000) : 'ok')), {
    limits: { maxOutputBytes: 500_000, drainMs: 1000 },
  })
  const slow = await client('when asked')
  const requests = Buffer.concat(Array.from({ length: 20_000 }, (_, i) => tinyEncode([0, i, 'hello', []])))
  slow.sendBytes(requests)
  await until(() => server.stats().outputBytes >= 500_000)
  const other = await client()
  for (let i = 0; i < 200; i++) {
    other.send([0, i, 'health_check', []])
    expect(await other.next()).toEqual([1, i, null, 'ok'])
  }
  expect(server.stats().outputBytes).toBeLessThan(700_000)
  expect(calls).toBeLessThan(500)
  expect(server.stats().connections).toBe(2)
  clock.advance(1000)
  await until(() => server.stats().connections === 1)
  expect(server.stats().outputBytes).toBe(0)
})

test('a slow client that catches up gets every answer', async () => {
  const { server, clock, client } = await start(() => ok('x'.repeat(50_000)), { limits: { maxOutputBytes: 200_000, drainMs: 1000 } })
  const slow = await client('when asked')
  slow.send(...Array.from({ length: 100 }, (_, i) => [0, i, 'hello', []]))
  await until(() => server.stats().outputBytes >= 200_000)
  const answers = await slow.take(100)
  expect(answers.map((answer) => (answer as unknown[])[1])).toEqual(Array.from({ length: 100 }, (_, i) => i))
  await until(() => server.stats().outputBytes === 0)
  clock.advance(10_000)
  slow.send([0, 500, 'hello', []])
  expect(await slow.next()).toMatchObject([1, 500, null, expect.any(String)])
})

test('answers not taken are bounded over all connections: the greediest is closed', async () => {
  const { server, client } = await start(() => ok('x'.repeat(100_000)), {
    limits: { maxOutputBytes: 1_000_000, maxTotalOutputBytes: 1_500_000 },
  })
  const greedy = [await client('when asked'), await client('when asked'), await client('when asked')]
  for (const raw of greedy) raw.sendBytes(Buffer.concat(Array.from({ length: 100 }, (_, i) => tinyEncode([0, i, 'hello', []]))))
  await until(() => server.stats().connections < 3)
  await turns(20)
  expect(server.stats().outputBytes).toBeLessThanOrEqual(1_500_000)
})

test('a message that does not end in time ends its connection', async () => {
  const { clock, client } = await start(echo, { limits: { frameMs: 1000 } })
  const raw = await client()
  const request = tinyEncode([0, 1, 'hello', []])
  raw.sendBytes(Buffer.concat([request, request.subarray(0, 5)]))
  await raw.next()
  clock.advance(999)
  raw.sendBytes(request.subarray(5))
  expect(await raw.next()).toMatchObject([1, 1, null, {}])
  clock.advance(5000)
  raw.send([0, 2, 'hello', []])
  expect(await raw.next()).toMatchObject([1, 2, null, {}])
  raw.sendBytes(request.subarray(0, 5))
  await until(() => clock.nTimers() > 0)
  clock.advance(1000)
  expect(await raw.next()).toMatchObject([2, 'error', [{ code: 'timeout' }]])
  expect(await raw.next()).toBeUndefined()
})

test('parts of messages are bounded over all connections', async () => {
  const { server, client } = await start(echo, { limits: { maxTotalInputBytes: 100_000 } })
  const part = tinyEncode([0, 1, 'store_module', [{ module: { source: 'x'.repeat(90_000) } }]]).subarray(0, 60_000)
  const [first, second] = [await client(), await client()]
  first.sendBytes(part)
  await until(() => server.stats().inputBytes === 60_000)
  second.sendBytes(part)
  expect(await second.next()).toMatchObject([2, 'error', [{ code: 'busy' }]])
  second.socket.destroy()
  await until(() => server.stats().inputBytes === 60_000)
})

test('large requests under way: one client waits for its own, all together are bounded, and what is answered is given back', async () => {
  const held: PromiseWithResolvers<Answer>[] = []
  const { server, client } = await start((method) => {
    if (method === 'hello') return ok('here')
    const answer = Promise.withResolvers<Answer>()
    held.push(answer)
    return answer.promise
  }, { limits: { maxRequestBytes: 10_000, maxTotalPendingBytes: 16_000 } })
  const large = (id: number): unknown[] => [0, id, 'store_module', [{ module: { module_name: 'A', moduledoc: 'x'.repeat(5000) } }]]
  const [first, second] = [await client(), await client()]
  first.send(large(1), large(2), large(3), [0, 4, 'hello', []])
  await until(() => held.length === 2)
  await turns(10)
  expect(held).toHaveLength(2)
  second.send(large(1), large(2), [0, 3, 'hello', []])
  expect(await second.take(2)).toEqual([[1, 2, expect.objectContaining({ code: 'busy' }), null], [1, 3, null, 'here']])
  held[0]?.resolve(ok('stored'))
  expect(await first.next()).toEqual([1, 1, null, 'stored'])
  await until(() => held.length === 4)
  first.socket.destroy()
  await until(() => server.stats().connections === 1)
  expect(server.stats().pendingBytes).toBeGreaterThan(15_000)
  for (const { resolve } of held) resolve(ok('stored'))
  await until(() => server.stats().pendingBytes === 0)
})

test('a client that has sent all it will still gets its answers', async () => {
  const late = Promise.withResolvers<Answer>()
  const { server, client } = await start((method) => (method === 'hello' ? late.promise : ok('now')))
  const raw = await client()
  raw.send([0, 1, 'hello', []], [0, 2, 'health_check', []])
  raw.socket.end()
  expect(await raw.next()).toEqual([1, 2, null, 'now'])
  await turns(10)
  late.resolve(ok('late'))
  expect(await raw.next()).toEqual([1, 1, null, 'late'])
  expect(await raw.next()).toBeUndefined()
  await until(() => server.stats().connections === 0)
})

test('one client more than allowed is told so and turned away', async () => {
  const { server, client } = await start(echo, { limits: { maxConnections: 2 } })
  const first = await client()
  await client()
  const third = await client()
  expect(await third.next()).toMatchObject([2, 'error', [{ code: 'busy' }]])
  expect(await third.next()).toBeUndefined()
  first.socket.destroy()
  await until(() => server.stats().connections === 1)
  const fourth = await client()
  fourth.send([0, 1, 'hello', []])
  expect(await fourth.next()).toMatchObject([1, 1, null, {}])
})

test('300 clients at once', async () => {
  const { client } = await start(echo)
  const all = await Promise.all(Array.from({ length: 300 }, () => client()))
  for (const [i, raw] of all.entries()) raw.send([0, i, 'hello', []])
  const answers = await Promise.all(all.map((raw) => raw.next()))
  expect(answers.map((answer) => (answer as unknown[])[1])).toEqual(all.map((_, i) => i))
})

test('notifications reach the client that called, or all; a client that does not read is left out and counted', async () => {
  const progress = { files_done: 1, files_total: 2, phase: 'parsing' } as const
  const { server, client } = await start((method, _args, context) => {
    if (method === 'import_project') context.notify('import_progress', progress)
    return ok('x'.repeat(method === 'hello' ? 1_000_000 : 1))
  }, { limits: { maxOutputBytes: 100_000 } })
  const [raw, deaf] = [await client(), await client('when asked')]
  raw.send([0, 1, 'import_project', []])
  expect(await raw.take(2)).toEqual([[2, 'import_progress', [progress]], [1, 1, null, 'x']])
  deaf.send([0, 1, 'hello', []])
  await until(() => server.stats().outputBytes > 100_000)
  server.notifyAll('import_progress', progress)
  expect(await raw.next()).toEqual([2, 'import_progress', [progress]])
  expect(server.stats().notificationsShed).toBe(1)
})

test('the signal of a call tells when its client is gone', async () => {
  const signals: AbortSignal[] = []
  const { clock, server, client } = await start((_method, _args, context) => (signals.push(context.signal), new Promise<Answer>(() => {})))
  const raw = await client()
  raw.send([0, 1, 'hello', []], [0, 2, 'hello', []])
  await until(() => signals.length === 2)
  expect(signals[0]?.aborted).toBe(false)
  raw.socket.destroy()
  await until(() => signals.every((signal) => signal.aborted))
  expect([server.stats().connections, clock.nTimers()]).toEqual([0, 0])
  // That it is gone may come after that it sends no more.
  const ending = await client()
  ending.send([0, 3, 'hello', []])
  ending.socket.end()
  await until(() => clock.nTimers() > 0)
  expect(signals[2]?.aborted).toBe(false)
  ending.socket.destroy()
  await turns(10)
  clock.advance(1000)
  await until(() => signals[2]?.aborted === true)
  expect([server.stats().connections, clock.nTimers()]).toEqual([0, 0])
})

test('closing answers what is under way, reads nothing more, and then ends', async () => {
  const late = Promise.withResolvers<Answer>()
  const { server, client } = await start(() => late.promise)
  const raw = await client()
  raw.send([0, 1, 'hello', []])
  await until(() => server.stats().inFlight === 1)
  const closed = server.close(1000)
  late.resolve(ok('done'))
  expect(await raw.next()).toEqual([1, 1, null, 'done'])
  expect(await raw.next()).toBeUndefined()
  raw.socket.end()
  await closed
  await expect(rawConnect(server.socketPath)).rejects.toThrow('not connected')
})

test('closing waits for a call that hangs no longer than it was told to', async () => {
  const { server, clock, client } = await start(() => new Promise<Answer>(() => {}))
  const raw = await client()
  raw.send([0, 1, 'hello', []])
  await until(() => server.stats().inFlight === 1)
  const closed = server.close(1000)
  clock.advance(1000)
  await closed
  expect(await raw.next()).toBeUndefined()
})

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
