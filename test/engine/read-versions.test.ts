/** Versions, differences and nodes of earlier versions, as the methods answer them. */

import { expect, test } from 'vitest'
import { analyseSource } from '../../src/analysis/analyse.ts'
import type { Failure } from '../../src/base/failure.ts'
import type { Result } from '../../src/base/result.ts'
import type { ReadContext } from '../../src/engine/read-context.ts'
import { READS } from '../../src/engine/reads.ts'
import type { Snapshot } from '../../src/store/contract.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { parse } from '../../src/syntax/parse.ts'
import { error, openStore, value, write, type Opened } from '../store/opened.ts'
import { DISK } from '../store/opened.ts'

const FIRST = 'defmodule A do\n  def f(x), do: log(x)\n\n  def g(x) do\n    send(x, 1)\n  end\nend\n'
const SECOND = 'defmodule A do\n  use GenServer\n  def g(x) do\n    IO.puts(x)\n    send(x, 1)\n  end\n\n  def new(y), do: y\nend\n'

function openProject(...texts: readonly string[]): Opened {
  const store = openStore()
  for (const text of texts) put(store, 'lib/a.ex', text)
  return store
}

function put({ writer }: Opened, path: string, text: string): void {
  const source = Buffer.from(text)
  write(writer, (transaction) => transaction.applyFile(encodeFileFacts(analyseSource(path, source), source), DISK))
}

function contextOf(snapshot: Snapshot): ReadContext {
  return {
    snapshot, verified: true, stale: false, identity: { version: '0', projectRoot: '/', pid: 1 }, memory: { maxBytes: 0, usedBytes: () => 0 },
    treeOf: (path) => parse(snapshot.sourceOf(path) ?? new Uint8Array(0)),
    treeOfVersion: (path, { number }) => parse(snapshot.versionSource(path, number) ?? new Uint8Array(0)),
    mapOf: (_key, make) => make(),
  }
}

function ask<T>({ reader }: Opened, read: (context: ReadContext) => Result<T, Failure>): Result<T, Failure> {
  return reader.snapshot((snapshot) => read(contextOf(snapshot)))
}

test('versions of a module and of a file; a module that is gone is found in its file', () => {
  const store = openProject(FIRST, SECOND)
  const history = (args: { module_name?: string; path?: string }) => ask(store, (context) => READS.version_history(context, args))
  const both = [{ version: 2, since: { epoch: 2 }, until: null }, { version: 1, since: { epoch: 1 }, until: { epoch: 2 } }]
  expect(value(history({ module_name: 'A' })).value).toMatchObject({ source_file: 'lib/a.ex', versions: both, first_seen: { epoch: 1 }, last_modified: { epoch: 2 } })
  expect(value(history({ path: 'lib/a.ex' })).value).toMatchObject({ versions: both, first_seen: null })
  write(store.writer, (transaction) => transaction.removeFiles(['lib/a.ex']))
  expect(value(history({ module_name: 'A' })).value).toMatchObject({ versions: [{ version: 2, until: { epoch: 3 } }, { version: 1 }], first_seen: null })
  expect([error(history({ module_name: 'B' })).code, error(history({ path: 'b.ex' })).code, error(history({})).code]).toEqual(['not_found', 'not_found', 'invalid_argument'])
})

test('what changed in a module: the newest change unless told otherwise', () => {
  const store = openProject(FIRST, SECOND)
  const diff = (args: { module_name: string; path?: string; from?: number; to?: number }) => ask(store, (context) => READS.get_module_diff(context, args))
  const found = value(diff({ module_name: 'A' })).value
  expect(found).toMatchObject({
    module_name: 'A', source_file: 'lib/a.ex', from: 1, to: 2, change_type: 'structural', name_before: 'A', name_after: 'A',
    added_functions: [{ function: 'new/1', from: null }], removed_functions: [{ function: 'f/1', to: null }], modified_functions: [{ function: 'g/1', changes: ['body'] }],
    metadata_changes: [{ field: 'use', removed: [], added: ['GenServer'] }, { field: 'dependencies' }], exports: 'changed',
  })
  const { broken, new: come, maintained } = found.correlation_impacts
  expect(broken.node_ids).toContain('A.f/1#1')
  expect(come.node_ids).toContain('A.g/1#1/IO.puts')
  expect([broken.count, come.count]).toEqual([broken.node_ids.length, come.node_ids.length])
  expect(maintained.count).toBeGreaterThan(3)
  const back = value(diff({ module_name: 'A', from: 2, to: 1 })).value.correlation_impacts
  expect(back).toMatchObject({ broken: { count: come.count }, new: { count: broken.count }, maintained })
  expect(value(diff({ module_name: 'A', from: 2, to: 2 })).value).toMatchObject({ change_type: 'none', exports: 'same', correlation_impacts: { broken: { count: 0 }, new: { count: 0 } } })
  expect(error(diff({ module_name: 'A', from: 7 }))).toMatchObject({ code: 'not_found', hint: 'kept are 1 to 2' })
  expect(error(diff({ module_name: 'A', to: 1 })).message).toBe('lib/a.ex has no earlier version')
})

