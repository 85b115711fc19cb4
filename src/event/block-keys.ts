/**
 * Which keys a block has, as sorted 32-bit hashes: enough to say that a key is not there. Two keys may share a hash, so a
 * hit is only a maybe. The hash is written to disk: it never changes.
 */

import { formatMfa } from '../model/names.ts'
import type { Block, Counts } from './block.ts'
import { PID, PID_WORDS, SITE, SITE_WORDS } from './block.ts'
import { stringOf } from './names.ts'

export const KEY_KINDS = ['pid', 'correlation', 'node', 'function'] as const
export type KeyKind = (typeof KEY_KINDS)[number]
/** Sorted, each once. */
export type BlockKeys = Readonly<Record<KeyKind, Uint32Array>>

export function keyHash(key: string): number {
  const bytes = Buffer.from(key)
  return hashOf(bytes, 0, bytes.length)
}

export function keysOf(block: Block, counts: Counts): BlockKeys {
  const pids = collect(counts.pids, (idx) => block.pids[idx * PID_WORDS + PID.pid] ?? 0)
  const nodes = collect(counts.sites, (idx) => block.sites[idx * SITE_WORDS + SITE.node] ?? 0)
  const correlations = collect(counts.correlations, (idx) => block.correlations[idx] ?? 0)
  return { pid: hashesOf(block, pids), correlation: hashesOf(block, correlations), node: hashesOf(block, nodes), function: functionsOf(block, counts) }
}

/** Whether a sorted list has the value, and where: its index, or -1. */
export function search(sorted: Uint32Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] ?? 0) < value) low = middle + 1
    else high = middle
  }
  return sorted[low] === value ? low : -1
}

function collect(n: number, codeAt: (idx: number) => number): Set<number> {
  const codes = new Set<number>()
  for (let idx = 0; idx < n; idx++) codes.add(codeAt(idx))
  codes.delete(0)
  return codes
}

function hashesOf({ strings, stringBytes }: Block, codes: ReadonlySet<number>): Uint32Array {
  const hashes = new Uint32Array(codes.size)
  let n = 0
  for (const code of codes) hashes[n++] = hashOf(stringBytes, code === 1 ? 0 : (strings[code - 2] ?? 0), strings[code - 1] ?? 0)
  return sortedOnce(hashes)
}

function functionsOf(block: Block, counts: Counts): Uint32Array {
  const seen = new Set<string>()
  const hashes: number[] = []
  for (let at = 0; at < counts.sites * SITE_WORDS; at += SITE_WORDS) {
    const [module = 0, name = 0, arity = 0] = block.sites.subarray(at + SITE.module, at + SITE.arity + 1)
    const words = `${module} ${name} ${arity}`
    if (module === 0 || seen.has(words)) continue
    seen.add(words)
    hashes.push(keyHash(formatMfa({ module: stringOf(block, module), name: stringOf(block, name), arity })))
  }
  return sortedOnce(Uint32Array.from(hashes))
}

function sortedOnce(hashes: Uint32Array): Uint32Array {
  hashes.sort()
  let n = 0
  for (let i = 0; i < hashes.length; i++) if (i === 0 || hashes[i] !== hashes[i - 1]) hashes[n++] = hashes[i] ?? 0
  return hashes.slice(0, n)
}

/** FNV-1a, then the last mixing of MurmurHash3, so that near keys lie far apart. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x81_1c_9d_c5
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01_00_01_93)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2_b2_ae_35)
  return (hash ^ (hash >>> 16)) >>> 0
}
