/** What is kept of earlier contents, for how long, and what is shown of functions whose file does not parse any more. */

import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { Problem } from '../../src/model/problem.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { migrate, MIGRATIONS } from '../../src/store/schema.ts'
import { verifyPath } from '../../src/store/verify.ts'
import type { ArbitraryFile } from './arbitraries.ts'
import { apply, DISK, error, openReaderAt, openStore, openWriterAt, pages, temporaryPath, value, write, type Opened } from './opened.ts'
import { file, type Sketch } from './sketch.ts'

const BROKEN: Problem = { code: 'missing_terminator', message: 'The "do" is not closed.', line: 3, column: 1, start: 9, end: 11 }

/** The n-th content of a file. */
const content = (path: string, n: number): ArbitraryFile => file(path, { [`M${path[0]?.toUpperCase()}`]: { [`f${n}/0`]: [], 'same/0': [] } })

function broken(path: string, ...modules: readonly Sketch[]): ArbitraryFile {
  const whole = file(path, ...modules)
  return { ...whole, facts: { ...whole.facts, problems: [BROKEN] } }
}

function numbers({ reader }: Opened, path: string): number[] {
  return reader.snapshot((s) => s.versionsOf(path).map(({ number }) => number))
}

function at({ writer }: Opened, epoch: number): Record<string, string | null> {
  let found: Record<string, string | null> = {}
  write(writer, (transaction) => {
    const entries = value(transaction.filesAt(epoch)).map(({ path, content: was }) => [path, was === null ? null : 'source' in was ? Buffer.from(was.source).toString() : was.problem.code])
    found = Object.fromEntries(entries) as typeof found
  })
  return found
}

test('versions are numbered from 1, the newest first, with the epochs they were there', () => {
  const store = openStore()
  for (const n of [1, 2]) apply(store.writer, content('a.ex', n))
  write(store.writer, (transaction) => transaction.removeFiles(['a.ex']))
  apply(store.writer, content('a.ex', 1))
  expect(store.reader.snapshot((s) => s.versionsOf('a.ex'))).toMatchObject([
    { number: 3, epoch: 4, until: null, readable: true }, { number: 2, epoch: 2, until: { epoch: 3 } }, { number: 1, epoch: 1, until: { epoch: 2 } },
  ])
  const source = (number: number) => store.reader.snapshot((s) => s.versionSource('a.ex', number))
  expect(source(1)).toEqual(source(3))
  expect(Buffer.from(must(source(2), 'a source'))).toEqual(content('a.ex', 2).source)
  expect(source(4)).toBeUndefined()
  expect(value(verifyPath(store.path))).toEqual([])
})

test('what a file had at an epoch, what it had not, and what could not be read', () => {
  const store = openStore()
  apply(store.writer, content('a.ex', 1), content('b.ex', 1))
  write(store.writer, (transaction) => {
    transaction.removeFiles(['a.ex'])
    transaction.markUnreadable('b.ex', { ...BROKEN, code: 'unreadable_file' }, DISK)
  })
  apply(store.writer, content('b.ex', 2), content('c.ex', 1))
  const [a, b] = [content('a.ex', 1).source.toString(), content('b.ex', 1).source.toString()]
  expect(at(store, 0)).toEqual({ 'a.ex': null, 'b.ex': null, 'c.ex': null })
  expect(at(store, 1)).toEqual({ 'a.ex': a, 'b.ex': b, 'c.ex': null })
  expect(at(store, 2)).toEqual({ 'b.ex': 'unreadable_file', 'c.ex': null })
  expect(at(store, 3)).toEqual({})
  expect(error(store.writer.transaction((transaction) => transaction.filesAt(4))).code).toBe('invalid_argument')
})

test('beyond the limit the oldest versions go, with their sources, and say from which epoch on all are kept', () => {
  const store = openStore({ history: { versions: 2, bytes: 1 << 20 } })
  for (const n of [1, 2, 3, 4, 5]) apply(store.writer, content('a.ex', n))
  expect(numbers(store, 'a.ex')).toEqual([5, 4, 3])
  expect(store.reader.snapshot((s) => s.statistics())).toMatchObject({ versions: 2, oldestEpoch: 3 })
  expect(Object.keys(at(store, 3))).toEqual(['a.ex'])
  expect(error(store.writer.transaction((transaction) => transaction.filesAt(2)))).toMatchObject({ code: 'not_found', details: { oldest_epoch: 3 } })
  expect(value(store.writer.vacuum()).sourcesDropped).toBe(0)
  expect(store.reader.snapshot((s) => s.versionSource('a.ex', 3))).toBeDefined()
  expect(value(verifyPath(store.path))).toEqual([])
  const raw = new DatabaseSync(store.path, { readOnly: true })
  expect(raw.prepare('SELECT count(*) AS n FROM sources').get()).toEqual({ n: 3 })
  raw.close()
})

test('the bytes of all versions are bounded too', () => {
  const store = openStore({ history: { versions: 100, bytes: 400 } })
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8]) apply(store.writer, content('a.ex', n), content('b.ex', n))
  const { versions, versionBytes, oldestEpoch } = store.reader.snapshot((s) => s.statistics())
  expect(versionBytes).toBeLessThanOrEqual(400)
  expect(versions).toBeGreaterThan(0)
  expect(numbers(store, 'a.ex')[0]).toBe(8)
  expect(Object.keys(at(store, oldestEpoch))).toEqual(['a.ex', 'b.ex'])
  expect(value(verifyPath(store.path))).toEqual([])
})

