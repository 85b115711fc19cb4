/**
 * Querying.Executor: admits questions about events and has the query pool work them out, so many at a time.
 *
 *   ask -> joins the same question where its answer will do, else begins, waits its turn, or is told `busy`
 *   answer of the pool -> everybody who waits for it, and the Cache -> the next in turn begins
 *   deadline over while it waits for a thread -> `timeout`
 *   gone (cast) -> a question that nobody waits for is not begun, and one that runs is given up
 *
 * A question may join one that has not begun, for that will see all that is there then; one that runs only where nothing has
 * changed since it began. It holds nothing that must survive: when it ends, whoever waits is told by the system, and its next
 * life has what runs given up. Absent on purpose: threads and slots (the port), and what an answer is worth (the Cache).
 */

import { must } from '../base/assert.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { Actor, ActorEffect, ActorMsg, ReplyTo } from '../otp/actor.ts'
import { keyOf, QUERY_CACHE, QUERY_POOL_PORT, type Answered, type CacheBody, type ExecutorBody, type Made, type PoolOperation, type Question, type QuestionUnderWay } from './protocol.ts'

export type ExecutorOptions = {
  /** Questions that run at a time: as many as the pool has threads. */
  readonly maxRunning: number
  /** How long one may wait for its turn. */
  readonly waitMs: number
  /** Names what there is to read now; null while that changes. */
  readonly stateNow: (facts: string) => string | null
}

type Asker = { readonly to: ReplyTo; readonly joined: boolean }
/** A question under way. `facts`: those of who asked it last before it began; `state`: what there was to read when it did. */
type Flight = {
  readonly key: string
  readonly question: Question
  readonly askedMs: number
  facts: string
  readonly askers: Map<number, Asker>
  begun: { readonly atMs: number; readonly state: string | null } | undefined
}

/** By number; those that wait stand in the order in which they were asked. */
export type ExecutorState = { readonly flights: Map<string, Flight>; nFlights: number; nRunning: number }

/** Questions that wait for their turn. */
export const MAX_WAITING = 64
const MAX_MAILBOX = 1024
const GIVEN_UP = 'given up'
export const NOBODY_WAITS = failure('timeout', 'nobody waits for the answer any more', { details: { cancelled: true } })

export function executorActor(options: ExecutorOptions): Actor<ExecutorState, ExecutorBody> {
  return {
    mailbox: { capacity: MAX_MAILBOX, overflow: 'shed' },
    init: () => ({ type: 'ok', state: { flights: new Map(), nFlights: 0, nRunning: 0 }, effects: [giveUp('all')] }),
    step(state, msg, nowMs) {
      switch (msg.type) {
        case 'call':
          if (msg.body.type === 'ask') return [state, ask(options, state, msg.from, msg.body, nowMs)]
          return [state, [{ type: 'reply', to: msg.from, result: ok(msg.body.type === 'status' ? underWay(state, nowMs) : null) }]]
        case 'cast':
          return [state, msg.body.type === 'gone' ? gone(state, msg.body.asker) : []]
        case 'answer':
          return [state, answered(options, state, msg, nowMs)]
        case 'timer':
          return [state, overdue(options, state, msg.name)]
        case 'down':
          return [state, []]
      }
    },
  }
}

type Ask = Extract<ExecutorBody, { type: 'ask' }>

function ask(options: ExecutorOptions, state: ExecutorState, to: ReplyTo, { asker, question, facts }: Ask, nowMs: number): readonly ActorEffect[] {
  const key = keyOf(question)
  const now = options.stateNow(facts)
  const same = [...state.flights.values()].find((flight) => flight.key === key && canJoin(flight, now))
  if (same !== undefined) {
    same.askers.set(asker, { to, joined: true })
    same.facts = facts
    return []
  }
  const isTurn = state.nRunning < options.maxRunning
  if (!isTurn && state.flights.size - state.nRunning >= MAX_WAITING) return [{ type: 'reply', to, result: fail(tooMany(state)) }]
  const run = String(++state.nFlights)
  const flight: Flight = { key, question, askedMs: nowMs, facts, askers: new Map([[asker, { to, joined: false }]]), begun: undefined }
  state.flights.set(run, flight)
  return isTurn ? begin(options, state, run, nowMs) : [{ type: 'after', name: run, ms: options.waitMs }]
}

