/**
 * A filter as one block understands it: names become codes once per block, so that a row is tested by looking into small
 * tables. A block that lacks one of the names holds no row that fits, whatever else was asked.
 *
 * Time is not tested here row by row where rows come in order of time (plan.ts cuts the range); `lo` and `hi` are for
 * those who take rows in any order.
 */

import { EVENT_TYPES } from '../../model/event.ts'
import { formatMfa } from '../../model/names.ts'
import type { NodeId } from '../../model/node-id.ts'
import { durationOf, evidenceIn, SITE, SITE_WORDS, type Posted } from '../block.ts'
import type { BlockKey } from './blocks.ts'
import { type BlockView, pidStringCode, siteWord, sourceCode, sourceNodeCode, sourceStartNs } from './columns.ts'
import type { EventFilter } from './filter.ts'
import { type Links, linkedNode } from './links.ts'
import { type SlowestSites, sitesTaking } from './slowest.ts'
import { type NameIndexes, type Needle, codeOf, needleOf } from './name-index.ts'

/** A filter with what can be worked out before any block is looked at. */
export type Compiled = {
  readonly filter: EventFilter
  readonly typeCodes: readonly number[] | null
  readonly needles: { readonly [N in 'pid' | 'peer' | 'module' | 'function' | 'nodeId' | 'correlationId' | 'node']: Needle | null }
  /** Each must be held by a block; of the types one is enough. */
  readonly keys: readonly BlockKey[]
  readonly typeKeys: readonly BlockKey[]
}

/** Which codes fit, as tables; null where the column is not asked about. */
export type Matcher = {
  readonly [C in Posted | 'peer']: Uint8Array | null
} & {
  readonly nRows: number
  /** At least this long, ns; -Infinity where not asked. */
  readonly minTook: number
  readonly lo: number
  readonly hi: number
  /** Where links touch the block: the sites of the node, and what the links say instead. */
  readonly node: { readonly sites: Uint8Array; readonly links: Links; /** Null: links are of no version that is asked for. */ readonly nodeId: NodeId | null } | null
}

/** The codes that fit in each posted column that is asked about; and rows beside the postings of `site`. */
export type Codes = { readonly [C in Posted]: readonly number[] | null } & { readonly linkedRows: readonly number[] }

export type Fitting = { readonly codes: Codes; readonly matcher: Matcher }

export function compile(filter: EventFilter): Compiled {
  const needle = (text: string | undefined) => (text === undefined ? null : needleOf(text))
  return {
    filter,
    typeCodes: filter.types === undefined ? null : filter.types.map((type) => EVENT_TYPES[type]),
    needles: {
      pid: needle(filter.pid), peer: needle(filter.peer), module: needle(filter.module), function: needle(filter.function),
      nodeId: needle(filter.nodeId), correlationId: needle(filter.correlationId), node: needle(filter.node),
    },
    keys: keysOf(filter),
    typeKeys: (filter.types ?? []).map((type) => ({ kind: 'type', key: type })),
  }
}

/** The node is left out: links may give a block rows of a node that its own sites do not name. */
function keysOf(filter: EventFilter): BlockKey[] {
  const keys: BlockKey[] = []
  if (filter.pid !== undefined) keys.push({ kind: 'pid', key: filter.pid })
  if (filter.correlationId !== undefined) keys.push({ kind: 'correlation', key: filter.correlationId })
  if (filter.module !== undefined && filter.function !== undefined && filter.arity !== undefined) {
    keys.push({ kind: 'function', key: formatMfa({ module: filter.module, name: filter.function, arity: filter.arity }) })
  }
  return keys
}

/** Undefined where the block lacks a name that is asked for. */
export function fitTo(compiled: Compiled, view: BlockView, { names: indexes, slowest }: { readonly names: NameIndexes; readonly slowest: SlowestSites }, links: Links): Fitting | undefined {
  const { needles, filter, typeCodes } = compiled
  const names: { -readonly [N in keyof typeof needles]: number } = { pid: 0, peer: 0, module: 0, function: 0, nodeId: 0, correlationId: 0, node: 0 }
  // What somebody said is of no version.
  const linkable = filter.versions?.includes(0) === false ? null : (filter.nodeId ?? null)
  const linkedRows = linkable === null ? [] : rowsLinkedTo(linkable, view, links)
  for (const [name, needle] of Object.entries(needles) as [keyof typeof needles, Needle | null][]) {
    if (needle === null) continue
    names[name] = codeOf(indexes, view, needle)
    if (names[name] === 0 && !(name === 'nodeId' && linkedRows.length > 0)) return undefined
  }
  const pids = pidCodes(filter, names.pid, names.node, view)
  const peers = filter.peer === undefined ? null : pidCodes({}, names.peer, 0, view)
  const corrs = filter.correlationId === undefined ? null : correlationCodes(names.correlationId, view)
  const called = calledSites(filter, names.module, names.function, slowest, view)
  const ofNode = filter.nodeId === undefined ? null : (called ?? allSites(view)).filter((site) => siteWord(view.block, site, 'node') === names.nodeId && names.nodeId !== 0 && isOfVersion(filter, view, site))
  const sites = ofNode ?? called
  if ([pids, peers, corrs, called].some((codes) => codes?.length === 0) || (sites?.length === 0 && linkedRows.length === 0)) return undefined

  const siteTable = (codes: readonly number[] | null) => tableOf(codes, view.counts.sites)
  const inNode = ofNode !== null && filter.nodeId !== undefined && links.has(view.number) ? { sites: tableOf(ofNode, view.counts.sites), links, nodeId: linkable } : null
  const matcher: Matcher = {
    nRows: view.rows, lo: -Infinity, hi: Infinity, minTook: filter.minDurationNs ?? -Infinity,
    type: tableOf(typeCodes, 255), pid: tableOf(pids, view.counts.pids), peer: tableOf(peers, view.counts.pids), corr: tableOf(corrs, view.counts.correlations),
    site: siteTable(inNode === null ? sites : called), node: inNode,
  }
  const beside = inNode === null ? [] : linkedRows.filter((row) => inNode.sites[view.block.site[row] ?? 0] !== 1)
  return { matcher, codes: { type: typeCodes, pid: pids, site: sites, corr: corrs, linkedRows: beside } }
}

