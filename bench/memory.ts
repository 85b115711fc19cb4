/**
 * Where a cache beats the store and where it does not: what a read costs when it is made anew, when it is found in a cache,
 * and when a cache missed and keeps it; the share of hits from which the cache pays, and what one hit saves. Beside it, the
 * hit rates of the tiers and of a plain LRU of the same bytes, under use with favourites that passes over everything
 * interrupt, and what one sample costs the pressure machine.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import { must } from '../src/base/assert.ts'
import type { Failure } from '../src/base/failure.ts'
import { ok, type Result } from '../src/base/result.ts'
import type { ReadContext } from '../src/engine/read-context.ts'
import { READS } from '../src/engine/reads.ts'
import { createCache, ENTRY_OVERHEAD_BYTES, hitRate } from '../src/memory/cache.ts'
import { WORTH_KEEPING_US } from '../src/memory/cache-policy.ts'
import { DEFAULT_THRESHOLDS } from '../src/memory/levels.ts'
import { pressureAfter, pressureAt } from '../src/memory/pressure-machine.ts'
import { encodeFileFacts } from '../src/store/encoded-file.ts'
import { openReader } from '../src/store/reader.ts'
import { openWriter } from '../src/store/writer.ts'
import { parse } from '../src/syntax/parse.ts'
import { EncodedResult, encodeResult } from '../src/wire/rpc.ts'
import { syntheticProject, TYPICAL, randomBelow } from '../test/store/synthetic.ts'

export type MemoryBenchSize = { readonly modules: number; readonly rounds: number; readonly lookups: number }

type Read = { readonly name: string; readonly keys: readonly string[]; readonly make: (key: string, n: number) => object | undefined }

const SHOP = join(import.meta.dirname, '../examples/shop/lib')

export function benchMemory({ modules, rounds, lookups }: MemoryBenchSize = { modules: 1000, rounds: 20, lookups: 400_000 }): object {
  const directory = mkdtempSync(join(tmpdir(), 'memory-bench-'))
  try {
    return {
      modules,
      reads: Object.fromEntries(readsOf(join(directory, 'store.db'), modules).map((read) => [read.name, compare(read, rounds)])),
      hit_rates: hitRates(lookups),
      pressure_sample_us: pressureSampleUs(rounds * 500),
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

// What is read

function readsOf(path: string, modules: number): Read[] {
  const project = syntheticProject(1, { ...TYPICAL, modules })
  const writer = value(openWriter({ path, storage: 'disk', now: Date.now, repositoryId: 'bench' }))
  value(writer.transaction((transaction) => {
    for (const { facts, source } of project) transaction.applyFile(encodeFileFacts(facts, source), { size: 1, changedNs: 1n })
    return ok(null)
  }))
  const snapshot = value(openReader({ path, now: Date.now })).begin()
  const context: ReadContext = { snapshot, verified: true, stale: false, identity: { version: '0', projectRoot: '/', pid: 1 }, memory: { maxBytes: 0, usedBytes: () => 0 }, treeOf: () => undefined, treeOfVersion: () => undefined, mapOf: (_key, make) => make() }
  const names = snapshot.listModules({ limit: modules, origin: 'file' }).items.map(({ key }) => key)
  const rows = snapshot.listFunctions({ limit: modules * TYPICAL.functions, origin: 'file' }).items.slice(0, names.length)
  const functionOf = (n: number): { module: string; name: string; arity: number } => {
    const { moduleKey, name, arity } = must(rows[n % rows.length], 'a function')
    return { module: moduleKey, name, arity }
  }
  const answer = (result: Result<unknown, Failure>): EncodedResult => new EncodedResult(encodeResult(value(result)))
  return [
    { name: 'module_row', keys: names, make: (key) => snapshot.findModuleRow(key) },
    { name: 'module', keys: names, make: (key) => snapshot.findModule(key) },
    { name: 'function', keys: names, make: (_key, n) => snapshot.findFunction(functionOf(n)) },
    { name: 'module_answer_encoded', keys: names, make: (module) => answer(READS.get_module(context, { module_name: module, text_limit: 20_000 })) },
    { name: 'functions_of_module_answer_encoded', keys: names, make: (module) => answer(READS.get_functions_for_module(context, { module_name: module, limit: 100 })) },
    { name: 'callers_page_of_100', keys: names, make: () => snapshot.callers({ module: 'Enum', name: 'map', arity: 2 }, { limit: 100 }) },
    ...parses(),
  ]
}

/** Real files, smaller than the usual: what a parse saves grows with the file. */
function parses(): Read[] {
  const sources = readdirSync(SHOP, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ex')).toSorted().map((name) => readFileSync(join(SHOP, name)))
  const keys = sources.map((_source, n) => String(n))
  return [{ name: 'tree_of_file', keys, make: (_key, n) => parse(must(sources[n % sources.length], 'a source')) }]
}

// Costs

function compare({ keys, make }: Read, rounds: number): object {
  const each = (work: (key: string, n: number) => unknown): number => best(rounds, () => keys.forEach(work)) / keys.length
  const store = each(make)
  const values = keys.map((key, n) => must(make(key, n), `a value of ${key}`))
  const cache = createCache({ maxBytes: keys.length * 10_000, nowMs: () => performance.now() })
  const view = cache.view<object>('view', { sizeOf: () => 1000 })
  let epoch = 0
  const missAndKeep = each((key, n) => {
    if (n === 0) epoch += 1
    if (view.find(epoch, key) === undefined) view.keep(epoch, key, must(values[n], 'a value'))
  })
  const hit = each((key) => view.find(epoch, key))
  const saved = store - hit
  return {
    store_us: round(store), cache_hit_us: round(hit), miss_and_keep_us: round(missAndKeep), saved_by_a_hit_us: round(saved),
    pays_from_hit_rate: round(saved <= 0 ? 1 : missAndKeep / (saved + missAndKeep)), worth_a_cache: store >= WORTH_KEEPING_US ? 'yes' : 'no',
  }
}

/** The fastest of the rounds, in microseconds: the rest is what else the machine did. */
function best(rounds: number, work: () => void): number {
  let fastest = Infinity
  for (let n = 0; n < rounds; n++) {
    const start = performance.now()
    work()
    fastest = Math.min(fastest, performance.now() - start)
  }
  return fastest * 1000
}

// Hit rates

const KEYS = 10_000
const VALUE_BYTES = 1000
/** The caches have room for a tenth of the keys. */
const ROOM = KEYS / 10
const SCAN_EVERY = 50_000

function hitRates(lookups: number): object {
  const entryBytes = VALUE_BYTES + ENTRY_OVERHEAD_BYTES
  const walks = { favourites: Infinity, favourites_and_scans: SCAN_EVERY, evenly: 0 }
  return Object.fromEntries(Object.entries(walks).map(([name, scanEvery]) => {
    const cache = createCache({ maxBytes: ROOM * (entryBytes + 10), nowMs: () => 0 })
    const view = cache.view<number>('view', { sizeOf: () => VALUE_BYTES })
    const plain = new LRUCache<string, number>({ max: ROOM })
    let plainHits = 0
    let n = 0
    for (const key of keysAsked(lookups, scanEvery)) {
      n += 1
      if (view.find(1, key) === undefined) view.keep(1, key, 1)
      if (plain.get(key) === undefined) plain.set(key, 1)
      else plainHits += 1
    }
    return [name, { tiers: round(hitRate(view.stats()) ?? 0), plain_lru: round(plainHits / Math.max(1, n)) }]
  }))
}

/** Zipf's law with exponent 1; every `scanEvery` lookups one pass over all keys; 0: every key as likely as any other. */
function* keysAsked(lookups: number, scanEvery: number): Generator<string> {
  const below = randomBelow(1)
  for (let n = 0; n < lookups; n++) {
    const chance = below(2 ** 31) / 2 ** 31
    yield String(scanEvery === 0 ? Math.floor(chance * KEYS) : Math.floor(KEYS ** chance) - 1)
    if (n % scanEvery === scanEvery - 1) for (let key = 0; key < KEYS; key++) yield String(key)
  }
}

function pressureSampleUs(times: number): number {
  let pressure = pressureAt('normal', DEFAULT_THRESHOLDS)
  const start = performance.now()
  for (let n = 0; n < times; n++) pressure = pressureAfter(pressure, (n % 100) / 100)
  return round(((performance.now() - start) * 1000) / times)
}

function round(figure: number): number {
  return Math.round(figure * 1000) / 1000
}

function value<T>(result: Result<T, Failure>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  return result.value
}
