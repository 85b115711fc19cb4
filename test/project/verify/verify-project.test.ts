/**
 * Verification over real stores and files: whatever is planted in any table or index is found, named, and repaired; a store
 * that followed its files has nothing, however they changed, and also while they do.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { DEFAULTS } from '../../../config/defaults.ts'
import { must } from '../../../src/base/assert.ts'
import type { Failure } from '../../../src/base/failure.ts'
import { ok, type Result } from '../../../src/base/result.ts'
import { discover } from '../../../src/project/discover.ts'
import { importProject } from '../../../src/project/import-project.ts'
import { repairFiles } from '../../../src/project/verify/repair-files.ts'
import type { Writer } from '../../../src/store/contract.ts'
import { openReader } from '../../../src/store/reader.ts'
import { openWriter } from '../../../src/store/writer.ts'
import { makeTree, writeTree } from '../support.ts'
import { differences, line, readingPorts, verified } from './verified.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

const CART = `defmodule Shop.Cart do
  @moduledoc "The cart."
  alias Shop.Money
  IO.puts(Money.zero())

  @doc "Adds."
  def add(cart, item, n \\\\ 1), do: [{item, n} | cart]

  def total(cart), do: cart |> Enum.map(&price/1) |> Enum.reduce(Money.zero(), &Money.plus/2)
  defp price({item, n}), do: Money.times(item.price, n)
end
`
const FILES = {
  'mix.exs': 'defmodule Shop.MixProject do\n  use Mix.Project\nend\n',
  'lib/cart.ex': CART,
  'lib/money.ex': 'defmodule Shop.Money do\n  def zero, do: 0\n  def plus(a, b), do: a + b\n  def times(a, n), do: a * n\nend\n',
  'lib/order.ex': 'defmodule Shop.Order do\n  alias Shop.Cart\n  def buy(c), do: Cart.add(c, :book)\n  def sum(c), do: Cart.total(c)\nend\n\ndefmodule Shop.Money do\n  def again, do: zero()\nend\n',
  'lib/broken.ex': 'defmodule Shop.Broken do\n  def f(, do: 1\nend\n',
}

type World = { readonly root: string; readonly path: string; readonly writer: Writer; import(): Promise<void> }

function opened<T>(result: Result<T, Failure>): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

async function world(files: Readonly<Record<string, string>> = FILES): Promise<World> {
  const root = makeTree(files)
  const directory = mkdtempSync(join(tmpdir(), 'es-'))
  const path = join(directory, 'store.db')
  const writer = opened(openWriter({ path, storage: 'memory', now: Date.now, repositoryId: 'r' }))
  const reader = opened(openReader({ path, now: Date.now }))
  onTestFinished(() => {
    reader.close()
    writer.close()
    rmSync(directory, { recursive: true })
  })
  const made: World = {
    root, path, writer,
    import: async () => void opened(await importProject({
      ...readingPorts(root), writer, maxModules: Infinity, statistics: () => reader.snapshot((snapshot) => snapshot.statistics()), progress: () => undefined,
    }, 'changed')),
  }
  await made.import()
  return made
}

function plant(path: string, sql: string): void {
  const db = new DatabaseSync(path, { defensive: false })
  db.exec(sql)
  db.close()
}

test('a store that was just built has no differences; what was compared is counted, what clients stated is apart', async () => {
  const { path, root, writer } = await world()
  const { verification, paths } = await verified(path, root)
  expect(verification).toMatchObject({ total: 0, differences: [], files_differing: 0, files: 5, modules: 6, problems: 3, not_compared: { client_modules: 0, files_changing: [] } })
  expect([verification.functions, verification.calls].every((n) => n > 5)).toBe(true)
  expect(paths).toEqual([])
  const facts = must(opened(openReader({ path, now: Date.now })).snapshot((snapshot) => snapshot.findModule('Shop.Order')), 'a module').facts
  opened(writer.transaction((transaction) => transaction.storeClientModule({ facts: { ...facts, name: 'Shop.Stated', functions: [], bodyCalls: [] }, path: null, document: {} })))
  expect((await verified(path, root)).verification).toMatchObject({ total: 0, not_compared: { client_modules: 1 } })
})

test('which of two definitions in a file came first to the store is no difference', async () => {
  const { path, root, import: again } = await world({ 'lib/a.ex': 'defmodule A do\nend\ndefmodule T do\nend\n', 'lib/b.ex': 'defmodule T do\nend\n' })
  writeTree(root, { 'lib/b.ex': 'defmodule A do\n  def x, do: 1\nend\ndefmodule T do\nend\n' })
  await again()
  expect(await differences(path, root)).toEqual([])
})

test.each(['', 'lib'])('files beneath a directory that cannot be read ("%s") are no differences: nothing is verified, so that nothing of them is repaired away', async (path) => {
  const { path: store, root } = await world()
  const problems = [{ path, code: 'unreadable_directory' as const, message: 'it cannot be read' }]
  const hiding = discover({ root, ...DEFAULTS.project })
  const files = hiding.files.filter((file) => !file.path.startsWith(path))
  const ports = { discover: () => Promise.resolve(ok({ ...hiding, files, problems })) }
  await expect(verified(store, root, ports)).rejects.toThrow(`${path || '.'} cannot be read as a whole`)
})

/** What is planted, and what is said about it. `replaced`: rows are not looked at unless they go and come anew. */
const PLANTED: readonly (readonly [where: string, sql: string, said: RegExp, left: 'applied' | 'replaced' | 'only anew'])[] = [
  ['files.bytes', "UPDATE files SET bytes = 1 WHERE path = 'lib/cart.ex'", /^file lib\/cart.ex bytes: 1 -> \d+$/, 'applied'],
  ['files.lines', "UPDATE files SET lines = 99 WHERE path = 'lib/cart.ex'", /^file lib\/cart.ex lines: 99 -> 11$/, 'applied'],
  ['files.readable', "UPDATE files SET readable = 0 WHERE path = 'lib/cart.ex'", /^file lib\/cart.ex readable: false -> true$/, 'applied'],
  ['files.source_id', "UPDATE files SET source_id = (SELECT source_id FROM files WHERE path = 'mix.exs') WHERE path = 'lib/cart.ex'", /^file lib\/cart.ex sourceHash: /, 'applied'],
  ['files, one too many', "INSERT INTO files (path, source_id, bytes, size, mtime_ns, lines, readable, version, updated_at_ms) VALUES ('lib/gone.ex', 0, 0, 0, 0, 0, 0, 1, 0)", /^file lib\/gone.ex: .* -> nothing$/, 'applied'],
  ['files, one missing', "DELETE FROM files WHERE path = 'mix.exs'", /^file mix.exs: nothing -> /, 'applied'],
  ['sources.data', "UPDATE sources SET data = (SELECT data FROM sources WHERE id = (SELECT source_id FROM files WHERE path = 'mix.exs')) WHERE id = (SELECT source_id FROM files WHERE path = 'lib/cart.ex')", /^source lib\/cart.ex: /, 'applied'],
  ['sources.data, damaged', "UPDATE sources SET data = x'00' WHERE id = (SELECT source_id FROM files WHERE path = 'lib/cart.ex')", /^file lib\/cart.ex: sources 2: data is damaged/, 'applied'],
  ['modules.key', "UPDATE modules SET key = 'Shop.Basket' WHERE key = 'Shop.Cart'", /^module Shop.Basket: .* -> nothing$/, 'replaced'],
  ['modules.name', "UPDATE modules SET name = 'Shop.Basket' WHERE key = 'Shop.Cart'", /^store in itself: module \d+: key Shop.Cart should be Shop.Basket/, 'only anew'],
  ['modules.line', "UPDATE modules SET line = 7 WHERE key = 'Shop.Cart'", /^module Shop.Cart line: 7 -> 1$/, 'applied'],
  ['modules.functions', "UPDATE modules SET functions = 9 WHERE key = 'Shop.Cart'", /^module Shop.Cart functions: 9 -> 3$/, 'replaced'],
  ['modules.data', "UPDATE modules SET data = (SELECT data FROM modules WHERE key = 'Shop.Order') WHERE key = 'Shop.Cart'", /^module Shop.Cart facts\./, 'applied'],
  ['modules.body_calls', "UPDATE modules SET body_calls = NULL WHERE key = 'Shop.Cart'", /^module Shop.Cart bodyCalls\.0: nothing -> /, 'applied'],
  ['modules.position', "UPDATE modules SET position = 1 - position WHERE file_id = (SELECT id FROM files WHERE path = 'lib/order.ex')", /^modules lib\/order.ex 0: Shop.Money@2 -> Shop.Order$/, 'applied'],
  ['functions.cyclomatic', "UPDATE functions SET cyclomatic = 40 WHERE name = 'total'", /^function Shop.Cart.total\/1 cyclomatic: 40 -> 1$/, 'applied'],
  ['functions.position', "UPDATE functions SET position = 2 - position WHERE module_id = (SELECT id FROM modules WHERE key = 'Shop.Cart')", /^functions Shop.Cart 0: price\/1 -> add\/3$/, 'applied'],
  ['functions.data', "UPDATE functions SET data = (SELECT data FROM functions WHERE name = 'total') WHERE name = 'add'", /^function Shop.Cart.add\/3 facts\./, 'applied'],
  ['functions.data, damaged', "UPDATE functions SET data = x'0102' WHERE name = 'add'", /^file lib\/cart.ex: /, 'applied'],
  ['functions.calls', "UPDATE functions SET calls = NULL, n_calls = 0 WHERE name = 'total'", /^callers Shop.Money.plus\/2 site: nothing -> Shop.Cart.total\/1 at lib\/cart.ex:9:/, 'applied'],
  ['functions, one missing', "DELETE FROM functions WHERE name = 'add'", /^function Shop.Cart.add\/3: nothing -> /, 'applied'],
  ['functions, one too many', "INSERT INTO functions SELECT 999, module_id, 'ghost', arity, ordinal, defaults, kind, 9, line, clauses, 0, cyclomatic, loc, version, updated_at_ms, data, NULL, first_epoch, first_ms, modified_epoch, modified_ms FROM functions WHERE name = 'zero'", /^function Shop.Money.ghost\/0: .* -> nothing$/, 'applied'],
  ['functions, of no module', "INSERT INTO functions SELECT 999, 12345, name, arity, ordinal, defaults, kind, position, line, clauses, 0, cyclomatic, loc, version, updated_at_ms, data, NULL, first_epoch, first_ms, modified_epoch, modified_ms FROM functions WHERE name = 'zero'", /^store in itself: functions without module: 999/, 'applied'],
  ['modules, of no file', "INSERT INTO modules SELECT 999, 'Shop.Ghost', 'Shop.Ghost', origin, kind, 12345, client_path, position, start, line, functions, n_body_calls, loc, cyclomatic, version, updated_at_ms, data, body_calls, document, first_epoch, first_ms, modified_epoch, modified_ms FROM modules WHERE key = 'Shop.Order'", /^store in itself: modules without file: 999/, 'applied'],
  ['versions, of no source', "INSERT INTO versions VALUES ('lib/cart.ex', 0, 777, NULL, 1, 0, 0, 1, 0)", /^store in itself: versions without source: lib\/cart.ex/, 'applied'],
  ['ids that come again', 'UPDATE state SET next_module_id = 1, next_function_id = 1', /^store in itself: ids to be handed out again: /, 'applied'],
  ['callees, one missing', "DELETE FROM callees WHERE name LIKE '%plus%'", /^callers Shop.Money.plus\/2 site: nothing -> /, 'applied'],
  ['callees, one too many', "INSERT INTO callees (name) VALUES ('Nobody.calls/0')", /^store in itself: postings of Nobody/, 'applied'],
  ['postings, one missing', "DELETE FROM postings WHERE callee_id = (SELECT id FROM callees WHERE name LIKE '%Money.plus%')", /^callers Shop.Money.plus\/2 sites: 0 -> 1$/, 'applied'],
  ['postings, of a function outside', "DELETE FROM postings WHERE callee_id = (SELECT id FROM callees WHERE name LIKE '%Enum.map%')", /^store in itself: postings of .*Enum.map/, 'applied'],
  ['postings, another caller', "UPDATE postings SET data = (SELECT data FROM postings WHERE callee_id = (SELECT id FROM callees WHERE name LIKE '%Cart.total%')) WHERE callee_id = (SELECT id FROM callees WHERE name LIKE '%Money.times%')", /^callers Shop.Money.times\/2 /, 'applied'],
  ['problems, one missing', "DELETE FROM problems WHERE path = 'lib/broken.ex'", /^problems lib\/broken.ex 0: nothing -> /, 'applied'],
  ['problems.message', "UPDATE problems SET message = 'all is well' WHERE path = 'lib/broken.ex'", /^problems lib\/broken.ex 0.message: all is well -> /, 'applied'],
  ['problems, of no file', "INSERT INTO problems VALUES ('lib/none.ex', 0, 'x', 'y', 1, 1, 0, 0)", /^store in itself: problems without file: lib\/none.ex/, 'applied'],
  ['state.n_functions', 'UPDATE state SET n_functions = n_functions + 1', /^store in itself: n_functions is /, 'applied'],
  ['state.n_files', 'UPDATE state SET n_files = 77', /^count files: 77 -> 5$/, 'applied'],
  ['an index that is gone', 'DROP INDEX modules_file_id_position', /^table or index modules_file_id_position: nothing -> there$/, 'applied'],
  ['an index that nobody asked for', 'CREATE INDEX odd ON files (lines)', /^table or index odd: there -> nothing$/, 'applied'],
  ['an index without a row', `PRAGMA writable_schema = ON; CREATE TABLE hold AS SELECT * FROM sqlite_schema WHERE name = 'functions_module_id_position'; DELETE FROM sqlite_schema WHERE name = 'functions_module_id_position'; PRAGMA writable_schema = RESET;
    UPDATE functions SET position = position + 10 WHERE name = 'zero'; PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM hold; DROP TABLE hold; PRAGMA writable_schema = RESET`, /^store in itself: .*index functions_module_id_position/, 'replaced'],
]

