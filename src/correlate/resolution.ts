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
 * How often each method was right: of 34,576 calls of 60 generated programs, traced on OTP 25 with Elixir 1.14
 * (`test/correlate/accuracy.test.ts`, FC_SEED 3, which no rule was made after), `paired` with what went before in the process or `alone`. The version that
 * ran was known; for 'only call' and 'site, version in doubt' it was not kept, and its lines had moved. For `several` right is that the
 * place is among the candidates, for `function` that the function is. The programs repeat calls more than people do, and
 * have no macros: zero of zero is not counted.
 */
export const RATES: Readonly<Record<'paired' | 'alone', Readonly<Record<Method, Rate>>>> = {
  paired: {
    site: { right: 14_544, n: 14_544 },
    'site, version in doubt': { right: 6054, n: 7501 },
    'site, order not known': { right: 1661, n: 1661 },
    'nth at the line': { right: 7068, n: 7069 },
    'next line': { right: 811, n: 812 },
    'tail call': { right: 6548, n: 6548 },
    expansion: { right: 0, n: 0 },
    'only call': { right: 3893, n: 3893 },
    function: { right: 2897, n: 2897 },
    several: { right: 1045, n: 1045 },
    unknown: { right: 0, n: 0 },
  },
  alone: {
    site: { right: 0, n: 0 },
    'site, version in doubt': { right: 6116, n: 8476 },
    'site, order not known': { right: 15_114, n: 15_651 },
    'nth at the line': { right: 0, n: 0 },
    'next line': { right: 807, n: 861 },
    'tail call': { right: 3045, n: 3232 },
    expansion: { right: 0, n: 0 },
    'only call': { right: 3897, n: 5719 },
    function: { right: 3908, n: 3908 },
    several: { right: 10_842, n: 10_872 },
    unknown: { right: 0, n: 0 },
  },
}

export type Resolution = {
  readonly nodeId: NodeId | null
  readonly evidence: Evidence
  readonly method: Method
  /** It is the same however many calls of these names went before. */
  readonly isAny: boolean
  /** Every place that fits, where there are several. */
  readonly candidates: readonly NodeId[]
  /** The version of the file that `nodeId` is named in; null where none is meant. */
  readonly version: { readonly path: string; readonly number: number } | null
}
