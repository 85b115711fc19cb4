/** What readers are promised: one epoch each, default arities, callers, pages that writes do not disturb, and an end. */

import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { analyseSource } from '../../src/analysis/analyse.ts'
import { must } from '../../src/base/assert.ts'
import { callers } from '../../src/store/caller-reads.ts'
import { all, connect, type Connection } from '../../src/store/connection.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { exportRows, findFile, problems, sourceOf } from '../../src/store/file-reads.ts'
import { calleesOf, findFunction, functionById, functionsOf, listFunctions } from '../../src/store/function-reads.ts'
import { bodyCallsOf, findModule, findModuleRow, listModules, moduleById, modulesOfFile } from '../../src/store/module-reads.ts'
import { findStale, listStale, momentsIn, staleOf } from '../../src/store/departed.ts'
import { openReader } from '../../src/store/reader.ts'
import { versionsOf, versionSource } from '../../src/store/versions.ts'
import { apply, DISK, error, openReaderAt, openStore, pages, temporaryPath, write } from './opened.ts'
import { file, type Sketch } from './sketch.ts'

test('a snapshot stays at its epoch while others move on', () => {
  const { writer, reader, path } = openStore()
  const first = apply(writer, file('a.ex', { A: { 'f/0': [] } }))
  const old = reader.begin()
  const second = apply(writer, file('a.ex', { A: { 'g/0': [] } }))
  expect(second).toBe(first + 1)
  expect([old.epoch, old.findFunction({ module: 'A', name: 'f', arity: 0 })?.name]).toEqual([first, 'f'])
  expect(old.findFunction({ module: 'A', name: 'g', arity: 0 })).toBeUndefined()
  openReaderAt(path).snapshot((now) => {
    expect([now.epoch, now.findFunction({ module: 'A', name: 'g', arity: 0 })?.name]).toEqual([second, 'g'])
  })
  old.release()
  reader.snapshot((now) => expect(now.epoch).toBe(second))
})

test('holds share one transaction, the last ends it', () => {
  const { writer, reader } = openStore()
  apply(writer, file('a.ex', { A: {} }))
  const first = reader.begin()
  const second = reader.begin()
  first.release()
  first.release()
  expect(reader.metrics()).toMatchObject({ openSnapshots: 1, begun: 1 })
  expect(second.findModule('A')?.key).toBe('A')
  expect(() => first.findModule('A')).toThrow('the snapshot has been released')
  second.release()
  expect(reader.metrics()).toMatchObject({ openSnapshots: 0, oldestSnapshotMs: 0 })
})

test('an old snapshot is ended, and says so', () => {
  const { writer, path } = openStore()
  apply(writer, file('a.ex', { A: {} }))
  let now = 1000
  const reader = openReaderAt(path, () => now)
  const old = reader.begin()
  now = 6000
  reader.expire(5000)
  expect(old.findModule('A')?.key).toBe('A')
  expect(reader.metrics().oldestSnapshotMs).toBe(5000)
  now = 6001
  reader.expire(5000)
  expect(() => old.findModule('A')).toThrow('held for too long')
  expect(reader.metrics()).toEqual({ openSnapshots: 0, oldestSnapshotMs: 0, begun: 1, expired: 1 })
  old.release()
  reader.snapshot((fresh) => expect(fresh.findModule('A')?.key).toBe('A'))
})

test('every arity that defaults generate finds the function, its own wins', () => {
  const { writer, reader } = openStore()
  apply(writer, file('a.ex', { A: { 'f/3-2': [], 'f/2': [], 'g/1': [] } }))
  const found = (arity: number): number | undefined => reader.snapshot((s) => s.findFunction({ module: 'A', name: 'f', arity })?.arity)
  expect([0, 1, 2, 3, 4].map(found)).toEqual([undefined, 3, 2, 3, undefined])
})

