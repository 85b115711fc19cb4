/** Whether a batch has room in the open block, however many of its names are new. */

import type { Batch } from './batch.ts'
import { PID_WORDS, SITE_WORDS, SOURCE_WORDS } from './block.ts'
import type { Dictionary } from './dictionary.ts'
import { NAMES_BYTES, type Writer } from './writer-state.ts'

export function fits(writer: Writer, names: Dictionary, batch: Batch): boolean {
  const { block, filled, sources } = names
  const { n } = batch
  const nStrings = batch.strings.length + batch.pids.length + batch.corrs.length + 2
  return filled.rows + n <= block.ts.length &&
    spareSites(writer, names, batch) >= 0 &&
    filled.pids + batch.pids.length + 1 <= block.pids.length / PID_WORDS &&
    filled.correlations + batch.corrs.length <= block.correlations.length &&
    sources.size < block.sources.length / SOURCE_WORDS &&
    filled.strings + nStrings <= block.strings.length &&
    filled.arenaBytes + arenaBytesOf(batch) <= block.arena.length &&
    textFits(batch, block.stringBytes.length - filled.stringBytes)
}

/** How many sites may be added beside one for each of the batch. */
export function spareSites(writer: Writer, names: Dictionary, batch: Batch): number {
  return roomForSites(writer, names) - mostSites(writer, batch)
}

/** One for each of the batch, and for each call of earlier blocks that may return. */
function mostSites({ carried }: Writer, { n, sites }: Batch): number {
  return sites.length / SITE_WORDS + Math.min(carried.length, n)
}

function roomForSites({ sites: { nNames } }: Writer, { block, filled }: Dictionary): number {
  return block.sites.length / SITE_WORDS - Math.max(filled.sites, nNames)
}

function arenaBytesOf({ payloads }: Batch): number {
  let nBytes = 0
  for (const payload of payloads) nBytes += 4 + payload.length
  return nBytes
}

function textFits({ strings, pids, corrs }: Batch, room: number): boolean {
  let most = NAMES_BYTES
  for (const names of [strings, pids, corrs]) for (const name of names) most += name.length * 3
  if (most <= room) return true
  let nBytes = NAMES_BYTES
  for (const names of [strings, pids, corrs]) for (const name of names) nBytes += Buffer.byteLength(name)
  return nBytes <= room
}
