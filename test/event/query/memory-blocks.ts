/**
 * Blocks in memory, built as simply as can be from events with names, and the same events as a list: what queries are
 * compared with. Sealing computes postings and order by sorting; nothing is shared with the product's writer.
 */

import { EVENT_TYPES, EVIDENCE, type EventRecord, type EventType } from '../../../src/model/event.ts'
import {
  BLOCK_STATES, type Block, type Counts, HEADER, PID_WORDS, POSTED, SITE_WORDS, SOURCE_WORDS, blockBytes, layOut, publish, setSorted, versionedEvidence,
} from '../../../src/event/block.ts'
import type { BlockKey, BlockRef, Blocks } from '../../../src/event/query/blocks.ts'

/** An event before it has a place. */
export type Given = Omit<EventRecord, 'id'>
export type Stored = EventRecord & { readonly block: number; readonly row: number }

type Names = { readonly codes: Map<string, number>; readonly entries: (readonly number[])[] }
type Open = {
  readonly number: number
  readonly block: Block
  readonly strings: string[]
  readonly codes: Map<string, number>
  readonly pids: Names
  readonly sites: Names
  readonly corrs: Names
  readonly sources: Names
  stringBytes: number
  arenaBytes: number
  nRows: number
  sealed: boolean
}

export type MemoryBlocks = Blocks & {
  /** All that is stored, in order of arrival. */
  readonly stored: Stored[]
  readonly nOpened: () => number
  append(events: readonly Given[]): void
  /** Seals the open block; the next event begins another. */
  seal(): void
  /** The oldest sealed block goes; from the list at once, or only when it is opened. */
  prune(how: 'listed' | 'gone'): void
}

export function memoryBlocks(rowsPerBlock: number, footers: 'footers' | 'no footers' = 'footers'): MemoryBlocks {
  const blocks: Open[] = []
  const gone = new Set<number>()
  const stored: Stored[] = []
  let number = 0
  let nOpened = 0
  const inBlock = (number: number) => stored.filter((event) => event.block === number)
  return {
    stored,
    nOpened: () => nOpened,
    append(events) {
      for (const event of events) {
        let open = blocks.at(-1)
        if (open === undefined || open.sealed || open.nRows === rowsPerBlock) {
          if (open !== undefined) sealBlock(open)
          open = begin(++number, rowsPerBlock, event.timestampNs)
          blocks.push(open)
        }
        stored.push({ ...event, id: `${event.source.node}:${open.number}:${open.nRows}`, block: open.number, row: open.nRows })
        write(open, event)
      }
    },
    seal() {
      const open = blocks.at(-1)
      if (open !== undefined && open.nRows > 0) sealBlock(open)
    },
    prune(how) {
      const oldest = blocks.find(({ sealed, number }) => sealed && !gone.has(number))
      if (oldest === undefined) return
      for (let at = stored.length - 1; at >= 0; at--) if (stored[at]?.block === oldest.number) stored.splice(at, 1)
      if (how === 'gone') gone.add(oldest.number)
      else blocks.splice(blocks.indexOf(oldest), 1)
    },
    refs: () =>
      blocks.map(({ number, nRows, block, sealed }): BlockRef => {
        const times = [...block.ts.subarray(0, nRows)].map((ts) => BigInt(ts) + (block.base[0] ?? 0n))
        const sorted = times.sort((a, b) => (a < b ? -1 : 1))
        return { number, nRows, minNs: sorted[0] ?? 0n, maxNs: sorted.at(-1) ?? 0n, zone: sealed ? 'warm' : 'hot' }
      }),
    open(ref) {
      nOpened++
      return gone.has(ref.number) ? 'gone' : (blocks.find(({ number }) => number === ref.number)?.block ?? 'gone')
    },
    mayHold: (ref, key) => footers === 'no footers' || gone.has(ref.number) || !(blocks.find(({ number }) => number === ref.number)?.sealed ?? false) || inBlock(ref.number).some((event) => holds(event, key)),
  }
}

function holds(event: Stored, key: BlockKey): boolean {
  switch (key.kind) {
    case 'pid':
      return event.pid === key.key
    case 'type':
      return event.type === key.key
    case 'correlation':
      return event.correlationId === key.key
    case 'node':
      return event.nodeId === key.key
    case 'function':
      return event.mfa !== null && `${event.mfa.module}.${event.mfa.function}/${event.mfa.arity}` === key.key
  }
}

function begin(number: number, rows: number, baseNs: bigint): Open {
  const capacity: Counts = {
    rows, sites: rows, pids: 2 * rows, correlations: rows, sources: 8, strings: 12 * rows + 8, stringBytes: 400 * rows + 256, arenaBytes: 200 * rows, summaryBytes: 0,
  }
  const block = layOut(new SharedArrayBuffer(blockBytes(capacity)), capacity)
  block.base[0] = baseNs
  block.header[HEADER.number] = number
  block.header[HEADER.state] = BLOCK_STATES.open
  const names = (): Names => ({ codes: new Map(), entries: [] })
  return { number, block, strings: [], codes: new Map(), pids: names(), sites: names(), corrs: names(), sources: names(), stringBytes: 0, arenaBytes: 0, nRows: 0, sealed: false }
}

