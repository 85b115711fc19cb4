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
import { type Batch, decodeBatch } from './batch.ts'
import { counts } from './block.ts'
import { attempt } from './disk.ts'
import { appendLog, closeLog, type FoundBatch, logName, logNumber, readLog, type ReadLog, reopenLog, syncLog } from './log.ts'
import { mergeSessions, takeFiles } from './recover-files.ts'
import { setAside, type SetAside } from './set-aside.ts'
import { beginLog, type EventStore, noteProblem, noteSession, openBlock, sealOpenBlock, stateHeld, takeSlab } from './store-state.ts'
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
  const taken = takeFiles(store, named.value, logs)
  if (!taken.ok) return taken
  report.cut.push(...taken.value.cut)
  report.setAside.push(...taken.value.setAside)
  const failed = replayLogs(store, report, logs)
  if (failed !== undefined) return fail(failed)
  stateHeld(store)
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
    noteProblem(store, opened.error)
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
    const kept = setAside(store, { name: logName(number), at, why, facts: undefined }, bytes)
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
  const created = beginLog(store, number)
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
