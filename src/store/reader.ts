/**
 * A read-only connection and its snapshots. One read transaction at a time: `begin` joins the one that is open, the last
 * `release` ends it, `expire` ends it early. Invariant: a snapshot answers from its epoch or not at all; it never moves
 * on to a later one.
 *
 * Absent on purpose: timers (the host calls `expire`) and caches of records.
 */

import { DatabaseSync } from 'node:sqlite'
import { failure, FailureError, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { fileStates } from './apply-file.ts'
import { callers } from './caller-reads.ts'
import { connect, failureOf, rethrow, type Connection } from './connection.ts'
import type { Reader, ReaderOptions, Snapshot } from './contract.ts'
import { findStale, listStale, momentsIn, pathOfDeparted, staleOf } from './departed.ts'
import { placeOf } from './files.ts'
import { exportRows, filesBelow, findFile, problems, sourceOf } from './file-reads.ts'
import { calleesOf, findFunction, functionById, functionsOf, listFunctions } from './function-reads.ts'
import { bodyCallsOf, findModule, findModuleRow, listModules, moduleById, modulesOfFile } from './module-reads.ts'
import { checkVersion } from './schema.ts'
import { loadState, parseImportState, type State } from './state.ts'
import { bytesHeld, statistics } from './statistics.ts'
import { versionsOf, versionSource } from './versions.ts'

const LOCK_MS = 5000
const CACHE_KIB = 8 * 1024

export function openReader(options: ReaderOptions): Result<Reader, Failure> {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(options.path, { readOnly: true, timeout: LOCK_MS })
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY`)
    const refused = checkVersion(db, options.path)
    if (refused === undefined) return ok(createReader(connect(db), options))
    db.close()
    return fail(refused)
  } catch (caught) {
    if (db?.isOpen === true) db.close()
    const failed = failureOf(caught, options.path)
    if (failed === undefined) throw caught
    return fail(failed)
  }
}

/** A read transaction, shared by the snapshots that hold it. */
type Turn = { readonly state: State; readonly beganMs: number; holds: number; ended: 'no' | 'released' | 'expired' }

function createReader(connection: Connection, { path, now }: ReaderOptions): Reader {
  let turn: Turn | undefined
  const place = placeOf(path)
  const counts = { begun: 0, expired: 0 }
  const end = (how: 'released' | 'expired'): void => {
    if (turn === undefined) return
    turn.ended = how
    turn = undefined
    if (connection.db.isOpen && connection.db.isTransaction) endTransaction(connection)
  }
  const start = (): Turn => {
    try {
      connection.db.exec('BEGIN')
      counts.begun++
      return { state: loadState(connection), beganMs: now(), holds: 0, ended: 'no' }
    } catch (caught) {
      if (connection.db.isOpen && connection.db.isTransaction) connection.db.exec('ROLLBACK')
      rethrow(caught, path)
    }
  }
  const begin = (): Snapshot => {
    const current = turn ??= start()
    current.holds++
    return createSnapshot(connection, path, current, () => {
      if (--current.holds === 0 && current === turn) end('released')
    })
  }
  return {
    begin,
    snapshot(use) {
      const snapshot = begin()
      try {
        return use(snapshot)
      } finally {
        snapshot.release()
      }
    },
    expire(maxAgeMs) {
      if (turn === undefined || now() - turn.beganMs <= maxAgeMs) return
      counts.expired++
      end('expired')
    },
    place,
    shrink: () => connection.db.exec('PRAGMA shrink_memory'),
    metrics: () => ({ openSnapshots: turn?.holds ?? 0, oldestSnapshotMs: turn === undefined ? 0 : now() - turn.beganMs, ...counts }),
    close() {
      end('released')
      if (connection.db.isOpen) connection.db.close()
    },
  }
}

function createSnapshot(connection: Connection, path: string, turn: Turn, letGo: () => void): Snapshot {
  const { state } = turn
  let released = false
  const read = <T>(work: () => T): T => {
    if (released || turn.ended !== 'no') throw new FailureError(gone(turn))
    try {
      return work()
    } catch (caught) {
      rethrow(caught, path)
    }
  }
  return {
    epoch: state.epoch,
    writtenAt: new Date(state.written_at_ms).toISOString(),
    repositoryId: state.repository_id,
    importState: parseImportState(state.import_state),
    unreadableFiles: state.n_unreadable,
    findModule: (key, origin) => read(() => findModule(connection, key, origin)),
    findModuleRow: (key, origin) => read(() => findModuleRow(connection, key, origin)),
    findFunction: (mfa, origin) => read(() => findFunction(connection, mfa, origin)),
    functionById: (id) => read(() => functionById(connection, id)),
    moduleById: (id) => read(() => moduleById(connection, id)),
    functionMoments: (id) => read(() => momentsIn(connection, 'functions', id)),
    moduleMoments: (id) => read(() => momentsIn(connection, 'modules', id)),
    findStale: (mfa) => state.n_stale === 0 ? undefined : read(() => findStale(connection, mfa)),
    pathOfDeparted: (module) => read(() => pathOfDeparted(connection, module)),
    versionsOf: (file) => read(() => versionsOf(connection, file)),
    versionSource: (file, number) => read(() => versionSource(connection, file, number)),
    functionsOf: (moduleId, page) => read(() => functionsOf(connection, moduleId, page, state.n_stale === 0 ? undefined : (...from) => staleOf(connection, ...from))),
    modulesOfFile: (file) => read(() => modulesOfFile(connection, file)),
    listModules: (page) => read(() => listModules(connection, page)),
    listFunctions: (page) => read(() => listFunctions(connection, page, state.n_stale === 0 ? undefined : (...from) => listStale(connection, ...from))),
    callers: (callee, page) => read(() => callers(connection, callee, page)),
    calleesOf: (functionId, page) => read(() => calleesOf(connection, functionId, page)),
    bodyCallsOf: (moduleId, page) => read(() => bodyCallsOf(connection, moduleId, page)),
    findFile: (file) => read(() => findFile(connection, file)),
    filesBelow: (directory, limit) => read(() => filesBelow(connection, directory, limit)),
    sourceOf: (file) => read(() => sourceOf(connection, file)),
    problems: (page) => read(() => problems(connection, page)),
    statistics: (options) => read(() => statistics(connection, path, state, options?.bytesByTable ?? 'no')),
    bytesHeld: () => read(() => bytesHeld(connection)),
    fileStates: () => read(() => fileStates(connection)),
    exportRows: (page) => read(() => exportRows(connection, page)),
    release() {
      if (released) return
      released = true
      letGo()
    },
  }
}

/** After a read of a damaged page COMMIT fails and leaves the transaction open; ROLLBACK ends it, and a reader has nothing to lose. */
function endTransaction({ db }: Connection): void {
  try {
    db.exec('COMMIT')
  } catch {
    if (db.isTransaction) db.exec('ROLLBACK')
  }
}

function gone(turn: Turn): Failure {
  return turn.ended === 'expired'
    ? failure('unavailable', 'the snapshot was held for too long and has ended', { hint: 'ask again, for smaller pages' })
    : failure('unavailable', 'the snapshot has been released', { hint: 'ask again' })
}
