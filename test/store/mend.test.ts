/** Upkeep mends what follows from no file; what it drops that readers could see makes a new epoch, which is told. */

import { readFileSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { CommitChanges } from '../../src/store/contract.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { apply, error, openStore, openWriterAt, value, type Opened } from './opened.ts'
import { file } from './sketch.ts'

const INDEXES = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
const PAGE = 4096
const TABLE_LEAF = 13

function filled(onCommit: (changes: CommitChanges) => void = () => undefined): Opened {
  const store = openStore({ onCommit })
  apply(store.writer, file('a.ex', { A: { 'f/0': ['B.g/0'], 'k/0': ['B.g/0'] } }), file('b.ex', { B: { 'g/0': [] } }))
  return store
}

function raw<T>(path: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path, { defensive: false })
  try {
    return work(db)
  } finally {
    db.close()
  }
}

test('a sound store is left as it is', () => {
  const told: CommitChanges[] = []
  const { writer, path } = filled((changes) => told.push(changes))
  const epoch = writer.epoch()
  value(writer.optimize())
  expect([writer.epoch(), told.length, value(verifyPath(path))]).toEqual([epoch, 1, []])
})

test('rows that belong to nothing go, in an epoch of their own', () => {
  const told: CommitChanges[] = []
  const { writer, reader, path } = filled((changes) => told.push(changes))
  const epoch = writer.epoch()
  raw(path, (db) => db.exec("DELETE FROM files WHERE path = 'a.ex'"))
  expect(value(verifyPath(path))).not.toEqual([])
  value(writer.optimize())
  expect(value(verifyPath(path))).toEqual([])
  expect(writer.epoch()).toBe(epoch + 1)
  expect(reader.snapshot((s) => s.statistics())).toMatchObject({ files: 1, modules: 1, functions: 1, callees: 0 })
  expect(told.at(-1)).toMatchObject({ epoch: epoch + 1, truncated: true, counts: { files: { removed: 0 }, modules: { removed: 1 }, functions: { removed: 2 } } })
  expect(apply(writer, file('a.ex', { A: { 'f/0': [] } }))).toBe(epoch + 2)
})

test('an index of something else becomes what it should be, one that is gone comes back, one too many goes', () => {
  const { writer, path } = filled()
  const before = raw(path, (db) => db.prepare(INDEXES).all())
  raw(path, (db) => db.exec(`DROP INDEX modules_file_id_position; CREATE INDEX modules_file_id_position ON modules (position);
    DROP INDEX files_source_id; CREATE INDEX odd ON files (lines)`))
  value(writer.optimize())
  expect(raw(path, (db) => db.prepare(INDEXES).all())).toEqual(before)
})

test('rows that contradict a unique index are damage, and nothing is changed', () => {
  const { writer, path } = filled()
  const epoch = writer.epoch()
  writer.close()
  const bytes = readFileSync(path)
  for (let page = 0; page < bytes.length; page += PAGE) {
    const place = bytes.subarray(page, page + PAGE).indexOf('b.ex')
    // In the table alone: its index keeps both paths.
    if (bytes[page] === TABLE_LEAF && place >= 0) bytes.write('a.ex', page + place)
  }
  writeFileSync(path, bytes)
  const again = openWriterAt(path)
  expect(error(again.optimize())).toMatchObject({ code: 'damaged', message: expect.stringContaining('rows contradict an index') as unknown })
  expect(again.epoch()).toBe(epoch)
})