test('callers: over files, bodies, default arities; never through a bare name', () => {
  const { writer, reader } = openStore()
  apply(writer,
    file('a.ex', { A: { 'f/2-1': ['A.f/1'], 'g/0': ['A.f/2', 'A.f/1', 'f/2'] } }),
    file('b.ex', { B: { 'body': ['A.f/2'], 'h/0': ['Enum.map/2', 'A.f/2', 'A.f/2'] } }))
  const callersOf = (module_: string | null, name: string, arity: number, limit = 2): string[] => reader.snapshot((s) =>
    pages(limit, (page) => s.callers({ module: module_, name, arity }, page))
      .map(({ caller, path, line, arity: called }) => `${caller.moduleKey}.${caller.function?.name ?? '#body'} ${path}:${line} /${called}`).sort())
  const all = ['A.f a.ex:10 /1', 'A.g a.ex:20 /2', 'A.g a.ex:21 /1', 'B.#body b.ex:2 /2', 'B.h b.ex:11 /2', 'B.h b.ex:12 /2']
  expect(callersOf('A', 'f', 2)).toEqual(all)
  expect(callersOf('A', 'f', 2, 1)).toEqual(all)
  expect(callersOf('A', 'f', 1)).toEqual(['A.f a.ex:10 /1', 'A.g a.ex:21 /1'])
  expect(callersOf(null, 'f', 2)).toEqual(['A.g a.ex:22 /2'])
  expect(callersOf('Enum', 'map', 2)).toEqual(['B.h b.ex:10 /2'])
  expect(callersOf('Nobody', 'calls', 0)).toEqual([])
})

test('a name defined again is numbered by path and place, and is a problem of its file', () => {
  const { writer, reader } = openStore()
  const keys = (): unknown => reader.snapshot((s) => pages(10, (page) => s.listModules(page)).map((row) => `${row.key} ${row.path}`))
  const problems = (): unknown => reader.snapshot((s) => s.problems({ limit: 10 }).items.map((row) => `${row.path} ${row.code}`))
  apply(writer, file('m.ex', { A: { 'f/0': ['A.g/0'] } }))
  apply(writer, file('z.ex', { B: {} }, { A: { 'z/0': [] } }))
  expect(keys()).toEqual(['A m.ex', 'A@2 z.ex', 'B z.ex'])
  apply(writer, file('b.ex', { A: { 'g/0': [] } }))
  expect(keys()).toEqual(['A b.ex', 'A@2 m.ex', 'A@3 z.ex', 'B z.ex'])
  expect(problems()).toEqual(['m.ex module_redefined', 'z.ex module_redefined'])
  // Node ids are those of the module's own key; calls are by the name in the source.
  reader.snapshot((s) => {
    const caller = must(s.callers({ module: 'A', name: 'g', arity: 0 }, { limit: 5 }).items[0], 'a caller')
    expect(caller.node).toBe('A@2.f/0#1/A.g%2F0')
    expect(s.findModule('A@3')?.path).toBe('z.ex')
  })
  write(writer, (transaction) => transaction.removeFiles(['b.ex', 'm.ex', 'unknown.ex']))
  expect(keys()).toEqual(['A z.ex', 'B z.ex'])
  expect(problems()).toEqual([])
})

test('names that are made when the code runs look alike and are no problem', () => {
  const { writer, reader } = openStore()
  apply(writer, file('a.ex', { '~dynamic': {}, '~dynamic.Schema': {}, A: {} }), file('b.ex', { '~dynamic': {}, '~dynamic.Schema': {}, A: {} }))
  expect(reader.snapshot((s) => pages(10, (page) => s.listModules(page)).map((row) => row.key)))
    .toEqual(['A', 'A@2', '~dynamic', '~dynamic.Schema', '~dynamic.Schema@2', '~dynamic@2'])
  expect(reader.snapshot((s) => s.problems({ limit: 10 }).items.map(({ message }) => message.split(' ')[0]))).toEqual(['A'])
})

