/** Going back: the facts of any epoch that is kept are those of a fresh import of the sources of then. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { analyseSource } from '../../src/analysis/analyse.ts'
import { ok } from '../../src/base/result.ts'
import { rollBack } from '../../src/engine/rollback.ts'
import type { Snapshot, Writer } from '../../src/store/contract.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { seeded } from '../store/arbitraries.ts'
import { DISK, error, openStore, pages, value } from '../store/opened.ts'

type Project = ReadonlyMap<string, string>

const PATHS = ['lib/a.ex', 'lib/b.ex', 'lib/c.ex']
const piece = fc.constantFrom(
  'def f(x), do: x', 'def f(x) do\n    B.g(x)\n  end', 'def g(x, y \\\\ 1), do: A.f(x + y)', 'defp h, do: :ok', 'alias B, as: C', 'def broken(x) do', '@doc "one"', 'def g(1), do: f(',
)
const source = fc.record({ module: fc.constantFrom('A', 'B', 'C.D'), pieces: fc.array(piece, { maxLength: 4 }) })
  .map(({ module, pieces }) => `defmodule ${module} do\n${pieces.map((text) => `  ${text}\n`).join('')}end\n`)
/** Path -> its new content, or null where it goes. */
const edit = fc.uniqueArray(fc.record({ path: fc.constantFrom(...PATHS), text: fc.option(source, { freq: 5, nil: null }) }), { minLength: 1, selector: ({ path }) => path })
type Edit = readonly { readonly path: string; readonly text: string | null }[]

function perform(writer: Writer, changes: Edit): number {
  return value(writer.transaction((transaction) => {
    for (const { path, text } of changes) {
      const bytes = Buffer.from(text ?? '')
      if (text !== null) transaction.applyFile(encodeFileFacts(analyseSource(path, bytes), bytes), DISK)
    }
    return ok(transaction.removeFiles(changes.filter(({ text }) => text === null).map(({ path }) => path)))
  })).epoch
}

function edited(project: Project, changes: Edit): Project {
  const next = new Map(project)
  for (const { path, text } of changes) {
    if (text === null) next.delete(path)
    else next.set(path, text)
  }
  return next
}

/** All facts, without ids, versions and times. */
function facts(snapshot: Snapshot): string[] {
  const lines = pages(50, (page) => snapshot.exportRows(page)).map((line) => {
    if (line.table === 'problem') return line
    const { id: _, version: __, updatedAtMs: ___, moduleId: ____, ...row } = line.row as typeof line.row & { moduleId?: number }
    return { ...line, row }
  })
  return lines.map((line) => JSON.stringify(line)).sort()
}

test('a rollback to any epoch that is kept is a fresh import of its sources, in one new epoch', () => {
  fc.assert(fc.property(fc.array(edit, { minLength: 1, maxLength: 7 }), fc.nat(), fc.constantFrom(1, 20), (edits, pick, versions) => {
    const { writer, reader, path } = openStore({ storage: 'memory', history: { versions, bytes: 1 << 20 } })
    const projects = new Map<number, Project>([[0, new Map()]])
    let project: Project = new Map()
    for (const changes of edits) {
      project = edited(project, changes)
      projects.set(perform(writer, changes), project)
    }
    const epochs = [...projects.keys()]
    const wanted = epochs[pick % epochs.length] ?? 0
    const before = writer.epoch()
    const oldest = reader.snapshot((s) => s.statistics().oldestEpoch)
    const done = writer.transaction((transaction) => rollBack(transaction, wanted))
    if (wanted < oldest) {
      expect(error(done)).toMatchObject({ code: 'not_found' })
      expect(writer.epoch()).toBe(before)
    } else {
      const fresh = openStore({ storage: 'memory' })
      perform(fresh.writer, [...projects.get(wanted) ?? []].map(([at, text]) => ({ path: at, text })))
      expect(value(done).epoch - before).toBeLessThanOrEqual(1)
      expect(reader.snapshot(facts)).toEqual(fresh.reader.snapshot(facts))
      fresh.reader.close()
      fresh.writer.close()
      // And forward again: the files on disk are as they were.
      perform(writer, PATHS.map((at) => ({ path: at, text: project.get(at) ?? null })))
    }
    expect(reader.snapshot((s) => s.fileStates().size)).toBe(project.size)
    expect(value(verifyPath(path))).toEqual([])
    reader.close()
    writer.close()
  }), seeded(40))
})

test('files that were rolled back are looked at by the next comparison with the disk', () => {
  const { writer, reader } = openStore()
  const first = perform(writer, [{ path: 'lib/a.ex', text: 'defmodule A do\nend\n' }])
  perform(writer, [{ path: 'lib/a.ex', text: 'defmodule A do\n  def f, do: 1\nend\n' }])
  expect(value(writer.transaction((transaction) => rollBack(transaction, first))).value).toEqual({ restored: 1, removed: 0 })
  expect(reader.snapshot((s) => s.fileStates().get('lib/a.ex'))).toMatchObject({ size: -1 })
})
