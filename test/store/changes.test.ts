/** What a commit tells of itself: the difference of what can be read before and after it, by names. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { formatMfa } from '../../src/model/names.ts'
import type { ChangedNames, CommitChanges, Snapshot } from '../../src/store/contract.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { fileAt, seeded, type ArbitraryFile } from './arbitraries.ts'
import { apply, DISK, openStore, pages, value, write, type Opened } from './opened.ts'
import { file } from './sketch.ts'

const NONE = { added: [], modified: [], removed: [] }

function openTold(): Opened & { readonly told: CommitChanges[] } {
  const told: CommitChanges[] = []
  return { ...openStore({ storage: 'memory', onCommit: (changes) => told.push(changes) }), told }
}

/** Name -> all about it but its place. */
type Seen = Readonly<Record<'files' | 'modules' | 'functions', ReadonlyMap<string, string>>>

function seen(snapshot: Snapshot): Seen {
  const files = new Map<string, string>()
  const modules = new Map<string, string>()
  const functions = new Map<string, string>()
  for (const line of pages(50, (page) => snapshot.exportRows(page))) {
    if (line.table === 'file') files.set(line.row.path, JSON.stringify([line.row.sourceHash, line.row.lines, line.row.readable]))
    else if (line.table === 'module') modules.set(line.row.key, JSON.stringify([line.row.facts.sourceHash, line.row.kind]))
    else if (line.table === 'function') {
      const { span: _, clauses, linesOfCode: __, cyclomatic: ___, ...facts } = line.row.facts
      const name = formatMfa({ module: line.row.moduleKey, ...facts })
      const callees = [...new Set(line.calls.map((call) => `${call.module?.replace(/^([^:].*)@\d+$/, '$1')}.${call.name}/${call.arity}`))].sort()
      functions.set(name, `${functions.get(name) ?? ''}${JSON.stringify([facts, clauses.map(({ span: ____, ...clause }) => clause), callees])}`)
    }
  }
  return { files, modules, functions }
}

function difference(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): ChangedNames {
  const added = [...after.keys()].filter((name) => !before.has(name)).sort()
  const removed = [...before.keys()].filter((name) => !after.has(name)).sort()
  return { added, removed, modified: [...after.keys()].filter((name) => before.has(name) && before.get(name) !== after.get(name)).sort() }
}

const PATHS = ['a.ex', 'b.ex', 'lib/c.ex']
/** Path -> its new content, or null where it goes. */
const step = fc.uniqueArray(fc.constantFrom(...PATHS).chain((path) => fc.oneof({ weight: 3, arbitrary: fileAt(path) }, fc.constant(null)).map((content) => ({ path, content }))),
  { minLength: 1, selector: ({ path }) => path })

function perform({ writer }: Opened, changes: readonly { readonly path: string; readonly content: ArbitraryFile | null }[]): void {
  write(writer, (transaction) => {
    for (const { content } of changes) if (content !== null) transaction.applyFile(encodeFileFacts(content.facts, content.source), DISK)
    transaction.removeFiles(changes.filter(({ content }) => content === null).map(({ path }) => path))
  })
}

test('what a commit tells is the difference of what can be read', () => {
  fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
    const store = openTold()
    let before = store.reader.snapshot(seen)
    for (const changes of steps) {
      const epoch = store.writer.epoch()
      perform(store, changes)
      const after = store.reader.snapshot(seen)
      const told = store.told.pop()
      expect(store.writer.epoch() - epoch).toBe(told === undefined ? 0 : 1)
      const functions = difference(before.functions, after.functions)
      expect(told?.functions.added ?? []).toEqual(functions.added)
      expect(told?.functions.removed ?? []).toEqual(functions.removed)
      // Of several definitions of one function the export says which is which; what is told is the name.
      expect(functions.modified.filter((name) => told?.functions.modified.includes(name) !== true)).toEqual([])
      expect(told?.files ?? NONE).toEqual(difference(before.files, after.files))
      const modules = difference(before.modules, after.modules)
      expect([told?.modules.added ?? [], told?.modules.removed ?? []]).toEqual([modules.added, modules.removed])
      expect(modules.modified.filter((name) => told?.modules.modified.includes(name) !== true)).toEqual([])
      before = after
    }
    expect(value(verifyPath(store.path))).toEqual([])
    store.reader.close()
    store.writer.close()
  }), seeded(150))
})

