/**
 * The read side of the event store, for any thread: resident blocks where they are in the shared slabs, sealed ones as
 * private copies from their files, the latest used of which are kept.
 *
 * Why no block is missed while the writer goes on: it retires a slab only after the block is in its file, and here slabs
 * are listed before files, so a block that is in neither list was not there when the first was made. A block in both is
 * taken from its slab. Of the newest block the list has the rows that it had then, so no block after that is in the list, though
 * it may be in a file by now. A file that was pruned meanwhile, and a block that is damaged, is `gone`.
 *
 * Absent on purpose: waiting for anybody, and any change to what is stored; only when a file was last used is noted on disk.
 */

import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import { failure, type Failure } from '../base/failure.ts'
import { EVENT_TYPES } from '../model/event.ts'
import { zoneOf } from './archive.ts'
import { type Block, counts, isSealed } from './block.ts'
import { blockOf, sizeOf } from './block-entry.ts'
import { blockFileNumber, type FileEntry, type FileIndex, readEntry, readIndex, readTable } from './block-file.ts'
import { type KeyKind, keyHash } from './block-keys.ts'
import { copyBlock } from './copy-block.ts'
import { attempt, type Disk } from './disk.ts'
import { DAMAGED } from './examine.ts'
import { decodeTable, type KeyTable, tableMayHold } from './footer.ts'
import { type Loss, lossesStamp, readLosses } from './losses.ts'
import type { BlockKey, BlockRef, Blocks } from './query/blocks.ts'
import { timeRange } from './seal.ts'
import { unpack } from './section-codec.ts'
import type { SlabReader } from './slabs.ts'

export type EventReaderOptions = {
  /** Where the event store keeps its files. */
  readonly directory: string
  readonly slabs: SlabReader
  readonly disk: Disk
  /** Wall clock. */
  readonly nowMs: () => number
  /** Of blocks read from files. */
  readonly cacheBytes: number
  /** Files that nobody read for as long are cold. */
  readonly warmMs: number
}

export type EventReader = {
  /**
   * The blocks as they stand now, for one query: between `enter` and `leave` of the slab reader. Call it again after
   * `leave`: a resident block may be on disk by then. Blocks from disk are private copies and stay what they are.
   */
  blocks(): Blocks
  /** The same for a query that takes long, from outside: it holds up nobody, since every block is copied when it is opened. */
  copies(): Blocks
  /** Damage that was met, and what else could not be read since the blocks were listed last; the newest last. */
  problems(): readonly Failure[]
  /** What was stored and cannot be read any more: what the store knows of, and what this reader met. */
  lost(): readonly Lost[]
}

export type Lost = Pick<Loss, 'why' | 'minNs' | 'maxNs' | 'events'>

/** A file as this reader knows it. Tables are read when they are first asked for; undefined: there is none. */
type KnownFile = { index: FileIndex; nBytes: number; lastUsedMs: number; touchedMs: number; readonly tables: Map<KeyKind, KeyTable | undefined>; refs: readonly BlockRef[] }
type Place = { readonly file: KnownFile; readonly entry: FileEntry; readonly idx: number }
type Places = ReadonlyMap<number, Place>
type State = {
  readonly options: EventReaderOptions
  readonly files: Map<string, KnownFile>
  /** The files that were listed last, and where they have each block. */
  listed: { readonly files: readonly KnownFile[]; readonly places: Places }
  /** Sealed resident blocks, whose refs do not change. */
  readonly sealed: Map<number, BlockRef>
  /** The least and greatest time in so many first rows of the open block, as `ts` has them. */
  seen: { number: number; rows: number; min: number; max: number }
  readonly cache: LRUCache<number, Block>
  /** By number. */
  readonly damaged: Map<number, Lost & { readonly key: string }>
  problems: Failure[]
  losses: { readonly stamp: string | undefined; readonly list: readonly Loss[] }
}

const MAX_PROBLEMS = 32
/** When a file was last used is noted no more often. */
const TOUCH_MS = 60_000

export function openEventReader(options: EventReaderOptions): EventReader {
  const state: State = {
    options, files: new Map(), listed: { files: [], places: new Map() }, seen: { number: 0, rows: 0, min: 0, max: 0 }, sealed: new Map(), damaged: new Map(), problems: [], losses: { stamp: undefined, list: [] },
    cache: new LRUCache<number, Block>({ maxSize: options.cacheBytes }),
  }
  return { blocks: () => listBlocks(state), copies: () => listCopies(state), problems: () => state.problems, lost: () => lostIn(state) }
}

