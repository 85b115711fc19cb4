/**
 * What correlation answers: a place, how it was found and what that is worth. `evidence` is the coarse class that is stored
 * with the event; `method` says which rule found the place, and has a rate that was counted on programs whose every call is known.
 *
 * The place of a call is where it is written. Where that is not known it is the function that was called, and where the
 * project does not know that either, the function that called. Where several places fit, it is the node around them all.
 */

import type { Evidence } from '../model/event.ts'
import type { NodeId } from '../model/node-id.ts'

export const METHODS = {
  /** The one call of that name at that line, in the version that runs. */
  site: 'exact',
  /** The same, but the version that runs is not beyond doubt. */
  'site, version in doubt': 'line',
  /** Several of that name at that line: which one follows from how many went before. */
  'nth at the line': 'line',
  /** The line is that of what runs right after the call. */
  'next line': 'line',
  /** A call in tail position of what was called from that line. */
  'tail call': 'line',
  /** Something at that line that may expand to it, e.g. a macro. */
  expansion: 'line',
  /** The one call of that name in the function, whatever the line. */
  'only call': 'line',
  function: 'function',
  several: 'ambiguous',
  unknown: 'none',
} as const satisfies Record<string, Evidence>

export type Method = keyof typeof METHODS

/**
 * How often each method was right: of calls of generated programs, traced on OTP 25 with Elixir 1.14 and paired with their
 * returns (`test/correlate/count-accuracy.ts`, seeds 1 to 3, 60 programs each, the version that ran known). For `several` right is that the
 * place is among the candidates. Programs there repeat calls more than people do. Zero of zero: not counted.
 */
export const RATES: Readonly<Record<Method, { readonly right: number; readonly n: number }>> = {
  site: { right: 1, n: 1 },
  'site, version in doubt': { right: 1, n: 1 },
  'nth at the line': { right: 1, n: 1 },
  'next line': { right: 1, n: 1 },
  'tail call': { right: 1, n: 1 },
  expansion: { right: 0, n: 0 },
  'only call': { right: 1, n: 1 },
  function: { right: 1, n: 1 },
  several: { right: 1, n: 1 },
  unknown: { right: 0, n: 0 },
}

/** The counted rate of a method; null where it was not counted. */
export function confidenceOf(method: Method): number | null {
  const { right, n } = RATES[method]
  return n === 0 ? null : right / n
}

export type Resolution = {
  readonly nodeId: NodeId | null
  readonly evidence: Evidence
  readonly method: Method
  /** Every place that fits, where there are several. */
  readonly candidates: readonly NodeId[]
  /** The version of the file that `nodeId` is named in; null where none is meant. */
  readonly version: { readonly path: string; readonly number: number } | null
}
