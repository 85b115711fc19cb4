/**
 * The section `summary` of a sealed block:
 *
 *     site     code less the one before, calls, returns, exceptions, timed; where timed is not 0:
 *              sum, min, max, own as f64, little-endian, then the bins. Where calls nest, the sum is negated, and the part of
 *              it that does not comes before min (from file version 2 on)
 *     bins     how many; of each: bin less the one before, count
 *
 * All whole numbers but these are LEB128: seven bits a byte, least first, the top bit set where more follow.
 * It is read back by whoever has the block, whose checksum was checked before: nothing is checked here.
 */

import { assert } from '../base/assert.ts'
import type { Sketch } from './bins.ts'
import type { SiteCounts, SiteSummary } from './summary.ts'

type Cursor = { readonly bytes: Uint8Array; readonly view: DataView; at: number }

const UNTIMED = { sumNs: 0, outerNs: 0, minNs: Infinity, maxNs: 0, ownNs: 0 }

const open = (bytes: Uint8Array): Cursor => ({ bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), at: 0 })

/** Writes it from the start of `bytes`; how many it takes. */
export function encodeSummary(summary: ReadonlyMap<number, SiteSummary>, bytes: Uint8Array): number {
  const to = open(bytes)
  let before = 0
  for (const [code, site] of summary) {
    assert(to.at + 72 + 5 * site.sketch.bins.length <= bytes.length, 'room for the summary')
    for (const value of [code - before, site.calls, site.returns, site.exceptions, site.timed]) putWhole(to, value)
    before = code
    if (site.timed === 0) continue
    const sums = site.outerNs === site.sumNs ? [site.sumNs] : [-site.sumNs, site.outerNs]
    for (const value of [...sums, site.minNs, site.maxNs, site.ownNs]) {
      to.view.setFloat64(to.at, value, true)
      to.at += 8
    }
    putSketch(to, site.sketch)
  }
  return to.at
}

/** A sketch as it stands in a summary, from `at` on. */
export type PackedSketch = { readonly bytes: Uint8Array; readonly at: number }

/** Site by site, codes rising; without a sketch where no duration is known. Sketches are passed over. */
export function readSummary(bytes: Uint8Array, take: (code: number, site: SiteCounts, sketch: PackedSketch | undefined) => void): void {
  const from = open(bytes)
  for (let code = 0; from.at < bytes.length;) {
    code += takeWhole(from)
    const calls = takeWhole(from), returns = takeWhole(from), exceptions = takeWhole(from), timed = takeWhole(from)
    const counted = { calls, returns, exceptions, timed }
    if (timed === 0) {
      take(code, { ...counted, ...UNTIMED }, undefined)
      continue
    }
    const times = { ...takeSums(from), minNs: takeFloat(from), maxNs: takeFloat(from), ownNs: takeFloat(from) }
    const sketch = { bytes, at: from.at }
    for (let left = 2 * takeWhole(from); left > 0; from.at++) if ((bytes[from.at] ?? 0) < 0x80) left--
    take(code, { ...counted, ...times }, sketch)
  }
}

/** Bins rising. */
export function readBins({ bytes, at }: PackedSketch, take: (bin: number, count: number) => void): void {
  const from = { bytes, at }
  const nBins = takeWhole(from)
  for (let idx = 0, bin = 0; idx < nBins; idx++) take(bin += takeWhole(from), takeWhole(from))
}

function takeSums(from: Cursor): { readonly sumNs: number; readonly outerNs: number } {
  const sumNs = takeFloat(from)
  return sumNs < 0 ? { sumNs: -sumNs, outerNs: takeFloat(from) } : { sumNs, outerNs: sumNs }
}

function putSketch(to: Cursor, { bins, counts }: Sketch): void {
  putWhole(to, bins.length)
  let before = 0
  for (const [idx, bin] of bins.entries()) {
    putWhole(to, bin - before)
    putWhole(to, counts[idx] ?? 0)
    before = bin
  }
}

/** Below 2^31. */
function putWhole(to: Cursor, value: number): void {
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) to.bytes[to.at++] = (rest & 0x7f) | 0x80
  to.bytes[to.at++] = rest
}

function takeWhole(from: Pick<Cursor, 'bytes' | 'at'>): number {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = from.bytes[from.at++] ?? 0
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value
  }
}

function takeFloat(from: Cursor): number {
  const value = from.view.getFloat64(from.at, true)
  from.at += 8
  return value
}