test.each(PLANTED)('%s: found, named, and repaired', async (_where, sql, said, left) => {
  const { path, root, writer } = await world()
  plant(path, sql)
  const found = await verified(path, root)
  expect(found.verification.differences.map(line)).toContainEqual(expect.stringMatching(said))
  const repair = async (how: 'apply' | 'replace', paths: readonly string[]): Promise<readonly [total: number, paths: readonly string[]]> => {
    const done = await repairFiles({ writer, parse: readingPorts(root).parse }, { paths, how })
    if (!done.ok) return [-1, paths]
    const again = await verified(path, root)
    return [again.verification.total, again.paths]
  }
  const [applied, paths] = await repair('apply', found.paths)
  if (left === 'applied') return expect([applied, await differences(path, root)]).toEqual([0, []])
  expect(applied).not.toBe(0)
  const [replaced] = await repair('replace', paths)
  if (left === 'replaced') return expect([replaced, await differences(path, root)]).toEqual([0, []])
  expect(replaced).not.toBe(0)
})

test('a file that is stored anew while it is read is not brought back by a repair', async () => {
  const { path, root, writer } = await world()
  plant(path, "UPDATE functions SET cyclomatic = 40 WHERE name = 'total'")
  const old = readingPorts(root).parse
  const done = await repairFiles({
    writer,
    parse: async (files) => {
      const outcomes = await old(files)
      writeTree(root, { 'lib/cart.ex': CART.replace('Adds.', 'Adds one.') })
      for (const outcome of opened(await old(files))) if (outcome.kind === 'parsed') opened(writer.transaction((transaction) => ok(transaction.applyFile(outcome.encoded, outcome.stamp))))
      return outcomes
    },
  }, { paths: ['lib/cart.ex'], how: 'apply' })
  expect(done).toEqual(ok(0))
  expect(await differences(path, root)).toEqual([])
})

