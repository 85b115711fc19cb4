/**
 * Questions about events as main has them answered: from the Cache, else by the Executor, which has a thread of the query pool work
 * them out. A thread reads the resident blocks in a slot that is its own for as long as its task lasts. Main alone knows when that
 * is over, also where the thread has died or the Executor has: slots are given and taken back here.
 */

import type { Config } from '../config/schema.ts'
import { must } from '../src/base/assert.ts'
import type { Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { createSlabs, releaseReader, type Slabs } from '../src/event/slabs.ts'
import type { MetricRecorder } from '../src/host/metric-recorder.ts'
import { LEVEL_POLICIES } from '../src/memory/levels.ts'
import { levelOf } from '../src/memory/pressure-cell.ts'
import type { AnyActor } from '../src/otp/actor.ts'
import type { ActorPort } from '../src/otp/actor-system.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import { promisePort } from '../src/otp/promise-port.ts'
import type { AnyService, CallHandlers } from '../src/otp/service.ts'
import { createEventAnswers, queryCacheActor } from '../src/querying/cache.actor.ts'
import { executorActor, NOBODY_WAITS } from '../src/querying/executor.actor.ts'
import { EXECUTOR, keyOf, QUERY_CACHE, type Answered, type CacheBody, type ExecutorBody, type PoolOperation, type Question, type QuestionUnderWay } from '../src/querying/protocol.ts'
import type { Reply } from '../src/wire/methods.ts'
import { measureViews } from '../workers/cache-metrics.ts'
import type { QueryCalls, QueryTasks } from '../workers/calls.ts'
import { answerState, pressureCellOf, type SharedState } from '../workers/shared-state.ts'

/** A slot is not given again at once: a thread that was ended may take a moment to be gone. */
const RESTING_SLOTS = 16
const STATUS_MS = 250

export type Slots = { readonly slabs: Slabs; /** By slot: 1 when nobody waits for what is worked out there. */ readonly givenUp: Int32Array<SharedArrayBuffer> }

export function slotsFor({ capture, query }: Config): Slots {
  const nSlots = query.threads + RESTING_SLOTS
  return { slabs: createSlabs(capture.residentBlocks, nSlots), givenUp: new Int32Array(new SharedArrayBuffer(nSlots * Int32Array.BYTES_PER_ELEMENT)) }
}

export type Querying = {
  readonly actors: { readonly executor: AnyActor; readonly cache: AnyActor }
  readonly poolPort: ActorPort
  readonly service: AnyService
  status(): Promise<Reply<'daemon_status'>['questions']>
  /** Brings the metrics up to date that are read when somebody asks. */
  measure(): void
}

export type QueryingOptions = {
  readonly tree: () => Tree
  readonly config: Pick<Config, 'query'>
  readonly slots: Slots
  readonly shared: SharedState
  /** Of answers that are kept. */
  readonly cacheBytes: number
  readonly nowMs: () => number
  readonly recorder: MetricRecorder
}

export function createQuerying({ tree, config: { query }, slots, shared, cacheBytes, nowMs, recorder }: QueryingOptions): Querying {
  const answers = createEventAnswers({ maxBytes: cacheBytes, nowMs })
  const stateNow = (facts: string): string | null => answerState(shared, facts)
  return {
    actors: {
      executor: executorActor({ maxRunning: query.threads, waitMs: query.timeoutMs, stateNow }),
      cache: queryCacheActor(answers, () => LEVEL_POLICIES[levelOf(pressureCellOf(shared))].cacheRatio),
    },
    poolPort: poolPort(tree, slots),
    service: questionService(tree, (facts) => {
      const state = stateNow(facts)
      return state !== null && answers.mayHold(state) ? state : null
    }, recorder),
    status: async () => {
      const asked = await tree().actors.call(EXECUTOR, { type: 'status' } satisfies ExecutorBody, STATUS_MS)
      return asked.ok ? (asked.value as readonly QuestionUnderWay[]).map(({ method, ageMs, runningMs, askers }) => ({ method, age_ms: Math.round(ageMs), running_ms: runningMs === null ? null : Math.round(runningMs), askers })) : []
    },
    measure: () => measureViews(recorder, answers.cache.stats()),
  }
}

/** `stateKept`: of now, where answers are kept for it. Where the client has gone, the Executor is told. */
function questionService(tree: () => Tree, stateKept: (facts: string) => string | null, recorder: MetricRecorder): AnyService {
  const count = (outcome: 'cached' | 'joined' | 'worked_out' | 'failed'): void => recorder.counter('elixir_scope_questions_total', [outcome]).add()
  const underWay = recorder.gauge('elixir_scope_questions', [])
  let nAsked = 0
  let nUnderWay = 0
  const workOut = async (body: Omit<Extract<ExecutorBody, { type: 'ask' }>, 'type' | 'asker'>, signal: AbortSignal): Promise<Result<Answered, Failure>> => {
    const asker = ++nAsked
    const leave = (): void => void tree().actors.cast(EXECUTOR, { type: 'gone', asker } satisfies ExecutorBody)
    signal.addEventListener('abort', leave, { once: true })
    const answered = await tree().actors.call(EXECUTOR, { type: 'ask', asker, ...body } satisfies ExecutorBody, 'infinity')
    signal.removeEventListener('abort', leave)
    return answered as Result<Answered, Failure>
  }
  const calls: CallHandlers<QueryCalls> = {
    query: async ({ facts, ...question }, { signal }) => {
      underWay.set(++nUnderWay)
      const known = await findKept(tree(), question, stateKept(facts))
      const answered = known !== undefined ? ok({ bytes: known, joined: false }) : signal.aborted ? fail(NOBODY_WAITS) : await workOut({ question, facts }, signal)
      underWay.set(--nUnderWay)
      count(!answered.ok ? 'failed' : known !== undefined ? 'cached' : answered.value.joined ? 'joined' : 'worked_out')
      return answered.ok ? ok(answered.value.bytes) : answered
    },
  }
  return { calls }
}

/** A Cache that is being restarted has nothing. */
async function findKept(tree: Tree, question: Question, state: string | null): Promise<Uint8Array | undefined> {
  if (state === null) return undefined
  const found = (await tree.actors.call(QUERY_CACHE, { type: 'find', key: keyOf(question), state } satisfies CacheBody)) as Result<Uint8Array | null, Failure>
  return found.ok ? (found.value ?? undefined) : undefined
}

/** `slot`: once a thread has begun. */
type Running = { readonly run: string; readonly abort: AbortController; slot: number | undefined }

function poolPort(tree: () => Tree, { slabs, givenUp }: Slots): ActorPort {
  const free = Array.from(givenUp, (_, slot) => slot)
  const running = new Set<Running>()
  const giveUp = ({ slot, abort }: Running): void => {
    if (slot === undefined) abort.abort()
    else Atomics.store(givenUp, slot, 1)
  }
  const begin = (one: Running): number => {
    // An earlier try may have ended with its thread.
    if (one.slot !== undefined) releaseReader(slabs, one.slot)
    else {
      one.slot = must(free.shift(), 'a slot for each thread')
      Atomics.store(givenUp, one.slot, 0)
    }
    return one.slot
  }
  const end = (one: Running): void => {
    running.delete(one)
    if (one.slot === undefined) return
    releaseReader(slabs, one.slot)
    free.push(one.slot)
  }
  return promisePort<PoolOperation>(async (operation) => {
    if (operation.type === 'give_up') {
      for (const one of running) if (operation.runs === 'all' || operation.runs.includes(one.run)) giveUp(one)
      return ok(null)
    }
    const one: Running = { run: operation.run, abort: new AbortController(), slot: undefined }
    running.add(one)
    try {
      const { signal } = one.abort
      return await tree().pool<QueryTasks>('query').run('query', () => ok({ args: { ...operation.question, slot: begin(one) }, transfer: [] }), { lane: 'query', signal })
    } finally {
      end(one)
    }
  })
}
