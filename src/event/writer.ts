/**
 * Appends batches to the open block: the names of a batch are looked up once, then its columns are re-coded in loops over
 * numbers, returns are paired with their calls (`pairing.ts`), and all of it is published at once. A batch stands in one
 * block or the next, never in both.
 *
 * Calls that are open when a block ends are carried over by name, so that a return in a later block has its call's site.
 * A return whose call is not known has the site that it came with: the function, no caller.
 *
 * Absent on purpose: the disk and its log, and where blocks come from.
 */

import { must } from '../base/assert.ts'
import type { EventSource } from '../model/event.ts'
import type { Batch } from './batch.ts'
import { type Block, BLOCK_STATES, HEADER, publish, SITE_WORDS } from './block.ts'
import { fits, spareSites } from './block-room.ts'
import { beginClock, movedTime, putTimes } from './block-time.ts'
import { correlationCode, type Dictionary, openDictionary, pidCode, sourceCode, sourceKey, stringCode } from './dictionary.ts'
import { pairRows } from './pair-rows.ts'
import { rebase } from './pairing.ts'
import { carryOver } from './site-codes.ts'
import { returningOn } from './sites.ts'
import type { Appending, Resolve, Writer } from './writer-state.ts'

/**
 * Goes on in an empty block that is laid out; `number` is never given twice. The block before, sealed or not, must still
 * be readable: sites of open calls are taken over from it.
 */
export function beginBlock(writer: Writer, block: Block, number: number): void {
  carryOver(writer)
  writer.names = openDictionary(block)
  writer.processes.fill(-1)
  block.base[0] = 0n
  Atomics.store(block.header, HEADER.number, number)
  Atomics.store(block.header, HEADER.state, BLOCK_STATES.open)
}

/** 'full': nothing of the batch is in the block, which is to be sealed, and the next one begun. */
export function append(writer: Writer, batch: Batch, source: EventSource, resolve: Resolve): 'appended' | 'full' {
  const names = must(writer.names, 'a block to append to')
  if (!fits(writer, names, batch)) return 'full'
  if (names.filled.rows === 0) setBase(writer, names.block, batch.t0Ns)
  const key = sourceKey(source)
  const appending = { writer, names, batch, source, key, ofSource: sourceCode(names, source), returning: returningOn(writer.sites, key), resolve, spare: spareSites(writer, names, batch) }
  lookUpNames(appending)
  copyColumns(appending)
  pairRows(appending)
  copyPayloads(names, batch)
  names.filled.rows += batch.n
  publish(names.block, names.filled)
  return 'appended'
}

function setBase({ clock, pairing }: Writer, block: Block, t0Ns: bigint): void {
  const before = clock.base
  beginClock(clock, t0Ns)
  const shift = Number(before - clock.base)
  rebase(pairing, (place) => { pairing.at[place] = movedTime(pairing.at[place] ?? 0, shift) })
  block.base[0] = clock.base
}

function lookUpNames({ writer, names, batch, ofSource }: Appending): void {
  const { codes } = writer
  const { strings, pids, corrs, sites } = batch
  for (let i = 0; i < strings.length; i++) codes.strings[i + 1] = stringCode(names, strings[i] ?? '')
  for (let i = 0; i < pids.length; i++) codes.pids[i + 1] = pidCode(names, ofSource, pids[i] ?? '')
  for (let i = 0; i < corrs.length; i++) codes.corrs[i + 1] = correlationCode(names, corrs[i] ?? '')
  const nSites = sites.length / SITE_WORDS
  codes.sites.fill(0, 0, nSites + 1)
  codes.names.fill(0, 0, nSites + 1)
}

function copyColumns({ writer: { clock, codes }, names, batch, ofSource }: Appending): void {
  const { block, filled } = names
  const { n } = batch
  const from = filled.rows
  const { pid, peer, corr } = batch
  const to = { pid: block.pid, peer: block.peer, corr: block.corr }
  const { pids, corrs } = codes
  block.type.set(batch.type, from)
  block.took.fill(Number.NaN, from, from + n)
  block.own.fill(Number.NaN, from, from + n)
  block.payload.fill(0, from, from + n)
  putTimes(clock, batch, block.ts, from)
  // The source of an event hangs on its pid: what is of no process is of the source's own, which has no name.
  pids[0] = pid.includes(0) ? pidCode(names, ofSource, '') : 0
  for (let i = 0; i < n; i++) to.pid[from + i] = pids[pid[i] ?? 0] ?? 0
  pids[0] = 0
  for (let i = 0; i < n; i++) to.peer[from + i] = pids[peer[i] ?? 0] ?? 0
  for (let i = 0; i < n; i++) to.corr[from + i] = corrs[corr[i] ?? 0] ?? 0
}

function copyPayloads({ block, filled }: Dictionary, { payloadRows, payloads }: Batch): void {
  const { arena } = block
  let at = filled.arenaBytes
  for (let i = 0; i < payloads.length; i++) {
    const payload = must(payloads[i], 'a payload for its row')
    block.payload[filled.rows + (payloadRows[i] ?? 0)] = at + 1
    arena[at] = payload.length & 0xff
    arena[at + 1] = (payload.length >>> 8) & 0xff
    arena[at + 2] = (payload.length >>> 16) & 0xff
    arena[at + 3] = payload.length >>> 24
    arena.set(payload, at + 4)
    at += 4 + payload.length
  }
  filled.arenaBytes = at
}