/** Whether row `row` fits. */
export function matches(matcher: Matcher, view: BlockView, row: number): boolean {
  const { block } = view
  if (row >= matcher.nRows) return false
  if (matcher.type !== null && matcher.type[block.type[row] ?? 0] !== 1) return false
  if (matcher.pid !== null && matcher.pid[block.pid[row] ?? 0] !== 1) return false
  if (matcher.site !== null && matcher.site[block.site[row] ?? 0] !== 1) return false
  if (matcher.corr !== null && matcher.corr[block.corr[row] ?? 0] !== 1) return false
  if (matcher.peer !== null && matcher.peer[block.peer[row] ?? 0] !== 1) return false
  if (matcher.minTook !== -Infinity && !(durationOf(block.took[row]) >= matcher.minTook)) return false
  if (matcher.node !== null && !isOfNode(matcher.node, view, row)) return false
  const ts = block.ts[row] ?? 0
  return ts >= matcher.lo && ts < matcher.hi
}

function isOfNode({ sites, links, nodeId }: NonNullable<Matcher['node']>, view: BlockView, row: number): boolean {
  const linked = linkedNode(links, view, row)
  return linked === undefined ? sites[view.block.site[row] ?? 0] === 1 : linked === nodeId
}

function isOfVersion({ versions }: EventFilter, { block }: BlockView, site: number): boolean {
  return versions === undefined || versions.includes(evidenceIn(siteWord(block, site, 'evidence')).version)
}

/** Rising, as postings are. */
function rowsLinkedTo(nodeId: NodeId, view: BlockView, links: Links): number[] {
  const rows = links.get(view.number)
  if (rows === undefined) return []
  return [...rows.keys()].filter((row) => row < view.rows && linkedNode(links, view, row) === nodeId).sort((a, b) => a - b)
}

function pidCodes(filter: EventFilter, pid: number, node: number, view: BlockView): number[] | null {
  if (pid === 0 && filter.node === undefined && filter.startNs === undefined) return null
  const { block } = view
  const fits = (source: number) =>
    (filter.node === undefined || sourceNodeCode(block, source) === node) && (filter.startNs === undefined || sourceStartNs(block, source) === filter.startNs)
  const sources = Array.from({ length: view.counts.sources + 1 }, (_, source) => source > 0 && fits(source))
  const ofAnySource = filter.node === undefined && filter.startNs === undefined
  const codes: number[] = []
  for (let code = 1; code <= view.counts.pids; code++) {
    if ((pid === 0 || pidStringCode(block, code) === pid) && (ofAnySource || sources[sourceCode(block, code)] === true)) codes.push(code)
  }
  return codes
}

function correlationCodes(correlation: number, { block, counts }: BlockView): number[] {
  const codes: number[] = []
  for (let at = block.correlations.indexOf(correlation); at >= 0 && at < counts.correlations; at = block.correlations.indexOf(correlation, at + 1)) codes.push(at + 1)
  return codes
}

/** The sites that call the function asked for, and where a duration is asked for, those that took so long at all. */
function calledSites(filter: EventFilter, module: number, fn: number, slowest: SlowestSites, view: BlockView): number[] | null {
  const slow = filter.minDurationNs === undefined || !view.sealed ? null : sitesTaking(slowest, view, filter.minDurationNs)
  if (filter.module === undefined && filter.function === undefined && filter.arity === undefined) return slow
  const sites = sitesOfFunction(filter, module, fn, view)
  if (slow === null) return sites
  const among = new Set(slow)
  return sites.filter((site) => among.has(site))
}

function sitesOfFunction(filter: EventFilter, module: number, fn: number, { block, counts }: BlockView): number[] {
  const sites: number[] = []
  for (let site = 1, at = 0; site <= counts.sites; site++, at += SITE_WORDS) {
    if (module !== 0 && block.sites[at + SITE.module] !== module) continue
    if (fn !== 0 && block.sites[at + SITE.function] !== fn) continue
    // A site without a function has no arity, whatever its word says.
    if (filter.arity !== undefined && (block.sites[at + SITE.arity] !== filter.arity || block.sites[at + SITE.module] === 0)) continue
    sites.push(site)
  }
  return sites
}

function allSites({ counts }: BlockView): number[] {
  return Array.from({ length: counts.sites }, (_, idx) => idx + 1)
}

function tableOf(codes: readonly number[], nCodes: number): Uint8Array
function tableOf(codes: readonly number[] | null, nCodes: number): Uint8Array | null
function tableOf(codes: readonly number[] | null, nCodes: number): Uint8Array | null {
  if (codes === null) return null
  const table = new Uint8Array(nCodes + 1)
  for (const code of codes) table[code] = 1
  return table
}
