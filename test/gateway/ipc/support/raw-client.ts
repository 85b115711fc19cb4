/**
 * A client that knows nothing of the product: a socket and the tests' own codec. It reads only when asked to, so that
 * slow readers can be played, and `until` waits for a state instead of for time.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { tinyDecodeAll, tinyEncode } from '../../../wire/support/tiny-msgpack.ts'

export type RawClient = {
  readonly socket: Socket
  send(...messages: readonly unknown[]): void
  sendBytes(bytes: Uint8Array): void
  /** The next message; undefined when the other side has ended. */
  next(): Promise<unknown>
  /** The next `n` messages. */
  take(n: number): Promise<unknown[]>
  readonly closed: Promise<void>
}

export async function rawConnect(socketPath: string, options: { readonly reads?: 'at once' | 'when asked' } = {}): Promise<RawClient> {
  const socket = connect({ path: socketPath, allowHalfOpen: true })
  let bytes = Buffer.alloc(0)
  const messages: unknown[] = []
  let ended = false
  socket.on('error', () => socket.destroy())
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      ended = true
      resolve()
    })
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve()).once('close', () => reject(new Error('not connected')))
  })
  const start = (): void => {
    if (socket.listenerCount('data') > 0) return
    socket.on('end', () => {
      ended = true
    })
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      const { values, end } = tinyDecodeAll(bytes)
      messages.push(...values)
      bytes = bytes.subarray(end)
    })
  }
  if (options.reads !== 'when asked') start()
  const next = async (): Promise<unknown> => {
    start()
    await until(() => messages.length > 0 || ended)
    return messages.shift()
  }
  return {
    socket,
    closed,
    next,
    send: (...items) => socket.write(Buffer.concat(items.map((item) => tinyEncode(item)))),
    sendBytes: (sent) => socket.write(sent),
    async take(n) {
      const taken: unknown[] = []
      while (taken.length < n) taken.push(await next())
      return taken
    },
  }
}

/** Waits for a state, one turn of the event loop at a time; the test's own time limit bounds it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await nextTurn()
}

/** A few turns of the event loop: for what must not happen. */
export async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await nextTurn()
}

/** A directory of its own, with a short path, removed by the function returned beside it. */
export function temporaryDirectory(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'es-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
