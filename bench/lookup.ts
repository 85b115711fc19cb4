/**
 * Lookups over the socket, measured from this process against a daemon in another: one call at a time for the latency a
 * user feels, sixteen at a time for what the socket carries. The names come from the daemon's own lists unless given.
 * Figures are for trends and reports; nothing is asserted about them.
 */

import { randomUUID } from 'node:crypto'
import { type Client, connect } from '../src/client/client.ts'
import { FailureError } from '../src/base/failure.ts'
import type { Result } from '../src/base/result.ts'
import type { Failure } from '../src/base/failure.ts'
import { systemClock } from '../src/otp/node/message-port.ts'

export type LookupOptions = {
  readonly socketPath: string
  readonly modules?: readonly string[]
  readonly functions?: readonly string[]
  /** Calls of each measurement, after as many for warming up as a tenth of them. */
  readonly calls?: number
}

export type LookupFigures = { readonly names: number; readonly p50Us: number; readonly p99Us: number; readonly perSecondDepth16: number }

export type LookupReport = { readonly get_module: LookupFigures; readonly get_function: LookupFigures }

type Lookup = (name: string) => Promise<Result<unknown, Failure>>

const MAX_NAMES = 1000
const DEPTH = 16

export async function benchLookup(options: LookupOptions): Promise<LookupReport> {
  const client = must(await connect({ socketPath: options.socketPath, clock: systemClock, random: Math.random, newRequestId: randomUUID }))
  const calls = options.calls ?? 20_000
  try {
    const modules = options.modules ?? await moduleNames(client)
    const functions = options.functions ?? await functionNames(client)
    return {
      get_module: await measure(modules, calls, (name) => client.call('get_module', { module_name: name })),
      get_function: await measure(functions, calls, (name) => client.call('get_function', { mfa: name })),
    }
  } finally {
    client.close()
  }
}

async function moduleNames(client: Client): Promise<string[]> {
  const page = must(await client.call('list_modules', { limit: MAX_NAMES }))
  return page.value.modules.map((module) => module.module_name)
}

async function functionNames(client: Client): Promise<string[]> {
  const page = must(await client.call('list_functions', { limit: MAX_NAMES }))
  return page.value.functions.map((fn) => fn.mfa)
}

async function measure(names: readonly string[], calls: number, lookup: Lookup): Promise<LookupFigures> {
  if (names.length === 0) throw new Error('nothing to look up: import a project first')
  await inTurn(names, Math.ceil(calls / 10), lookup)
  const latencies = (await inTurn(names, calls, lookup)).sort()
  await atDepth(names, Math.ceil(calls / 10), lookup)
  const seconds = await atDepth(names, calls, lookup)
  return {
    names: names.length,
    p50Us: Math.round((latencies[Math.floor(calls * 0.5)] ?? 0) * 1000),
    p99Us: Math.round((latencies[Math.floor(calls * 0.99)] ?? 0) * 1000),
    perSecondDepth16: Math.round(calls / seconds),
  }
}

/** Milliseconds of each call, one after the other. */
async function inTurn(names: readonly string[], calls: number, lookup: Lookup): Promise<Float64Array> {
  const latencies = new Float64Array(calls)
  for (let i = 0; i < calls; i++) {
    const startedMs = performance.now()
    must(await lookup(names[i % names.length] ?? ''))
    latencies[i] = performance.now() - startedMs
  }
  return latencies
}

/** Seconds for all calls, DEPTH of them under way at any time. */
async function atDepth(names: readonly string[], calls: number, lookup: Lookup): Promise<number> {
  let next = 0
  const startedMs = performance.now()
  const lane = async (): Promise<void> => {
    while (next < calls) must(await lookup(names[next++ % names.length] ?? ''))
  }
  await Promise.all(Array.from({ length: DEPTH }, lane))
  return (performance.now() - startedMs) / 1000
}

function must<T>(result: Result<T, Failure>): T {
  if (!result.ok) throw new FailureError(result.error)
  return result.value
}
