/**
 * The one writer. A transaction is BEGIN IMMEDIATE, the work, settling of keys, changes and postings, the state row, COMMIT: all
 * or nothing, durable when it returns (`disk`), and one new epoch when it changed what readers see. A process or thread
 * that dies anywhere in between leaves the epoch before.
 *
 * Absent on purpose: who may write when (the repository thread's mailbox), and when to check-point.
 */

import { renameSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { failure, FailureError, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { applyFile, fileStates, markUnreadable, removeFile, touchFile } from './apply-file.ts'
import { createChangeLog } from './change-log.ts'
import { changeClientModule, cleanupClientModule, deleteClientModule, findClientDocument, storeClientModule } from './client-modules.ts'
import { asFailure, connect, pragmaNumber, rethrow, run, type Connection } from './connection.ts'
import { checkConsistency } from './consistency.ts'
import type { CommitChanges, Committed, HistoryLimits, ImportState, Place, Transaction, TransactionOptions, Writer, WriterMetrics, WriterOptions } from './contract.ts'
import { sourceHashOf } from './file-reads.ts'
import { databaseBytes, fileBytes, placeOf, removeStore } from './files.ts'
import { dropOrphans, mendIndexes, type Dropped } from './mend.ts'
import { settleKeys } from './module-keys.ts'
import { postingChanges, rebuildPostings, type PostingChanges } from './postings.ts'
import { keepPages, sumUp, type PageKeeper } from './page-keeper.ts'
import { findRequest, keepRequest, takeOverRequests } from './requests.ts'
import { migrate, refusalIn } from './schema.ts'
import { settleChanges } from './settle-changes.ts'
import { createState, deriveCounts, loadState, parseImportState, saveState, type State } from './state.ts'
import { filesAt, pruneVersions } from './versions.ts'
import type { Work } from './work.ts'

const LOCK_MS = 5000
const HISTORY_LIMITS: HistoryLimits = { versions: 20, bytes: 256 * 1024 * 1024 }
/** Pages of the log before SQLite moves them into a throw-away database by itself: 16 MB; else the keeper does. */
const CHECKPOINT_PAGES = 4000
const LOG_LIMIT_BYTES = 64 * 1024 * 1024
const CACHE_KIB = 16 * 1024

export function openWriter(options: WriterOptions): Result<Writer, Failure> {
  if (options.storage === 'memory') removeStore(options.path)
  let db: DatabaseSync | undefined
  let keeper: PageKeeper | undefined
  try {
    if (options.storage === 'disk' && fileBytes(options.path) === 0) createStore(options)
    db = new DatabaseSync(options.path, { timeout: options.lockMs ?? LOCK_MS })
    configure(db, options)
    const refused = refusalIn(db, options.path)
    if (refused === undefined && options.storage === 'disk') keeper = keepPages(db, options.path)
    const migrated = migrate(db, options.path)
    if (migrated.ok) {
      const connection = prepare(connect(db), options)
      keeper?.committed()
      return ok(createWriter({ connection, keeper }, options))
    }
    db.close()
    return migrated
  } catch (caught) {
    if (db?.isOpen === true) db.close()
    keeper?.close()
    return asFailure(caught, options.path)
  }
}

/** Comes to its name complete with its checksums, so that an end in between leaves no store without them. */
function createStore(options: WriterOptions): void {
  const fresh = `${options.path}.new`
  removeStore(fresh)
  const db = new DatabaseSync(fresh)
  try {
    configure(db, options)
    migrate(db, fresh)
    prepare(connect(db), options)
  } finally {
    db.close()
  }
  sumUp(fresh, options.path)
  renameSync(fresh, options.path)
}

function configure(db: DatabaseSync, options: WriterOptions): void {
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.storage === 'disk' ? 'FULL' : 'OFF'};
    PRAGMA wal_autocheckpoint = ${options.storage === 'disk' ? 0 : CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${LOG_LIMIT_BYTES}; PRAGMA cache_size = -${CACHE_KIB};
    PRAGMA temp_store = MEMORY`)
  if (options.maxBytes !== undefined) {
    db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(options.maxBytes / pragmaNumber(db, 'page_size')))}`)
  }
}

/** Makes the state row of a new store; an import that was running when the last writer ended was interrupted. */
function prepare(connection: Connection, options: WriterOptions): Connection {
  connection.db.exec('BEGIN IMMEDIATE')
  createState(connection, options.repositoryId, options.now())
  const state = loadState(connection)
  const found = parseImportState(state.import_state)
  if (found.state === 'running') saveState(connection, { ...state, import_state: JSON.stringify({ ...found, state: 'interrupted' }) })
  connection.db.exec('COMMIT')
  return connection
}

type Opened = { readonly connection: Connection; readonly keeper: PageKeeper | undefined }

