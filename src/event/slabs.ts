/**
 * The slabs that resident blocks stand in. Stub: bodies follow.
 */

import type { Block } from './block.ts'

/** What main makes and hands to every thread. */
export type Slabs = { readonly buffers: readonly SharedArrayBuffer[]; readonly directory: SharedArrayBuffer }

export function createSlabs(nSlabs: number, nReaders: number): Slabs {
  throw new Error(`not yet: ${nSlabs} ${nReaders}`)
}

/** Main, when a reading thread has died: what it pinned is free again. */
export function releaseReader(slabs: Slabs, reader: number): void {
  throw new Error(`not yet: ${String(slabs)} ${reader}`)
}

/** The one thread that writes. A new one, after the old one died, retires whatever that left. */
export type SlabWriter = {
  /** An empty block for number `number`, found by readers at once; undefined while every slab is in use or pinned. */
  take(number: number): Block | undefined
  /** Readers find the block no more; its slab is used again once none that might hold it is within. */
  retire(number: number): void
  /** The resident blocks, by number, rising. */
  resident(): readonly number[]
}

export function openSlabWriter(slabs: Slabs): SlabWriter {
  throw new Error(`not yet: ${String(slabs)}`)
}

export type SlabReader = {
  /** Blocks found from here to `leave` stay what they are. May be nested; leave between slices of long work. */
  enter(): void
  leave(): void
  /** The block of that number, where it is resident. Only within. */
  find(number: number): Block | undefined
  resident(): readonly number[]
}

/** `reader` counts from 0; no two threads have the same. */
export function openSlabReader(slabs: Slabs, reader: number): SlabReader {
  throw new Error(`not yet: ${String(slabs)} ${reader}`)
}
