/** What writers are promised: epochs, conflicts, all or nothing, client modules apart, typed failures, and healing. */

import { existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { failure, FailureError, type Failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import type { Snapshot } from '../../src/store/contract.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { openReader } from '../../src/store/reader.ts'
import { migrate, MIGRATIONS, SCHEMA_VERSION, storeVersion } from '../../src/store/schema.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { openWriter } from '../../src/store/writer.ts'
import { apply, DISK, error, NOW, openReaderAt, openStore, openWriterAt, pages, temporaryPath, value, write } from './opened.ts'
import { file, module } from './sketch.ts'
import { syntheticProject, TYPICAL } from './synthetic.ts'

const encode = (each: ReturnType<typeof file>): Uint8Array => encodeFileFacts(each.facts, each.source)
const keysOf = (snapshot: Snapshot, origin: 'file' | 'client' | 'all'): string[] => pages(2, (page) => snapshot.listModules({ ...page, origin })).map((row) => `${row.key} ${row.origin}`)

function raw<T>(path: string, use: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path)
  const result = use(db)
  db.close()
  return result
}

/** The failure that a read throws. */
function thrown(read: () => unknown): Failure {
  try {
    read()
  } catch (caught) {
    if (caught instanceof FailureError) return caught.failure
    throw caught
  }
  throw new Error('nothing was thrown')
}

// -------------------------------------------------------------------------------------------------------- transactions

test('a transaction with changes makes one epoch, one without makes none', () => {
  const { writer, reader } = openStore()
  expect(writer.epoch()).toBe(0)
  expect(apply(writer, file('a.ex', { A: {} }), file('b.ex', { B: {} }))).toBe(1)
  expect(value(writer.transaction((transaction) => ok(transaction.setImportState({ state: 'running', filesDone: 1, filesTotal: 2, last: null })))))
    .toMatchObject({ epoch: 1, changed: false })
  expect(writer.importState()).toEqual({ state: 'running', filesDone: 1, filesTotal: 2, last: null })
  expect(reader.snapshot((s) => [s.epoch, s.writtenAt, s.repositoryId, s.importState.filesTotal])).toEqual([1, new Date(NOW).toISOString(), 'repository-1', 2])
})

test('a failed result rolls everything back', () => {
  const { writer, reader, path } = openStore()
  apply(writer, file('a.ex', { A: { 'f/0': ['B.g/0'] } }))
  const refused = writer.transaction((transaction) => {
    transaction.applyFile(encode(file('a.ex', { A: { 'f/0': ['New.callee/0'] } }, { C: {} })), DISK)
    return fail(failure('timeout', 'given up'))
  })
  expect(error(refused).message).toBe('given up')
  expect(reader.snapshot((s) => [s.epoch, keysOf(s, 'all')])).toEqual([1, ['A file']])
  // Interned ids of what was rolled back are not used again.
  apply(writer, file('c.ex', { C: { 'f/0': ['New.callee/0'] } }))
  expect(value(verifyPath(path))).toEqual([])
  expect(writer.metrics()).toMatchObject({ transactions: 3, rolledBack: 1 })
})

test('a bug in the work is thrown on, after a rollback', () => {
  const { writer, reader } = openStore()
  expect(() => writer.transaction((transaction) => {
    transaction.applyFile(encode(file('a.ex', { A: {} })), DISK)
    throw new TypeError('a bug')
  })).toThrow('a bug')
  expect(reader.snapshot((s) => s.findModule('A'))).toBeUndefined()
  expect(apply(writer, file('a.ex', { A: {} }))).toBe(1)
})

test('an expected epoch is compared before anything is done', () => {
  const { writer } = openStore()
  apply(writer, file('a.ex', { A: {} }))
  let ran = 0
  const stale = writer.transaction(() => ok(ran++), { expectedEpoch: 0 })
  expect(error(stale)).toMatchObject({ code: 'conflict', details: { epoch: 1, expected_epoch: 0 } })
  expect(ran).toBe(0)
  expect(writer.transaction(() => ok(ran++), { expectedEpoch: 1 }).ok).toBe(true)
})

test('a touched file keeps its facts and the epoch', () => {
  const { writer, reader } = openStore()
  apply(writer, file('a.ex', { A: {} }))
  const epoch = write(writer, (transaction) => {
    expect(transaction.touchFile('a.ex', { size: 11, changedNs: 2n ** 62n })).toBe(true)
    expect(transaction.touchFile('b.ex', DISK)).toBe(false)
  })
  expect(epoch).toBe(1)
  expect(reader.snapshot((s) => s.fileStates().get('a.ex'))).toMatchObject({ size: 11, changedNs: 2n ** 62n, readable: true })
})

test('an unreadable file keeps a problem and loses its modules', () => {
  const { writer, reader } = openStore()
  apply(writer, file('a.ex', { A: {} }))
  const problem = { code: 'unreadable', message: 'permission denied', line: 1, column: 1, start: 0, end: 0 }
  write(writer, (transaction) => transaction.markUnreadable('a.ex', problem, DISK))
  reader.snapshot((s) => {
    expect([s.unreadableFiles, s.modulesOfFile('a.ex'), s.sourceOf('a.ex'), s.findFile('a.ex')?.readable]).toEqual([1, [], undefined, false])
    expect(s.problems({ limit: 5, path: 'a.ex' }).items).toEqual([{ ...problem, path: 'a.ex' }])
  })
  apply(writer, file('a.ex', { A: {} }))
  expect(reader.snapshot((s) => [s.unreadableFiles, s.problems({ limit: 5 }).items])).toEqual([0, []])
})

// -------------------------------------------------------------------------------------------------------- client modules

test('client modules are listed apart and never shadow those from files', () => {
  const { writer, reader, path } = openStore()
  apply(writer, file('a.ex', { A: { 'f/0': [] } }))
  write(writer, (transaction) => {
    value(transaction.storeClientModule({ facts: module('A', { 'f/0': [], 'extra/1': ['A.f/0'] }, 0), path: null, document: { moduledoc: 'stated' } }))
    value(transaction.storeClientModule({ facts: module('Only.Client', { 'body': ['A.f/0'] }, 0), path: 'elsewhere.ex', document: null }))
  })
  reader.snapshot((s) => {
    expect([keysOf(s, 'all'), keysOf(s, 'file'), keysOf(s, 'client')])
      .toEqual([['A file', 'A client', 'Only.Client client'], ['A file'], ['A client', 'Only.Client client']])
    expect([s.findModule('A')?.origin, s.findModule('A', 'client')?.document]).toEqual(['file', { moduledoc: 'stated' }])
    expect(s.findFunction({ module: 'A', name: 'f', arity: 0 })?.origin).toBe('file')
    expect(s.findFunction({ module: 'A', name: 'extra', arity: 1 })?.origin).toBe('client')
    expect(s.findModule('Only.Client')?.path).toBe('elsewhere.ex')
    expect(s.callers({ module: 'A', name: 'f', arity: 0 }, { limit: 9 }).items.map((site) => [site.origin, site.path])).toEqual([['client', null], ['client', 'elsewhere.ex']])
    expect(s.statistics()).toMatchObject({ modules: 1, clientModules: 2, functions: 3, calls: 2, callees: 1 })
  })
  write(writer, (transaction) => transaction.removeFiles(['a.ex']))
  expect(reader.snapshot((s) => s.findModule('A')?.origin)).toBe('client')
  expect(value(verifyPath(path))).toEqual([])
})

test('changing, deleting and cleaning up client modules', () => {
  const { writer, reader } = openStore()
  const stored = (result: ReturnType<typeof writer.transaction>): unknown => (result.ok ? result.value.value : result.error.code)
  const put = (doc: string, expected?: number): unknown => stored(writer.transaction((transaction) =>
    transaction.storeClientModule({ facts: module('M', { 'f/0': [], 'g/0': [] }, 0), path: null, document: { doc } }, expected)))
  expect(put('one', 0)).toEqual({ key: 'M', version: 1 })
  expect(put('one')).toEqual({ key: 'M', version: 1 })
  expect(put('two', 0)).toBe('conflict')
  const change = (key: string, expected: number | undefined, to: string): unknown => stored(writer.transaction((transaction) =>
    transaction.changeClientModule(key, expected, (document) => ok({ facts: module(to, {}, 0), path: null, document: [document, 'changed'] }))))
  expect([change('None', undefined, 'None'), change('M', 7, 'M'), change('M', undefined, 'Other')]).toEqual(['not_found', 'conflict', 'invalid_argument'])
  expect(change('M', 1, 'M')).toEqual({ key: 'M', version: 2 })
  expect(reader.snapshot((s) => [s.findModule('M')?.document, s.findModule('M')?.functions])).toEqual([[{ doc: 'one' }, 'changed'], 0])
  put('three')
  const drop = (expected: number | undefined): unknown => stored(writer.transaction((transaction) => transaction.deleteClientModule('M', expected)))
  expect([drop(2), drop(3), drop(undefined)]).toEqual(['conflict', { key: 'M', version: 4 }, 'not_found'])
  put('four')
  const cleaned = [0, 1].map(() => stored(writer.transaction((transaction) => ok(transaction.cleanupClientModule('M')))))
  expect(cleaned).toEqual([3, 0])
  expect(reader.snapshot((s) => s.statistics())).toMatchObject({ clientModules: 0, functions: 0 })
})

test('operations of one transaction see each other, and go together', () => {
  const { writer, reader } = openStore()
  const all = writer.transaction((transaction) => {
    value(transaction.storeClientModule({ facts: module('M', {}, 0), path: null, document: 1 }))
    expect(transaction.findClientDocument('M')).toEqual({ document: 1, version: transaction.version })
    return transaction.deleteClientModule('Missing', undefined)
  })
  expect(error(all).code).toBe('not_found')
  expect(reader.snapshot((s) => s.findModule('M'))).toBeUndefined()
})

// -------------------------------------------------------------------------------------------------------- failures

test('a full disk rolls back and says so; what was there stays', () => {
  const { writer, reader, path } = openStore({ maxBytes: 400_000 })
  const files = syntheticProject(1, { ...TYPICAL, modules: 60 })
  apply(writer, ...files.slice(0, 5))
  const before = reader.snapshot((s) => s.statistics())
  const full = writer.transaction((transaction) => {
    for (const each of files) transaction.applyFile(encode(each), DISK)
    return ok(null)
  })
  expect(error(full)).toMatchObject({ code: 'storage_full' })
  expect(reader.snapshot((s) => ({ ...s.statistics(), walBytes: before.walBytes }))).toEqual(before)
  expect(value(verifyPath(path))).toEqual([])
  write(writer, (transaction) => transaction.removeFiles([must(files[0], 'a file').facts.path]))
})

test('a damaged row is named, and heals when its file is applied again', () => {
  const { writer, reader, path } = openStore()
  const good = file('a.ex', { A: { 'f/0': ['B.g/0'], 'k/0': ['B.g/0', 'B.h/0'], 'body': ['B.g/0'] } })
  apply(writer, good)
  const fn = { module: 'A', name: 'f', arity: 0 }
  raw(path, (db) => db.exec(`UPDATE functions SET data = x'0011223344556677', calls = x'00112233445566' WHERE name = 'f';
    UPDATE modules SET data = x'0000000011', body_calls = x'0000000011'; UPDATE sources SET data = x'0000000011'`))
  const id = must(reader.snapshot((s) => s.functionsOf(must(s.findModuleRow('A'), 'a module').id, { limit: 1 }).items[0]?.id), 'an id')
  expect(thrown(() => reader.snapshot((s) => s.findFunction(fn)))).toMatchObject({ code: 'damaged', message: 'functions A.f/0: data is damaged', details: { path: 'a.ex' } })
  expect(thrown(() => reader.snapshot((s) => s.calleesOf(id, { limit: 1 }))).message).toBe('functions A.f/0: calls is damaged')
  expect(thrown(() => reader.snapshot((s) => s.callers({ module: 'B', name: 'g', arity: 0 }, { limit: 1 }))).code).toBe('damaged')
  expect(thrown(() => reader.snapshot((s) => s.findModule('A'))).message).toBe('modules A: data is damaged')
  expect(thrown(() => reader.snapshot((s) => s.sourceOf('a.ex'))).message).toContain('sources')
  expect(value(verifyPath(path))).toHaveLength(5)
  apply(writer, file('a.ex', { A: { 'f/0': ['B.h/0'], 'k/0': ['B.g/0', 'B.h/0'], 'body': [] } }))
  write(writer, (transaction) => transaction.removeFiles(['z.ex']))
  value(writer.vacuum())
  expect(value(verifyPath(path))).toEqual([])
  expect(reader.snapshot((s) => s.callers({ module: 'B', name: 'g', arity: 0 }, { limit: 9 }).items.map((site) => site.caller.function?.name))).toEqual(['k'])
})

test('a damaged source is written again when its file is applied again', () => {
  const { writer, reader, path } = openStore()
  const good = file('a.ex', { A: {} })
  apply(writer, good)
  raw(path, (db) => db.exec(`UPDATE sources SET data = zeroblob(length(data))`))
  expect(thrown(() => reader.snapshot((s) => s.sourceOf('a.ex')))).toMatchObject({ code: 'damaged', details: { path: 'a.ex' } })
  apply(writer, good)
  expect(reader.snapshot((s) => s.sourceOf('a.ex'))).toEqual(good.source)
  expect(value(verifyPath(path))).toEqual([])
})

test('damaged postings are named, and rebuilt by optimize', () => {
  const { writer, reader, path } = openStore()
  apply(writer, file('a.ex', { A: { 'f/0': ['B.g/0'] } }))
  raw(path, (db) => db.exec(`UPDATE postings SET data = x'0000000011'`))
  const ask = (): unknown => reader.snapshot((s) => s.callers({ module: 'B', name: 'g', arity: 0 }, { limit: 1 }).items.length)
  expect(thrown(ask)).toMatchObject({ code: 'damaged', hint: 'run `optimize`: postings are rebuilt from the functions' })
  value(writer.optimize())
  expect(ask()).toBe(1)
})

test('a file that is no database, a truncated one, one of another program', () => {
  const junk = temporaryPath()
  writeFileSync(junk, 'this is no database, but long enough to be looked at as one'.repeat(50))
  expect(error(openWriter({ path: junk, storage: 'disk', now: () => 0, repositoryId: 'r' })).code).toBe('damaged')
  expect(error(openReader({ path: junk, now: () => 0 })).code).toBe('damaged')
  expect(error(storeVersion(junk)).code).toBe('damaged')
  expect(readFileSync(junk, 'utf8').startsWith('this is no database')).toBe(true)

  const other = temporaryPath()
  raw(other, (db) => db.exec('CREATE TABLE theirs (x)'))
  expect(error(openWriter({ path: other, storage: 'disk', now: () => 0, repositoryId: 'r' }))).toMatchObject({ code: 'unsupported' })

  const { writer, reader, path } = openStore()
  apply(writer, ...syntheticProject(1, { ...TYPICAL, modules: 30 }))
  reader.close()
  writer.close()
  truncateSync(path, 40_000)
  const opened = openWriter({ path, storage: 'disk', now: () => 0, repositoryId: 'r' })
  const outcome = opened.ok ? verifyPath(path) : opened
  if (opened.ok) opened.value.close()
  expect(error(outcome).code).toBe('damaged')
})

test('a store from a later version is refused with both versions', () => {
  const { writer, reader, path } = openStore()
  reader.close()
  writer.close()
  raw(path, (db) => db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 3}`))
  for (const refused of [openWriter({ path, storage: 'disk', now: () => 0, repositoryId: 'r' }), openReader({ path, now: () => 0 }), storeVersion(path)]) {
    expect(error<unknown>(refused)).toMatchObject({ code: 'unsupported', details: { found: SCHEMA_VERSION + 3, supported: SCHEMA_VERSION } })
    expect(error<unknown>(refused).hint).toContain('install the newer ElixirScope')
  }
})

test('migrations run forward, once, all or nothing', () => {
  const { writer, reader, path } = openStore()
  apply(writer, file('a.ex', { A: {} }))
  reader.close()
  writer.close()
  const later = [...MIGRATIONS, { summary: 'a later form', up: (db: DatabaseSync) => db.exec('ALTER TABLE files ADD COLUMN later INTEGER') }]
  raw(path, (db) => {
    expect([value(migrate(db, path, later)), value(migrate(db, path, later))]).toEqual([SCHEMA_VERSION, SCHEMA_VERSION + 1])
    expect(db.prepare('SELECT path, later FROM files').all()).toEqual([{ path: 'a.ex', later: null }])
  })
  const broken = [...later, { summary: 'broken', up: (db: DatabaseSync) => db.exec('ALTER TABLE files ADD COLUMN half INTEGER; ALTER TABLE none ADD COLUMN x') }]
  expect(() => raw(path, (db) => migrate(db, path, broken))).toThrow('none')
  raw(path, (db) => expect(db.prepare('SELECT name FROM pragma_table_info(\'files\')').all().map((row) => row['name'])).not.toContain('half'))
})

test('the store\'s version, for a check before the start', () => {
  const path = temporaryPath()
  expect(value(storeVersion(path))).toEqual({ found: null, supported: SCHEMA_VERSION })
  openWriterAt(path)
  expect(value(storeVersion(path))).toEqual({ found: SCHEMA_VERSION, supported: SCHEMA_VERSION })
})

test('a store that another writer has locked is busy', () => {
  const { path, writer } = openStore({ lockMs: 10 })
  const other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
  expect(error(writer.transaction(() => ok(null))).code).toBe('busy')
  other.close()
  expect(writer.transaction(() => ok(null)).ok).toBe(true)
})

test('a directory that is not there', () => {
  expect(error(openWriter({ path: '/nowhere/at/all/store.db', storage: 'disk', now: () => 0, repositoryId: 'r' })).code).toBe('unavailable')
})

// -------------------------------------------------------------------------------------------------------- upkeep

test('an import that ran when the writer ended was interrupted; identity stays', () => {
  const { writer, path } = openStore()
  write(writer, (transaction) => transaction.setImportState({ state: 'running', filesDone: 3, filesTotal: 9, last: null }))
  writer.close()
  const next = openWriterAt(path, { repositoryId: 'another' })
  expect(next.importState()).toEqual({ state: 'interrupted', filesDone: 3, filesTotal: 9, last: null })
  expect(next.repositoryId).toBe('repository-1')
})

test('a store in memory starts empty and leaves nothing', () => {
  const path = temporaryPath()
  const first = openWriterAt(path, { storage: 'memory' })
  apply(first, file('a.ex', { A: {} }))
  const second = openWriterAt(path, { storage: 'memory' })
  expect(second.epoch()).toBe(0)
  openReaderAt(path).close()
  second.close()
  expect(['', '-wal', '-shm'].filter((suffix) => existsSync(path + suffix))).toEqual([])
})

test('vacuum drops sources that nothing has, and gives space back', () => {
  const { writer, reader, path } = openStore({ history: { versions: 0, bytes: 0 } })
  const files = syntheticProject(1, { ...TYPICAL, modules: 60 })
  apply(writer, ...files)
  write(writer, (transaction) => transaction.removeFiles(files.slice(1).map((each) => each.facts.path)))
  raw(path, (db) => db.exec("INSERT INTO sources (hash, raw_bytes, data) VALUES (x'00', 1, x'00')"))
  const done = value(writer.vacuum())
  expect(done.sourcesDropped).toBe(1)
  expect(done.bytesAfter).toBeLessThan(done.bytesBefore / 3)
  expect(reader.snapshot((s) => s.statistics())).toMatchObject({ files: 1, databaseBytes: done.bytesAfter, walBytes: 0 })
  expect(value(verifyPath(path))).toEqual([])
})

test('upkeep neither disturbs nor waits for a reader', () => {
  const { writer, reader, path } = openStore({ history: { versions: 0, bytes: 0 } })
  const files = syntheticProject(1, { ...TYPICAL, modules: 20 })
  apply(writer, ...files)
  const held = reader.begin()
  write(writer, (transaction) => transaction.removeFiles(files.slice(1).map((each) => each.facts.path)))
  expect(value(writer.vacuum()).sourcesDropped).toBe(0)
  expect(value(writer.optimize()).durationMs).toBe(0)
  expect(value(writer.checkpoint()).walBytes).toBeGreaterThan(0)
  expect(held.statistics().files).toBe(20)
  expect(held.listModules({ limit: 100 }).items).toHaveLength(20)
  held.release()
  expect(value(writer.checkpoint()).walBytes).toBe(0)
  expect(value(verifyPath(path))).toEqual([])
})

test('statistics know where the bytes are', () => {
  const { writer, reader } = openStore()
  apply(writer, ...syntheticProject(1, { ...TYPICAL, modules: 10 }))
  expect(value(writer.checkpoint())).toEqual({ walBytes: 0 })
  const { bytesByTable, ...rest } = reader.snapshot((s) => s.statistics({ bytesByTable: 'yes' }))
  expect(rest).toMatchObject({ files: 10, modules: 10, functions: 120, clauses: 120, problems: 0, schemaVersion: SCHEMA_VERSION, repositoryId: 'repository-1' })
  expect(Object.values(must(bytesByTable, 'bytes')).reduce((sum, bytes) => sum + bytes, 0)).toBe(rest.databaseBytes)
})

test('what is closed says so', () => {
  const { writer, reader } = openStore()
  reader.close()
  writer.close()
  expect(error(writer.transaction(() => ok(null))).code).toBe('unavailable')
  expect(thrown(() => reader.begin()).code).toBe('unavailable')
})

test.each(['removed', 'replaced'] as const)('a store that is %s while it is open refuses writes instead of losing them', (how) => {
  const { path, writer, reader } = openStore()
  apply(writer, file('lib/a.ex', { A: {} }))
  expect([writer.place(), reader.place()]).toEqual(['in place', 'in place'])
  renameSync(path, `${path}.aside`)
  if (how === 'replaced') writeFileSync(path, '')
  expect([writer.place(), reader.place()]).toEqual([how, how])
  expect(error(writer.transaction((transaction) => ok(transaction.removeFiles(['lib/a.ex']))))).toMatchObject({ code: 'unavailable', message: expect.stringContaining(`was ${how}`) })
  expect(error(writer.vacuum()).code).toBe('unavailable')
  rmSync(path, { force: true })
  renameSync(`${path}.aside`, path)
  expect(writer.transaction((transaction) => ok(transaction.removeFiles(['lib/a.ex'])))).toMatchObject({ ok: true, value: { value: 1 } })
})

test('whichever page is damaged, reads and writes say so and never throw anything else', () => {
  const original = temporaryPath()
  const writer = openWriterAt(original)
  const files = syntheticProject(1, { ...TYPICAL, modules: 12 })
  apply(writer, ...files)
  writer.close()
  const bytes = readFileSync(original)
  const codes = new Set<string>()
  for (let page = 1; page < bytes.length / 4096; page++) {
    const path = temporaryPath()
    writeFileSync(path, Buffer.from(bytes).fill(0xa5, page * 4096, (page + 1) * 4096))
    for (const code of useAll(path, files.map((one) => one.facts.path))) codes.add(code)
  }
  expect([...codes]).toEqual(['damaged'])
})

/** The codes of all failures that using the store at the path in every way gives; what is thrown otherwise is thrown on. */
function useAll(path: string, files: readonly string[]): string[] {
  const opened = openWriter({ path, storage: 'disk', now: () => NOW, repositoryId: 'r' })
  if (!opened.ok) return [opened.error.code]
  const reader = openReader({ path, now: () => NOW })
  const codes: string[] = reader.ok ? [] : [reader.error.code]
  const caught = (use: () => unknown): void => {
    try {
      use()
    } catch (error) {
      if (!(error instanceof FailureError)) throw error
      codes.push(error.failure.code)
    }
  }
  const settled = (result: { ok: true } | { ok: false; error: Failure }): void => void (result.ok || codes.push(result.error.code))
  if (reader.ok) {
    caught(() => pages(100, (page) => reader.value.snapshot((snapshot) => snapshot.exportRows(page))))
    caught(() => reader.value.snapshot((snapshot) => [snapshot.listModules({ limit: 1000 }), snapshot.statistics({ bytesByTable: 'yes' }), snapshot.fileStates()]))
  }
  caught(() => [opened.value.importState(), opened.value.fileStates()])
  settled(opened.value.transaction((transaction) => ok(transaction.removeFiles(files))))
  settled(opened.value.optimize())
  settled(opened.value.vacuum())
  settled(verifyPath(path))
  if (reader.ok) reader.value.close()
  opened.value.close()
  return codes
}
