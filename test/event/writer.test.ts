/**
 * The writer against a naive reading of the same batches: every row says what its event said, in whichever block it stands,
 * and every return has the call that a plain list of open calls gives it.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { Batch } from '../../src/event/batch.ts'
import { type Block, BLOCK_CAPACITY, counts, SITE, SITE_WORDS } from '../../src/event/block.ts'
import { pidOf, sourceOf, type Site, siteOf, type SiteNames, type Situation } from '../../src/event/names.ts'
import { append, beginBlock } from '../../src/event/writer.ts'
import { openWriter, type Resolve, type Writer, writerStats } from '../../src/event/writer-state.ts'
import { EVENT_TYPES, type EventFunction, type EventSource } from '../../src/model/event.ts'
import { batches, batchOf, seed, type TestEvent } from './batches.ts'
import { newBlock, type Row, rowsOf, SMALL } from './rows.ts'
import { summarise } from './summaries.ts'

const SOURCES: readonly EventSource[] = [{ node: 'a@host', startNs: 1_789_000_000_000_000_001n }, { node: 'a@host', startNs: 7n }, { node: 'é@host', startNs: 7n }]
const [SOURCE] = SOURCES as [EventSource]
const T0 = 1_790_000_000_000_000_000n

/** The node says what it was found from. */
function resolve({ mfa, caller }: SiteNames, _source?: EventSource, situation?: Situation): { nodeId: string | null; evidence: 'exact' | 'line' | 'function' | 'none' } {
  if (mfa === null) return { nodeId: null, evidence: 'none' }
  const before = situation === undefined ? '' : ` after ${situation.via === null ? 'none' : shown(situation.via)}, ${situation.nth}`
  return { nodeId: `${shown(mfa)}${before}`, evidence: caller === null ? 'function' : situation === undefined ? 'line' : 'exact' }
}

/** The same, and where it may be asked what was called last, that. */
const inOrder: Resolve = (names, source, situation) => {
  const found = resolve(names, source, situation)
  const after = situation?.after
  if (after === undefined) return { ...found, isUnsettled: true }
  return { ...found, nodeId: `${found.nodeId}, last ${after === null ? 'none' : JSON.stringify([after.mfa, after.caller])}` }
}

const shown = ({ module, function: name, arity }: EventFunction): string => `${module}.${name}/${arity}`

type Step = { readonly batch: Batch; readonly source: EventSource }
type Taken = { readonly writer: Writer; readonly blocks: readonly Block[] }

/** All of them, in as many blocks as they take. */
function takeIn(steps: readonly Step[], writer: Writer = openWriter(), capacity = SMALL, by: Resolve = resolve): Taken {
  const blocks = [newBlock(capacity)]
  beginBlock(writer, must(blocks[0], 'a block'), 1)
  for (const { batch, source } of steps) {
    const before = counts(must(blocks.at(-1), 'a block'))
    if (append(writer, batch, source, by) === 'appended') continue
    expect(counts(must(blocks.at(-1), 'a block'))).toEqual(before)
    blocks.push(newBlock(capacity))
    beginBlock(writer, must(blocks.at(-1), 'a block'), blocks.length)
    expect(append(writer, batch, source, by)).toBe('appended')
  }
  return { writer, blocks }
}

/** What a batch says of a site, before anybody looked for its node. */
function namesOf(batch: Batch, code: number): { site: Site | undefined; given: boolean } {
  if (code === 0) return { site: undefined, given: false }
  const word = (field: number): number => must(batch.sites[(code - 1) * SITE_WORDS + field], 'a word')
  const text = (field: number): string => (word(field) === 0 ? '' : must(batch.strings[word(field) - 1], 'a string'))
  const names = {
    mfa: word(SITE.module) === 0 ? null : { module: text(SITE.module), function: text(SITE.function), arity: word(SITE.arity) },
    caller: word(SITE.callerModule) === 0 ? null : {
      module: text(SITE.callerModule), function: text(SITE.callerFunction), arity: word(SITE.callerArity), file: text(SITE.file), line: word(SITE.line),
    },
  }
  const given = word(SITE.evidence) === 1
  return { site: given ? { ...names, nodeId: text(SITE.node), evidence: 'given' } : { ...names, ...resolve(names) }, given }
}

