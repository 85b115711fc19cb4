/**
 * A program with very many places that call: every batch has 4,096 of 100,000 sites, each called a few times. What it costs to append
 * and to seal them, how full blocks get before their tables are, and what the writer holds.
 */

import type { Batch } from '../src/event/batch.ts'
import { BLOCK_CAPACITY, blockBytes, counts, layOut, SITE, SITE_WORDS } from '../src/event/block.ts'
import { seal } from '../src/event/seal.ts'
import { append, beginBlock } from '../src/event/writer.ts'
import { openWriter } from '../src/event/writer-state.ts'
import { EVENT_TYPES } from '../src/model/event.ts'

const SITES = 100_000
const IN_BATCH = 4096
const BATCHES = 100
const EVENTS = 16_384
const SOURCE = { node: 'shop@localhost', startNs: 1_789_000_000_000_000_000n }

export function benchManySites(): object {
  const batches = Array.from({ length: BATCHES }, (_, no) => batchOf(no))
  const before = memory()
  const writer = openWriter()
  const empty = memory() - before
  const buffers = [new SharedArrayBuffer(blockBytes(BLOCK_CAPACITY)), new SharedArrayBuffer(blockBytes(BLOCK_CAPACITY))] as const
  const shared = 2 * blockBytes(BLOCK_CAPACITY)
  const took = { append: 0, seal: 0 }
  const perBlock: { rows: number; sites: number; summary_bytes: number }[] = []
  const timed = <T>(part: keyof typeof took, run: () => T): T => {
    const from = process.threadCpuUsage()
    const result = run()
    const { user, system } = process.threadCpuUsage(from)
    took[part] += (user + system) * 1000
    return result
  }
  let block = layOut(buffers[0], BLOCK_CAPACITY)
  beginBlock(writer, block, 1)
  for (const batch of batches) {
    if (timed('append', () => append(writer, batch, SOURCE, resolve)) === 'appended') continue
    timed('seal', () => seal(block))
    const { rows, sites, summaryBytes } = counts(block)
    perBlock.push({ rows, sites, summary_bytes: summaryBytes })
    block = layOut(buffers[perBlock.length % 2 === 0 ? 0 : 1], BLOCK_CAPACITY)
    timed('append', () => {
      beginBlock(writer, block, perBlock.length + 1)
      append(writer, batch, SOURCE, resolve)
    })
  }
  const mean = (of: (each: (typeof perBlock)[number]) => number): number => Math.round(perBlock.reduce((sum, each) => sum + of(each), 0) / perBlock.length)
  return {
    sites: SITES, events: BATCHES * EVENTS, ns_per_event: { append: Math.round(took.append / BATCHES / EVENTS), seal: Math.round(took.seal / BATCHES / EVENTS) },
    per_block: { rows: mean(({ rows }) => rows), sites: mean(({ sites }) => sites), summary_bytes: mean((each) => each.summary_bytes) }, writer_mb: { empty: Math.round(empty / 2 ** 20), filled: Math.round((memory() - shared - before) / 2 ** 20) },
  }
}

const resolve: Parameters<typeof append>[3] = ({ mfa, caller }) => ({ nodeId: caller === null ? null : `${caller.module}.${caller.function}/${caller.arity}#${caller.line}/${mfa?.function}`, evidence: 'exact' })

/** Heap and buffers; exact with --expose-gc. */
function memory(): number {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Calls and returns by turns, each pair of another of the batch's sites. */
function batchOf(no: number): Batch {
  const first = (no * IN_BATCH) % SITES
  const strings: string[] = []
  const sites = new Uint32Array(IN_BATCH * SITE_WORDS)
  for (let idx = 0; idx < IN_BATCH; idx++) {
    const site = (first + idx) % SITES
    const put = (field: keyof typeof SITE, value: number): void => { sites[idx * SITE_WORDS + SITE[field]] = value }
    const text = (value: string): number => strings.push(value)
    put('module', text(`Shop.Context${site % 500}.Worker`))
    put('function', text(`handle_${site}`))
    put('callerModule', text(`Shop.Caller${site % 700}`))
    put('callerFunction', text(`run_${site % 9000}`))
    put('file', text(`lib/shop/caller${site % 700}.ex`))
    put('line', 1 + (site % 300))
  }
  const n = EVENTS
  const column = (of: (idx: number) => number): Uint16Array => Uint16Array.from({ length: n }, (_, idx) => of(idx))
  const half = (idx: number): number => Math.floor(idx / 2)
  return {
    no: no + 1, t0Ns: 1_790_000_000_000_000_000n + BigInt(no * n * 1000), n, strings, pids: ['0.1.0'], corrs: [], sites,
    type: Uint8Array.from({ length: n }, (_, idx) => (idx % 2 === 0 ? EVENT_TYPES.call : EVENT_TYPES.return)), ts: Float64Array.from({ length: n }, (_, idx) => idx * 1000),
    pid: column(() => 1), peer: column(() => 0), site: column((idx) => 1 + (half(idx) % IN_BATCH)), corr: column(() => 0), payloadRows: new Uint16Array(0), payloads: [],
  }
}
