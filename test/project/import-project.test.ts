/**
 * Imports over a real store, with the parser pool played by the test: whatever the pool does, every file comes to one end,
 * and the store says truly how far it got.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { analyseSource } from '../../src/analysis/analyse.ts'
import { must } from '../../src/base/assert.ts'
import { failure, type Failure } from '../../src/base/failure.ts'
import { fail, ok, type Result } from '../../src/base/result.ts'
import type { Discovery } from '../../src/project/discover.ts'
import { importProject, markInterrupted, type ImportPorts } from '../../src/project/import-project.ts'
import type { FileOutcome, WantedFile } from '../../src/project/parse-files.ts'
import type { Reader, Writer } from '../../src/store/contract.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { openReader } from '../../src/store/reader.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { openWriter } from '../../src/store/writer.ts'

let dir: string
let writer: Writer
let reader: Reader

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'es-'))
  writer = opened(openWriter({ path: join(dir, 'db'), storage: 'disk', now: Date.now, repositoryId: 'r' }))
  reader = opened(openReader({ path: join(dir, 'db'), now: Date.now }))
})

afterEach(() => {
  reader.close()
  writer.close()
  rmSync(dir, { recursive: true })
})

function opened<T>(result: Result<T, Failure>): T {
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

const NAMES = Array.from({ length: 100 }, (_, i) => `lib/m${String(i).padStart(3, '0')}.ex`)
const found = (paths: readonly string[], changes: Partial<Discovery> = {}): Discovery => ({
  files: paths.map((path) => ({ path, size: 20_000, changedNs: 1n })), unreadable: [], problems: [], skipped: [], nSkipped: 0, layout: 'mix', ...changes,
})

function parsed({ path }: WantedFile): FileOutcome {
  const source = new TextEncoder().encode(`defmodule M${/\d+/.exec(path)?.[0]} do\n  def f, do: 1\nend\n`)
  return { kind: 'parsed', path, stamp: { size: 20_000, changedNs: 1n }, bytes: 20_000, encoded: encodeFileFacts(analyseSource(path, source), source) }
}

type Pool = (files: readonly WantedFile[]) => Promise<Result<readonly FileOutcome[], Failure>>

function run(discovery: Discovery, parse: Pool, changes: Partial<ImportPorts> = {}) {
  return importProject({
    writer, parse, discover: async () => ok(discovery), statistics: () => reader.snapshot((snapshot) => snapshot.statistics()),
    maxModules: Infinity, tasksInFlight: 3, nowMs: () => 0, progress: () => undefined, admitted: async () => ok(null), ...changes,
  }, 'changed')
}

const wellBehaved: Pool = async (files) => ok(files.map(parsed))
const modules = (): string[] => reader.snapshot((snapshot) => snapshot.listModules({ limit: 1000 }).items.map((row) => row.key))

test('what one file does to its parser costs that file alone', async () => {
  const deadly = new Set([NAMES[3], NAMES[50]])
  const calls: number[] = []
  const imported = await run(found(NAMES), async (files) => {
    calls.push(files.length)
    return files.some(({ path }) => deadly.has(path)) ? fail(failure('internal', 'the thread died')) : wellBehaved(files)
  })
  expect(imported).toMatchObject({ ok: true, value: { files: 100, parsed: 98, unreadable: 2, modules: 98, problems: 2 } })
  const problems = reader.snapshot((snapshot) => snapshot.problems({ limit: 10 }).items)
  expect(problems.map(({ path, code }) => [path, code])).toEqual([[NAMES[3], 'parse_failed'], [NAMES[50], 'parse_failed']])
  expect(calls.filter((n) => n === 1).length).toBeGreaterThan(0)
})

test('a pool that is gone interrupts the import, which says so; the next goes on', async () => {
  let answered = 0
  const imported = await run(found(NAMES), async (files) => (++answered > 2 ? fail(failure('unavailable', 'no pool')) : wellBehaved(files)))
  expect(imported).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  expect(writer.importState().state).toBe('interrupted')
  expect(await run(found(NAMES), wellBehaved)).toMatchObject({ ok: true, value: { modules: 100 } })
  expect(writer.importState().state).toBe('complete')
  expect(verifyPath(join(dir, 'db'))).toEqual(ok([]))
})

test('files that went while they were read are removed; those that are the same are kept', async () => {
  await run(found(NAMES.slice(0, 4)), wellBehaved)
  const again = found(NAMES.slice(0, 4).map((path) => path))
  const touched: Discovery = { ...again, files: again.files.map((file) => ({ ...file, changedNs: 2n })) }
  const imported = await run(touched, async (files) => ok(files.map((file, i) => (i === 0
    ? { kind: 'gone', path: file.path } : { kind: 'same', path: file.path, stamp: { size: 20_000, changedNs: 2n } }))))
  expect(imported).toMatchObject({ ok: true, value: { files: 3, parsed: 0, unchanged: 3, removed: 1 } })
  expect(modules()).toEqual(['M001', 'M002', 'M003'])
})

test('a directory that cannot be read keeps what it hides, and the import is not complete', async () => {
  await run(found(NAMES.slice(0, 3)), wellBehaved)
  const problem = { path: 'lib', code: 'unreadable_directory', message: 'no permission' } as const
  expect(await run(found([], { problems: [problem] }), wellBehaved)).toMatchObject({ ok: true, value: { unreadable: 1, modules: 3, removed: 0 } })
  expect(modules()).toHaveLength(3)
  expect(await run(found(NAMES.slice(0, 2)), wellBehaved)).toMatchObject({ ok: true, value: { unreadable: 0, modules: 2, removed: 2 } })
})

test('more modules than allowed are refused with what to do', async () => {
  expect(await run(found(NAMES), wellBehaved, { maxModules: 50 })).toMatchObject({ ok: false, error: { code: 'too_large', hint: expect.stringContaining('storage.maxModules') as string } })
  expect(writer.importState().state).toBe('interrupted')
})

test('an import that never ended is marked as interrupted at the next start', async () => {
  const never = Promise.withResolvers<never>()
  void run(found(NAMES), () => never.promise)
  await Promise.resolve().then(() => undefined)
  await new Promise((resolve) => setImmediate(resolve))
  expect(writer.importState().state).toBe('running')
  expect(must(markInterrupted(writer), 'a result').ok).toBe(true)
  expect(writer.importState().state).toBe('interrupted')
})

test('while memory is short no task begins; an import that may not go on is interrupted, and the next one completes it', async () => {
  const parsedFiles: string[] = []
  const parse: Pool = async (files) => {
    parsedFiles.push(...files.map(({ path }) => path))
    return wellBehaved(files)
  }
  const short = fail(failure('insufficient_memory', 'no'))
  expect(await run(found(NAMES), parse, { admitted: async () => short })).toEqual(short)
  expect([parsedFiles, writer.importState().state]).toEqual([[], 'never'])
  let left = 4
  expect(await run(found(NAMES), parse, { admitted: async () => (left-- > 0 ? ok(null) : short) })).toEqual(short)
  expect(parsedFiles.length).toBeGreaterThan(0)
  expect(parsedFiles.length).toBeLessThan(NAMES.length)
  expect(writer.importState().state).toBe('interrupted')
  expect(await run(found(NAMES), parse)).toMatchObject({ ok: true, value: { modules: NAMES.length } })
})

test('progress rises to the total, phase by phase', async () => {
  const heard: { files_done: number; files_total: number; phase: string }[] = []
  await run(found(NAMES), wellBehaved, { progress: (progress) => heard.push(progress) })
  const done = heard.map((progress) => progress.files_done)
  expect(done).toEqual(done.toSorted((a, b) => a - b))
  expect(heard.at(-1)).toEqual({ files_done: 100, files_total: 100, phase: 'done' })
  expect([...new Set(heard.map(({ phase }) => phase))]).toEqual(['scanning', 'parsing', 'writing', 'done'])
})
