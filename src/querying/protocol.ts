/**
 * What the actors of Querying are asked, and the port that stands for the query pool. A question is a method about events with
 * its arguments; equal questions have equal keys. Whoever asks names the state of the repository that it knows of
 * (`facts`, see `freshnessName`): no answer is older than that.
 */

import type { CacheOperation } from '../memory/protocol.ts'
import type { EventMethod } from '../wire/methods.ts'

export const EXECUTOR = 'ElixirScope.AST.Querying.Executor'
export const QUERY_CACHE = 'ElixirScope.AST.Querying.Cache'

/** PoolOperation -> Made, or nothing. */
export const QUERY_POOL_PORT = 'query.pool'

export type Question = { readonly method: EventMethod; readonly args: unknown }

/** An answer as the pool makes it: encoded, the state that it holds for (null: for none that lasts), and what it cost. */
export type Made = { readonly bytes: Uint8Array; readonly state: string | null; readonly costUs: number }

export type ExecutorBody =
  /** -> Answered. `asker` is told apart from all others. */
  | { readonly type: 'ask'; readonly asker: number; readonly question: Question; readonly facts: string }
  /** Cast: nobody waits for this answer any more. */
  | { readonly type: 'gone'; readonly asker: number }
  /** -> readonly QuestionUnderWay[], the oldest first */
  | { readonly type: 'status' }

/** `joined`: another had asked the same, and the question was worked out once. */
export type Answered = { readonly bytes: Uint8Array; readonly joined: boolean }

export type QuestionUnderWay = {
  readonly method: EventMethod
  /** Since it was asked first. */
  readonly ageMs: number
  /** What a thread has spent on it so far; null while it waits for one. */
  readonly runningMs: number | null
  readonly askers: number
}

export type PoolOperation =
  /** `run` tells it apart from all others. -> Made */
  | { readonly type: 'run'; readonly run: string; readonly question: Question }
  /** Nobody waits for these any more: they end soon. Without a list, all that earlier lives of the Executor began. */
  | { readonly type: 'give_up'; readonly runs: readonly string[] | 'all' }

export type CacheBody =
  /** -> the bytes of the answer, or null */
  | { readonly type: 'find'; readonly key: string; readonly state: string }
  /** Cast. */
  | { readonly type: 'keep'; readonly key: string; readonly state: string; readonly bytes: Uint8Array; readonly costUs: number }
  /** -> what the operation says */
  | CacheOperation

/** Arguments are validated, so their fields stand in one order. */
export function keyOf({ method, args }: Question): string {
  return `${method} ${JSON.stringify(args, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))}`
}
