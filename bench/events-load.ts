/**
 * Batches as an agent under load sends them, always the same for a seed: processes that call nested functions and return,
 * now and then send and receive, are left by an exception, end and are followed by new ones. No payloads.
 */

import type { Batch } from '../src/event/batch.ts'
import { SITE, SITE_WORDS } from '../src/event/block.ts'
import { EVENT_TYPES } from '../src/model/event.ts'

export type Load = { readonly batches: number; readonly eventsPerBatch: number; readonly processes: number; readonly functions: number; readonly sites: number; readonly seed: number }

export const LOAD: Load = { batches: 128, eventsPerBatch: 16_384, processes: 400, functions: 300, sites: 600, seed: 1 }

const START_NS = 1_790_000_000_000_000_000n
const NS_PER_EVENT = 1500
const LIFE = 10

/** Batches one after the other in time; stacks go on from batch to batch. */
export function* loadBatches(load: Load = LOAD): Generator<Batch> {
  const random = randomFrom(load.seed)
  const stacks = new Map<number, number[]>()
  for (let no = 1; no <= load.batches; no++) yield nextBatch(load, no, stacks, random)
}

function nextBatch(load: Load, no: number, stacks: Map<number, number[]>, random: (below: number) => number): Batch {
  const n = load.eventsPerBatch
  const columns = { type: new Uint8Array(n), ts: new Float64Array(n), pid: new Uint16Array(n), peer: new Uint16Array(n), site: new Uint16Array(n), corr: new Uint16Array(n) }
  const pids = Array.from({ length: load.processes }, (_, i) => `0.${113 + i + Math.floor((no + i) / LIFE) * load.processes}.0`)
  // A process lives for so many batches, and ends with the last of them.
  const ending = pids.flatMap((_, i) => ((no + i + 1) % LIFE === 0 ? [i] : []))
  const corrs = Array.from({ length: 64 }, (_, i) => `req-${no}-${i}`)
  const { strings, sites, calleeOf, bareOf } = sitesOf(load)
  for (let i = 0; i < n; i++) {
    const last = ending[n - 1 - i]
    const pid = last ?? random(load.processes)
    let stack = stacks.get(pid)
    if (stack === undefined) stacks.set(pid, stack = [])
    columns.ts[i] = i * NS_PER_EVENT + random(NS_PER_EVENT)
    columns.pid[i] = pid + 1
    columns.corr[i] = random(4) === 0 ? 1 + random(corrs.length) : 0
    const dice = random(100)
    if (last !== undefined) {
      columns.type[i] = EVENT_TYPES.exit
      stack.length = 0
    } else if (dice < 4) {
      columns.type[i] = dice < 2 ? EVENT_TYPES.send : EVENT_TYPES.receive
      columns.peer[i] = 1 + random(load.processes)
    } else if (stack.length > 0 && (stack.length > 12 || random(2) === 0)) {
      columns.type[i] = dice === 4 ? EVENT_TYPES.exception : EVENT_TYPES.return
      columns.site[i] = bareOf(stack.pop() ?? 0)
    } else {
      // A few functions are called most.
      const site = Math.floor(load.sites * (random(1000) / 1000) ** 3)
      columns.type[i] = EVENT_TYPES.call
      columns.site[i] = 1 + site
      stack.push(calleeOf(site))
    }
  }
  return { no, t0Ns: START_NS + BigInt((no - 1) * n * NS_PER_EVENT), n, strings, pids, corrs, sites, ...columns, payloadRows: new Uint16Array(0), payloads: [] }
}

/** A site for each call, then one for each function as a return names it. */
function sitesOf({ sites: nSites, functions }: Load): { strings: string[]; sites: Uint32Array; calleeOf: (site: number) => number; bareOf: (callee: number) => number } {
  const nModules = Math.ceil(functions / 10)
  const strings = [
    ...Array.from({ length: nModules }, (_, i) => `Shop.Context${i}.Worker`), ...Array.from({ length: functions }, (_, i) => `handle_thing_${i}`),
    ...Array.from({ length: nModules }, (_, i) => `lib/shop/context${i}/worker.ex`),
  ]
  const sites = new Uint32Array((nSites + functions) * SITE_WORDS)
  const put = (site: number, field: keyof typeof SITE, value: number): void => { sites[site * SITE_WORDS + SITE[field]] = value }
  const calleeOf = (site: number): number => (site * 7) % functions
  const called = (site: number, callee: number): void => {
    put(site, 'module', 1 + Math.floor(callee / 10))
    put(site, 'function', 1 + nModules + callee)
    put(site, 'arity', callee % 4)
  }
  for (let site = 0; site < nSites; site++) {
    called(site, calleeOf(site))
    const caller = (site * 13) % functions
    put(site, 'callerModule', 1 + Math.floor(caller / 10))
    put(site, 'callerFunction', 1 + nModules + caller)
    put(site, 'callerArity', caller % 4)
    put(site, 'file', 1 + nModules + functions + Math.floor(caller / 10))
    put(site, 'line', 10 + site)
  }
  for (let callee = 0; callee < functions; callee++) called(nSites + callee, callee)
  return { strings, sites, calleeOf, bareOf: (callee) => 1 + nSites + callee }
}

/** Marsaglia's xorshift: the same numbers everywhere. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}
