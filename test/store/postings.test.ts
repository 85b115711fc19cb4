/** Callers at a size where postings have several chunks, after edits and removals, against a plain search of the facts. */

import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { calleeKey } from '../../src/store/calls-codec.ts'
import { all, connect } from '../../src/store/connection.ts'
import { CHUNK, functionCode } from '../../src/store/postings.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { apply, openStore, pages, value, write } from './opened.ts'
import { syntheticFile, syntheticProject, TYPICAL, type SyntheticFile } from './synthetic.ts'

const SHAPE = { ...TYPICAL, modules: 150 }
const CALLEES = [{ module: 'Enum', name: 'map', arity: 2 }, { module: 'Repo', name: 'insert', arity: 1 }, { module: 'App.Shared3', name: 'run_4', arity: 1 }]

function plainSearch(files: readonly SyntheticFile[], callee: (typeof CALLEES)[number]): string[] {
  return files.flatMap(({ facts }) => facts.modules.flatMap((module) => module.functions.flatMap((fn) => fn.calls
    .filter((call) => call.module === callee.module && call.name === callee.name && call.arity === callee.arity)
    .map((call) => `${call.node} ${facts.path}:${call.line}:${call.column}`)))).sort()
}

test('callers are those of a plain search, through edits and removals', () => {
  const { writer, reader, path } = openStore()
  const first = syntheticProject(3, SHAPE)
  const second = syntheticProject(3, SHAPE, 4)
  const check = (files: readonly SyntheticFile[]): void => {
    for (const callee of CALLEES) {
      const found = reader.snapshot((s) => pages(7, (page) => s.callers(callee, page)))
      const wanted = plainSearch(files, callee)
      expect(wanted).not.toEqual([])
      expect(found.map((site) => `${site.node} ${site.path}:${site.line}:${site.column}`).sort()).toEqual(wanted)
    }
    expect(value(verifyPath(path))).toEqual([])
  }
  apply(writer, ...first)
  check(first)
  apply(writer, ...second.slice(0, 70))
  check([...second.slice(0, 70), ...first.slice(70)])
  write(writer, (transaction) => transaction.removeFiles(first.slice(20, 100).map((file) => file.facts.path)))
  check([...second.slice(0, 20), ...first.slice(100)])
  apply(writer, ...second.slice(40))
  check([...second.slice(0, 20), ...second.slice(40)])
  write(writer, (transaction) => transaction.removeFiles(first.map((file) => file.facts.path)))
  reader.snapshot((s) => expect(s.statistics()).toMatchObject({ files: 0, functions: 0, calls: 0, callees: 0, problems: 0 }))
})

/** Every chunk as it is stored: `callee chunk` to bytes. */
function storedChunks(path: string): Map<string, string> {
  const db = new DatabaseSync(path, { readOnly: true })
  const rows = all<{ place: string; data: string }>(connect(db),
    `SELECT c.name || ' ' || p.chunk AS place, hex(p.data) AS data FROM postings p JOIN callees c ON c.id = p.callee_id`)
  db.close()
  return new Map(rows.map((row) => [row.place, row.data]))
}

test('an edit of one function changes its own rows and chunks alone', () => {
  const { writer, reader, path } = openStore()
  apply(writer, ...syntheticProject(3, SHAPE))
  const before = storedChunks(path)
  const rowsBefore = writer.metrics().rowsWritten
  // The revision changes every tenth function: of these twelve, one.
  const edited = syntheticFile(3, 149, SHAPE, 1)
  const old = must(syntheticFile(3, 149, SHAPE).facts.modules[0]?.functions[9], 'a function')
  const now = must(edited.facts.modules[0]?.functions[9], 'a function')
  apply(writer, edited)
  // The file, its module, the function.
  expect(writer.metrics().rowsWritten - rowsBefore).toBe(3)
  const after = storedChunks(path)
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((key) => before.get(key) !== after.get(key))
  const id = must(reader.snapshot((s) => s.findFunction({ module: edited.facts.modules[0]?.name ?? '', name: now.name, arity: now.arity })?.id), 'an id')
  const called = (calls: typeof now.calls): Set<string> => new Set(calls.map((call) => `${calleeKey(call)} ${Math.floor(functionCode(id) / CHUNK)}`))
  const [was, is] = [called(old.calls), called(now.calls)]
  expect(new Set(changed)).toEqual(new Set([...was, ...is].filter((place) => !was.has(place) || !is.has(place))))
  expect(changed).not.toEqual([])
})