test('no more differences are named than asked for; all are counted, and the files of all are known', async () => {
  const { path, root } = await world()
  plant(path, 'UPDATE functions SET cyclomatic = 40')
  const { verification, paths } = await verified(path, root, { limit: 2 })
  expect(verification.differences).toHaveLength(2)
  expect(verification.total).toBeGreaterThan(5)
  expect([verification.files_differing, paths]).toEqual([4, ['lib/broken.ex', 'lib/cart.ex', 'lib/money.ex', 'lib/order.ex']])
})

test('files that are saved while it runs are compared again, and are no difference once they are in', async () => {
  const made = await world()
  let saves = 0
  const { verification } = await verified(made.path, made.root, {
    settle: async () => {
      if (saves > 0) await made.import()
      return ok(null)
    },
    progress: ({ phase }) => {
      if (phase !== 'comparing' || saves >= 3) return
      saves += 1
      // Not in the live store yet, and not in the rebuilt one.
      writeFileSync(join(made.root, 'lib/cart.ex'), CART.replace('total', `total${saves}`))
    },
  })
  expect(saves).toBe(3)
  expect(verification).toMatchObject({ total: 0, differences: [], not_compared: { files_changing: [] } })
})

test('a file that never comes to rest is said to be changing', async () => {
  const made = await world()
  let saves = 0
  const { verification } = await verified(made.path, made.root, {
    settle: async () => {
      writeFileSync(join(made.root, 'lib/cart.ex'), CART.replace('total', `total${saves++}`))
      await made.import()
      return ok(null)
    },
  })
  expect(verification.not_compared.files_changing).toEqual(['lib/cart.ex'])
})

