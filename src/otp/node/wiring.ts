/**
 * Hands channels out between threads, as a list of wires says, and again after a restart. A wire is live from the moment its
 * callee is ready and its caller is spawned. When a callee dies, its callers are told at once and keep their channel, which
 * answers `unavailable` until the callee's next life is attached. Main itself may be at either end.
 */

import type { MessagePort } from 'node:worker_threads'

import { assert, must } from '../../base/assert.ts'
import type { Failure } from '../../base/failure.ts'
import { fail, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import { calleeUnavailable, createChannel } from '../channel.ts'
import type { ChannelControl } from '../channel.ts'
import { formatReason } from '../exit-reason.ts'
import type { ExitReason } from '../exit-reason.ts'
import { serve } from '../service.ts'
import type { AnyService } from '../service.ts'
import type { Wire } from './control.ts'
import type { Platform } from './platform.ts'
import type { ThreadHandle } from './thread-child.ts'

export const MAIN = 'main'

export type Wiring = {
  /** The wires on which a thread of this name calls. */
  wiresFrom(name: string): readonly Wire[]
  spawned(thread: ThreadHandle): void
  ready(thread: ThreadHandle): void
  gone(thread: ThreadHandle, reason: ExitReason): void
  channel(name: string): ChannelControl
  findChannel(name: string): ChannelControl | undefined
  connect(thread: string, service: string): Result<MessagePort, Failure>
  /** No calls can be made any more. */
  close(): void
}

export type WiringOptions = {
  readonly wires: readonly Wire[]
  readonly services: Readonly<Record<string, AnyService>>
  /** Every thread that can be at an end of a wire. */
  readonly threads: Pick<ReadonlySet<string>, 'has'>
  readonly platform: Platform
}

type Peer = { readonly handle: ThreadHandle; isReady: boolean }

export function createWiring({ wires, services, threads, platform }: WiringOptions): Wiring {
  checkWires(wires, services, threads)
  /** A bug in one of main's own handlers ends main, as it would end any other thread. */
  const crash = (thrown: unknown, method: string): void => platform.crash(new Error(`${MAIN}.${method} failed`, { cause: thrown }))
  const peers = new Map<string, Peer>()
  const channels = new Map(wires.filter(({ from }) => from === MAIN).map((wire) => [wire.name, createChannel({ ...wire, clock: platform.clock })]))

  const connect = (wire: Wire): void => {
    const { port1, port2 } = platform.openPorts()
    if (wire.from === MAIN) channels.get(wire.name)?.attach(platform.portOf(port1))
    else peers.get(wire.from)?.handle.send({ type: 'attach', name: wire.name, port: port1 }, [port1])
    if (wire.to === MAIN) serve(platform.portOf(port2), must(services[wire.name], `service ${wire.name}`), crash)
    else peers.get(wire.to)?.handle.send({ type: 'serve', name: wire.name, port: port2 }, [port2])
  }
  const isUp = (name: string): boolean => name === MAIN || peers.has(name)
  const isReady = (name: string): boolean => name === MAIN || peers.get(name)?.isReady === true
  const disconnect = (wire: Wire, why: Failure): void => {
    if (wire.from === MAIN) channels.get(wire.name)?.detach(why)
    else peers.get(wire.from)?.handle.send({ type: 'detach', name: wire.name, why })
  }
  return {
    wiresFrom: (name) => wires.filter(({ from }) => from === name),
    spawned(handle) {
      peers.set(handle.name, { handle, isReady: false })
      for (const wire of wires) if (wire.from === handle.name && isReady(wire.to)) connect(wire)
    },
    ready(handle) {
      const peer = must(peers.get(handle.name), `thread ${handle.name}`)
      peer.isReady = true
      for (const wire of wires) if (wire.to === handle.name && isUp(wire.from)) connect(wire)
    },
    gone(handle, reason) {
      if (peers.get(handle.name)?.handle !== handle) return
      peers.delete(handle.name)
      for (const wire of wires) if (wire.to === handle.name) disconnect(wire, endedBecause(wire.name, reason))
    },
    channel: (name) => must(channels.get(name), `a wire from ${MAIN} named ${name}`),
    findChannel: (name) => channels.get(name),
    connect(thread, service) {
      assert(threads.has(thread), `there is no thread ${thread} in the tree`)
      const peer = peers.get(thread)
      if (peer?.isReady !== true) return fail(calleeUnavailable(service, 'it is not running'))
      const { port1, port2 } = platform.openPorts()
      peer.handle.send({ type: 'serve', name: service, port: port2 }, [port2])
      return ok(port1)
    },
    close() {
      for (const [name, channel] of channels) channel.detach(calleeUnavailable(name, 'the daemon is stopping'))
    },
  }
}

function endedBecause(name: string, reason: ExitReason): Failure {
  return calleeUnavailable(name, `it ended with ${formatReason(reason)}`)
}

function checkWires(wires: readonly Wire[], services: Readonly<Record<string, AnyService>>, threads: WiringOptions['threads']): void {
  const seen = new Set<string>()
  for (const { from, to, name } of wires) {
    for (const end of [from, to]) assert(end === MAIN || threads.has(end), `the wire ${name} names ${end}, which is no thread of the tree`)
    assert(!seen.has(`${from} ${name}`), `two wires from ${from} are named ${name}`)
    assert(to !== MAIN || services[name] !== undefined, `main has no service ${name}`)
    seen.add(`${from} ${name}`)
  }
}