function lostIn(state: State): readonly Lost[] {
  const { options: { disk, directory }, damaged, problems } = state
  const stamp = attempt('look at what events are lost', () => lossesStamp(disk, directory))
  if (stamp.ok && stamp.value !== state.losses.stamp) {
    const list = readLosses(disk, directory)
    if (list.ok) state.losses = { stamp: stamp.value, list: list.value }
  }
  const { list } = state.losses
  const known = new Set(list.map(({ key }) => key))
  const unreadable = problems.filter((problem) => !isDamage(problem)).map(({ message }): Lost => ({ why: message, minNs: null, maxNs: null, events: null }))
  return [...list, ...[...damaged.values()].filter(({ key }) => !known.has(key)), ...unreadable]
}

function listBlocks(state: State): Blocks {
  // What is not damaged is tried anew.
  state.problems = state.problems.filter(isDamage)
  const numbers = state.options.slabs.resident()
  const newest = numbers.at(-1) ?? Infinity
  const resident = residentRefs(state, numbers)
  let places = listFiles(state)
  const refs = [...resident.values()]
  for (const file of state.listed.files) {
    for (const ref of refsIn(state, file)) if (ref.number <= newest && !resident.has(ref.number) && places.get(ref.number)?.file === file) refs.push(ref)
  }
  refs.sort((a, b) => a.number - b.number)
  return {
    refs: () => refs,
    open: ({ number }) => {
      const block = state.options.slabs.find(number)
      if (block !== undefined) return block
      // Sealed and retired since the list was made: then it is in a file by now.
      if (!places.has(number)) places = listFiles(state)
      const place = places.get(number)
      return place === undefined ? 'gone' : fromFile(state, place)
    },
    mayHold: ({ number }, key) => {
      const place = resident.has(number) ? undefined : places.get(number)
      return place === undefined || fileMayHold(state, place, key)
    },
  }
}

function listCopies(state: State): Blocks {
  const { options: { slabs }, cache } = state
  const within = <T>(read: () => T): T => {
    slabs.enter()
    try {
      return read()
    } finally {
      slabs.leave()
    }
  }
  const blocks = within(() => listBlocks(state))
  /** Of the block that was open when it was copied. */
  let growing: { readonly number: number; readonly block: Block } | undefined
  const copy = (number: number, block: Block): Block => {
    const copied = copyBlock(block)
    if (isSealed(copied)) cache.set(number, copied, { size: copied.buffer.byteLength })
    else growing = { number, block: copied }
    return copied
  }
  return {
    ...blocks,
    open: (ref) => {
      const known = growing?.number === ref.number ? growing.block : cache.get(ref.number)
      return known ?? within(() => {
        const block = slabs.find(ref.number)
        return block === undefined ? blocks.open(ref) : copy(ref.number, block)
      })
    },
  }
}

function residentRefs(state: State, numbers: readonly number[]): ReadonlyMap<number, BlockRef> {
  const { options: { slabs }, sealed } = state
  const refs = new Map<number, BlockRef>()
  for (const number of numbers) {
    const block = slabs.find(number)
    // Asked first: it may be sealed while it is looked at, with more rows than are counted here.
    const isDone = block !== undefined && isSealed(block)
    const ref = sealed.get(number) ?? (block === undefined ? undefined : refOf(state, block, number))
    if (block === undefined || ref === undefined) continue
    refs.set(number, ref)
    if (isDone) sealed.set(number, ref)
  }
  for (const number of sealed.keys()) if (!refs.has(number)) sealed.delete(number)
  return refs
}

function refOf(state: State, block: Block, number: number): BlockRef | undefined {
  const { rows } = counts(block)
  if (rows === 0) return undefined
  if (isSealed(block)) return { number, nRows: rows, ...(timeRange(block) ?? { minNs: 0n, maxNs: 0n }), zone: 'hot' }
  // The open block is asked again and again, and most of its rows were looked at before.
  const { seen } = state
  const known = seen.number === number && seen.rows <= rows ? seen : { number, rows: 0, min: Infinity, max: -Infinity }
  for (let row = known.rows; row < rows; row++) {
    const at = block.ts[row] ?? 0
    if (at < known.min) known.min = at
    if (at > known.max) known.max = at
  }
  known.rows = rows
  state.seen = known
  const base = block.base[0] ?? 0n
  return { number, nRows: rows, minNs: base + BigInt(known.min), maxNs: base + BigInt(known.max), zone: 'hot' }
}

/** Made anew when the file has grown, or got warm or cold. */
function refsIn({ options: { nowMs, warmMs } }: State, file: KnownFile): readonly BlockRef[] {
  const zone = zoneOf(file, nowMs(), warmMs)
  if (file.refs.length !== file.index.entries.length || file.refs[0]?.zone !== zone) {
    file.refs = file.index.entries.map(({ number, nRows, minNs, maxNs }) => ({ number, nRows, minNs, maxNs, zone }))
  }
  return file.refs
}