test('without versions nothing is kept, and no rollback is possible', () => {
  const store = openStore({ history: { versions: 0, bytes: 0 } })
  for (const n of [1, 2]) apply(store.writer, content('a.ex', n))
  expect(numbers(store, 'a.ex')).toEqual([2])
  expect(error(store.writer.transaction((transaction) => transaction.filesAt(1))).code).toBe('not_found')
})

test('functions that a file loses while it does not parse are stale until it does', () => {
  const { writer, reader, path } = openStore()
  const whole = file('a.ex', { A: { 'f/1-1': ['B.g/0'], 'g/0': [] } }, { B: { 'h/0': [] } })
  const listed = () => reader.snapshot((s) => pages(1, (page) => s.listFunctions(page))).map((row) => `${row.moduleKey}.${row.name}/${row.arity}${row.stale === null ? '' : ' stale'}`)
  apply(writer, whole)
  apply(writer, broken('a.ex', { A: { 'g/0': [] } }))
  expect(listed()).toEqual(['A.f/1 stale', 'A.g/0', 'B.h/0 stale'])
  reader.snapshot((s) => {
    expect(s.findFunction({ module: 'A', name: 'f', arity: 0 })).toBeUndefined()
    const stale = must(s.findStale({ module: 'A', name: 'f', arity: 0 }), 'a stale function')
    expect(stale).toMatchObject({ record: { moduleKey: 'A', name: 'f', arity: 1, path: 'a.ex', stale: { since: { epoch: 2 }, reason: 'line 3: The "do" is not closed.' } }, moments: { firstSeen: { epoch: 1 } } })
    expect(stale.calls.map((call) => call.name)).toEqual(['g'])
    expect(s.callers({ module: 'B', name: 'g', arity: 0 }, { limit: 10 }).items).toEqual([])
    expect(s.statistics()).toMatchObject({ functions: 1, staleFunctions: 2 })
    expect(pages(10, (page) => s.exportRows(page)).filter((row) => row.table === 'function')).toHaveLength(1)
  })
  // Still broken: what is back is no longer stale, the rest stays.
  apply(writer, broken('a.ex', { A: { 'g/0': [], 'f/1': [] } }))
  expect(listed()).toEqual(['A.f/1', 'A.g/0', 'B.h/0 stale'])
  apply(writer, file('a.ex', { A: { 'g/0': [] } }))
  expect(listed()).toEqual(['A.g/0'])
  expect(value(verifyPath(path))).toEqual([])
})

test('what a file loses that parses, is removed or cannot be read is not stale, and nor is what moved elsewhere', () => {
  const { writer, reader } = openStore()
  const stale = () => reader.snapshot((s) => s.statistics().staleFunctions)
  const whole = file('a.ex', { A: { 'f/0': [], 'g/0': [] } })
  apply(writer, whole)
  apply(writer, file('a.ex', { A: { 'f/0': [] } }))
  expect(stale()).toBe(0)
  apply(writer, broken('a.ex', { A: {} }))
  expect(stale()).toBe(1)
  apply(writer, file('b.ex', { A: { 'f/0': [] } }))
  write(writer, (transaction) => transaction.removeFiles(['a.ex']))
  expect(stale()).toBe(0)
  apply(writer, broken('b.ex', { A: {} }))
  expect(stale()).toBe(1)
  write(writer, (transaction) => transaction.markUnreadable('b.ex', BROKEN, DISK))
  expect(stale()).toBe(0)
  apply(writer, whole, file('c.ex', { C: {} }))
  write(writer, (transaction) => {
    for (const each of [broken('a.ex', { A: { 'g/0': [] } }), file('c.ex', { C: {} }, { A: { 'f/0': [] } })]) transaction.applyFile(encodeFileFacts(each.facts, each.source), DISK)
  })
  expect(stale()).toBe(1)
})

test('a store of the first form is brought along: what is in it is its history', () => {
  const path = temporaryPath()
  const old = new DatabaseSync(path)
  value(migrate(old, path, MIGRATIONS.slice(0, 1)))
  old.exec(`INSERT INTO state VALUES (1, 'r', 1, 7, 1000, '{"state":"complete","filesDone":1,"filesTotal":1,"last":null}', 2, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0);
    INSERT INTO sources VALUES (1, x'ab', 3, x'00'); INSERT INTO files VALUES (1, 'a.ex', 1, 3, 3, 5, 1, 1, 6, 900);
    INSERT INTO problems VALUES ('a.ex', 1000001, 'module_redefined', '~dynamic is defined more than once; …', 1, 1, 0, 0), ('a.ex', 1000002, 'module_redefined', 'A is defined …', 1, 1, 0, 0)`)
  old.close()
  const writer = openWriterAt(path, { storage: 'disk' })
  const reader = openReaderAt(path)
  expect(writer.epoch()).toBe(7)
  expect(reader.snapshot((s) => s.versionsOf('a.ex'))).toMatchObject([{ number: 1, epoch: 6, atMs: 900, until: null, sourceHash: 'ab' }])
  expect(reader.snapshot((s) => s.statistics())).toMatchObject({ oldestEpoch: 7, problems: 1 })
  expect(reader.snapshot((s) => s.problems({ limit: 10 }).items.map(({ message }) => message.split(' ')[0]))).toEqual(['A'])
})
