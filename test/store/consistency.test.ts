/** A transaction whose rows contradict each other is rolled back as a whole, whoever is to blame. */

import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { ok } from '../../src/base/result.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { DISK, apply, error, openStore, write, type Opened } from './opened.ts'
import { file } from './sketch.ts'

const FIRST = file('a.ex', { A: { 'f/0': ['B.g/0', 'B.h/0'], 'k/0': ['B.g/0'] } })
const NEXT = file('a.ex', { A: { 'f/0': ['B.g/0', 'B.other/0'], 'k/0': ['B.g/0'] } })

function tampered(sql: string): Opened {
  const store = openStore()
  apply(store.writer, FIRST, file('b.ex', { B: { 'g/0': [] } }))
  const db = new DatabaseSync(store.path)
  db.exec(sql)
  db.close()
  return store
}

function refused({ writer }: Opened, path: 'a.ex'): string {
  const epoch = writer.epoch()
  const failed = error(writer.transaction((transaction) => ok(transaction.applyFile(encodeFileFacts(NEXT.facts, NEXT.source), DISK))))
  expect([failed.code, writer.epoch()]).toEqual(['damaged', epoch])
  expect(writer.fileStates().get(path)?.sourceHash).toBe(FIRST.facts.sourceHash)
  return failed.message
}

test('a callee that has lost its caller', () => {
  const store = tampered("DELETE FROM postings WHERE callee_id = (SELECT id FROM callees WHERE name = 'B.g/0')")
  expect(refused(store, 'a.ex')).toBe('the update contradicts the store: A.f/0 calls B.g/0, which does not know it')
})

test('an update of a sound store is accepted, whatever it does', () => {
  const store = tampered('')
  apply(store.writer, NEXT)
  write(store.writer, (transaction) => transaction.removeFiles(['a.ex', 'b.ex']))
  expect(store.reader.snapshot((s) => s.statistics())).toMatchObject({ files: 0, functions: 0, calls: 0 })
})
