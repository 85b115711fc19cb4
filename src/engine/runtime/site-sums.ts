/**
 * Figures of many blocks added up by what the sites say. Codes are each block's own, so the texts of a block are numbered once and its
 * sites compared by these numbers: the same site is in most blocks, and its names are made once.
 */

import type { SiteFigures } from '../../correlate/insights.ts'
import { SITE, SITE_WORDS, versionedEvidence } from '../../event/block.ts'
import { stringOf, type Site } from '../../event/names.ts'
import { type BlockView, siteNames } from '../../event/query/columns.ts'
import { readSummary } from '../../event/summary-codec.ts'
import type { Summary } from '../../event/summary.ts'
import { addTo, openSum, summariesOf, type Sum } from '../../event/sums.ts'
import { EVIDENCE } from '../../model/event.ts'

export type SiteSums = { readonly texts: Map<string, number>; readonly sites: Map<string, { readonly site: Site; readonly sum: Sum }> }

export function openSiteSums(): SiteSums {
  return { texts: new Map(), sites: new Map() }
}

/** A sealed block as a whole. */
export function addBlock(sums: SiteSums, view: BlockView): void {
  const { block, counts } = view
  const sumOf = sumsOf(sums, view)
  readSummary(block.summary.subarray(0, counts.summaryBytes), (code, counted, sketch) => addTo(sumOf(code), counted, sketch))
}

export function addSummary(sums: SiteSums, view: BlockView, summaries: Summary): void {
  const sumOf = sumsOf(sums, view)
  for (const [code, { sketch, ...counted }] of summaries) addTo(sumOf(code), counted, sketch)
}

export function addFigures(sums: SiteSums, figures: readonly SiteFigures[]): void {
  for (const { site, summary } of figures) addTo(sumAt(sums, keyOf(sums, site), () => site), summary, summary.sketch)
}

/** A site once; sites that differ in line or version alone stay apart. */
export function figuresOf({ sites }: SiteSums): readonly SiteFigures[] {
  const all = [...sites.values()]
  const summaries = summariesOf(all.map(({ sum }) => sum))
  return all.flatMap(({ site }, idx) => {
    const summary = summaries[idx]
    return summary === undefined ? [] : [{ site, summary }]
  })
}

function sumsOf(sums: SiteSums, view: BlockView): (code: number) => Sum {
  const numbers = new Uint32Array(view.counts.strings + 1)
  return (code) => sumAt(sums, keyIn(sums, view, numbers, code), () => siteNames(view, code))
}

function sumAt({ sites }: SiteSums, key: string, siteOf: () => Site): Sum {
  const known = sites.get(key)
  if (known !== undefined) return known.sum
  const sum = openSum()
  sites.set(key, { site: siteOf(), sum })
  return sum
}

/** `numbers`: those of the block's texts, by code; 0 where not looked up yet. */
function keyIn({ texts }: SiteSums, { block }: BlockView, numbers: Uint32Array, site: number): string {
  const words = block.sites
  const at = (site - 1) * SITE_WORDS
  const word = (field: number): number => words[at + field] ?? 0
  const text = (field: number): number => {
    const code = word(field)
    return numbers[code] || (numbers[code] = numberOf(texts, stringOf(block, code)))
  }
  const callee = word(SITE.module) === 0 ? '' : `${text(SITE.module)} ${text(SITE.function)} ${word(SITE.arity)}`
  const caller = word(SITE.callerModule) === 0 ? '' : `${text(SITE.callerModule)} ${text(SITE.callerFunction)} ${word(SITE.callerArity)} ${text(SITE.file)} ${word(SITE.line)}`
  return `${callee},${caller},${word(SITE.node) === 0 ? '' : text(SITE.node)},${word(SITE.evidence)}`
}

function keyOf({ texts }: SiteSums, { mfa, caller, nodeId, evidence, version = 0 }: Site): string {
  const callee = mfa === null ? '' : `${numberOf(texts, mfa.module)} ${numberOf(texts, mfa.function)} ${mfa.arity}`
  const from = caller === null ? '' : `${numberOf(texts, caller.module)} ${numberOf(texts, caller.function)} ${caller.arity} ${numberOf(texts, caller.file)} ${caller.line}`
  return `${callee},${from},${nodeId === null ? '' : numberOf(texts, nodeId)},${versionedEvidence(EVIDENCE[evidence], version)}`
}

/** They count from 1. */
function numberOf(texts: Map<string, number>, text: string): number {
  const known = texts.get(text)
  if (known !== undefined) return known
  texts.set(text, texts.size + 1)
  return texts.size
}
