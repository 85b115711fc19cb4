/**
 * How fast the store takes facts and answers, on made-up facts: a cold import, the same again unchanged, one file edited,
 * a batch of client modules, point lookups, and the bytes that a module takes by size class.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { must } from '../src/base/assert.ts'
import type { Failure } from '../src/base/failure.ts'
import { ok, type Result } from '../src/base/result.ts'
import type { Snapshot, Writer } from '../src/store/contract.ts'
import { encodeFileFacts } from '../src/store/encoded-file.ts'
import { openReader } from '../src/store/reader.ts'
import { openWriter } from '../src/store/writer.ts'
import { syntheticProject, TYPICAL, type Shape, type SyntheticFile } from '../test/store/synthetic.ts'

const MODULES = 1000
/** Files in one transaction of an import. */
const BATCH = 100
const LOOKUPS = 20_000
const EDITS = 200
const DISK = { size: 1, changedNs: 1n }

/** Lines of code of a module: below 500, up to 2,000, above. */
const SIZES: readonly { readonly name: string; readonly shape: Shape }[] = [
  { name: 'below_500_lines', shape: { ...TYPICAL, modules: 100 } },
  { name: '500_to_2000_lines', shape: { ...TYPICAL, modules: 20, functions: 90 } },
  { name: 'above_2000_lines', shape: { ...TYPICAL, modules: 10, functions: 250 } },
]

export async function benchStore(): Promise<object> {
  const directory = mkdtempSync(join(tmpdir(), 'store-bench-'))
  try {
    return { ...benchRows(join(directory, 'rows.db')), bytes_per_module: benchSizes(directory) }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function benchRows(path: string): object {
  const project = syntheticProject(1, { ...TYPICAL, modules: MODULES })
  for (const file of project.slice(0, 200)) encode(file)
  const encoding = timed(() => project.map(encode))
  const writer = open(path)
  const cold = timed(() => importAll(writer, encoding.value))
  const again = timed(() => importAll(writer, encoding.value))
  const edits = editOneByOne(writer, syntheticProject(1, { ...TYPICAL, modules: EDITS }, 1).map(encode))
  const clients = timed(() => storeClients(writer, project.slice(0, 500)))
  const optimize = must(value(writer.optimize()), 'a duration').durationMs
  const lookups = benchLookups(path)
  writer.close()
  return {
    modules: MODULES, functions: MODULES * TYPICAL.functions, transaction_files: BATCH,
    encode_ms: encoding.ms, encoded_bytes: encoding.value.reduce((sum, each) => sum + each.length, 0),
    cold_import_ms: cold.ms, rows: cold.value, rows_per_second: Math.round((cold.value / cold.ms) * 1000),
    unchanged_import_ms: again.ms, one_file_edited_ms: edits, client_modules_per_second: Math.round((500 / clients.ms) * 1000),
    optimize_ms: optimize, ...lookups,
  }
}

function encode(file: SyntheticFile): Uint8Array {
  return encodeFileFacts(file.facts, file.source)
}

function open(path: string): Writer {
  return value(openWriter({ path, storage: 'disk', now: Date.now, repositoryId: 'bench' }))
}

/** Rows inserted: modules, functions, files. */
function importAll(writer: Writer, files: readonly Uint8Array[]): number {
  let rows = 0
  for (let from = 0; from < files.length; from += BATCH) {
    value(writer.transaction((transaction) => {
      for (const file of files.slice(from, from + BATCH)) rows += transaction.applyFile(file, DISK).rowsChanged
      return ok(null)
    }))
  }
  return rows
}

/** Each edit is a durable transaction of its own. */
function editOneByOne(writer: Writer, files: readonly Uint8Array[]): object {
  return percentiles(files.map((file) => timed(() => importAll(writer, [file])).ms))
}

function storeClients(writer: Writer, files: readonly SyntheticFile[]): void {
  value(writer.transaction((transaction) => {
    for (const { facts } of files) value(transaction.storeClientModule({ facts: must(facts.modules[0], 'a module'), path: null, document: {} }))
    return ok(null)
  }))
}

function benchLookups(path: string): object {
  const reader = value(openReader({ path, now: Date.now }))
  const snapshot = reader.begin()
  const modules = snapshot.listModules({ limit: MODULES, origin: 'file' }).items
  const functions = snapshot.listFunctions({ limit: MODULES * TYPICAL.functions, origin: 'file' }).items
  const module = (n: number): string => must(modules[(n * 7919) % modules.length], 'a module').key
  const result = {
    find_module_us: micros((n) => snapshot.findModule(module(n))),
    find_module_row_us: micros((n) => snapshot.findModuleRow(module(n))),
    find_function_us: micros((n) => {
      const row = must(functions[(n * 7919) % functions.length], 'a function')
      return snapshot.findFunction({ module: row.moduleKey, name: row.name, arity: row.arity })
    }),
    callees_us: micros((n) => snapshot.calleesOf(must(functions[(n * 7919) % functions.length], 'a function').id, { limit: 100 })),
    callers_page_of_100_us: micros(() => snapshot.callers({ module: 'Enum', name: 'map', arity: 2 }, { limit: 100 }), LOOKUPS / 100),
    list_modules_100_us: micros((n) => snapshot.listModules({ limit: 100, prefix: module(n).slice(0, 6) }), LOOKUPS / 20),
    begin_release_us: micros(beginAgain(() => reader.begin(), snapshot)),
  }
  reader.close()
  return result
}

/** Releases the snapshot, so that every begin is a transaction of its own. */
function beginAgain(begin: () => Snapshot, held: Snapshot): () => void {
  let first = true
  return () => {
    if (first) held.release()
    first = false
    begin().release()
  }
}

function benchSizes(directory: string): object {
  return Object.fromEntries(SIZES.map(({ name, shape }) => {
    const writer = open(join(directory, `${name}.db`))
    const project = syntheticProject(2, shape)
    importAll(writer, project.map(encode))
    const bytes = value(writer.vacuum()).bytesAfter
    writer.close()
    return [name, { lines: must(project[0], 'a file').facts.lines, bytes: Math.round(bytes / shape.modules) }]
  }))
}

function micros(work: (n: number) => unknown, times = LOOKUPS): object {
  for (let n = 0; n < times / 10; n++) work(n)
  return percentiles(Array.from({ length: times }, (_, n) => timed(() => work(n)).ms * 1000))
}

function percentiles(samples: readonly number[]): { p50: number; p99: number } {
  const sorted = samples.toSorted((a, b) => a - b)
  const at = (share: number): number => round(sorted[Math.floor(sorted.length * share)] ?? 0)
  return { p50: at(0.5), p99: at(0.99) }
}

function timed<T>(work: () => T): { value: T; ms: number } {
  const start = performance.now()
  const result = work()
  return { value: result, ms: round(performance.now() - start) }
}

function round(ms: number): number {
  return Math.round(ms * 10_000) / 10_000
}

function value<T>(result: Result<T, Failure>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  return result.value
}
