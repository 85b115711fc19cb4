/**
 * The port that channels speak through, and the messages on it. A port carries values to its peer in order and tells its
 * listener when the peer is gone, after everything the peer sent. `node/message-port.ts` makes one of a MessagePort;
 * `pairOfPorts` makes two in one thread, for tests and for actors that live side by side.
 */

import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'

export type Transfer = readonly object[]

export type Port = {
  /** Throws when the message cannot be copied. A message to a peer that is gone is lost without a sound. */
  post(message: ToCaller | ToCallee, transfer?: Transfer): void
  listen(onMessage: (message: unknown) => void, onClose: () => void): void
  /** Delivers now what has already arrived. */
  drain(): void
  close(): void
}

export type ToCallee =
  | readonly [type: 'call', id: number, method: string, args: unknown]
  | readonly [type: 'cast', name: string, args: unknown]
  | readonly [type: 'cancel', id: number]

export type ToCaller =
  | readonly [type: 'reply', id: number, result: Result<unknown, Failure>]
  | readonly [type: 'progress', id: number, progress: unknown]
  /** So many casts more have been taken. */
  | readonly [type: 'read', nCasts: number]

/** Two connected ports. `defer` decides when a posted message arrives; it must keep the order it is given. */
export function pairOfPorts(defer: (run: () => void) => void): readonly [Port, Port] {
  const left = createHalf(defer)
  const right = createHalf(defer)
  left.connect(right)
  right.connect(left)
  return [left.port, right.port]
}

type Half = {
  readonly port: Port
  connect(peer: Half): void
  /** `undefined` says that the peer has closed. */
  arrive(message: ToCaller | ToCallee | undefined): void
}

function createHalf(defer: (run: () => void) => void): Half {
  const inbox: (ToCaller | ToCallee | undefined)[] = []
  let listener: { onMessage: (message: unknown) => void; onClose: () => void } | undefined
  let peer: Half | undefined
  let open = true

  const drain = (): void => {
    const heard = listener
    if (heard === undefined) return
    while (open && inbox.length > 0) {
      const message = inbox.shift()
      if (message !== undefined) {
        heard.onMessage(message)
        continue
      }
      open = false
      heard.onClose()
    }
  }
  const port: Port = {
    post(message) {
      const copy = structuredClone(message)
      if (open) peer?.arrive(copy)
    },
    listen(onMessage, onClose) {
      listener = { onMessage, onClose }
      defer(drain)
    },
    drain,
    close() {
      if (!open) return
      open = false
      peer?.arrive(undefined)
    },
  }
  return {
    port,
    connect: (other) => {
      peer = other
    },
    arrive(message) {
      inbox.push(message)
      defer(drain)
    },
  }
}
