/**
 * Keeps the checksums of the pages in step with what the writer commits, and looks through the files for damage, a slice at
 * a time. Checkpoints are made here and not by SQLite alone, because the sums must be on disk before the log may start over.
 * One that SQLite makes when the last connection is closed takes the log away, which a second name of it outlives (`log.ts`).
 *
 * The descriptor of the database stays open until SQLite has closed it: closing any of a process gives up the locks of all.
 */

import { closeSync, openSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { failure, FailureError, type Failure } from '../base/failure.ts'
import { DAMAGE_HINT, failureOf } from './connection.ts'
import { fileBytes } from './files.ts'
import { dropKeptLog, followLog, isSameLog, keepLog, readLog } from './log.ts'
import { advance, appendSums, caughtUp, computeSums, condemnStore, firstBadPage, loadSums, NO_MARK, pagesOf, saveSums, type PageSums } from './page-sums.ts'

export type PageKeeper = {
  /** Before a write: throws the failure `damaged` when damage was found. */
  ready(): void
  /** After a commit, which stands whatever happens here. */
  committed(): void
  /** Moves the log into the database as far as readers allow, and empties it where that was all of it. */
  checkpoint(): void
  /** Looks at the next slice of the files; what it finds is final. */
  scrub(): Failure | undefined
  /** The next examination finds the store damaged. */
  condemn(why: string): void
  /** The last checkpoint, of a store that is still in its place. */
  end(): void
  /** After the connection was closed. */
  close(): void
}

/** Frames of the log that ask for a checkpoint: 16 MB; fewer where readers held up the last one. */
const CHECKPOINT_FRAMES = 4000
const RETRY_FRAMES = 1000
/** What `scrub` reads at a time: 4 MB, about 3 ms. */
const SLICE_PAGES = 1024

type Keeper = {
  readonly path: string
  readonly db: DatabaseSync
  readonly fd: number
  value: PageSums
  /** Pages whose content in the database may be an older one. */
  readonly inLog: Set<number>
  /** False when a commit could not be appended: then all must be saved. */
  isAppended: boolean
  /** The frames at which the next checkpoint is due. */
  checkpointAt: number
  broken: Failure | undefined
  /** Where `scrub` is; below zero it pauses, for what it read at once. */
  position: number
}

/** The sums of the file `from`, which has no log and is about to be moved to `path`. */
export function sumUp(from: string, path: string): void {
  const fd = openSync(from, 'r')
  try {
    saveSums(path, { mark: NO_MARK, use: 'closed', sums: computeSums(fd) })
  } finally {
    closeSync(fd)
  }
}

/**
 * Before anything is written through the connection. The store has been examined: what the log has beyond the sums is taken
 * as it is, and all where there are no sums.
 */
export function keepPages(db: DatabaseSync, path: string): PageKeeper {
  const fd = openSync(path, 'r')
  const stored = loadSums(path)
  const log = readLog(path)
  const found = stored.state === 'present' ? caughtUp(path, stored.value, log).sums : computeSums(fd)
  const value = advance({ mark: NO_MARK, use: 'open', sums: found }, { ...log, databasePages: log.frames === 0 ? found.length : log.databasePages })
  const keeper: Keeper = {
    path, db, fd, value, inLog: new Set(log.pages.keys()), isAppended: true, checkpointAt: CHECKPOINT_FRAMES, broken: undefined, position: 0,
  }
  saveSums(path, value)
  keepLog(path)
  return {
    ready: () => {
      if (keeper.broken !== undefined) throw new FailureError(keeper.broken)
    },
    committed: () => orLater(keeper, () => committed(keeper)),
    checkpoint: () => emptyLog(keeper),
    scrub: () => keeper.broken ??= scrub(keeper),
    condemn: (why) => {
      keeper.broken = damaged(path, why)
      condemnStore(path, why)
    },
    end: () => {
      if (keeper.broken === undefined) orLater(keeper, () => end(keeper))
    },
    close: () => closeSync(fd),
  }
}

/** A full disk or a lock may be over the next time; until then all is as after an abort. */
function orLater(keeper: Keeper, work: () => void): void {
  try {
    work()
  } catch (caught) {
    if (failureOf(caught, keeper.path) === undefined) throw caught
    keeper.isAppended = false
  }
}

function committed(keeper: Keeper): void {
  follow(keeper)
  if (keeper.value.mark.frames >= keeper.checkpointAt) moveLog(keeper)
}

function follow(keeper: Keeper): void {
  const { path, value: { mark }, inLog } = keeper
  const log = followLog(path, mark)
  if (log.databasePages === 0) return
  if (!isSameLog(log, mark)) keeper.checkpointAt = CHECKPOINT_FRAMES
  keeper.value = advance(keeper.value, log)
  for (const page of log.pages.keys()) inLog.add(page)
  if (keeper.isAppended) appendSums(path, log)
}

/** Whether all of the log is in the database now. */
function moveLog(keeper: Keeper): boolean {
  follow(keeper)
  saveSums(keeper.path, keeper.value)
  keeper.isAppended = true
  const { log, checkpointed } = keeper.db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as { log: number; checkpointed: number }
  const isDone = checkpointed === log
  keeper.checkpointAt = log + (isDone ? CHECKPOINT_FRAMES : RETRY_FRAMES)
  if (isDone) keeper.inLog.clear()
  return isDone
}

function emptyLog(keeper: Keeper): void {
  if (!moveLog(keeper) || fileBytes(`${keeper.path}-wal`) === 0) return
  keeper.db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  if (fileBytes(`${keeper.path}-wal`) === 0) keeper.value = { ...keeper.value, mark: NO_MARK }
}

function scrub(keeper: Keeper): Failure | undefined {
  const { fd, path, value: { sums }, position, inLog } = keeper
  if (position < 0) {
    keeper.position = Math.min(position + SLICE_PAGES, 0)
    return undefined
  }
  const end = Math.min(position + SLICE_PAGES, sums.length)
  const bad = firstBadPage(fd, sums, position, end, (page) => inLog.has(page))
  if (bad !== undefined) return badPage(path, bad)
  keeper.position = end
  if (end < sums.length) return undefined
  if (inLog.size === 0 && pagesOf(fd) !== sums.length) return damaged(path, 'its size has changed')
  return scrubLog(keeper)
}

function scrubLog(keeper: Keeper): Failure | undefined {
  const { path, value: { sums }, inLog } = keeper
  const log = readLog(path)
  keeper.position = -log.frames
  for (const page of inLog) if (log.pages.get(page)?.sum !== sums[page]) return badPage(path, page)
  return undefined
}

function end(keeper: Keeper): void {
  emptyLog(keeper)
  if (fileBytes(`${keeper.path}-wal`) > 0) return
  saveSums(keeper.path, { ...keeper.value, mark: NO_MARK, use: 'closed' })
  dropKeptLog(keeper.path)
}

function badPage(path: string, page: number): Failure {
  return damaged(path, `page ${page + 1} is not as it was written`)
}

function damaged(path: string, why: string): Failure {
  return failure('damaged', `the store ${path} is damaged: ${why}`, { hint: DAMAGE_HINT, details: { path } })
}
