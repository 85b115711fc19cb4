/**
 * How the actors of one thread are reached from another: a service that every hosting thread answers on its wires, and the
 * calling side of it. A monitor is a call that is answered when the actor ends; if the channel goes first, the thread is
 * gone: `noconnection`. Each thread knows where every named actor lives; whether it lives now, its own thread knows.
 */

import { failure } from '../base/failure.ts'
import type { Failure } from '../base/failure.ts'
import { ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import type { Elsewhere } from './actor-cells.ts'
import type { Actors } from './actor-system.ts'
import type { Channel } from './channel.ts'
import { NOCONNECTION } from './exit-reason.ts'
import type { ExitReason } from './exit-reason.ts'
import type { CallHandlers, CastHandlers, Service } from './service.ts'

export type ActorCalls = {
  call: { args: { readonly to: string; readonly body: unknown; readonly timeoutMs: number | 'infinity' }; result: unknown }
  monitor: { args: { readonly to: string }; result: ExitReason }
}
export type ActorCasts = { cast: { readonly to: string; readonly body: unknown } }

/** The wire on which the actors in `thread` are reached, and the name of the service that answers there. */
export function actorWireOf(thread: string): string {
  return `actors in ${thread}`
}

export function actorService(actors: Actors): Service<ActorCalls, ActorCasts> {
  const calls: CallHandlers<ActorCalls> = {
    call: ({ to, body, timeoutMs }) => actors.call(to, body, timeoutMs),
    monitor: ({ to }, { signal }) => new Promise((resolve) => {
      const endMonitor = actors.monitor(to, (reason) => resolve(ok(reason)))
      signal.addEventListener('abort', () => {
        endMonitor()
        resolve(ok({ kind: 'noproc' }))
      }, { once: true })
    }),
  }
  const casts: CastHandlers<ActorCasts> = { cast: ({ to, body }) => void actors.cast(to, body) }
  return { calls, casts }
}

export type ElsewhereOptions = {
  /** The thread that asks. */
  readonly here: string
  /** Name -> thread. */
  readonly places: ReadonlyMap<string, string>
  /** Undefined when there is no wire to that thread. */
  channelTo(thread: string): Channel<ActorCalls, ActorCasts> | undefined
}

export function createElsewhere({ here, places, channelTo }: ElsewhereOptions): Elsewhere {
  const find = (name: string): Channel<ActorCalls, ActorCasts> | undefined => {
    const thread = places.get(name)
    return thread === undefined || thread === here ? undefined : channelTo(thread)
  }
  return {
    call(name, body, timeoutMs, settle) {
      const channel = find(name)
      if (channel === undefined) return false
      void channel.call('call', { to: name, body, timeoutMs }, { timeoutMs }).then((result) => settle(inTermsOf(name, result)))
      return true
    },
    cast(name, body) {
      const channel = find(name)
      return channel === undefined ? undefined : { sent: channel.cast('cast', { to: name, body }) }
    },
    monitor(name, down) {
      const channel = find(name)
      if (channel === undefined) return undefined
      const ended = new AbortController()
      const tell = (result: Result<ExitReason, Failure>): void => {
        if (!ended.signal.aborted) down(result.ok ? result.value : NOCONNECTION)
      }
      void channel.call('monitor', { to: name }, { timeoutMs: 'infinity', signal: ended.signal }).then(tell)
      return () => ended.abort()
    },
  }
}

/** The caller knows the actor's name, not the wire's. */
function inTermsOf(name: string, result: Result<unknown, Failure>): Result<unknown, Failure> {
  if (result.ok || (result.error.code !== 'timeout' && result.error.code !== 'unavailable')) return result
  const { code, message, hint, details } = result.error
  const own = code === 'timeout' ? `${name} gave no answer in time` : `${name} is not to be reached: ${message}`
  return { ok: false, error: failure(code, own, { ...(hint === undefined ? {} : { hint }), ...(details === undefined ? {} : { details: { ...details } }) }) }
}