test('files that nobody brought in are differences: the store is behind', async () => {
  const { path, root } = await world()
  writeTree(root, { 'lib/new.ex': 'defmodule Shop.New do\n  def f, do: Shop.Money.zero()\nend\n' })
  rmSync(join(root, 'mix.exs'))
  const lines = await differences(path, root)
  expect(lines).toContainEqual(expect.stringMatching(/^module Shop.New: nothing -> /))
  expect(lines).toContainEqual(expect.stringMatching(/^file mix.exs: .* -> nothing$/))
  expect(lines).toContainEqual(expect.stringMatching(/^callers Shop.Money.zero\/0 sites: /))
})

const MODULES = ['A', 'B', 'C', 'D']
const FUNCTIONS = ['f', 'g', 'h']
const source = fc.array(fc.record({
  module: fc.constantFrom(...MODULES), functions: fc.array(fc.tuple(fc.constantFrom(...FUNCTIONS), fc.constantFrom(...MODULES), fc.constantFrom(...FUNCTIONS)), { maxLength: 4 }),
}), { minLength: 1, maxLength: 3 }).map((modules) => modules.map(({ module, functions }) =>
  `defmodule ${module} do\n${functions.map(([name, other, callee]) => `  def ${name}(x, y \\\\ 1), do: ${other}.${callee}(x) + y\n`).join('')}end\n`).join('\n'))
const edit = fc.oneof(
  fc.record({ type: fc.constant('write' as const), file: fc.nat(5), text: source }), fc.record({ type: fc.constant('break' as const), file: fc.nat(5) }),
  fc.record({ type: fc.constant('remove' as const), file: fc.nat(5) }),
)

test('after any edits, stored step by step, there is no difference', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.array(edit, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 }), async (steps) => {
    const made = await world({ 'mix.exs': FILES['mix.exs'] })
    for (const step of steps) {
      for (const one of step) {
        const file = join(made.root, `f${one.file}.exs`)
        if (one.type === 'write') writeFileSync(file, one.text)
        else if (one.type === 'remove') rmSync(file, { force: true })
        else writeFileSync(file, readOr(file).replace('do\n', '\n'))
      }
      await made.import()
    }
    expect(await differences(made.path, made.root)).toEqual([])
  }), { numRuns: 40, ...seed })
}, 60_000)

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return 'defmodule X do\n'
  }
}