test('problems stand in the order of the source, whatever came first', () => {
  const { writer, reader } = openStore()
  const listed = (): unknown => reader.snapshot((s) => pages(1, (page) => s.problems(page)).map((row) => `${row.path} ${row.message.split(' ')[0]}`))
  const texts = { first: 'defmodule A do\nend\ndefmodule B do\nend\n', later: 'defmodule B do\nend\ndefmodule A do\nend\n' }
  const put = (path: string, text: string): unknown => write(writer, (transaction) => transaction.applyFile(encodeFileFacts(analyseSource(path, Buffer.from(text)), Buffer.from(text)), DISK))
  put('a.ex', texts.first)
  put('z.ex', texts.first)
  expect(listed()).toEqual(['z.ex A', 'z.ex B'])
  put('z.ex', texts.later)
  expect(listed()).toEqual(['z.ex B', 'z.ex A'])
  expect(reader.snapshot((s) => pages(1, (page) => s.problems({ ...page, path: 'z.ex' })))).toHaveLength(2)
})

test('ids and versions stay where nothing changed', () => {
  const { writer, reader } = openStore()
  const find = (name: string): readonly (number | undefined)[] => reader.snapshot((s) => {
    const found = s.findFunction({ module: 'A', name, arity: 0 })
    return [found?.id, found?.version]
  })
  apply(writer, file('a.ex', { A: { 'f/0': ['B.x/0'], 'g/0': [], 'h/0': [] } }))
  const [f, g, h] = [find('f'), find('g'), find('h')]
  apply(writer, file('a.ex', { A: { 'f/0': ['B.y/0'], 'g/0': [] } }, { New: {} }))
  expect(find('f')).toEqual([f[0], 2])
  expect(find('g')).toEqual(g)
  apply(writer, file('a.ex', { A: { 'f/0': ['B.y/0'], 'g/0': [], 'h/0': [] } }))
  expect(find('h')).toEqual([must(h[0], 'an id') + 1, 3])
})

test('writes between two pages neither hide nor repeat what was there', () => {
  const { writer, reader } = openStore()
  const names = ['C', 'F', 'I', 'L']
  apply(writer, file('a.ex', ...names.map((name): Sketch => ({ [name]: { 'c/0': [], 'f/0': [], 'i/0': [], 'l/0': [] } }))))
  const id = must(reader.snapshot((s) => s.findModule('C')?.id), 'a module')
  const first = reader.snapshot((s) => ({ modules: s.listModules({ limit: 2 }), functions: s.listFunctions({ limit: 2 }), own: s.functionsOf(id, { limit: 2 }) }))
  apply(writer, file('a.ex', ...['A', ...names].map((name): Sketch => ({ [name]: { 'a/0': [], 'c/0': [], 'f/0': [], 'i/0': [], 'l/0': [] } }))))
  const next = reader.snapshot((s) => ({
    modules: s.listModules({ limit: 9, after: must(first.modules.next, 'a cursor') }).items.map((row) => row.key),
    functions: s.listFunctions({ limit: 2, after: must(first.functions.next, 'a cursor') }).items.map((row) => row.moduleKey + row.name),
    own: s.functionsOf(id, { limit: 9, after: must(first.own.next, 'a cursor') }).items.map((row) => row.name),
  }))
  expect(next).toEqual({ modules: ['I', 'L'], functions: ['Ci', 'Cl'], own: ['i', 'l'] })
})

test('lists filter by prefix', () => {
  const { writer, reader } = openStore()
  apply(writer, file('a.ex', { 'A': { 'f/0': [] } }, { 'A.B': { 'f/0': [] } }, { 'A.BC': { 'f/0': [] } }, { 'B': { 'f/0': [] } }))
  const keys = reader.snapshot((s) => pages(1, (page) => s.listModules({ ...page, prefix: 'A.B' })).map((row) => row.key))
  const functions = reader.snapshot((s) => pages(1, (page) => s.listFunctions({ ...page, prefix: 'A.B' })).map((row) => row.moduleKey))
  expect([keys, functions]).toEqual([['A.B', 'A.BC'], ['A.B', 'A.BC']])
})

