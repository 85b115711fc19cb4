/**
 * The CacheManager: the one that has the caches cleaned, through their port. It has what has expired dropped and what is
 * hottest saved from time to time, and has them resized, purged, cleared when told. Whoever makes the caches loads what was
 * hottest into them, and sizes them by the level in the shared cell: a new life of either side needs nothing of the other.
 *
 * It has one mode. Operations of a caller are answered when the port has answered; `resize` is a cast and the newest one
 * waiting replaces those before it. It does not save while caches are reduced: what is left then says nothing about use.
 */

import type { Actor, ActorEffect, ActorMsg, ReplyTo, Stepped } from '../otp/actor.ts'
import { MEMORY_PORTS } from './protocol.ts'
import type { CacheManagerBody, CacheOperation } from './protocol.ts'

export type CacheManagerArgs = { readonly nHottest: number }

export type CacheManagerState = {
  readonly nHottest: number
  readonly ratio: number
  readonly nAsked: number
  /** Who waits for the answer with this tag. */
  readonly waiting: ReadonlyMap<string, ReplyTo>
}

export const PURGE_EVERY_MS = 30_000
export const SAVE_EVERY_MS = 60_000
/** Tag of operations that nobody waits for. */
const OWN = 'own'

export const cacheManagerActor: Actor<CacheManagerState, CacheManagerBody, CacheManagerArgs> = {
  mailbox: { capacity: 256, overflow: 'coalesce', keyOf: ({ type }) => type },
  init({ nHottest }) {
    const state: CacheManagerState = { nHottest, ratio: 1, nAsked: 0, waiting: new Map() }
    return { type: 'ok', state, effects: [after('purge', PURGE_EVERY_MS), after('save', SAVE_EVERY_MS)] }
  },
  step(state, msg) {
    switch (msg.type) {
      case 'timer':
        return onTimer(state, msg.name)
      case 'cast':
        return [msg.body.type === 'resize' ? { ...state, ratio: msg.body.ratio } : state, [own(msg.body)]]
      case 'call':
        return onCall(state, msg.from, msg.body)
      case 'answer':
        return onAnswer(state, msg)
      case 'down':
        return [state, []]
    }
  },
}

function onTimer(state: CacheManagerState, name: string): Stepped<CacheManagerState> {
  if (name === 'purge') return [state, [own({ type: 'purge_expired' }), after('purge', PURGE_EVERY_MS)]]
  const save = state.ratio < 1 ? [] : [own({ type: 'save_hottest', n: state.nHottest })]
  return [state, [...save, after('save', SAVE_EVERY_MS)]]
}

function onCall(state: CacheManagerState, from: ReplyTo, operation: CacheOperation): Stepped<CacheManagerState> {
  const nAsked = state.nAsked + 1
  const tag = String(nAsked)
  const ratio = operation.type === 'resize' ? operation.ratio : state.ratio
  return [{ ...state, ratio, nAsked, waiting: new Map(state.waiting).set(tag, from) }, [run(operation, tag)]]
}

function onAnswer(state: CacheManagerState, { tag, result }: Extract<ActorMsg<CacheManagerBody>, { type: 'answer' }>): Stepped<CacheManagerState> {
  const to = state.waiting.get(tag)
  if (to === undefined) {
    return [state, result.ok ? [] : [{ type: 'log', level: 'warn', message: `the caches failed: ${result.error.message}` }]]
  }
  const waiting = new Map(state.waiting)
  waiting.delete(tag)
  return [{ ...state, waiting }, [{ type: 'reply', to, result }]]
}

function own(operation: CacheOperation): ActorEffect {
  return run(operation, OWN)
}

function run(operation: CacheOperation, tag: string): ActorEffect {
  return { type: 'run', port: MEMORY_PORTS.caches, operation, tag }
}

function after(name: string, ms: number): ActorEffect {
  return { type: 'after', name, ms }
}
