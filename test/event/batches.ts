/** Batches for tests: arbitrary sound ones, and a builder of small ones in names instead of codes. */

import fc from 'fast-check'
import { must } from '../../src/base/assert.ts'
import { type Batch, MAX_TS_NS } from '../../src/event/batch.ts'
import { SITE, SITE_WORDS } from '../../src/event/block.ts'
import { EVENT_TYPES, type EventCaller, type EventFunction, type EventType } from '../../src/model/event.ts'

export const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

const TYPE_CODES = Object.values(EVENT_TYPES)

/** Any sound batch of up to `maxEvents`, names and payloads included. */
export function batches(maxEvents: number = 40): fc.Arbitrary<Batch> {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  return fc.record({
    no: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.maxSafeInteger().map((no) => Math.max(1, Math.abs(no)))),
    t0Ns: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    strings: fc.array(text, { maxLength: 20 }), pids: fc.array(text, { maxLength: 20 }), corrs: fc.array(text, { maxLength: 5 }),
    n: fc.integer({ min: 1, max: maxEvents }),
  }).chain((names) => withColumns(names))
}

type Names = Pick<Batch, 'no' | 't0Ns' | 'strings' | 'pids' | 'corrs' | 'n'>

function withColumns(names: Names): fc.Arbitrary<Batch> {
  const code = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max })
  const s = names.strings.length
  const site = fc.tuple(
    code(s), code(s), code(255), code(s), code(s), code(255), code(s), fc.integer({ min: 0, max: 0xffff_ffff }), code(s),
  ).map((words) => [...words, words[8] === 0 ? 0 : 1])
  return fc.array(site, { maxLength: 10 }).chain((sites) => fc.array(fc.record({
    type: fc.constantFrom(...TYPE_CODES), ts: fc.integer({ min: -MAX_TS_NS, max: MAX_TS_NS }),
    pid: code(names.pids.length), peer: code(names.pids.length), site: code(sites.length), corr: code(names.corrs.length),
    payload: fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { freq: 3 }),
  }), { minLength: names.n, maxLength: names.n }).map((events) => {
    const withPayload = events.map((event, row) => ({ row, payload: event.payload })).filter(({ payload }) => payload !== null)
    return {
      ...names,
      sites: Uint32Array.from(sites.flat()),
      type: Uint8Array.from(events, (event) => event.type), ts: Float64Array.from(events, (event) => event.ts),
      pid: Uint16Array.from(events, (event) => event.pid), peer: Uint16Array.from(events, (event) => event.peer),
      site: Uint16Array.from(events, (event) => event.site), corr: Uint16Array.from(events, (event) => event.corr),
      payloadRows: Uint16Array.from(withPayload, ({ row }) => row), payloads: withPayload.map(({ payload }) => must(payload, 'a payload')),
    }
  }))
}

/** An event in names. */
export type TestEvent = {
  readonly type: EventType
  readonly ts: number
  readonly pid?: string
  readonly peer?: string
  readonly mfa?: string
  readonly caller?: string
  readonly node?: string
  readonly corr?: string
  readonly payload?: Uint8Array
}

/** A batch of these events; `mfa` is `Mod.fun/arity`, `caller` the same followed by ` file:line`. */
export function batchOf(events: readonly TestEvent[], { no = 1, t0Ns = 1_000_000_000n }: { no?: number; t0Ns?: bigint } = {}): Batch {
  const strings = new Codes()
  const pids = new Codes()
  const corrs = new Codes()
  const sites = new Codes()
  const siteWords: number[] = []
  const siteCode = (event: TestEvent): number => {
    const key = `${event.mfa ?? ''}|${event.caller ?? ''}|${event.node ?? ''}`
    if (key === '||') return 0
    const known = sites.size
    const code = sites.of(key)
    if (code > known) siteWords.push(...wordsOf(event, strings))
    return code
  }
  const site = Uint16Array.from(events, siteCode)
  const withPayload = events.map((event, row) => ({ row, payload: event.payload })).filter(({ payload }) => payload !== undefined)
  const batch = {
    no, t0Ns, n: events.length, site,
    type: Uint8Array.from(events, ({ type }) => EVENT_TYPES[type]), ts: Float64Array.from(events, ({ ts }) => ts),
    pid: Uint16Array.from(events, ({ pid }) => pids.of(pid)), peer: Uint16Array.from(events, ({ peer }) => pids.of(peer)),
    corr: Uint16Array.from(events, ({ corr }) => corrs.of(corr)),
    payloadRows: Uint16Array.from(withPayload, ({ row }) => row), payloads: withPayload.map(({ payload }) => must(payload, 'a payload')),
  }
  return { ...batch, sites: Uint32Array.from(siteWords), strings: strings.names, pids: pids.names, corrs: corrs.names }
}

export function parseFunction(text: string): EventFunction {
  const [, module = '', name = '', arity = '0'] = /^(.*)\.([^.]+)\/(\d+)$/.exec(text) ?? []
  return { module, function: name, arity: Number(arity) }
}

export function parseCaller(text: string): EventCaller {
  const [mfa = '', place = ''] = text.split(' ')
  const [file = '', line = '0'] = place.split(':')
  return { ...parseFunction(mfa), file, line: Number(line) }
}

function wordsOf({ mfa, caller, node }: TestEvent, strings: Codes): number[] {
  const words = Array.from({ length: SITE_WORDS }, () => 0)
  const put = (field: keyof typeof SITE, value: number): void => { words[SITE[field]] = value }
  if (mfa !== undefined) {
    const called = parseFunction(mfa)
    put('module', strings.of(called.module))
    put('function', strings.of(called.function))
    put('arity', called.arity)
  }
  if (caller !== undefined) {
    const from = parseCaller(caller)
    put('callerModule', strings.of(from.module))
    put('callerFunction', strings.of(from.function))
    put('callerArity', from.arity)
    put('file', strings.of(from.file))
    put('line', from.line)
  }
  if (node !== undefined) {
    put('node', strings.of(node))
    put('evidence', 1)
  }
  return words
}

class Codes {
  readonly names: string[] = []
  readonly #codes = new Map<string, number>()

  get size(): number {
    return this.names.length
  }

  /** Counts from 1; 0 for nothing. */
  of(name: string | undefined): number {
    if (name === undefined || name === '') return 0
    const known = this.#codes.get(name)
    if (known !== undefined) return known
    this.#codes.set(name, this.names.push(name))
    return this.names.length
  }
}