type OpenCall = { readonly mfa: EventFunction; readonly site: Site; readonly ns: bigint; inner: number; readonly isNested: boolean; readonly since: Map<string, number>; last: SiteNames | null | undefined }
/** `returned`: functions by source. */
type Model = { readonly stacks: Map<string, OpenCall[]>; readonly returned: Map<string, Set<string>>; readonly by: Resolve }

function returnedOn({ returned }: Model, { node, startNs }: EventSource): Set<string> {
  const key = `${node}|${startNs}`
  const known = returned.get(key) ?? new Set()
  returned.set(key, known)
  return known
}

/** The rows that a plain reading of the batches gives, where blocks begin with the rows of these numbers. */
function expectedRows(steps: readonly Step[], by: Resolve = resolve, begins: ReadonlySet<number> = new Set()): Row[] {
  const model: Model = { stacks: new Map(), returned: new Map(), by }
  let nRows = 0
  return steps.flatMap(({ batch, source }) => Array.from({ length: batch.n }, (_, i) => {
    if (begins.has(nRows++)) for (const call of [...model.stacks.values()].flat()) call.last = undefined
    if (i === 0) foresee(returnedOn(model, source), batch, 0)
    const at = (column: ArrayLike<number>): number => must(column[i], 'an event')
    const pid = at(batch.pid) === 0 ? null : must(batch.pids[at(batch.pid) - 1], 'a pid')
    const { site, given } = namesOf(batch, at(batch.site))
    const payloadIdx = batch.payloadRows.indexOf(i)
    const row = {
      type: at(batch.type), ns: batch.t0Ns + BigInt(at(batch.ts)), pid, source,
      peer: at(batch.peer) === 0 ? null : must(batch.pids[at(batch.peer) - 1], 'a pid'), corr: at(batch.corr) === 0 ? null : must(batch.corrs[at(batch.corr) - 1], 'an id'),
      site, took: Number.NaN, own: Number.NaN, payload: payloadIdx < 0 ? null : [...must(batch.payloads[payloadIdx], 'a payload')],
    }
    // What is of no process is of its source all the same.
    const told = { ...row, pid: pid ?? '', ...paired(model, source, row, given) }
    if (isCapture(row.type)) foresee(returnedOn(model, source), batch, i + 1)
    return told
  }))
}

const isCapture = (type: number | undefined) => type === EVENT_TYPES.capture_start || type === EVENT_TYPES.capture_end

/** What returns until the end of the capture or of the batch. */
function foresee(returned: Set<string>, batch: Batch, from: number): void {
  for (let i = from; i < batch.n && !isCapture(batch.type[i]); i++) {
    const mfa = batch.type[i] === EVENT_TYPES.return ? (namesOf(batch, must(batch.site[i], 'a site')).site?.mfa ?? null) : null
    if (mfa !== null) returned.add(shown(mfa))
  }
}

function paired(model: Model, source: EventSource, { type, ns, pid, site }: Row, given: boolean): Partial<Row> {
  const { stacks } = model
  const returned = returnedOn(model, source)
  const prefix = `${source.node}|${source.startNs}|`
  const mine = `${prefix}${pid}`
  const stack = pid === null ? [] : (stacks.get(mine) ?? [])
  if (pid !== null) stacks.set(mine, stack)
  const isGap = type === EVENT_TYPES.gap || isCapture(type)
  if (isCapture(type)) returned.clear()
  if (type === EVENT_TYPES.exit || type === EVENT_TYPES.spawned || isGap) stack.length = 0
  if (isGap && pid === null) for (const key of stacks.keys()) if (key.startsWith(prefix)) stacks.delete(key)
  const mfa = site?.mfa ?? null
  if (mfa === null || pid === null || site === undefined) return {}
  if (type === EVENT_TYPES.call) {
    const top = stack.at(-1)
    const situation = situationOf(top, site, returned)
    const { isUnsettled, ...place } = model.by(site, source, situation)
    const isKnown = isUnsettled === true && situation !== undefined && top?.last !== undefined && returned.has(shown(top.mfa))
    const found = given ? site : { ...site, ...(isKnown ? model.by(site, source, { ...situation, after: top.last }) : place) }
    if (top !== undefined && (situation !== undefined || site.caller === null)) top.last = situation === undefined ? undefined : { mfa, caller: site.caller }
    stack.push({ mfa, site: found, ns, inner: 0, isNested: stack.slice(-8).some((call) => shown(call.mfa) === shown(mfa)), since: new Map(), last: null })
    return { site: found }
  }
  if (type !== EVENT_TYPES.return && type !== EVENT_TYPES.exception) return {}
  const idx = stack.findLastIndex((call) => shown(call.mfa) === shown(mfa))
  if (idx < 0) return {}
  const left = stack.splice(idx)
  const call = must(left[0], 'a call')
  const took = Number(ns - call.ns)
  const outer = stack.at(-1)
  if (outer !== undefined && took > 0) outer.inner += took
  const inner = left.reduce((sum, { inner: ofCall }) => sum + ofCall, 0)
  return { site: call.site, took: took < 0 ? Number.NaN : call.isNested ? -took : took, own: took < 0 ? Number.NaN : Math.fround(Math.max(0, took - inner)) }
}

