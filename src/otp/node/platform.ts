/**
 * What trees and threads take from the world around them: time, turns of the event loop, ports between threads, and what
 * becomes of an error that nobody may catch. Node's own stands here; a simulation brings another, under which the same code
 * runs in one thread and in an order that a seed repeats.
 */

import { MessageChannel } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'

import type { Clock } from '../../base/clock.ts'
import type { ActorSystemOptions } from '../actor-system.ts'
import type { Port } from '../port.ts'
import { portOf, systemClock } from './message-port.ts'

export type Platform = {
  readonly clock: Clock
  /** How the actors of this thread come to their turns. */
  readonly turns: Pick<ActorSystemOptions, 'defer' | 'pick'>
  openPorts(): { readonly port1: MessagePort; readonly port2: MessagePort }
  portOf(port: MessagePort): Port
  /** Ends this thread with the error, outside every promise, so that it is seen as the cause. */
  crash(thrown: unknown): void
}

export const NODE_PLATFORM: Platform = {
  clock: systemClock,
  turns: { defer: (run) => void setImmediate(run) },
  openPorts: () => new MessageChannel(),
  portOf,
  crash: (thrown) => process.nextTick(() => {
    throw thrown
  }),
}