function write(open: Open, event: Given): void {
  const { block } = open
  const row = open.nRows
  const string = (text: string | null | undefined) => (text === null || text === undefined ? 0 : stringCode(open, text))
  const source = code(open.sources, [string(event.source.node), Number(event.source.startNs & 0xffff_ffffn), Number(event.source.startNs >> 32n)], block.sources, SOURCE_WORDS)
  const pid = (text: string | null) => (text === null ? 0 : code(open.pids, [source, string(text)], block.pids, PID_WORDS))
  const { mfa, caller } = event
  const words = [
    string(mfa?.module), string(mfa?.function), mfa?.arity ?? 0, string(caller?.module), string(caller?.function), caller?.arity ?? 0, string(caller?.file), caller?.line ?? 0,
    string(event.nodeId), versionedEvidence(EVIDENCE[event.evidence], versionOf(event)),
  ]
  block.ts[row] = Number(event.timestampNs - (block.base[0] ?? 0n))
  block.took[row] = event.durationNs ?? NaN
  block.own[row] = event.ownNs ?? NaN
  block.type[row] = EVENT_TYPES[event.type]
  block.pid[row] = pid(event.pid)
  block.peer[row] = pid(event.peer)
  block.site[row] = words.every((word) => word === 0) ? 0 : code(open.sites, words, block.sites, SITE_WORDS)
  block.corr[row] = event.correlationId === null ? 0 : code(open.corrs, [string(event.correlationId)], block.correlations, 1)
  block.payload[row] = event.payload === null ? 0 : arena(open, event.payload)
  open.nRows++
  publish(block, counts(open))
}

function counts(open: Open): Counts {
  return {
    rows: open.nRows, sites: open.sites.entries.length, pids: open.pids.entries.length, correlations: open.corrs.entries.length, sources: open.sources.entries.length,
    strings: open.strings.length, stringBytes: open.stringBytes, arenaBytes: open.arenaBytes, summaryBytes: 0,
  }
}

function stringCode(open: Open, text: string): number {
  const known = open.codes.get(text)
  if (known !== undefined) return known
  const bytes = Buffer.from(text)
  open.block.stringBytes.set(bytes, open.stringBytes)
  open.stringBytes += bytes.length
  open.block.strings[open.strings.length] = open.stringBytes
  open.codes.set(text, open.strings.push(text))
  return open.strings.length
}

function code(names: Names, entry: readonly number[], table: Uint32Array, words: number): number {
  const key = entry.join()
  const known = names.codes.get(key)
  if (known !== undefined) return known
  table.set(entry, names.entries.length * words)
  names.codes.set(key, names.entries.push(entry))
  return names.entries.length
}

function arena(open: Open, payload: Uint8Array): number {
  const at = open.arenaBytes
  new DataView(open.block.buffer, open.block.arena.byteOffset).setUint32(at, payload.length, true)
  open.block.arena.set(payload, at + 4)
  open.arenaBytes += payload.length + 4
  return at + 1
}

function sealBlock(open: Open): void {
  const { block, nRows } = open
  const rows = Array.from({ length: nRows }, (_, row) => row)
  for (const column of POSTED) {
    const byCode = rows.toSorted((a, b) => (block[column][a] ?? 0) - (block[column][b] ?? 0) || a - b)
    block[`${column}Rows`].set(byCode)
    const starts = block[`${column}Starts`]
    for (let code = 0, at = 0; code < starts.length; code++) {
      starts[code] = at
      while (at < nRows && block[column][byCode[at] ?? 0] === code) at++
    }
  }
  const order = rows.toSorted((a, b) => (block.ts[a] ?? 0) - (block.ts[b] ?? 0) || a - b)
  block.order.set(order)
  setSorted(block, order.every((row, idx) => row === idx) ? 'sorted' : 'out of order')
  open.sealed = true
  Atomics.store(block.header, HEADER.state, BLOCK_STATES.sealed)
}

/** The payload of a correlation: `{"event": id}`. */
export function linkPayload(id: string): Uint8Array {
  const text = Buffer.from(id)
  return Uint8Array.from([0x81, 0xa5, ...Buffer.from('event'), 0xd9, text.length, ...text])
}

/** An event of which only what matters is given. */
export function event(type: EventType, ns: bigint, more: Partial<Given> = {}): Given {
  return {
    type, timestampNs: ns, source: { node: 'shop@host', startNs: 7n }, pid: '0.100.0', peer: null, mfa: null, caller: null, correlationId: null, nodeId: null,
    evidence: 'none', durationNs: null, ownNs: null, payload: null, ...more,
  }
}

/** The version that the place of an event is named in, here: any, always the same; 0 of what was given. */
export function versionOf({ nodeId, evidence }: Pick<EventRecord, 'nodeId' | 'evidence'>): number {
  return nodeId === null || evidence === 'given' ? 0 : nodeId.length % 3
}
