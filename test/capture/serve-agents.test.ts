/** Connections as the system sees them: what is left of one whose session has ended. */

import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { ok } from '../../src/base/result.ts'
import { createFrameReader, decodeFrame, encodeFrame } from '../../src/capture/frames.ts'
import { serveAgents } from '../../src/capture/serve-agents.ts'
import { systemClock } from '../../src/otp/node/message-port.ts'

afterEach(() => void vi.useRealTimers())

type Listening = { readonly path: string; readonly open: () => Promise<number>; readonly close: () => void }

async function listening(): Promise<Listening> {
  const directory = mkdtempSync(join(tmpdir(), 'es-'))
  const path = join(directory, 's')
  const server = createServer()
  server.listen(path)
  await once(server, 'listening')
  const agents = serveAgents({ clock: systemClock, servers: [{ server, address: '', token: null }], maxNodes: 4 }, {
    welcome: () => ({ durable: 0, plan: null }), ingest: () => ok({ no: 1 }), commit: () => ok(undefined), credits: () => 1,
    modules: () => undefined, planned: () => undefined, connected: () => undefined, ended: () => undefined, log: () => undefined,
  })
  return {
    path,
    open: () => new Promise((settle) => void server.getConnections((_, n) => settle(n))),
    close: () => {
      agents.close()
      rmSync(directory, { recursive: true })
    },
  }
}

test('a peer that neither reads nor closes holds no socket for long', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const { path, open, close } = await listening()
  const peer = connect({ path, allowHalfOpen: true })
  peer.on('error', () => undefined)
  peer.resume()
  // No frame: the session is refused, and its side of the socket ended.
  peer.write(Buffer.from([0, 0, 0, 0]))
  await once(peer, 'end')
  expect(await open()).toBe(1)
  vi.advanceTimersByTime(5000)
  await vi.waitFor(async () => expect(await open()).toBe(0))
  peer.destroy()
  close()
})

test('a peer that asks on and on and reads no answer is cut off', { timeout: 20_000 }, async () => {
  const { path, close } = await listening()
  const peer = connect(path)
  peer.pause()
  const end = new Promise((settle) => void peer.on('error', () => settle('cut')))
  peer.write(encodeFrame(['hello', { protocol: 1, session: new Uint8Array(16), node: 'n@h', node_start_ns: 1, otp: '25', agent: '0', os_pid: '1', cwd: '/' }]))
  const ping = encodeFrame(['ping', 'x'.repeat(1 << 20)])
  // Three times what may wait.
  for (let i = 0; i < 96; i++) peer.write(ping)
  expect(await end).toBe('cut')
  peer.destroy()
  close()
})

test('of two runtime systems with one session the second is refused; the same one that comes again takes the place of its connection', async () => {
  const { path, close } = await listening()
  const comes = async (osPid: string): Promise<{ readonly answer: unknown; readonly ended: Promise<unknown> }> => {
    const peer = connect(path)
    const reader = createFrameReader()
    peer.write(encodeFrame(['hello', { protocol: 1, session: new Uint8Array(16).fill(9), node: 'nonode@nohost', node_start_ns: 1, otp: '25', agent: '0', os_pid: osPid, cwd: '/' }]))
    const [chunk] = (await once(peer, 'data')) as [Buffer]
    return { answer: decodeFrame(reader.push(chunk)?.[0] ?? new Uint8Array())?.slice(0, 2), ended: once(peer, 'end') }
  }
  const first = await comes('41')
  expect(first.answer).toMatchObject(['welcome', { durable: 0 }])
  const other = await comes('42')
  expect(other.answer).toEqual(['refused', 'session'])
  expect((await comes('41')).answer).toMatchObject(['welcome', { durable: 0 }])
  await first.ended
  close()
})
