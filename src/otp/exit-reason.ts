/**
 * Why something ended, as a value that crosses threads unchanged: no classes, no functions, error chains spelled out.
 * Only `normal` and `shutdown` (with or without a term) are orderly; every other reason is abnormal, `killed` included.
 */

import type { Failure } from '../base/failure.ts'

export type ExitReason =
  | { readonly kind: 'normal' }
  /** `shutdown`, or `{shutdown, Term}` when `term` is given. The term must be cloneable. */
  | { readonly kind: 'shutdown'; readonly term?: unknown }
  | { readonly kind: 'killed' }
  /** The thread that an actor lived in is gone. */
  | { readonly kind: 'noconnection' }
  | { readonly kind: 'noproc' }
  /** The heap limit of a thread was reached. */
  | { readonly kind: 'oom' }
  | { readonly kind: 'exit_code'; readonly code: number }
  | { readonly kind: 'uncaught'; readonly error: ErrorValue }
  /** No heartbeat for `ms`. */
  | { readonly kind: 'unresponsive'; readonly ms: number }
  /** Not ready within `ms` of being started. */
  | { readonly kind: 'start_timeout'; readonly ms: number }
  /** A start that answered with a typed failure. */
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'failed_to_start_child'; readonly id: string; readonly reason: ExitReason }

/** An error as data. `cause` is followed for at most MAX_CAUSES links. */
export type ErrorValue = {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
  readonly cause?: ErrorValue
}

export const NORMAL: ExitReason = { kind: 'normal' }
export const SHUTDOWN: ExitReason = { kind: 'shutdown' }
export const KILLED: ExitReason = { kind: 'killed' }
export const NOCONNECTION: ExitReason = { kind: 'noconnection' }

const MAX_CAUSES = 8

export function isOrderly(reason: ExitReason): boolean {
  return reason.kind === 'normal' || reason.kind === 'shutdown'
}

export function uncaught(thrown: unknown): ExitReason {
  return { kind: 'uncaught', error: toErrorValue(thrown) }
}

export function toErrorValue(thrown: unknown, nCauses: number = MAX_CAUSES): ErrorValue {
  if (typeof thrown !== 'object' || thrown === null || !('message' in thrown)) {
    return { name: 'Thrown', message: String(thrown) }
  }
  const { name, message, code, stack, cause } = thrown as Record<string, unknown>
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: String(message),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof stack === 'string' ? { stack } : {}),
    ...(cause !== undefined && cause !== null && nCauses > 0 ? { cause: toErrorValue(cause, nCauses - 1) } : {}),
  }
}

/** The typed failure at the bottom of a reason, with its remedy; undefined where the end had another cause. */
export function failureIn(reason: ExitReason): Failure | undefined {
  switch (reason.kind) {
    case 'failed':
      return reason.failure
    case 'failed_to_start_child':
      return failureIn(reason.reason)
    case 'shutdown':
      return isReason(reason.term) ? failureIn(reason.term) : undefined
    default:
      return undefined
  }
}

/** One line, as an Erlang shell would print it: `{uncaught, "TypeError: x, because Error: y"}`. */
export function formatReason(reason: ExitReason): string {
  switch (reason.kind) {
    case 'shutdown':
      return reason.term === undefined ? 'shutdown' : `{shutdown, ${formatTerm(reason.term)}}`
    case 'exit_code':
      return `{exit_code, ${reason.code}}`
    case 'uncaught':
      return `{uncaught, ${JSON.stringify(formatError(reason.error))}}`
    case 'unresponsive':
    case 'start_timeout':
      return `{${reason.kind}, ${reason.ms}}`
    case 'failed':
      return `{failed, ${reason.failure.code}, ${JSON.stringify(reason.failure.message)}}`
    case 'failed_to_start_child':
      return `{failed_to_start_child, ${reason.id}, ${formatReason(reason.reason)}}`
    default:
      return reason.kind
  }
}

function formatTerm(term: unknown): string {
  return isReason(term) ? formatReason(term) : JSON.stringify(term) ?? String(term)
}

function isReason(term: unknown): term is ExitReason {
  return typeof term === 'object' && term !== null && 'kind' in term
}

function formatError(error: ErrorValue): string {
  const own = `${error.name}: ${error.message}`
  return error.cause === undefined ? own : `${own}, because ${formatError(error.cause)}`
}