type Core = {
  readonly connection: Connection
  readonly keeper: PageKeeper | undefined
  readonly options: WriterOptions
  readonly postings: PostingChanges
  readonly place: () => Place
  readonly metrics: { -readonly [K in keyof WriterMetrics]: number }
  /** Of the last commit; what another connection committed since is noticed when a transaction begins. */
  epoch: number
}

function createWriter({ connection, keeper }: Opened, options: WriterOptions): Writer {
  const metrics = { transactions: 0, rolledBack: 0, rowsWritten: 0, waitMs: 0, waitMaxMs: 0, commitMs: 0, commitMaxMs: 0 }
  const core: Core = { connection, keeper, options, postings: postingChanges(connection), place: placeOf(options.path), metrics, epoch: loadState(connection).epoch }
  const guarded = <T>(work: () => T): Result<T, Failure> => {
    try {
      return ok(work())
    } catch (caught) {
      if (connection.db.isOpen && connection.db.isTransaction) connection.db.exec('ROLLBACK')
      return asFailure(caught, options.path)
    }
  }
  const read = <T>(work: () => T): T => {
    try {
      return work()
    } catch (caught) {
      rethrow(caught, options.path)
    }
  }
  return {
    repositoryId: loadState(connection).repository_id,
    epoch: () => core.epoch,
    importState: () => read(() => parseImportState(loadState(connection).import_state)),
    fileStates: () => read(() => fileStates(connection)),
    transaction: (work, more = {}) => transaction(core, more, (current) => work(operations(current))),
    optimize: () => guarded(() => optimize(core)),
    vacuum: () => guarded(() => vacuum(core)),
    checkpoint: () => guarded(() => checkpoint(core)),
    place: core.place,
    shrink: () => connection.db.exec('PRAGMA shrink_memory'),
    scrub: () => keeper?.scrub(),
    condemn: (why) => keeper?.condemn(why),
    metrics: () => ({ ...metrics }),
    close() {
      if (!connection.db.isOpen) return
      if (core.place() === 'in place') keeper?.end()
      connection.db.close()
      keeper?.close()
      if (options.storage === 'memory') removeStore(options.path)
    },
  }
}

function transaction<T>(core: Core, { expectedEpoch, request }: TransactionOptions, work: (current: Work) => Result<T, Failure>): Result<Committed<T>, Failure> {
  let done = false
  try {
    const current = begin(core)
    const first = request === undefined ? undefined : findRequest(current.connection, request)
    // The same call had the same kind of answer.
    if (first !== undefined) return first as Result<Committed<T>, Failure>
    const result = expectedEpoch === undefined || expectedEpoch === current.state.epoch ? work(current) : fail(staleEpoch(expectedEpoch, current.state.epoch))
    if (!result.ok) return result
    const changes = commit(core, current, (whole) => {
      if (request !== undefined) keepRequest(whole, request, result.value)
    })
    done = true
    if (changes !== null) core.options.onCommit?.(changes)
    return ok({ value: result.value, epoch: core.epoch, writtenAt: new Date(current.state.written_at_ms).toISOString(), changed: changes !== null })
  } catch (caught) {
    return asFailure(caught, core.options.path)
  } finally {
    if (!done) rollback(core)
  }
}

/** An acknowledged write must be found again, so none is made into a file that has no name any more. */
function checkPlace({ place, options }: Core): void {
  const where = place()
  if (where === 'in place') return
  throw new FailureError(failure('unavailable', `the store ${options.path} was ${where} while it was in use`, { hint: 'import the project again' }))
}

function staleEpoch(expected: number, epoch: number): Failure {
  return failure('conflict', `the repository is at epoch ${epoch}, not ${expected}`, {
    hint: 'read again and repeat the change', details: { epoch, expected_epoch: expected },
  })
}

function begin(core: Core): Work {
  const { connection, options, metrics } = core
  checkPlace(core)
  core.keeper?.ready()
  const start = options.now()
  connection.db.exec('BEGIN IMMEDIATE')
  const nowMs = options.now()
  metrics.transactions++
  metrics.waitMs += nowMs - start
  metrics.waitMaxMs = Math.max(metrics.waitMaxMs, nowMs - start)
  const state = loadState(connection)
  if (state.epoch !== core.epoch) core.postings.reset()
  return { connection, state, postings: core.postings, version: state.epoch + 1, nowMs, unsettled: new Set(), changes: createChangeLog(), superseded: new Set(), file: null, rowsChanged: 0 }
}

/** Null when there is no new epoch. `last` is done when everything else of the transaction is. */
function commit(core: Core, work: Work, last: (work: Work) => void): CommitChanges | null {
  const { connection, options, metrics } = core
  const before = loadState(connection)
  settleKeys(work)
  const changes = settleChanges(work)
  pruneVersions(work, options.history ?? HISTORY_LIMITS)
  work.state.n_callees += work.postings.flush()
  checkConsistency(work, before)
  const changed = work.rowsChanged > 0
  if (changed) {
    work.state.epoch = work.version
    work.state.written_at_ms = work.nowMs
  }
  saveState(connection, work.state)
  last(work)
  const start = options.now()
  connection.db.exec('COMMIT')
  const took = options.now() - start
  metrics.commitMs += took
  metrics.commitMaxMs = Math.max(metrics.commitMaxMs, took)
  metrics.rowsWritten += work.rowsChanged
  core.epoch = work.state.epoch
  core.keeper?.committed()
  return changed ? changes : null
}

