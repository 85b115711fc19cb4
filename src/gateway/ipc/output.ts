/**
 * What one client has still to take: messages of this turn that wait for their write, and writes that the socket has not
 * passed on. Counted byte by byte, so that the connection knows when to stop reading and when to give up: a client that
 * leaves it full for `drainMs` is stuck. Whether to stop is the connection's decision, not made here.
 */

import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../base/clock.ts'
import type { IpcLimits } from './limits.ts'

export type Output = {
  send(bytes: Uint8Array): void
  /** Writes what waits, in one piece. */
  flush(): void
  bytes(): number
  isFull(): boolean
  /** True when half of the bound is free. */
  hasRoom(): boolean
  /** Starts or ends the wait for a client that leaves it full. */
  watch(): void
  /** Counts nothing more, and gives back what it counted. */
  release(): void
}

export type OutputPorts = {
  readonly limits: IpcLimits
  readonly clock: Clock
  readonly account: (delta: number) => void
  readonly onPassedOn: () => void
  readonly onStuck: () => void
}

/** So much is written before the turn ends: the client works on the first answers while the next ones are made. */
const FLUSH_BYTES = 8192

export function createOutput(socket: Socket, { limits, clock, account, onPassedOn, onStuck }: OutputPorts): Output {
  let batch: Uint8Array[] = []
  let batchBytes = 0
  let outputBytes = 0
  let released = false
  let timer: Timer | undefined

  const isFull = (): boolean => outputBytes >= limits.maxOutputBytes

  const flush = (): void => {
    const [only] = batch
    if (only === undefined) return
    const bytes = batch.length === 1 ? only : Buffer.concat(batch)
    batch = []
    batchBytes = 0
    if (socket.writableEnded) return
    socket.write(bytes, () => {
      if (released) return
      outputBytes -= bytes.length
      account(-bytes.length)
      onPassedOn()
    })
  }

  return {
    send(bytes) {
      if (released) return
      batch.push(bytes)
      batchBytes += bytes.length
      outputBytes += bytes.length
      account(bytes.length)
      if (batchBytes >= FLUSH_BYTES) flush()
    },
    flush,
    bytes: () => outputBytes,
    isFull,
    hasRoom: () => outputBytes <= limits.maxOutputBytes / 2,
    watch() {
      if (isFull()) timer ??= clock.after(limits.drainMs, onStuck)
      else {
        timer?.cancel()
        timer = undefined
      }
    },
    release() {
      released = true
      timer?.cancel()
      batch = []
      account(-outputBytes)
      outputBytes = 0
    },
  }
}
