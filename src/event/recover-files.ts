/**
 * The files of a directory of events as they are found when it is opened: what they hold, what of it is damaged, and what a log
 * says that they held (held.ts) and is not there any more. All that is lost is set aside and listed before a file is touched.
 */

import { join } from 'node:path'
import type { Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { archiveOf } from './archive.ts'
import { keysIn } from './block-entry.ts'
import { blockFileNumber, examineFile, type ExaminedFile, type FileEntry, type FileIndex, readIndex, reopenBlockFile } from './block-file.ts'
import { attempt } from './disk.ts'
import { setLostAside, type LostPart } from './examine.ts'
import { FILE_BLOCKS } from './footer.ts'
import { type Held, missingFrom, type Stretch } from './held.ts'
import { logName, readLog } from './log.ts'
import { setAside, type SetAside } from './set-aside.ts'
import { type EventStore, finishGrowing, noteSession } from './store-state.ts'

type Taken = { readonly cut: { readonly path: string; readonly nBytes: number }[]; readonly setAside: SetAside[] }
type Taking = Taken & {
  readonly store: EventStore
  readonly logs: ReadonlySet<number>
  /** Numbers of blocks that were found. */
  readonly seen: Set<number>
}
type Step = Failure | undefined

/** Fills a store that knows nothing yet with the files of these names; `logs` are the numbers of its logs, rising. */
export function takeFiles(store: EventStore, names: readonly string[], logs: readonly number[]): Result<Taken, Failure> {
  const inOrder = names.filter((name) => blockFileNumber(name) !== undefined).sort()
  // At least; the number is known when the files are.
  store.nextNumber = Math.max(0, ...logs, (blockFileNumber(inOrder.at(-1) ?? '') ?? 0) + FILE_BLOCKS) + 1
  const held = heldIn(store, logs)
  const taking: Taking = { store, logs: new Set(logs), seen: new Set(), cut: [], setAside: [] }
  for (const name of inOrder) {
    const failed = takeFile(taking, name, held?.get(name) ?? [])
    if (failed !== undefined) return fail(failed)
  }
  const failed = setMissingAside(taking, held ?? new Map(), new Set(inOrder)) ?? numberOn(store, logs)
  return failed === undefined ? ok(taking) : fail(failed)
}

export function mergeSessions(store: EventStore, known: Iterable<readonly [string, number]>): void {
  for (const [session, no] of known) if (no > (store.sessions.get(session) ?? 0)) noteSession(store, session, no)
}

/** What the newest log that can be read says; undefined where none does. */
function heldIn({ ports: { disk }, directory }: EventStore, logs: readonly number[]): Held | undefined {
  for (const number of logs.toReversed()) {
    const read = readLog(disk, join(directory, logName(number)))
    if (read.ok && read.value.held !== undefined) return read.value.held
  }
  return undefined
}

function takeFile(taking: Taking, name: string, held: readonly Stretch[]): Step {
  const { store, seen } = taking
  const found = readIndex(store.ports.disk, join(store.directory, name), name)
  if (!found.ok) return found.error
  const failed = found.value.isFinished ? takeFinished(store, found.value, seen) : takeUnfinished(taking, found.value, held)
  for (const { number } of found.value.entries) seen.add(number)
  return failed
}

function takeFinished(store: EventStore, index: FileIndex, seen: ReadonlySet<number>): Step {
  finishGrowing(store)
  mergeSessions(store, index.sessions)
  store.files.push({ ...index, entries: index.entries.filter(({ number }) => !seen.has(number)) })
  return undefined
}

/** Every checksum is compared. The last of these files grows on; the others get their footer. */
function takeUnfinished(taking: Taking, index: FileIndex, held: readonly Stretch[]): Step {
  const { store, seen } = taking
  const { disk } = store.ports
  const examined = examineFile(disk, index.path)
  if (!examined.ok) return examined.error
  const { end, nBytes } = examined.value
  const lost = lostIn(taking, examined.value, held)
  const kept = setLostAside(store, index, lost)
  if (!kept.ok) return kept.error
  taking.setAside.push(...kept.value)
  finishGrowing(store)
  const sound = examined.value.sound.filter(({ head }) => !seen.has(head.number))
  const last = sound.at(-1)
  if (last === undefined) return noteRemoved(taking, index.path, nBytes)
  if (end < nBytes && lost.length === 0) taking.cut.push({ path: index.path, nBytes: nBytes - end })
  const entries = sound.map(({ entry }): FileEntry => entry)
  const reopened = reopenBlockFile(disk, { ...index, entries, nBytes: end, sessions: last.head.sessions }, sound.map(({ block }) => keysIn(block)))
  if (!reopened.ok) return reopened.error
  store.growing = reopened.value
  mergeSessions(store, last.head.sessions)
  // With a damaged place between its blocks it can only be read by a footer; and what has an earlier version takes no blocks of this one.
  if (!index.isOurs || examined.value.damaged.some(({ at }) => at < end)) finishGrowing(store)
  return undefined
}

/** A block whose log is still there is not lost: it was being written. What a log says that the file held tells of what cannot be read. */
function lostIn({ logs, seen }: Taking, { sound, damaged, nBytes }: ExaminedFile, held: readonly Stretch[]): readonly LostPart[] {
  const there = [...sound.map(({ entry }) => entry), ...elsewhere(logs), ...elsewhere(seen)]
  const whole = new Set(there.map(({ number }) => number))
  const spoilt = damaged.filter(({ head }) => head === undefined || !whole.has(head.number))
    .map(({ at, nBytes: length, head }): LostPart => ({ at, nBytes: length, why: 'damaged', facts: head ?? missingFrom(held, { from: at, to: at + length }, there) }))
  const walked = Math.max(...sound.map(({ entry }) => entry.at + entry.nBytes), ...damaged.map((place) => place.at + place.nBytes), 0)
  const beyond = missingFrom(held, { from: walked, to: Infinity }, [...there, ...damaged.flatMap(({ head }) => head ?? [])])
  return beyond === undefined ? spoilt : [...spoilt, { at: walked, nBytes: Math.max(0, nBytes - walked), why: 'cut off', facts: beyond }]
}

/** Blocks that are whole in another place. */
function elsewhere(numbers: ReadonlySet<number>): readonly { readonly number: number; readonly nRows: number }[] {
  return Array.from(numbers, (number) => ({ number, nRows: Infinity }))
}

/** Whoever removes a file through the store says so in the log first. */
function setMissingAside({ store, logs, setAside: kept }: Taking, held: Held, names: ReadonlySet<string>): Step {
  const archived = archiveOf(store.ports.disk, store.directory)
  if (!archived.ok) return archived.error
  const frozen = new Set(archived.value.map(({ name }) => name))
  for (const [name, stretches] of held) {
    const facts = names.has(name) || frozen.has(name) ? undefined : missingFrom(stretches, { from: 0, to: Infinity }, elsewhere(logs))
    if (facts === undefined) continue
    const done = setAside(store, { name, at: 0, why: 'a file of events is not there any more', facts }, new Uint8Array(0))
    if (!done.ok) return done.error
    kept.push(done.value)
  }
  return undefined
}

function noteRemoved({ store, cut }: Taking, path: string, nBytes: number): Step {
  cut.push({ path, nBytes })
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