/** What went before a call in its process, where the innermost open call tells. */
function situationOf(open: OpenCall | undefined, { mfa, caller }: SiteNames, returned: ReadonlySet<string>): Situation | undefined {
  if (open === undefined || caller === null) return undefined
  const via = JSON.stringify(open.site.caller) === JSON.stringify(caller) ? open.mfa : null
  if (shown(open.mfa) !== shown(caller)) return via !== null && returned.has(shown(via)) ? { via, nth: 0 } : undefined
  const key = JSON.stringify([mfa, caller])
  const nth = open.since.get(key) ?? 0
  if (nth > 7 || (!open.since.has(key) && open.since.size === 8)) return { via, nth: undefined }
  open.since.set(key, nth + 1)
  return { via, nth }
}

const anySteps = fc.array(fc.record({ batch: batches(60), source: fc.constantFrom(...SOURCES), shift: fc.integer({ min: -1e9, max: 1e9 }) }), { maxLength: 15, size: 'max' })
  .map((all): Step[] => all.map(({ batch, source, shift }) => ({ source, batch: { ...batch, t0Ns: T0 + BigInt(shift), ts: batch.ts.map((at) => at % 1e12) } })))

test('every row says what its event said, over as many blocks as it takes', () => {
  fc.assert(fc.property(anySteps, (steps) => {
    const { blocks } = takeIn(steps)
    expect(blocks.flatMap(rowsOf)).toEqual(expectedRows(steps))
  }), seed)
})

const call = fc.constantFrom<TestEvent['type']>(...Array.from({ length: 10 }, () => ['call', 'return', 'call', 'return', 'exception'] as const).flat(), 'send', 'exit', 'spawned', 'gap', 'capture_start')
const tangled = fc.array(fc.record({
  type: call, pid: fc.constantFrom('0.1.0', '0.2.0', ''), mfa: fc.constantFrom('A.f/1', 'A.g/1', 'B.f/1', 'A.f/2'),
  from: fc.constantFrom('A.f/1', 'A.g/1', 'B.f/1', 'C.run/0'), line: fc.integer({ min: 1, max: 2 }), wait: fc.integer({ min: -1, max: 1000 }),
}), { minLength: 1, maxLength: 300, size: 'max' })

test.each([['of the same names', resolve], ['and the last of all', inOrder]] as const)('returns have the calls that a plain list gives them, and calls what went before, %s, over blocks, sources, tail calls, exits and gaps', (_, by) => {
  fc.assert(fc.property(tangled, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 10 }), (all, sizes) => {
    let now = 0
    const events = all.map(({ type, pid, mfa, from, line, wait }): TestEvent =>
      ({ type, pid, mfa, ts: (now += wait), ...(type === 'call' ? { caller: `${from} lib/c.ex:${line}` } : {}) }))
    const steps: Step[] = []
    for (let from = 0, no = 1; from < events.length; no++) {
      const size = must(sizes[no % sizes.length], 'a size')
      const late = no * 7777
      const some = events.slice(from, from + size).map((event) => ({ ...event, ts: event.ts - late }))
      steps.push({ source: must(SOURCES[no % 5 === 0 ? 1 : 0], 'a source'), batch: batchOf(some, { no, t0Ns: T0 + BigInt(late) }) })
      from += size
    }
    const { blocks, writer } = takeIn(steps, openWriter({ maxOpenCalls: 1000 }), { ...SMALL, rows: 100 }, by)
    const rows = blocks.flatMap(rowsOf)
    const begins = blocks.map((_block, idx) => blocks.slice(0, idx).reduce((sum, block) => sum + counts(block).rows, 0))
    expect(rows).toEqual(expectedRows(steps, by, new Set(begins)))
    const unpaired = rows.filter(({ type, took, site }) => (type === EVENT_TYPES.return || type === EVENT_TYPES.exception) && Number.isNaN(took) && site?.caller === null)
    expect(writerStats(writer).unpaired).toBe(unpaired.length)
  }), seed)
})

