/**
 * Fills `site`, `took` and `own` of the rows of a batch: calls are opened, returns find theirs (pairing.ts), whatever ends a
 * process or tells of missing events ends what was open.
 */

import { EVENT_TYPES } from '../model/event.ts'
import { clearProcess, giveUpProcess, giveUpSource, NONE, pop, processOf, push } from './pairing.ts'
import { carriedSite, isGiven, namesAt, siteAt, siteIn, siteInOrder } from './site-codes.ts'
import { ALONE, keepLast, knownSite, situationOf } from './sites.ts'
import type { Appending } from './writer-state.ts'

export function pairRows(appending: Appending): void {
  const { writer, names: { block, filled }, batch } = appending
  const { pairing, codes, sites } = writer
  const from = filled.rows
  foreseeReturns(appending, 0)
  for (let i = 0; i < batch.n; i++) {
    const row = from + i
    const site = batch.site[i] ?? 0
    const name = site === 0 ? 0 : namesAt(appending, site)
    const callee = sites.callee[name] ?? 0
    switch (batch.type[i]) {
      case EVENT_TYPES.call:
        if (callee === 0 || batch.pid[i] === 0) break
        block.site[row] = callAt(appending, i, name)
        continue
      case EVENT_TYPES.return:
      case EVENT_TYPES.exception:
        if (callee !== 0 && batch.pid[i] !== 0 && pop(pairing, processAt(appending, i), callee, block.ts[row] ?? 0)) {
          block.took[row] = pairing.isNested ? -pairing.took : pairing.took
          block.own[row] = pairing.own
          block.site[row] = pairing.foundSite > 0 ? pairing.foundSite : carriedSite(appending, -1 - pairing.foundSite, site)
          continue
        }
        writer.unpaired++
        break
      case EVENT_TYPES.exit:
      case EVENT_TYPES.spawned:
        if (batch.pid[i] !== 0) clearProcess(pairing, processAt(appending, i))
        break
      case EVENT_TYPES.capture_start:
      case EVENT_TYPES.capture_end:
        // Another plan may trace without returns what was traced with them.
        appending.returning.fill(0)
        foreseeReturns(appending, i + 1)
        giveUp(appending, i)
        break
      case EVENT_TYPES.gap:
        giveUp(appending, i)
        break
      default:
    }
    const known = codes.sites[site] ?? 0
    block.site[row] = known !== 0 ? known : siteAt(appending, site)
  }
}

/**
 * Functions that return before the end of this plan or of the batch are traced with their returns: where they had returned
 * earlier it would have been seen. Exceptions may be traced without returns.
 */
function foreseeReturns(appending: Appending, from: number): void {
  const { writer: { sites }, returning, batch: { n, site, type } } = appending
  for (let i = from; i < n && type[i] !== EVENT_TYPES.capture_start && type[i] !== EVENT_TYPES.capture_end; i++) {
    if (type[i] === EVENT_TYPES.return && site[i] !== 0) returning[sites.callee[namesAt(appending, site[i] ?? 0)] ?? 0] = 1
  }
}

/** The site of a call, which is open from now on. */
function callAt(appending: Appending, i: number, name: number): number {
  const { writer: { pairing, sites }, returning, names: { block, filled }, batch } = appending
  const site = batch.site[i] ?? 0
  const process = processAt(appending, i)
  const top = pairing.tops[process] ?? NONE
  const situation = situationOf(sites, returning, pairing, top, name)
  const found = isGiven(batch, site) ? siteAt(appending, site) : knownSite(sites, name, situation) || siteIn(appending, name, situation, top)
  const code = sites.isUnsettled[found] === 1 && situation !== ALONE ? siteInOrder(appending, name, situation, top, found) : found
  if (top !== NONE) keepLast(sites, pairing, top, name, situation)
  push(pairing, process, sites.callee[name] ?? 0, code, sites.from[name] ?? 0, block.ts[filled.rows + i] ?? 0)
  return code
}

/** Events of the process of event `i` are missing; of every one of its source where it has none. */
function giveUp(appending: Appending, i: number): void {
  const { writer: { pairing }, batch, key } = appending
  if (batch.pid[i] === 0) giveUpSource(pairing, key)
  else giveUpProcess(pairing, processAt(appending, i))
}

/** The number of the process of event `i`, looked up once for each of the block. */
function processAt({ writer: { codes, pairing, processes }, batch, key }: Appending, i: number): number {
  const pid = batch.pid[i] ?? 0
  const code = codes.pids[pid] ?? 0
  const known = processes[code] ?? -1
  if (known >= 0) return known
  return (processes[code] = processOf(pairing, key, batch.pids[pid - 1] ?? ''))
}