function rollback(core: Core): void {
  core.metrics.rolledBack++
  core.postings.reset()
  if (core.connection.db.isOpen && core.connection.db.isTransaction) core.connection.db.exec('ROLLBACK')
}

function operations(work: Work): Transaction {
  return {
    version: work.version,
    applyFile: (encoded, disk) => applyFile(work, encoded, disk),
    touchFile: (path, disk) => touchFile(work, path, disk),
    markUnreadable: (path, problem, disk) => markUnreadable(work, path, problem, disk),
    sourceHashOf: (path) => sourceHashOf(work.connection, path),
    removeFiles: (paths) => paths.filter((path) => removeFile(work, path)).length,
    storeClientModule: (module, expectedVersion) => storeClientModule(work, module, expectedVersion),
    changeClientModule: (key, expectedVersion, change) => changeClientModule(work, key, expectedVersion, change),
    deleteClientModule: (key, expectedVersion) => deleteClientModule(work, key, expectedVersion),
    cleanupClientModule: (key) => cleanupClientModule(work, key),
    filesAt: (epoch) => filesAt(work, epoch),
    findClientDocument: (key) => findClientDocument(work.connection, key),
    setImportState: (state: ImportState) => {
      work.state.import_state = JSON.stringify(state)
    },
    takeOverRequests: (requests) => takeOverRequests(work, requests),
  }
}

/**
 * No ANALYZE: every query's plan is settled by its keys and join order, and statistics taken while a table is small make
 * the planner scan it, still when it has grown.
 */
function optimize(core: Core): { durationMs: number } {
  const { connection, options } = core
  const start = options.now()
  let dropped: Dropped = { modules: 0, functions: 0, problems: 0 }
  inTransaction(core, (state) => {
    mendIndexes(connection)
    dropped = dropOrphans(connection, state)
    rebuildPostings(connection)
    Object.assign(state, deriveCounts(connection))
    if (dropped.modules + dropped.functions + dropped.problems > 0) Object.assign(state, { epoch: state.epoch + 1, written_at_ms: start })
  })
  const { epoch } = loadState(connection)
  if (epoch !== core.epoch) {
    core.epoch = epoch
    options.onCommit?.(namelessChanges(epoch, start, dropped))
  }
  return { durationMs: options.now() - start }
}

/** What belonged to nothing has no name to tell. */
function namelessChanges(epoch: number, atMs: number, dropped: Dropped): CommitChanges {
  const [none, nothing] = [{ added: 0, modified: 0, removed: 0 }, { added: [], modified: [], removed: [] }]
  const counts = { files: none, modules: { ...none, removed: dropped.modules }, functions: { ...none, removed: dropped.functions } }
  return { epoch, atMs, truncated: true, counts, files: nothing, modules: nothing, functions: nothing }
}

function vacuum(core: Core): { bytesBefore: number; bytesAfter: number; sourcesDropped: number } {
  const { connection } = core
  const bytesBefore = databaseBytes(connection.db)
  let sourcesDropped = 0
  inTransaction(core, (state) => {
    sourcesDropped = run(connection, 'DELETE FROM sources WHERE id NOT IN (SELECT source_id FROM files UNION ALL SELECT source_id FROM versions)')
    Object.assign(state, deriveCounts(connection))
  })
  connection.db.exec('VACUUM')
  core.keeper?.committed()
  truncateLog(core)
  return { bytesBefore, bytesAfter: databaseBytes(connection.db), sourcesDropped }
}

/** For upkeep, which changes nothing that a file or a client stated. */
function inTransaction(core: Core, work: (state: State) => void): void {
  checkPlace(core)
  core.keeper?.ready()
  core.connection.db.exec('BEGIN IMMEDIATE')
  core.postings.reset()
  const state = loadState(core.connection)
  work(state)
  saveState(core.connection, state)
  core.connection.db.exec('COMMIT')
  core.keeper?.committed()
}

/** As far as readers allow at this moment: waiting for them would hold up every write. */
function truncateLog({ connection, keeper, options }: Core): void {
  connection.db.exec('PRAGMA busy_timeout = 0')
  try {
    if (keeper === undefined) connection.db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    else keeper.checkpoint()
  } finally {
    connection.db.exec(`PRAGMA busy_timeout = ${options.lockMs ?? LOCK_MS}`)
  }
}

function checkpoint(core: Core): { walBytes: number } {
  truncateLog(core)
  return { walBytes: fileBytes(`${core.options.path}-wal`) }
}