test('a batch as large as can be fits an empty block, with node ids for all of its sites', () => {
  const n = 16_384
  const events = Array.from({ length: n }, (_, i): TestEvent => ({ type: 'call', ts: i, pid: `0.${i}.0`, peer: `0.${n + i}.0`, mfa: `M${i}.f/1`, caller: `N${i}.g/2 f${i}.ex:${i}`, corr: `c${i}` }))
  const batch = batchOf(events)
  const spare = Array.from({ length: 65_535 - batch.strings.length }, (_, i) => `spare ${i}`)
  const writer = openWriter()
  const block = newBlock(BLOCK_CAPACITY)
  beginBlock(writer, block, 1)
  expect(append(writer, { ...batch, strings: [...batch.strings, ...spare], payloadRows: Uint16Array.of(3), payloads: [new Uint8Array(8 << 20)] }, SOURCE, resolve)).toBe('appended')
  expect(writerStats(writer)).toEqual({ openCalls: n, unpaired: 0, givenUp: 0, nodesLeftOut: 0 })
  const last = rowsOf(block)[n - 1]
  expect(last).toMatchObject({ pid: '0.16383.0', peer: '0.32767.0', corr: 'c16383', site: { mfa: { module: 'M16383' }, nodeId: 'M16383.f/1', evidence: 'line' } })
})

test('a node is asked for once per block, names and what went before, not for a node that is given, and not for a return that has its call', () => {
  const asked: SiteNames[] = []
  const writer = openWriter()
  beginBlock(writer, newBlock(), 1)
  const events: TestEvent[] = [
    { type: 'call', ts: 0, pid: 'p', mfa: 'A.f/0', caller: 'B.g/0 b.ex:1' }, { type: 'return', ts: 1, pid: 'p', mfa: 'A.f/0' }, { type: 'probe', ts: 2, pid: 'p', node: 'A.f/0#1' },
  ]
  for (const no of [1, 2]) append(writer, batchOf(events, { no }), SOURCE, (site) => { asked.push(site); return resolve(site) })
  expect(asked).toMatchObject([{ mfa: { module: 'A', function: 'f', arity: 0 }, caller: { module: 'B', line: 1 } }])
})

test('deep recursion gives up the outermost calls, and whoever called longest ago where places run out', () => {
  const depth = 5000
  const nested = (pid: string, n: number, type: 'call' | 'return'): TestEvent[] => Array.from({ length: n }, (_, i) => ({ type, pid, ts: type === 'call' ? i : 2 * depth - i, mfa: 'A.f/0' }))
  const capacity = { ...SMALL, rows: 40_000 }
  const deep = takeIn([{ source: SOURCE, batch: batchOf([...nested('p', depth, 'call'), ...nested('p', depth, 'return').toReversed()]) }], openWriter(), capacity)
  const took = rowsOf(must(deep.blocks[0], 'a block')).slice(depth).map((row) => row.took)
  const nKept = took.findIndex((ns) => Number.isNaN(ns))
  expect(nKept).toBeGreaterThan(2000)
  expect(took.slice(nKept).every((ns) => Number.isNaN(ns))).toBe(true)
  // Innermost first: the i-th return is that of the call i before the last. All but the outermost that is left are within another.
  expect(took.slice(0, nKept)).toEqual(Array.from({ length: nKept }, (_, i) => (i === nKept - 1 ? 2 + i + i : -2 - i - i)))
  expect(writerStats(deep.writer)).toMatchObject({ openCalls: 0, givenUp: depth - nKept, unpaired: depth - nKept })

  const crowd = Array.from({ length: 10 }, (_, i) => nested(`p${i}`, 10, 'call')).flat()
  const full = takeIn([{ source: SOURCE, batch: batchOf([...crowd, ...nested('p9', 5, 'return'), ...nested('p0', 5, 'return')]) }], openWriter({ maxOpenCalls: 60 }), capacity)
  expect(writerStats(full.writer).openCalls).toBeLessThanOrEqual(60)
  expect(rowsOf(must(full.blocks[0], 'a block')).slice(100).map((row) => Number.isNaN(row.took))).toEqual([...Array.from({ length: 5 }, () => false), ...Array.from({ length: 5 }, () => true)])
})

