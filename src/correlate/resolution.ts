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

export type Resolution = {
  readonly nodeId: NodeId | null
  readonly evidence: Evidence
  readonly method: Method
  /** Every place that fits, where there are several. */
  readonly candidates: readonly NodeId[]
  /** The version of the file that `nodeId` is named in; null where none is meant. */
  readonly version: { readonly path: string; readonly number: number } | null
}
