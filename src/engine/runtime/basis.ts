/** What every figure says of itself: the window, the calls it rests on, how it was come by, and what is missing. */

import { RELATIVE_ERROR } from '../../event/summary.ts'
import type { Insight, SiteFigures } from '../../correlate/insights.ts'
import type { Value } from '../../wire/methods.ts'
import { completenessOf } from './completeness.ts'
import type { RuntimeContext } from './context.ts'
import type { Window } from './figures.ts'

type Basis = Pick<Value<'get_hotspots'>, 'window' | 'n' | 'method' | 'completeness'>
type RuntimeFigures = Value<'get_hotspots'>['functions'][number]['figures']

export function basisOf(context: RuntimeContext, window: Window, n: number, method: string): Basis {
  const completeness = completenessOf(context, window)
  return {
    window: { since_ns: window.sinceNs ?? completeness.since_ns, until_ns: window.untilNs ?? completeness.until_ns },
    n, method, completeness,
  }
}

export function callsIn(figures: readonly SiteFigures[]): number {
  return figures.reduce((sum, { summary }) => sum + summary.calls, 0)
}

export const QUANTILES = `quantiles within ${(100 * RELATIVE_ERROR).toFixed(1)} %`

export function figuresRecord({ calls, returns, exceptions, timed, totalNs, outerNs, ownNs, p50Ns, p95Ns, p99Ns, maxNs }: Insight): RuntimeFigures {
  const duration = p50Ns === null || p95Ns === null || p99Ns === null || maxNs === null ? null : { p50: p50Ns, p95: p95Ns, p99: p99Ns, max: maxNs, sum: totalNs, outer: outerNs, n: timed }
  return { calls, returns, exceptions, duration_ns: duration, own_ns: timed === 0 ? null : ownNs }
}

export const NO_FIGURES: RuntimeFigures = { calls: 0, returns: 0, exceptions: 0, duration_ns: null, own_ns: null }