/** Where each block is on disk. Finished files do not change; one that grows is read on from where it ended. */
function listFiles(state: State): Places {
  const { directory, disk } = state.options
  const found = attempt('look into the directory of events', () => disk.list(directory).filter((name) => blockFileNumber(name) !== undefined).sort())
  if (!found.ok) note(state, found.error)
  const names = found.ok ? found.value : []
  const files = names.map((name) => knownFile(state, name)).filter((file) => file !== undefined)
  const { listed } = state
  if (files.length === listed.files.length && files.every((file, idx) => file === listed.files[idx])) return listed.places
  const places = new Map<number, Place>()
  for (const file of files) for (const [idx, entry] of file.index.entries.entries()) if (!places.has(entry.number)) places.set(entry.number, { file, entry, idx })
  const kept = new Set(names)
  for (const name of state.files.keys()) if (!kept.has(name)) state.files.delete(name)
  // What was removed with its file is not lost; what is, the store tells.
  for (const number of state.damaged.keys()) if (!places.has(number)) state.damaged.delete(number)
  state.listed = { files, places }
  return places
}

function knownFile(state: State, name: string): KnownFile | undefined {
  const { directory, disk } = state.options
  const path = join(directory, name)
  const known = state.files.get(name)
  if (known?.index.isFinished === true) return known
  const stat = attempt('look at a file of events', () => disk.stat(path))
  if (!stat.ok) note(state, stat.error)
  if (!stat.ok || stat.value === undefined) return undefined
  if (known?.nBytes === stat.value.nBytes) return known
  const index = readIndex(disk, path, name, known?.index)
  if (!index.ok) {
    note(state, index.error)
    return undefined
  }
  const file: KnownFile = { index: index.value, nBytes: stat.value.nBytes, lastUsedMs: stat.value.lastUsedMs, touchedMs: known?.touchedMs ?? -Infinity, tables: new Map(), refs: [] }
  state.files.set(name, file)
  return file
}

function fromFile(state: State, { file, entry }: Place): Block | 'gone' {
  const cached = state.cache.get(entry.number)
  if (cached === undefined && state.damaged.has(entry.number)) return 'gone'
  const block = cached ?? readBlock(state, file, entry)
  if (block !== 'gone') noteUse(state, file)
  return block
}

function readBlock(state: State, { index }: KnownFile, entry: FileEntry): Block | 'gone' {
  const read = readEntry(state.options.disk, index.path, entry)
  if (!read.ok) {
    note(state, read.error)
    return 'gone'
  }
  if (read.value === 'damaged' || read.value.head.number !== entry.number) {
    state.damaged.set(entry.number, { key: `${index.name}.${entry.at}`, why: DAMAGED, minNs: entry.minNs, maxNs: entry.maxNs, events: entry.nRows })
    note(state, failure('damaged', `block ${entry.number} of events in ${index.name} is damaged`, { hint: 'its events are left out of answers', details: { block: entry.number, path: index.path } }))
    return 'gone'
  }
  const block = blockOf(read.value)
  // What it was packed in is held until it is all unpacked, so it counts with what it takes then.
  state.cache.set(entry.number, block, { size: sizeOf(read.value.head) + entry.nBytes })
  return block
}

function noteUse({ options: { disk, nowMs } }: State, file: KnownFile): void {
  const now = nowMs()
  file.lastUsedMs = now
  if (now - file.touchedMs < TOUCH_MS) return
  file.touchedMs = now
  attempt('note the use of a file of events', () => disk.touch(file.index.path, now))
}

function fileMayHold(state: State, { file, entry, idx }: Place, { kind, key }: BlockKey): boolean {
  if (kind === 'type') return entry.byType.some(([code]) => code === EVENT_TYPES[key])
  const table = tableIn(state, file, kind)
  return table === undefined || tableMayHold(table, keyHash(key), idx)
}

function tableIn(state: State, file: KnownFile, kind: KeyKind): KeyTable | undefined {
  if (file.tables.has(kind)) return file.tables.get(kind)
  const ref = file.index.tables.find((table) => table.kind === kind)
  const stored = ref === undefined ? undefined : readTable(state.options.disk, file.index.path, ref)
  if (stored !== undefined && !stored.ok) note(state, stored.error)
  let table: KeyTable | undefined
  if (ref !== undefined && stored?.ok === true && stored.value !== undefined) {
    const bytes = new Uint8Array(ref.nBytes)
    unpack({ codec: ref.codec, stored: stored.value }, bytes)
    table = decodeTable(bytes)
  }
  file.tables.set(kind, table)
  return table
}

function isDamage({ code }: Failure): boolean {
  return code === 'damaged'
}

function note({ problems }: State, problem: Failure): void {
  // A file that was pruned while it was looked at is none.
  if (problem.details?.['code'] === 'ENOENT') return
  problems.push(problem)
  if (problems.length > MAX_PROBLEMS) problems.shift()
}