test('a cursor that no page gave is refused', () => {
  const { reader } = openStore()
  const cursors = ['', 'x', Buffer.from('[1]').toString('base64url'), Buffer.from('{}').toString('base64url')]
  for (const after of cursors) {
    expect(() => reader.snapshot((s) => s.listModules({ limit: 1, after }))).toThrow('cursor: not one that a page of this list gave')
  }
  expect(() => reader.snapshot((s) => s.exportRows({ limit: 1, after: Buffer.from('[9,""]').toString('base64url') }))).toThrow('cursor')
})

test('an export holds every row once', () => {
  const { writer, reader } = openStore()
  apply(writer, file('a.ex', { A: { 'f/0': ['B.g/0'], 'body': ['X.y/0'] } }, { A: {} }), file('b.ex', { B: { 'g/0': [] } }))
  const rows = reader.snapshot((s) => pages(1, (page) => s.exportRows(page)).map((each) => {
    if (each.table === 'module') return `${each.table} ${each.row.key} ${each.bodyCalls.length}`
    if (each.table === 'function') return `${each.table} ${each.row.name} ${each.calls.length}`
    return `${each.table} ${each.row.path}`
  }))
  expect(rows).toEqual(['file a.ex', 'file b.ex', 'module A 1', 'module A@2 0', 'module B 0', 'function f 1', 'function g 0', 'problem a.ex'])
})

test('a reader before any writer is told to wait', () => {
  const path = temporaryPath()
  expect(error(openReader({ path, now: () => 0 })).code).toBe('unavailable')
})

/** The plans of all statements that reads run, in SQLite's words. */
function plansOf(path: string): string[] {
  const connection = connect(new DatabaseSync(path, { readOnly: true }))
  const texts = new Set<string>()
  const recording: Connection = {
    db: connection.db,
    statement(sql) {
      texts.add(sql)
      return connection.statement(sql)
    },
  }
  const one = { limit: 1 }
  const fnId = must(findFunction(recording, { module: 'A', name: 'f', arity: 0 }, undefined)?.id, 'a function')
  const moduleId = must(findModule(recording, 'A', undefined)?.id, 'a module')
  findModuleRow(recording, 'A', 'file')
  moduleById(recording, moduleId)
  modulesOfFile(recording, 'a.ex')
  bodyCallsOf(recording, moduleId, one)
  functionById(recording, fnId)
  expect(pages(1, (page) => functionsOf(recording, moduleId, page, (...from) => staleOf(recording, ...from)))).toHaveLength(1)
  calleesOf(recording, fnId, one)
  expect(pages(1, (page) => callers(recording, { module: 'A', name: 'f', arity: 1 }, page))).toHaveLength(2)
  findFile(recording, 'a.ex')
  sourceOf(recording, 'a.ex')
  expect(pages(1, (page) => listModules(recording, page))).toHaveLength(2)
  expect(pages(1, (page) => listFunctions(recording, page, (...from) => listStale(recording, ...from)))).toHaveLength(1)
  findStale(recording, { module: 'A', name: 'f', arity: 1 })
  momentsIn(recording, 'functions', fnId)
  versionsOf(recording, 'a.ex')
  versionSource(recording, 'a.ex', 1)
  expect(pages(1, (page) => problems(recording, page))).toHaveLength(1)
  expect(pages(1, (page) => exportRows(recording, page))).toHaveLength(5)
  problems(recording, { ...one, path: 'a.ex' })
  const plans = [...texts].flatMap((sql) => all<{ detail: string }>(connection, `EXPLAIN QUERY PLAN ${sql}`).map((row) => `${row.detail} <- ${sql}`))
  connection.db.close()
  return plans
}

test('every read goes by a key or an index, before and after upkeep', () => {
  const { writer, path } = openStore()
  apply(writer, file('a.ex', { A: { 'f/1-1': ['A.f/0'], 'body': ['A.f/1'] } }, { A: {} }))
  const bad = /^SCAN|TEMP B-TREE/
  const plans = plansOf(path)
  expect(plans.length).toBeGreaterThan(20)
  expect(plans.filter((line) => bad.test(line))).toEqual([])
  expect(writer.optimize().ok && writer.vacuum().ok).toBe(true)
  expect(plansOf(path).filter((line) => bad.test(line))).toEqual([])
})
