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
  /** The one call of that name that can be reported at that line, in the version that runs. */
  site: 'exact',
  /** The same, but the version that runs is not beyond doubt. */
  'site, version in doubt': 'line',
  /** The same, but it may have been another above: what went before in the process is not known, or the compiler may have left something out. */
  'site, order not known': 'line',
  /** Several of that name at that line: which one follows from how many went before. */
  'nth at the line': 'line',
  /** The only one of several that can come next after the call that was made last. */
  'next in order': 'line',
  /** The line is that of what runs right after the call, or may be. */
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

type Rate = { readonly right: number; readonly n: number }

/**
 * How often each method was right: of 27,237 calls of 60 generated programs, traced on OTP 25 with Elixir 1.14
 * (`test/correlate/accuracy.test.ts`, FC_SEED 4711, which no rule was made after), `paired` with what went before in the process or `alone`. The version that
 * ran was known; for 'only call' and 'site, version in doubt' it was not kept, and its lines had moved. For `several` right is that the
 * place is among the candidates, for `function` that the function is. The programs repeat calls more than people do, and
 * have no macros: zero of zero is not counted.
 */
export const RATES: Readonly<Record<'paired' | 'alone', Readonly<Record<Method, Rate>>>> = {
  paired: {
    site: { right: 11_880, n: 11_880 },
    'site, version in doubt': { right: 4359, n: 5552 },
    'site, order not known': { right: 2069, n: 2127 },
    'nth at the line': { right: 4971, n: 4979 },
    'next in order': { right: 659, n: 659 },
    'next line': { right: 532, n: 532 },
    'tail call': { right: 4570, n: 4591 },
    expansion: { right: 0, n: 0 },
    'only call': { right: 3130, n: 3130 },
    function: { right: 2416, n: 2416 },
    several: { right: 52, n: 53 },
    unknown: { right: 0, n: 0 },
  },
  alone: {
    site: { right: 0, n: 0 },
    'site, version in doubt': { right: 4360, n: 6375 },
    'site, order not known': { right: 13_234, n: 13_834 },
    'nth at the line': { right: 0, n: 0 },
    'next in order': { right: 0, n: 0 },
    'next line': { right: 591, n: 803 },
    'tail call': { right: 1780, n: 1982 },
    expansion: { right: 0, n: 0 },
    'only call': { right: 3241, n: 4268 },
    function: { right: 2710, n: 2710 },
    several: { right: 7782, n: 7886 },
    unknown: { right: 0, n: 0 },
  },
}

export type Resolution = {
  readonly nodeId: NodeId | null
  readonly evidence: Evidence
  readonly method: Method
  /** It is the same however many calls of these names went before. */
  readonly isAny: boolean
  /** The call that was made last may tell more. */
  readonly isUnsettled: boolean
  /** Every place that fits, where there are several. */
  readonly candidates: readonly NodeId[]
  /** The version of the file that `nodeId` is named in; null where none is meant. */
  readonly version: { readonly path: string; readonly number: number } | null
}