test('a function that calls itself, at once or by others, was under way once: only its outermost call counts for that', () => {
  const call = (mfa: string, ts: number): TestEvent => ({ type: 'call', pid: 'p', ts, mfa })
  const done = (mfa: string, ts: number): TestEvent => ({ type: 'return', pid: 'p', ts, mfa })
  const { blocks } = takeIn([{ source: SOURCE, batch: batchOf([
    call('A.even/1', 0), call('A.odd/1', 10), call('A.even/1', 20), call('A.even/1', 30), done('A.even/1', 40), done('A.even/1', 50), done('A.odd/1', 60), done('A.even/1', 70), call('A.even/1', 80), done('A.even/1', 90),
  ]) }])
  const block = must(blocks[0], 'a block')
  const sums = new Map(Array.from(summarise(block), ([code, { sumNs, outerNs }]) => [siteOf(block, code)?.mfa?.function, { sumNs, outerNs }]))
  expect(sums).toEqual(new Map([['even', { sumNs: 70 + 30 + 10 + 10, outerNs: 70 + 10 }], ['odd', { sumNs: 50, outerNs: 50 }]]))
})

test('a clock that is years off costs no block: its times are whole grains, in order, and those of the others exact', () => {
  const [a, b] = [SOURCES[0], SOURCES[2]].map((source) => must(source, 'a source')) as [EventSource, EventSource]
  const pair = (ts: number): TestEvent[] => [made('A.f/0', 'B.run/0 b.ex:1', ts), left('A.f/0', ts + 3000)]
  const wrong = T0 - 50n * 31_536_000n * 1_000_000_000n + 77n
  const steps = Array.from({ length: 60 }, (_, i): Step => (i % 2 === 0 ? { source: a, batch: batchOf(pair(i * 5000), { no: i + 1, t0Ns: T0 }) } : { source: b, batch: batchOf(pair(i * 5000), { no: i + 1, t0Ns: wrong }) }))
  const { blocks } = takeIn(steps, openWriter(), { ...SMALL, rows: 40 })
  expect(blocks).toHaveLength(3)
  for (const block of blocks) {
    const rows = rowsOf(block)
    const [right, off] = [rows.filter(({ source }) => source?.node === a.node), rows.filter(({ source }) => source?.node === b.node)]
    expect(right.every(({ ns }) => (ns - T0) % 1000n === 0n)).toBe(true)
    expect(off.every(({ ns }, i) => ns % 1024n === 0n && ns >= (off[i - 1]?.ns ?? 0n))).toBe(true)
    expect(right.filter(({ type }) => type === EVENT_TYPES.return).every(({ took }) => took === 3000)).toBe(true)
    for (const { took } of off.filter(({ type }) => type === EVENT_TYPES.return)) expect(Math.abs(took - 3000)).toBeLessThan(1024)
  }
})

test('the base goes over to the clock that most events are told by', () => {
  const [a, b] = [SOURCES[0], SOURCES[2]].map((source) => must(source, 'a source')) as [EventSource, EventSource]
  const sends = (source: EventSource, t0Ns: bigint, n: number): Step => ({ source, batch: batchOf(Array.from({ length: n }, (_, ts): TestEvent => ({ type: 'send', ts: ts + 1, pid: 'p' })), { t0Ns }) })
  const { blocks } = takeIn([sends(b, 0n, 1), sends(a, T0, 30), sends(b, 0n, 1), sends(a, T0, 30), sends(b, 0n, 1), sends(a, T0, 30)], openWriter(), { ...SMALL, rows: 35 })
  const isExact = blocks.map((block) => rowsOf(block).filter(({ source }) => source?.node === a.node).every(({ ns }, i) => ns === T0 + BigInt(i + 1)))
  expect(isExact).toEqual([false, true, true])
})

