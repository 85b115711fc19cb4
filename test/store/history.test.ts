/**
 * The promise of the store: however files came, changed and went, it answers as a fresh store would that was given the
 * last state, and its derived rows are those that its rows imply.
 */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import type { Snapshot, Writer } from '../../src/store/contract.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { fileAt, problem, seeded, type ArbitraryFile } from './arbitraries.ts'
import { DISK, openStore, pages, value, write } from './opened.ts'
import type { Problem } from '../../src/model/problem.ts'

const PATHS = ['a.ex', 'b.ex', 'lib/c.ex', 'z.ex']

type Step =
  | { readonly kind: 'apply'; readonly file: ArbitraryFile }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'unreadable'; readonly path: string; readonly problem: Problem }

const path = fc.constantFrom(...PATHS)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: path.chain((at) => fileAt(at)).map((file): Step => ({ kind: 'apply', file })) },
  { weight: 1, arbitrary: path.map((at): Step => ({ kind: 'remove', path: at })) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unreadable' as const), path, problem }) },
)
/** Transactions of several steps each; one in three is rolled back. */
const history = fc.array(fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 4 }), keep: fc.nat(2).map((n) => n > 0) }), { maxLength: 6 })

function perform(writer: Writer, { steps, keep }: { readonly steps: readonly Step[]; readonly keep: boolean }): void {
  const result = writer.transaction((transaction) => {
    for (const each of steps) {
      if (each.kind === 'apply') transaction.applyFile(encodeFileFacts(each.file.facts, each.file.source), DISK)
      else if (each.kind === 'remove') transaction.removeFiles([each.path])
      else transaction.markUnreadable(each.path, each.problem, DISK)
    }
    return keep ? { ok: true, value: null } : { ok: false, error: { code: 'timeout', message: 'given up' } }
  })
  expect(result.ok).toBe(keep)
}

/** What is left of a history: the last step of each path. */
function lastSteps(transactions: readonly { readonly steps: readonly Step[]; readonly keep: boolean }[]): Step[] {
  const last = new Map<string, Step>()
  for (const { steps, keep } of transactions) {
    if (!keep) continue
    for (const each of steps) last.set(each.kind === 'apply' ? each.file.facts.path : each.path, each)
  }
  return PATHS.flatMap((at) => {
    const each = last.get(at)
    return each === undefined || each.kind === 'remove' ? [] : [each]
  })
}

/** Everything that a reader can ask, without ids, versions and times. */
function everything(snapshot: Snapshot): unknown {
  const modules = pages(2, (page) => snapshot.listModules(page))
  const callees = new Map<string, { module: string | null; name: string; arity: number }>()
  const detailed = modules.map((row) => {
    const functions = pages(2, (page) => snapshot.functionsOf(row.id, page)).filter(({ stale }) => stale === null).map((fn) => {
      const calls = pages(3, (page) => snapshot.calleesOf(fn.id, page))
      for (const call of calls) callees.set(JSON.stringify([call.module, call.name, call.arity]), call)
      return [fn.name, fn.arity, fn.path, fn.line, snapshot.functionById(fn.id)?.facts, calls]
    })
    const bodyCalls = pages(2, (page) => snapshot.bodyCallsOf(row.id, page))
    for (const call of bodyCalls) callees.set(JSON.stringify([call.module, call.name, call.arity]), call)
    return [row.key, row.path, row.line, row.functions, row.cyclomatic, snapshot.findModule(row.key)?.facts, functions, bodyCalls]
  })
  const called = [...callees.keys()].sort().map((key) => [key, pages(2, (page) => snapshot.callers(callees.get(key) ?? { module: null, name: '', arity: 0 }, page))
    .map(({ caller, ...site }) => JSON.stringify([caller.moduleKey, caller.function?.name, caller.function?.arity, site])).sort()])
  const { epoch: _, lastUpdated: __, databaseBytes: ___, walBytes: ____, sourceBytesStored: _____, ...rest } = snapshot.statistics()
  const { versions: _v, versionBytes: _b, oldestEpoch: _o, staleFunctions: _s, ...statistics } = rest
  return {
    detailed, called, statistics,
    listed: pages(3, (page) => snapshot.listFunctions(page)).filter((fn) => fn.stale === null).map((fn) => [fn.moduleKey, fn.name, fn.arity, fn.line]),
    problems: pages(2, (page) => snapshot.problems(page)).map((row) => JSON.stringify(row)).sort(),
    states: [...snapshot.fileStates()],
    files: PATHS.map((at) => [snapshot.modulesOfFile(at)?.map((row) => row.key), snapshot.sourceOf(at)]),
  }
}

test('any history of a project ends as a cold import of its last state', () => {
  fc.assert(fc.property(history, (transactions) => {
    const lived = openStore({ storage: 'memory' })
    for (const each of transactions) perform(lived.writer, each)
    const fresh = openStore({ storage: 'memory' })
    for (const each of lastSteps(transactions)) perform(fresh.writer, { steps: [each], keep: true })
    expect(value(verifyPath(lived.path))).toEqual([])
    expect(lived.reader.snapshot(everything)).toEqual(fresh.reader.snapshot(everything))
    for (const store of [lived, fresh]) {
      store.reader.close()
      store.writer.close()
    }
  }), seeded(120))
})

test('applying what is there already changes no row and makes no epoch', () => {
  fc.assert(fc.property(fc.array(path.chain((at) => fileAt(at)), { minLength: 1, maxLength: 3 }), (files) => {
    const { writer, reader } = openStore({ storage: 'memory' })
    const last = [...new Map(files.map((file) => [file.facts.path, file])).values()]
    const epoch = write(writer, (transaction) => last.map((file) => transaction.applyFile(encodeFileFacts(file.facts, file.source), DISK)))
    const again = value(writer.transaction((transaction) =>
      ({ ok: true, value: last.map((file) => transaction.applyFile(encodeFileFacts(file.facts, file.source), DISK).rowsChanged) })))
    expect(again).toMatchObject({ value: last.map(() => 0), epoch, changed: false })
    reader.close()
    writer.close()
  }), seeded(60))
})

test('rebuilding the derived rows gives what is there', () => {
  fc.assert(fc.property(history, (transactions) => {
    const { writer, reader, path: at } = openStore({ storage: 'memory' })
    for (const each of transactions) perform(writer, each)
    const before = reader.snapshot(everything)
    value(writer.optimize())
    expect(value(verifyPath(at))).toEqual([])
    expect(reader.snapshot(everything)).toEqual(before)
    value(writer.vacuum())
    expect(value(verifyPath(at))).toEqual([])
    expect(reader.snapshot(everything)).toEqual(before)
    reader.close()
    writer.close()
  }), seeded(30))
})
