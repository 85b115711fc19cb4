/** Why events are missing in a window: what the nodes themselves said of it, by reason. */

import type { Connection } from './ports.ts'
import { gapsOf, renderBasis, type Basis, type Gap } from './render/basis.ts'
import type { Window } from './times.ts'

/** Of more than these only the number is known, which the answer itself has. */
const GAPS_READ = 1000
const TELLING = ['gap', 'degraded'] as const

/** Empty where the daemon does not answer: that something is missing is known without. */
export async function gapsIn(connection: Connection, { since, until }: { readonly since?: number | Window['since']; readonly until?: number | Window['until'] }): Promise<Gap[]> {
  const window = { limit: GAPS_READ, ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) }
  const found = await Promise.all(TELLING.map((type) => connection.call('query_events', { event_type: type, ...window })))
  return gapsOf(found.flatMap((one) => (one.ok ? one.value.value.events : [])))
}

/** The lines that say what figures rest on. */
export async function basisOf(connection: Connection, basis: Basis, window: Window): Promise<string[]> {
  if (basis.completeness.complete) return renderBasis(basis, [], 0)
  const [gaps, nCalls] = await Promise.all([gapsIn(connection, window), callsIn(connection, window)])
  return renderBasis(basis, gaps, nCalls)
}

/** How many calls of any function were recorded; 0 where that is not known. */
export async function callsIn(connection: Connection, window: Window): Promise<number> {
  const counted = await connection.call('count_events', { ...window, event_type: 'call' })
  return counted.ok ? counted.value.value.total : 0
}