test('a call that is open when the base goes over to another clock is no later than its return', () => {
  const [a, b] = [SOURCES[0], SOURCES[2]].map((source) => must(source, 'a source')) as [EventSource, EventSource]
  const others: Step = { source: b, batch: batchOf(Array.from({ length: 30 }, (_, ts): TestEvent => ({ type: 'send', ts, pid: 'p' })), { t0Ns: 0n }) }
  const grain = T0 - (T0 % 1024n)
  const { blocks } = takeIn([
    { source: a, batch: batchOf([made('A.f/0', 'B.run/0 b.ex:1', 900)], { t0Ns: grain }) }, others, others, { source: a, batch: batchOf([left('A.f/0', 1000)], { no: 2, t0Ns: grain }) },
  ], openWriter(), { ...SMALL, rows: 35 })
  expect(blocks.flatMap(rowsOf).filter(({ type }) => type === EVENT_TYPES.return).map(({ took }) => took)).toEqual([0])
})

test('an event of no process has its source all the same, and no peer', () => {
  const writer = openWriter()
  const block = newBlock()
  beginBlock(writer, block, 1)
  const gap = { ...batchOf([{ type: 'gap', ts: 0, pid: 'p' }]), pid: Uint16Array.of(0), pids: [] }
  append(writer, gap, SOURCE, resolve)
  expect(pidOf(block, block.pid[0] ?? 0)).toBe('')
  expect(sourceOf(block, block.pid[0] ?? 0)).toEqual(SOURCE)
  expect(block.peer[0]).toBe(0)
})

const nodesOf = (block: Block): readonly (string | null | undefined)[] => rowsOf(block).map(({ site }) => site?.nodeId)
const made = (mfa: string, caller: string, ts = 0): TestEvent => ({ type: 'call', ts, pid: 'p', mfa, caller })
const left = (mfa: string, ts = 0): TestEvent => ({ type: 'return', ts, pid: 'p', mfa })

test('calls of an open one are told apart as far as they are counted', () => {
  const often = Array.from({ length: 10 }, () => [made('A.g/0', 'A.f/0 a.ex:1'), left('A.g/0')]).flat()
  const many = Array.from({ length: 9 }, (_, i) => [made('A.g/0', `A.f/0 a.ex:${2 + i}`), left('A.g/0')]).flat()
  const { blocks } = takeIn([{ source: SOURCE, batch: batchOf([made('A.f/0', 'B.run/0 b.ex:1'), ...often, ...many]) }])
  const nths = nodesOf(must(blocks[0], 'a block')).filter((node) => node?.startsWith('A.g/0')).map((node) => node?.slice('A.g/0 after none, '.length))
  const ofCalls = nths.filter((_, i) => i % 2 === 0)
  expect(ofCalls).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', 'undefined', 'undefined', '0', '0', '0', '0', '0', '0', '0', 'undefined', 'undefined'])
})

test('situations that come to the same node share a site, and those that do not find no room have that of none', () => {
  const calls = Array.from({ length: 6 }, () => [made('A.g/0', 'A.f/0 a.ex:1'), left('A.g/0')]).flat()
  const batch = batchOf([made('A.f/0', 'B.run/0 b.ex:1'), ...calls])
  const sitesIn = (capacity: number, by: Resolve): Block => {
    const writer = openWriter()
    const block = newBlock({ ...SMALL, sites: capacity })
    beginBlock(writer, block, 1)
    expect(append(writer, batch, SOURCE, by)).toBe('appended')
    return block
  }
  expect(counts(sitesIn(100, ({ mfa }) => ({ nodeId: mfa?.function ?? null, evidence: 'line' }))).sites).toBe(2)
  expect(counts(sitesIn(100, resolve)).sites).toBe(7)
  const small = sitesIn(5, resolve)
  expect(counts(small).sites).toBe(4)
  expect(siteOf(small, 4)).toMatchObject({ nodeId: 'A.g/0', evidence: 'line' })
})