test('each function of a file whose text did not change but moved is left out', () => {
  const { writer, told } = openTold()
  const now = file('a.ex', { A: { 'f/0': ['B.g/1'], 'g/0': [] } })
  apply(writer, now)
  expect(told.pop()).toMatchObject({ epoch: 1, files: { added: ['a.ex'] }, modules: { added: ['A'] }, functions: { added: ['A.f/0', 'A.g/0'] } })
  apply(writer, file('a.ex', { A: { 'new/0': [], 'f/0': ['B.g/1'], 'g/0': [] } }))
  expect(told.pop()).toMatchObject({ epoch: 2, files: { modified: ['a.ex'] }, modules: { ...NONE, modified: ['A'] }, functions: { ...NONE, added: ['A.new/0'] } })
  apply(writer, file('a.ex', { A: { 'new/0': [], 'f/0': ['B.other/1'], 'g/0': [] } }))
  expect(told.pop()).toMatchObject({ functions: { ...NONE, modified: ['A.f/0'] } })
  apply(writer, now)
  expect(told.pop()).toMatchObject({ counts: { functions: { added: 0, modified: 1, removed: 1 } }, functions: { modified: ['A.f/0'], removed: ['A.new/0'] } })
})

test('what moves to another file in one commit is neither added nor removed', () => {
  const { writer, reader, told } = openTold()
  apply(writer, file('a.ex', { A: { 'f/0': [] } }, { B: { 'g/0': [] } }))
  const moved = write(writer, (transaction) => {
    const next = file('b.ex', { A: { 'f/0': [] } }, { B: { 'g/0': [], 'h/0': [] } })
    transaction.applyFile(encodeFileFacts(next.facts, next.source), DISK)
    transaction.removeFiles(['a.ex'])
  })
  expect(told.at(-1)).toMatchObject({
    epoch: moved, files: { added: ['b.ex'], modified: [], removed: ['a.ex'] }, modules: { added: [], removed: [] }, functions: { ...NONE, added: ['B.h/0'] },
  })
  const id = must(reader.snapshot((s) => s.findFunction({ module: 'A', name: 'f', arity: 0 })?.id), 'a function')
  expect(reader.snapshot((s) => s.functionMoments(id))).toMatchObject({ firstSeen: { epoch: 1 }, lastModified: { epoch: 1 } })
})

test('a function that comes back was first seen when it first was', () => {
  const { writer, reader } = openTold()
  const moments = (name: string) => reader.snapshot((s) => s.functionMoments(must(s.findFunction({ module: 'A', name, arity: 0 })?.id, 'a function')))
  apply(writer, file('a.ex', { A: { 'f/0': [], 'g/0': [] } }))
  apply(writer, file('a.ex', { A: { 'g/0': [] } }))
  apply(writer, file('a.ex', { A: { 'g/0': ['A.f/0'], 'f/0': [] } }))
  expect([moments('f'), moments('g')]).toMatchObject([
    { firstSeen: { epoch: 1 }, lastModified: { epoch: 3 } }, { firstSeen: { epoch: 1 }, lastModified: { epoch: 3 } },
  ])
  write(writer, (transaction) => transaction.removeFiles(['a.ex']))
  apply(writer, file('b.ex', { A: { 'f/0': [] } }))
  expect(moments('f')).toMatchObject({ firstSeen: { epoch: 1 }, lastModified: { epoch: 5 } })
  expect(reader.snapshot((s) => s.moduleMoments(must(s.findModule('A')?.id, 'a module')))).toMatchObject({ firstSeen: { epoch: 1 }, lastModified: { epoch: 5 } })
})

test('too many names are told as counts', () => {
  const { writer, told } = openTold()
  const functions = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`f${index}/0`, []]))
  apply(writer, file('a.ex', { A: functions }))
  expect(told).toMatchObject([{ truncated: true, functions: NONE, modules: NONE, files: NONE, counts: { files: { added: 1 }, modules: { added: 1 }, functions: { added: 1000 } } }])
})

test('a commit without an epoch, and one that is rolled back, tell nothing', () => {
  const { writer, told } = openTold()
  const one = file('a.ex', { A: { 'f/0': [] } })
  apply(writer, one)
  apply(writer, one)
  writer.transaction((transaction) => {
    transaction.removeFiles(['a.ex'])
    return { ok: false, error: { code: 'timeout', message: 'given up' } }
  })
  expect(told.map(({ epoch }) => epoch)).toEqual([1])
})

test('what a client states is told as well, and leaves no history of files', () => {
  const { writer, reader, told } = openTold()
  const [stated] = file('-', { 'My.Own': { 'f/0': [] } }).facts.modules
  write(writer, (transaction) => transaction.storeClientModule({ facts: must(stated, 'a module'), path: null, document: {} }))
  write(writer, (transaction) => transaction.cleanupClientModule('My.Own'))
  expect(told).toMatchObject([
    { files: NONE, modules: { ...NONE, added: ['My.Own'] }, functions: { ...NONE, added: ['My.Own.f/0'] } },
    { files: NONE, modules: { ...NONE, removed: ['My.Own'] }, functions: { ...NONE, removed: ['My.Own.f/0'] } },
  ])
  expect(reader.snapshot((s) => s.statistics())).toMatchObject({ versions: 0, staleFunctions: 0 })
})