test('a node goes forward to where it is now, and back', () => {
  const store = openProject(FIRST, SECOND)
  const translate = (args: { node_id: string; path?: string; from: number; to?: number }) => value(ask(store, (context) => READS.translate_node(context, args))).value
  const moved = 'A.g/1#1/send'
  expect(translate({ node_id: moved, from: 1 })).toEqual({ node_id: moved, from: 1, to: 2 })
  expect(translate({ node_id: 'A.f/1#1', from: 1 }).node_id).toBeNull()
  expect(translate({ node_id: 'A.new/1#1', from: 2, to: 1 }).node_id).toBeNull()
  put(store, 'lib/a.ex', SECOND.replaceAll('def g', 'def renamed'))
  expect(translate({ node_id: moved, from: 1 }).node_id).toBe('A.renamed/1#1/send')
  expect(translate({ node_id: 'A.renamed/1#1/send', from: 3, to: 1 }).node_id).toBe(moved)
  expect(translate({ node_id: moved, path: './lib/a.ex', from: 2, to: 3 }).node_id).toBe('A.renamed/1#1/send')
})

test('the second definition of a name keeps its number in answers', () => {
  const store = openStore()
  put(store, 'lib/a.ex', FIRST)
  put(store, 'lib/b.ex', FIRST)
  put(store, 'lib/b.ex', FIRST.replaceAll('def g', 'def renamed'))
  const renamed = value(ask(store, (context) => READS.translate_node(context, { node_id: 'A@2.g/1#1/send', from: 1 }))).value
  expect(renamed.node_id).toBe('A@2.renamed/1#1/send')
  expect(value(ask(store, (context) => READS.get_module_diff(context, { module_name: 'A@2' }))).value).toMatchObject({
    source_file: 'lib/b.ex', added_functions: [{ function: 'renamed/1', from: 'A.g/1' }],
  })
})

test('a function that went because its file broke is answered as stale, by any of its arities', () => {
  const store = openProject('defmodule A do\n  def f(x, y \\\\ 1), do: B.g(x, y)\n  def g, do: 1\nend\n', 'defmodule A do\n  def f(x, y \\\\ 1, do: B.g(x, y)\n')
  const found = value(ask(store, (context) => READS.get_function(context, { mfa: 'A.g/0', text_limit: 100 }))).value
  expect(found).toMatchObject({ mfa: 'A.g/0', stale: { since: { epoch: 2 } }, first_seen: { epoch: 1 }, source_file: 'lib/a.ex' })
  expect(found.stale?.reason).toMatch(/^line \d+: /)
  const listed = value(ask(store, (context) => READS.list_functions(context, { limit: 10, origin: 'all' }))).value.functions
  expect(listed.filter((row) => row.stale).map((row) => row.mfa)).toContain('A.g/0')
})

test('a module lists its stale functions behind those that are there, and exports none of them', () => {
  const store = openProject('defmodule A do\n  def b, do: 1\n  def f(x), do: x\n  def a, do: 1\nend\n', 'defmodule A do\n  def f(x), do: x\n  def (\nend\n')
  const rows = ['A.f/1', 'A.a/0 stale', 'A.b/0 stale']
  const told = (functions: readonly { readonly mfa: string; readonly stale: boolean }[]): string[] => functions.map(({ mfa, stale }) => `${mfa}${stale ? ' stale' : ''}`)
  const module = value(ask(store, (context) => READS.get_module(context, { module_name: 'A', text_limit: 100 }))).value
  expect(told(module.functions)).toEqual(rows)
  expect(module.exports).toEqual(['f/1'])
  const page = (limit: number, cursor?: string) => value(ask(store, (context) => READS.get_functions_for_module(context, { module_name: 'A', limit, cursor }))).value
  expect(told(page(10).functions)).toEqual(rows)
  const paged: string[] = []
  for (let at = page(1); ; at = page(1, at.cursor)) {
    paged.push(...told(at.functions))
    if (at.cursor === null) break
  }
  expect(paged).toEqual(rows)
  put(store, 'lib/a.ex', 'defmodule A do\n  def f(x), do: x\nend\n')
  expect(told(page(10).functions)).toEqual(['A.f/1'])
})