test('a function that was not seen to return may have returned: what it was called by is known to go on only where it does', () => {
  const twice = [made('A.f/0', 'B.run/0 b.ex:1'), made('A.g/0', 'B.run/0 b.ex:1')]
  const batch = (no: number, events: TestEvent[]) => ({ source: SOURCE, batch: batchOf(events, { no }) })
  const nodes = (...steps: Step[]) => nodesOf(must(takeIn(steps).blocks[0], 'a block'))
  expect(nodes(batch(1, twice), batch(2, [left('A.g/0'), left('A.f/0'), ...twice]))).toEqual(['A.f/0', 'A.g/0', 'A.g/0', 'A.f/0', 'A.f/0', 'A.g/0 after A.f/0, 0'])
  // What returns later in the batch would have been seen to return before.
  expect(nodes(batch(1, [...twice, left('A.g/0'), left('A.f/0')]))).toEqual(['A.f/0', 'A.g/0 after A.f/0, 0', 'A.g/0 after A.f/0, 0', 'A.f/0'])
  const another: TestEvent = { type: 'capture_start', ts: 0, pid: '' }
  expect(nodes(batch(1, [...twice, another, ...twice, left('A.f/0')])).filter((node) => node?.startsWith('A.g/0'))).toEqual(['A.g/0', 'A.g/0 after A.f/0, 0'])
})

test('where numbers are given anew, open calls find their returns, and what they called is not known', () => {
  const writer = openWriter()
  const [first, second] = [newBlock(), newBlock()]
  beginBlock(writer, first, 1)
  append(writer, batchOf([made('A.f/0', 'B.run/0 b.ex:1'), made('A.g/0', 'A.f/0 a.ex:1'), left('A.g/0')]), SOURCE, resolve)
  for (let i = 0; i <= 1 << 16; i++) writer.sites.numbers.texts.set(`text ${i}`, 10 + i)
  beginBlock(writer, second, 2)
  expect(writer.sites.numbers.texts.size).toBeLessThan(10)
  append(writer, batchOf([made('A.g/0', 'A.f/0 a.ex:1', 1), left('A.g/0', 2), left('A.f/0', 3)]), SOURCE, resolve)
  expect(rowsOf(second).map(({ site, took }) => [site?.nodeId, took])).toEqual([['A.g/0 after none, undefined', Number.NaN], ['A.g/0 after none, undefined', 1], ['A.f/0', 3]])
})

test('two nodes that run different versions of the code have places of their own for the same names, and share those that are the same', () => {
  const [a, b] = [SOURCES[0], SOURCES[2]].map((source) => must(source, 'a source')) as [EventSource, EventSource]
  const calls = [made('A.g/0', 'A.f/0 a.ex:7'), made('A.h/0', 'A.f/0 a.ex:9')]
  const asked: string[] = []
  const block = newBlock()
  const writer = openWriter()
  beginBlock(writer, block, 1)
  for (const [no, source] of [a, b, a, b].entries()) {
    append(writer, batchOf(calls, { no: no + 1 }), source, ({ mfa }, { node }) => {
      asked.push(node)
      return { nodeId: mfa?.function === 'g' ? `A.f/0#1 on ${node}` : 'A.f/0#2', evidence: 'exact' }
    })
  }
  expect(nodesOf(block)).toEqual([a, b, a, b].flatMap(({ node }) => [`A.f/0#1 on ${node}`, 'A.f/0#2']))
  expect(asked).toEqual([a.node, a.node, b.node, b.node])
  expect(counts(block).sites).toBe(3)
})

