/**
 * Why the tree did not start, for the person who started it: the innermost cause in plain words, its remedy, and where the
 * log is. No Erlang terms: those are in the log.
 */

import { failure, type Failure } from '../src/base/failure.ts'
import { failureIn, type ErrorValue, type ExitReason } from '../src/otp/exit-reason.ts'

export function startFailure(reason: ExitReason, logFile: string | null): Failure {
  const { who, why } = innermost(reason, 'the daemon')
  const known = failureIn(reason) ?? failure('internal', `the daemon did not come up: ${inWords(who, why)}`, remedyOf(why))
  const log = logFile === null ? 'the log above has the details' : `the log is ${logFile}`
  return { ...known, hint: known.hint === undefined ? log : `${known.hint}; ${log}` }
}

type Cause = { readonly who: string; readonly why: ExitReason }

function innermost(reason: ExitReason, who: string): Cause {
  if (reason.kind === 'failed_to_start_child') return innermost(reason.reason, reason.id)
  if (reason.kind === 'shutdown' && isReason(reason.term)) return innermost(reason.term, who)
  return { who, why: reason }
}

function isReason(term: unknown): term is ExitReason {
  return typeof term === 'object' && term !== null && 'kind' in term
}

function inWords(who: string, why: ExitReason): string {
  switch (why.kind) {
    case 'uncaught':
      return `${who}: ${chain(why.error)}`
    case 'start_timeout':
      return `${who} was not ready within ${why.ms} ms`
    case 'unresponsive':
      return `${who} gave no sign of life for ${why.ms} ms`
    case 'oom':
      return `${who} reached the memory limit of its thread`
    case 'exit_code':
      return `${who} ended with exit code ${why.code}`
    case 'killed':
      return `${who} was killed`
    default:
      return `${who} ended`
  }
}

function chain({ message, cause }: ErrorValue): string {
  return cause === undefined ? message : `${message}, because ${chain(cause)}`
}

function remedyOf(why: ExitReason): { hint?: string } {
  if (why.kind === 'start_timeout' || why.kind === 'unresponsive') return { hint: 'the machine may be overloaded: try again' }
  return why.kind === 'oom' ? { hint: 'the machine or its limits leave too little memory' } : {}
}