/** One that nobody waits for is being given up. */
function canJoin({ askers, begun }: Flight, now: string | null): boolean {
  return askers.size > 0 && (begun === undefined || (now !== null && begun.state === now))
}

function begin({ stateNow }: ExecutorOptions, state: ExecutorState, run: string, nowMs: number): readonly ActorEffect[] {
  const flight = must(state.flights.get(run), 'the question that begins')
  state.nRunning += 1
  flight.begun = { atMs: nowMs, state: stateNow(flight.facts) }
  return [{ type: 'cancel', name: run }, { type: 'run', port: QUERY_POOL_PORT, operation: { type: 'run', run, question: flight.question } satisfies PoolOperation, tag: run }]
}

function answered(options: ExecutorOptions, state: ExecutorState, { tag, result }: Extract<ActorMsg<ExecutorBody>, { type: 'answer' }>, nowMs: number): readonly ActorEffect[] {
  const flight = state.flights.get(tag)
  if (flight === undefined) return []
  state.flights.delete(tag)
  state.nRunning -= 1
  const made = result as Result<Made, Failure>
  return [...keep(flight, made), ...replies(flight, ({ joined }) => (made.ok ? ok({ bytes: made.value.bytes, joined } satisfies Answered) : made)), ...beginNext(options, state, nowMs)]
}

function keep({ key }: Flight, made: Result<Made, Failure>): readonly ActorEffect[] {
  if (!made.ok || made.value.state === null) return []
  const { bytes, state, costUs } = made.value
  return [{ type: 'cast', to: QUERY_CACHE, body: { type: 'keep', key, state, bytes, costUs } satisfies CacheBody }]
}

function beginNext(options: ExecutorOptions, state: ExecutorState, nowMs: number): readonly ActorEffect[] {
  const next = [...state.flights].find(([, { begun }]) => begun === undefined)
  return next === undefined ? [] : begin(options, state, next[0], nowMs)
}

function overdue({ waitMs }: ExecutorOptions, state: ExecutorState, run: string): readonly ActorEffect[] {
  const flight = state.flights.get(run)
  if (flight === undefined || flight.begun !== undefined) return []
  state.flights.delete(run)
  const late = failure('timeout', `the question waited ${waitMs} ms for a thread, and none was free`, { hint: `ask fewer at a time, or raise query.threads; ${busyWith(state)}` })
  return replies(flight, () => fail(late))
}

function gone(state: ExecutorState, asker: number): readonly ActorEffect[] {
  const found = [...state.flights].find(([, { askers }]) => askers.has(asker))
  if (found === undefined) return []
  const [run, { askers, begun }] = found
  // Nobody hears it, but a call is a call until it has been answered.
  const reply: ActorEffect = { type: 'reply', to: must(askers.get(asker), 'who has gone').to, result: fail(NOBODY_WAITS) }
  askers.delete(asker)
  if (askers.size > 0) return [reply]
  if (begun !== undefined) return [reply, giveUp([run])]
  state.flights.delete(run)
  return [reply, { type: 'cancel', name: run }]
}

function giveUp(runs: readonly string[] | 'all'): ActorEffect {
  return { type: 'run', port: QUERY_POOL_PORT, operation: { type: 'give_up', runs } satisfies PoolOperation, tag: GIVEN_UP }
}

function replies({ askers }: Flight, resultFor: (asker: Asker) => Result<unknown, Failure>): readonly ActorEffect[] {
  return [...askers.values()].map((asker) => ({ type: 'reply', to: asker.to, result: resultFor(asker) }))
}

function tooMany(state: ExecutorState): Failure {
  return failure('busy', `${MAX_WAITING} questions about events wait already`, { hint: `ask again shortly, or raise query.threads; ${busyWith(state)}`, details: { limit: MAX_WAITING } })
}

/** What the threads are busy with, for whoever is turned away. */
function busyWith({ flights }: ExecutorState): string {
  const running = [...flights.values()].flatMap(({ begun, question }) => (begun === undefined ? [] : [question.method]))
  return `running: ${running.join(', ')}`
}

function underWay({ flights }: ExecutorState, nowMs: number): readonly QuestionUnderWay[] {
  return [...flights.values()].map(({ question: { method }, askedMs, askers, begun }) => ({
    method, ageMs: nowMs - askedMs, runningMs: begun === undefined ? null : nowMs - begun.atMs, askers: askers.size,
  }))
}
