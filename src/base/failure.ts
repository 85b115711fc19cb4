/**
 * A failure as a value: what went wrong, in a form that crosses threads and sockets unchanged. `message` names what and
 * where, `hint` says what to do about it. Codes are part of the public protocol: documented in docs/RPC.md, never renamed.
 */

export const FAILURE_CODES = [
  'not_found', 'invalid_argument', 'too_large', 'conflict', 'unavailable', 'timeout', 'busy', 'unknown_method',
  'unsupported', 'storage_full', 'insufficient_memory', 'damaged', 'internal',
] as const

export type FailureCode = (typeof FAILURE_CODES)[number]

export type Failure = {
  readonly code: FailureCode
  readonly message: string
  readonly hint?: string
  /** Machine-readable particulars, e.g. `{ expected_epoch: 4, epoch: 5 }`. */
  readonly details?: Readonly<Record<string, unknown>>
}

export function failure(code: FailureCode, message: string, more: { hint?: string; details?: Record<string, unknown> } = {}): Failure {
  return { code, message, ...more }
}

/** True for a value that has the shape of a Failure, e.g. one that came from another thread. */
export function isFailure(value: unknown): value is Failure {
  if (typeof value !== 'object' || value === null) return false
  const { code, message } = value as { code?: unknown; message?: unknown }
  return typeof message === 'string' && (FAILURE_CODES as readonly unknown[]).includes(code)
}

/** Carries a Failure through code that can only throw or reject (promises, iterators of libraries). */
export class FailureError extends Error {
  override readonly name = 'FailureError'
  readonly failure: Failure

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.message, options)
    this.failure = failure
  }
}

/** The failure that a caught value carries, or `internal` for anything that is none: that is a bug of ours. */
export function toFailure(caught: unknown): Failure {
  if (caught instanceof FailureError) return caught.failure
  if (isFailure(caught)) return caught
  const message = caught instanceof Error ? caught.message : String(caught)
  return failure('internal', `internal error: ${message}`, { hint: 'this is a bug in ElixirScope; the daemon log has the details' })
}
