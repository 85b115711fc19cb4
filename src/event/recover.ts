/**
 * Opens a directory of events after any end of the process: what is in files is taken as it is, what is only in logs is
 * appended again, batch by batch, as if it came now. A block keeps its number and its rows, so event ids keep their
 * meaning; calls that were open in an earlier block have lost their durations.
 *
 * The last log goes on as the open block's; every other one is sealed into its file, as it would have been. Batches behind
 * a damaged place, and those that find no room any more, go to a block of a new number by a log of its own, which is on disk
 * before the old one is touched. Each step may be cut short and is then done again; a batch in two logs counts once.
 *
 * Invariant: nothing is removed or cut before what was in it is elsewhere, or set aside with a report.
 */

import { join } from 'node:path'
import { type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { archiveOf } from './archive.ts'
import { type Batch, decodeBatch } from './batch.ts'
import { counts } from './block.ts'
import { keysIn } from './block-entry.ts'
import { blockFileNumber, examineFile, type FileEntry, type FileIndex, readIndex, reopenBlockFile } from './block-file.ts'
import { attempt } from './disk.ts'
import { FILE_BLOCKS } from './footer.ts'
import { appendLog, closeLog, createLog, type FoundBatch, logName, logNumber, readLog, type ReadLog, reopenLog, syncLog } from './log.ts'
import { setDamageAside } from './examine.ts'
import { type SetAside, setAsideBytes } from './set-aside.ts'
import { type EventStore, finishGrowing, noteSession, openBlock, sealOpenBlock, takeSlab } from './store-state.ts'
import { append, beginBlock } from './writer.ts'

/** What was found when the store was opened. */
export type Recovered = {
  readonly blocks: number
  readonly events: number
  /** Batches and events that were only in logs. */
  readonly replayedBatches: number
  readonly replayedEvents: number
  /** Ends of logs and files that were half written when the process ended; none of it had been acknowledged. */
  readonly cut: readonly { readonly path: string; readonly nBytes: number }[]
  /** Damage: what could not be read is kept under these names. */
  readonly setAside: readonly SetAside[]
  /** By session: the number of its last batch on disk. */
  readonly sessions: ReadonlyMap<string, number>
}

type Report = { replayedBatches: number; replayedEvents: number; readonly cut: { path: string; nBytes: number }[]; readonly setAside: SetAside[] }
/** The steps below say in the store what they did; only a failure ends them. */
type Step = Failure | undefined

/** Fills a store that knows nothing yet. After a failure the directory can be opened again. */
export function recover(store: EventStore): Result<Recovered, Failure> {
  const report: Report = { replayedBatches: 0, replayedEvents: 0, cut: [], setAside: [] }
  const named = attempt('open the directory of events', () => {
    store.ports.disk.makeDirectory(store.directory)
    return store.ports.disk.list(store.directory)
  })
  if (!named.ok) return named
  const logs = named.value.map(logNumber).filter((number) => number !== undefined).sort((a, b) => a - b)
  const failed = takeFiles(store, report, named.value, new Set(logs)) ?? numberOn(store, logs) ?? replayLogs(store, report, logs)
  if (failed !== undefined) return fail(failed)
  // Whatever is replayed was read from the disk; its log was cut, so one sync more makes that certain.
  for (const [session, no] of store.sessions) store.durable.set(session, no)
  const entries = [...store.files, ...(store.growing === undefined ? [] : [store.growing.index])].flatMap((file) => file.entries)
  const nOpen = store.open === undefined ? 0 : counts(store.open.block).rows
  return ok({
    ...report, blocks: entries.length + store.waiting.length + (nOpen > 0 ? 1 : 0),
    events: entries.reduce((sum, { nRows }) => sum + nRows, nOpen) + store.waiting.reduce((sum, { block }) => sum + counts(block).rows, 0),
    sessions: new Map(store.sessions),
  })
}

function takeFiles(store: EventStore, report: Report, names: readonly string[], logs: ReadonlySet<number>): Step {
  const inOrder = names.filter((name) => blockFileNumber(name) !== undefined).sort()
  const seen = new Set<number>()
  for (const name of inOrder) {
    const found = readIndex(store.ports.disk, join(store.directory, name), name)
    if (!found.ok) return found.error
    const failed = found.value.isFinished ? takeFinished(store, found.value, seen) : takeUnfinished(store, report, found.value, { logs, seen })
    if (failed !== undefined) return failed
    for (const { number } of found.value.entries) seen.add(number)
  }
  return undefined
}

function takeFinished(store: EventStore, index: FileIndex, seen: ReadonlySet<number>): Step {
  finishGrowing(store)
  mergeSessions(store, index.sessions)
  store.files.push({ ...index, entries: index.entries.filter(({ number }) => !seen.has(number)) })
  return undefined
}

/** Every checksum is compared. The last of these files grows on; the others get their footer. */
function takeUnfinished(store: EventStore, report: Report, index: FileIndex, { logs, seen }: { readonly logs: ReadonlySet<number>; readonly seen: ReadonlySet<number> }): Step {
  const { disk } = store.ports
  const examined = examineFile(disk, index.path)
  if (!examined.ok) return examined.error
  const { end, nBytes } = examined.value
  const sound = examined.value.sound.filter(({ head }) => !seen.has(head.number))
  // A block whose log is still there is not lost: it was being written.
  const whole = new Set([...logs, ...examined.value.sound.map(({ head }) => head.number)])
  const lost = examined.value.damaged.filter(({ head }) => head === undefined || !whole.has(head.number))
  const kept = setDamageAside(store, index, lost)
  if (!kept.ok) return kept.error
  report.setAside.push(...kept.value)
  finishGrowing(store)
  const last = sound.at(-1)
  if (last === undefined) return noteRemoved(store, report, index.path, nBytes)
  if (end < nBytes && lost.length === 0) report.cut.push({ path: index.path, nBytes: nBytes - end })
  const entries = sound.map(({ entry }): FileEntry => entry)
  const reopened = reopenBlockFile(disk, { ...index, entries, nBytes: end, sessions: last.head.sessions }, sound.map(({ block }) => keysIn(block)))
  if (!reopened.ok) return reopened.error
  store.growing = reopened.value
  mergeSessions(store, last.head.sessions)
  // With a damaged place between its blocks it can only be read by a footer.
  if (examined.value.damaged.some(({ at }) => at < end)) finishGrowing(store)
  return undefined
}

function noteRemoved(store: EventStore, report: Report, path: string, nBytes: number): Step {
  report.cut.push({ path, nBytes })
  const removed = attempt('remove a file of events that holds none', () => store.ports.disk.remove(path))
  return removed.ok ? undefined : removed.error
}

/** Numbers go on above every block that there ever was, frozen ones included. */
function numberOn(store: EventStore, logs: readonly number[]): Step {
  const archived = archiveOf(store.ports.disk, store.directory)
  if (!archived.ok) return archived.error
  const inFiles = [...store.files, ...(store.growing === undefined ? [] : [store.growing.index])].flatMap(({ entries }) => entries.map(({ number }) => number))
  const frozen = archived.value.map(({ name }) => (blockFileNumber(name) ?? 0) + FILE_BLOCKS - 1)
  store.nextNumber = Math.max(0, ...logs, ...inFiles, ...(logs.length === 0 ? frozen : [])) + 1
  return undefined
}

function replayLogs(store: EventStore, report: Report, logs: readonly number[]): Step {
  const inFiles = new Set([...store.files, ...(store.growing === undefined ? [] : [store.growing.index])].flatMap(({ entries }) => entries.map(({ number }) => number)))
  const queue = [...logs]
  const empty: string[] = []
  for (let number = queue.shift(); number !== undefined; number = queue.shift()) {
    const path = join(store.directory, logName(number))
    const read = readLog(store.ports.disk, path)
    if (!read.ok) return read.error
    mergeSessions(store, read.value.sessions)
    if (inFiles.has(number)) {
      empty.push(path)
      continue
    }
    const failed = replayLog(store, report, { number, path, read: read.value, queue, empty })
    if (failed !== undefined) return failed
  }
  // The sessions that a log without batches knows of are in the next one before it goes.
  if (empty.length === 0 && store.open !== undefined) return undefined
  const opened = openBlock(store)
  if (!opened.ok) {
    // A full disk: what is stored can be read all the same, and the logs that stay are looked at again next time.
    store.lastProblem = opened.error
    return undefined
  }
  for (const path of empty) attempt('remove a log whose block is in a file', () => store.ports.disk.remove(path))
  return undefined
}

type Replayed = { readonly number: number; readonly path: string; readonly read: ReadLog; readonly queue: number[]; readonly empty: string[] }

function replayLog(store: EventStore, report: Report, { number, path, read, queue, empty }: Replayed): Step {
  const block = takeSlab(store, number)
  if (!block.ok) return block.error
  beginBlock(store.writer, block.value, number)
  const { nAppended, unread } = appendFound(store, report, read.batches)
  const rest = [...read.batches.slice(nAppended), ...read.stranded]
  const isDamaged = keepDamage(store, report, number, read, unread)
  if (isDamaged !== undefined) return isDamaged
  if (read.tornBytes > 0) report.cut.push({ path, nBytes: read.tornBytes })
  const moved = rest.length === 0 ? undefined : moveOn(store, rest, queue)
  if (moved !== undefined) return moved
  if (counts(block.value).rows === 0) {
    store.ports.slabs.retire(number)
    empty.push(path)
    return undefined
  }
  const log = reopenLog(store.ports.disk, path, number, read.batches[nAppended - 1]?.end ?? read.soundBytes)
  if (!log.ok) return log.error
  syncLog(log.value)
  store.open = { block: block.value, log: log.value, lastMs: store.ports.nowMs() }
  if (queue.length > 0) sealOpenBlock(store)
  return undefined
}

/** Appends until the block is full; how many it was, and those that are sound and yet cannot be decoded. */
function appendFound(store: EventStore, report: Report, found: readonly FoundBatch[]): { readonly nAppended: number; readonly unread: readonly { readonly found: FoundBatch; readonly why: string }[] } {
  const unread: { found: FoundBatch; why: string }[] = []
  let nAppended = 0
  for (const each of found) {
    const decoded = decodeBatch(each.bytes)
    if (!decoded.ok) unread.push({ found: each, why: `a batch of the log cannot be read: ${JSON.stringify(decoded.error)}` })
    else if (!takeBatch(store, report, each, decoded.value)) break
    nAppended += 1
  }
  return { nAppended, unread }
}

function takeBatch(store: EventStore, report: Report, found: FoundBatch, batch: Batch): boolean {
  if (append(store.writer, batch, found.source, store.ports.resolve) === 'full') return false
  if (found.no > (store.sessions.get(found.session) ?? 0)) noteSession(store, found.session, found.no)
  report.replayedBatches += 1
  report.replayedEvents += batch.n
  return true
}

function keepDamage(store: EventStore, report: Report, number: number, { damaged }: ReadLog, unread: readonly { readonly found: FoundBatch; readonly why: string }[]): Step {
  const all = [
    ...damaged.map(({ at, bytes }) => ({ at, bytes, why: 'a part of the log has another checksum than when it was written' })),
    ...unread.map(({ found, why }) => ({ at: found.end - found.bytes.length, bytes: found.bytes, why })),
  ]
  for (const { at, bytes, why } of all) {
    const kept = setAsideBytes(store.ports.disk, store.directory, { name: logName(number), at, why }, bytes)
    if (!kept.ok) return kept.error
    report.setAside.push(kept.value)
  }
  return undefined
}

/** Gives batches a log of a new number, to be replayed in its turn; those that a later log has already are left there. */
function moveOn(store: EventStore, rest: readonly FoundBatch[], queue: number[]): Step {
  const { disk } = store.ports
  const elsewhere = new Set<string>()
  for (const number of queue) {
    const read = readLog(disk, join(store.directory, logName(number)))
    if (!read.ok) return read.error
    for (const { session, no } of [...read.value.batches, ...read.value.stranded]) elsewhere.add(`${session} ${no}`)
  }
  const moved = rest.filter(({ session, no }) => !elsewhere.has(`${session} ${no}`))
  if (moved.length === 0) return undefined
  const number = store.nextNumber
  const created = createLog(disk, join(store.directory, logName(number)), number, store.sessions)
  if (!created.ok) return created.error
  for (const batch of moved) {
    const failed = appendLog(created.value, batch)
    if (failed !== undefined) return failed
  }
  const failed = syncLog(created.value)
  closeLog(created.value)
  if (failed !== undefined) return failed
  const named = attempt('write the name of a log to disk', () => disk.syncDirectory(store.directory))
  if (!named.ok) return named.error
  store.nextNumber = number + 1
  queue.push(number)
  return undefined
}

function mergeSessions(store: EventStore, known: Iterable<readonly [string, number]>): void {
  for (const [session, no] of known) if (no > (store.sessions.get(session) ?? 0)) noteSession(store, session, no)
}