test('a site says in which version of the file its node is named, over blocks too', () => {
  const by = (version: number | undefined): Resolve => () => ({ nodeId: 'A.f/0#1', evidence: 'line', ...(version === undefined ? {} : { version }) })
  const sitesBy = (version: number | undefined): (number | undefined)[] => {
    const writer = openWriter()
    const blocks = [newBlock(), newBlock()] as const
    beginBlock(writer, blocks[0], 1)
    append(writer, batchOf([made('A.g/0', 'A.f/0 a.ex:1'), { type: 'probe', ts: 1, pid: 'p', node: 'A.f/0#1' }]), SOURCE, by(version))
    beginBlock(writer, blocks[1], 2)
    append(writer, batchOf([left('A.g/0')], { no: 2 }), SOURCE, by(9))
    const rows = blocks.flatMap(rowsOf)
    expect(rows.map(({ site }) => site?.evidence)).toEqual(['line', 'given', 'line'])
    return rows.map(({ site }) => site?.version)
  }
  expect([7, 2 ** 24 - 1, 2 ** 24, undefined].map(sitesBy)).toEqual([[7, undefined, 7], [2 ** 24 - 1, undefined, 2 ** 24 - 1], [undefined, undefined, undefined], [undefined, undefined, undefined]])
})

test('what is traced with its returns on one node may be traced without them on another', () => {
  const twice = [made('A.f/0', 'B.run/0 b.ex:1'), made('A.g/0', 'B.run/0 b.ex:1')]
  const [a, b] = [SOURCES[0], SOURCES[2]].map((source) => must(source, 'a source')) as [EventSource, EventSource]
  const { blocks } = takeIn([
    { source: a, batch: batchOf([...twice, left('A.g/0'), left('A.f/0')]) }, { source: b, batch: batchOf(twice) },
    { source: a, batch: batchOf([{ type: 'capture_start', ts: 0, pid: '' }], { no: 2 }) }, { source: a, batch: batchOf(twice, { no: 3 }) },
  ])
  expect(nodesOf(must(blocks[0], 'a block')).filter((node) => node?.startsWith('A.g/0'))).toEqual(['A.g/0 after A.f/0, 0', 'A.g/0 after A.f/0, 0', 'A.g/0', 'A.g/0'])
})

/** Nodes of the calls of `A.g/0` after what went on in `A.f/0`, which returns. */
function lastIn(events: readonly TestEvent[], writer: Writer = openWriter(), by: Resolve = inOrder): readonly string[] {
  const { blocks } = takeIn([{ source: SOURCE, batch: batchOf([made('A.f/0', 'B.run/0 b.ex:1'), ...events, left('A.f/0')]) }], writer, { ...SMALL, rows: 1000 }, by)
  return rowsOf(must(blocks[0], 'a block')).filter(({ type, site }) => type === EVENT_TYPES.call && site?.mfa?.function === 'g').map(({ site }) => site?.nodeId?.replace(/.*, last/, 'last') ?? '')
}
const g = [made('A.g/0', 'A.f/0 a.ex:9'), left('A.g/0')]

test('the last call is not known after one whose caller is not, and what others call is none', () => {
  const h: TestEvent = { type: 'call', ts: 0, pid: 'p', mfa: 'A.h/0' }
  expect(lastIn(g)).toEqual(['last none'])
  expect(lastIn([h, left('A.h/0'), ...g])).toEqual(['A.g/0 after none, 0'])
  expect(lastIn([made('A.h/0', 'C.run/0 c.ex:1'), left('A.h/0'), ...g])).toEqual(['last none'])
  expect(lastIn([made('A.h/0', 'A.f/0 a.ex:2'), left('A.h/0'), ...g])[0]).toContain('"h"')
})

test('it is asked for where the answer without it says so, once for each of a few', () => {
  const hs = Array.from({ length: 20 }, (_, i) => [made('A.h/0', `A.f/0 a.ex:${10 + i}`), left('A.h/0'), ...g, made('A.f/0', 'B.run/0 b.ex:1')]).flat()
  const asked: (Situation | undefined)[] = []
  const by = (isUnsettled: boolean): Resolve => (names, source, situation) => {
    if (names.mfa?.function === 'g') asked.push(situation)
    return { ...inOrder(names, source, situation), isUnsettled }
  }
  const writer = openWriter()
  const told = lastIn(hs, writer, by(true))
  expect(told.map((node) => node.startsWith('last'))).toEqual(told.map((_, i) => i < 16))
  expect(asked.filter((situation) => situation?.after !== undefined)).toHaveLength(16)
  asked.length = 0
  lastIn(hs, writer, by(false))
  expect(asked.filter((situation) => situation?.after !== undefined)).toEqual([])
})
