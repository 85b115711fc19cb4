/**
 * What clients state: modules with origin `client`, in the same tables as those from files, so that every question can
 * be asked about both. Invariant: nothing here changes a row that came from a file, and the other way round.
 */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { open, sealCopy } from './bytes.ts'
import type { ClientModule, Stored } from './contract.ts'
import { encodeModuleRows } from './encoded-file.ts'
import { CLIENT_ORIGIN, deleteModule, insertModule, storedClientModule, updateModule, type ModulePlace, type StoredModule } from './apply-module.ts'
import { pack, unpack } from './facts-codec.ts'
import type { Connection } from './connection.ts'
import type { Work } from './work.ts'

export function storeClientModule(work: Work, module: ClientModule, expectedVersion: number | undefined): Result<Stored, Failure> {
  const key = module.facts.name
  const stored = storedClientModule(work.connection, key)
  const refused = refuse(key, stored?.version ?? 0, expectedVersion)
  return refused === undefined ? ok(put(work, stored, module)) : fail(refused)
}

export function changeClientModule(
  work: Work, key: string, expectedVersion: number | undefined, change: (document: unknown) => Result<ClientModule, Failure>,
): Result<Stored, Failure> {
  const stored = findStored(work, key, expectedVersion)
  if (!stored.ok) return stored
  const changed = change(readDocument(stored.value.document, key))
  if (!changed.ok) return changed
  if (changed.value.facts.name !== key) {
    return fail(failure('invalid_argument', `a change cannot rename ${key} to ${changed.value.facts.name}`, { hint: 'store the new module and delete the old one' }))
  }
  return ok(put(work, stored.value, changed.value))
}

export function deleteClientModule(work: Work, key: string, expectedVersion: number | undefined): Result<Stored, Failure> {
  const stored = findStored(work, key, expectedVersion)
  if (!stored.ok) return stored
  work.file = null
  deleteModule(work, stored.value)
  return ok({ key, version: work.version })
}

export function cleanupClientModule(work: Work, key: string): number {
  const stored = storedClientModule(work.connection, key)
  work.file = null
  return stored === undefined ? 0 : deleteModule(work, stored) + 1
}

export function findClientDocument(connection: Connection, key: string): { document: unknown; version: number } | undefined {
  const stored = storedClientModule(connection, key)
  return stored === undefined ? undefined : { document: readDocument(stored.document, key), version: stored.version }
}

/** Null stays null: a module from a file has no document. */
export function readDocument(blob: Uint8Array | null, key: string): unknown {
  return blob === null ? null : open(blob, { table: 'modules', column: 'document', row: key, path: null }, (payload) => unpack<unknown>(payload))
}

function findStored(work: Work, key: string, expectedVersion: number | undefined): Result<StoredModule, Failure> {
  const stored = storedClientModule(work.connection, key)
  if (stored === undefined) {
    return fail(failure('not_found', `no client has stored a module ${key}`, { hint: 'modules from files change with their file', details: { module_name: key } }))
  }
  const refused = refuse(key, stored.version, expectedVersion)
  return refused === undefined ? ok(stored) : fail(refused)
}

function refuse(key: string, version: number, expected: number | undefined): Failure | undefined {
  if (expected === undefined || expected === version) return undefined
  return failure('conflict', `${key} is at version ${version}, not ${expected}`, {
    hint: 'read it again and repeat the change', details: { module_name: key, version, expected_version: expected },
  })
}

function put(work: Work, stored: StoredModule | undefined, module: ClientModule): Stored {
  const { rows, callees } = encodeModuleRows(module.facts)
  const key = module.facts.name
  const place: ModulePlace = {
    name: key, origin: CLIENT_ORIGIN, fileId: null, clientPath: module.path, position: 0, document: sealCopy(pack(module.document)),
  }
  const before = work.rowsChanged
  work.file = null
  if (stored === undefined) insertModule(work, place, rows, callees)
  else updateModule(work, stored, place, rows, callees)
  return { key, version: stored !== undefined && work.rowsChanged === before ? stored.version : work.version }
}
