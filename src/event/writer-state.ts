/**
 * What a writer of blocks keeps: from batch to batch of a block, from block to block, and while one batch is appended. Its steps
 * are in files of their own: room (block-room.ts), sites (site-codes.ts), pairs (pair-rows.ts), and all of them in turn (writer.ts).
 */

import type { EventSource } from '../model/event.ts'
import { type Batch, MAX_NAMES } from './batch.ts'
import { SITE_WORDS } from './block.ts'
import type { BlockClock } from './block-time.ts'
import type { Dictionary } from './dictionary.ts'
import type { Site, SiteNames, Situation } from './names.ts'
import { nOpenCalls, openPairing, type Pairing } from './pairing.ts'
import { openSites, type Returning, type Sites } from './sites.ts'

/** More than the name of a source, or all names of a site, take. */
export const NAMES_BYTES = 1 << 16

/** The node of a call, asked for once per block, names and situation (undefined: not known), unless the event names the node. */
export type Resolve = (site: SiteNames, source: EventSource, situation: Situation | undefined) => Answer
/** `isAny`: it is the same for every `nth`. `isUnsettled`: the call that was made last may tell more. */
export type Answer = Pick<Site, 'nodeId' | 'evidence' | 'version'> & { readonly isAny?: boolean; readonly isUnsettled?: boolean }

export type WriterStats = {
  /** Calls that wait for their return. */
  readonly openCalls: number
  /** Returns and exceptions whose call was not seen. */
  readonly unpaired: number
  /** Calls that were given up waiting for their return: too many were open, or events were missing. */
  readonly givenUp: number
  /** Sites whose node id found no room in the block. */
  readonly nodesLeftOut: number
}

/** A site of an earlier block that calls still open were made from; its code in this block once it is used here. */
export type Carried = { readonly site: Site; code: number }

export type Writer = {
  readonly pairing: Pairing
  names: Dictionary | undefined
  /** The times of open calls count from its base as well. */
  readonly clock: BlockClock
  readonly sites: Sites
  /** Numbers of processes, for pairing, by the block's code; -1 where not looked up yet. */
  readonly processes: Int32Array
  carried: readonly Carried[]
  unpaired: number
  nodesLeftOut: number
  readonly codes: BatchCodes
}

/** From codes of the batch at hand to those of the block; 0 where not looked up yet, or none. */
type BatchCodes = {
  readonly strings: Uint32Array
  readonly pids: Uint16Array
  readonly corrs: Uint16Array
  /** Of events that are in no process's order, or name their node. */
  readonly sites: Uint16Array
  /** Numbers of the sites' names. */
  readonly names: Uint16Array
  /** The site that is being looked up. */
  readonly site: Uint32Array
}

/** A batch on its way into the block. */
export type Appending = {
  readonly writer: Writer
  readonly names: Dictionary
  readonly batch: Batch
  readonly source: EventSource
  readonly key: string
  /** The block's code of it. */
  readonly ofSource: number
  /** What was seen to return there. */
  readonly returning: Returning
  readonly resolve: Resolve
  /** Sites that may be added beside one for each of the batch. */
  spare: number
}

/** A writer goes from block to block: calls that are open when a block is full find their returns in the next. */
export function openWriter({ maxOpenCalls = 1 << 18 }: { readonly maxOpenCalls?: number } = {}): Writer {
  return {
    pairing: openPairing(maxOpenCalls), names: undefined, clock: { base: 0n, near: 0, far: 0, farNs: 0n }, sites: openSites(),
    processes: new Int32Array(1 << 16), carried: [], unpaired: 0, nodesLeftOut: 0,
    codes: {
      strings: new Uint32Array(MAX_NAMES.strings + 1), pids: new Uint16Array(MAX_NAMES.pids + 1), corrs: new Uint16Array(MAX_NAMES.corrs + 1),
      sites: new Uint16Array(MAX_NAMES.sites + 1), names: new Uint16Array(MAX_NAMES.sites + 1),
      site: new Uint32Array(SITE_WORDS),
    },
  }
}

export function writerStats({ pairing, unpaired, nodesLeftOut }: Writer): WriterStats {
  return { openCalls: nOpenCalls(pairing), unpaired, givenUp: pairing.givenUp, nodesLeftOut }
}
