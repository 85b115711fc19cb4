/**
 * Events that clients state, as a batch like those of the agents: from here on there is one way for all events. Each event is
 * taken or refused by itself.
 */

import { Packr } from 'msgpackr'
import { type Batch, MAX_TS_NS } from '../event/batch.ts'
import { SITE, SITE_WORDS } from '../event/block.ts'
import { timeNs } from '../engine/runtime/time.ts'
import { EVENT_TYPES, EVIDENCE } from '../model/event.ts'
import { parseMfa } from '../model/names.ts'
import type { Args } from '../wire/methods.ts'

export type ClientEvent = Args<'store_events'>['events'][number]
export type Refused = { readonly index: number; readonly why: string }

const packr = new Packr({ useRecords: false, variableMapSize: true })
const MAX_PAYLOAD_BYTES = 1 << 20
const MAX_ARITY = 255
const MAX_LINE = 0xffff_ffff
const MAX_NS = 2n ** 63n - 1n

type Row = { readonly event: ClientEvent; readonly ns: bigint; readonly payload: Uint8Array | undefined }

/** `nowNs`: the time of events that name none. The batch is undefined where nothing was taken. */
export function batchOfClientEvents(given: readonly ClientEvent[], no: number, nowNs: bigint): { readonly batch: Batch | undefined; readonly refused: readonly Refused[] } {
  const refused: Refused[] = []
  const rows: Row[] = []
  for (const [index, event] of given.entries()) {
    const row = { event, ns: event.timestamp === undefined ? nowNs : timeNs(event.timestamp), payload: event.payload === undefined ? undefined : packr.pack(event.payload) }
    const why = whyNot(row, rows[0]?.ns ?? row.ns)
    if (why === undefined) rows.push(row)
    else refused.push({ index, why })
  }
  return { batch: rows.length === 0 ? undefined : batchOf(rows, no), refused }
}

/** What a log could not be read back with is not taken: `t0Ns` is the time that the others count from. */
function whyNot({ event: { mfa, caller }, ns, payload }: Row, t0Ns: bigint): string | undefined {
  for (const name of [mfa, caller?.mfa]) {
    const parsed = name === undefined ? undefined : parseMfa(name)
    if (name !== undefined && (parsed === undefined || parsed.arity > MAX_ARITY)) return `${JSON.stringify(name)} is no MFA, such as MyApp.Cart.add_item/2`
  }
  if (ns < 0n || ns > MAX_NS) return `its time, ${ns} ns, is not between 1970 and 2262`
  if (ns - t0Ns > MAX_TS_NS || t0Ns - ns > MAX_TS_NS) return 'it is more than 52 days from the first event of this call: store it by a call of its own'
  if (caller !== undefined && caller.line > MAX_LINE) return `there is no line ${caller.line}`
  return payload !== undefined && payload.length > MAX_PAYLOAD_BYTES ? `its payload takes more than ${MAX_PAYLOAD_BYTES} bytes` : undefined
}

/** Codes in order of first use, from 1; 0 is none. */
function codes(): { readonly list: string[]; code(text: string | undefined): number } {
  const known = new Map<string, number>()
  const list: string[] = []
  return {
    list,
    code: (text) => {
      if (text === undefined) return 0
      const found = known.get(text)
      if (found !== undefined) return found
      list.push(text)
      known.set(text, list.length)
      return list.length
    },
  }
}

function batchOf(rows: readonly Row[], no: number): Batch {
  const n = rows.length
  const strings = codes()
  const pids = codes()
  const corrs = codes()
  const sites = siteTable(strings)
  const t0Ns = rows[0]?.ns ?? 0n
  const column = (codeOf: (event: ClientEvent) => number) => Uint16Array.from(rows, ({ event }) => codeOf(event))
  const withPayload = rows.flatMap(({ payload }, row) => (payload === undefined ? [] : [{ row, payload }]))
  return {
    no, n, t0Ns,
    type: Uint8Array.from(rows, ({ event }) => EVENT_TYPES[event.event_type]),
    ts: Float64Array.from(rows, ({ ns }) => Number(ns - t0Ns)),
    pid: column(({ pid }) => pids.code(pid)), peer: column(({ peer }) => pids.code(peer)), site: column(sites.code), corr: column((event) => corrs.code(event.correlation_id)),
    strings: strings.list, pids: pids.list, corrs: corrs.list, sites: Uint32Array.from(sites.words),
    payloadRows: Uint16Array.from(withPayload, ({ row }) => row), payloads: withPayload.map(({ payload }) => payload),
  }
}

function siteTable(strings: ReturnType<typeof codes>): { readonly words: number[]; code(event: ClientEvent): number } {
  const known = new Map<string, number>()
  const words: number[] = []
  return {
    words,
    code: ({ mfa, caller, node_id: nodeId }) => {
      if (mfa === undefined && caller === undefined && nodeId === undefined) return 0
      const key = JSON.stringify([mfa, caller, nodeId])
      const found = known.get(key)
      if (found !== undefined) return found
      const site = Array.from({ length: SITE_WORDS }, () => 0)
      const called = mfa === undefined ? undefined : parseMfa(mfa)
      const from = caller === undefined ? undefined : parseMfa(caller.mfa)
      site[SITE.module] = strings.code(called?.module)
      site[SITE.function] = strings.code(called?.name)
      site[SITE.arity] = called?.arity ?? 0
      site[SITE.callerModule] = strings.code(from?.module)
      site[SITE.callerFunction] = strings.code(from?.name)
      site[SITE.callerArity] = from?.arity ?? 0
      site[SITE.file] = strings.code(caller?.file === '' ? undefined : caller?.file)
      site[SITE.line] = caller?.line ?? 0
      site[SITE.node] = strings.code(nodeId)
      site[SITE.evidence] = nodeId === undefined ? EVIDENCE.none : EVIDENCE.given
      words.push(...site)
      known.set(key, words.length / SITE_WORDS)
      return words.length / SITE_WORDS
    },
  }
}
