/** The pressure machine: the thresholds one by one, chains of moves in one sample, and what holds for any walk of memory. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { DEFAULT_THRESHOLDS, PRESSURE_LEVELS, severityOf, thresholdProblems } from '../../src/memory/levels.ts'
import type { PressureLevel, Thresholds } from '../../src/memory/levels.ts'
import { createPressureCell, levelOf, publishLevel } from '../../src/memory/pressure-cell.ts'
import { levelIn, pressureAfter, pressureAt } from '../../src/memory/pressure-machine.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

const CASES: readonly (readonly [from: PressureLevel, usedRatio: number, to: PressureLevel])[] = [
  ['normal', 0, 'normal'], ['normal', 0.8, 'normal'], ['normal', 0.8001, 'warning'], ['normal', 0.9, 'warning'],
  ['normal', 0.9001, 'critical'], ['normal', 0.95, 'critical'], ['normal', 0.9501, 'emergency'], ['normal', 3, 'emergency'],
  ['warning', 0.75, 'warning'], ['warning', 0.7499, 'normal'], ['warning', 0.85, 'warning'], ['warning', 0.96, 'emergency'],
  ['critical', 0.85, 'critical'], ['critical', 0.8499, 'warning'], ['critical', 0.92, 'critical'], ['critical', 0.5, 'normal'],
  ['emergency', 0.9, 'emergency'], ['emergency', 0.8999, 'critical'], ['emergency', 0.84, 'warning'], ['emergency', 0.1, 'normal'],
]

test.each(CASES)('%s at %d is %s', (from, usedRatio, to) => {
  expect(levelIn(pressureAfter(pressureAt(from, DEFAULT_THRESHOLDS), usedRatio))).toBe(to)
})

/** Sound thresholds: three rising pairs, each with its lower end below its upper. */
const soundThresholds: fc.Arbitrary<Thresholds> = fc
  .uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 6, maxLength: 6 })
  .map((numbers) => numbers.toSorted((a, b) => a - b).map((n) => n / 1000))
  .map(([a = 0, b = 0, c = 0, d = 0, e = 0, f = 0]) => ({
    below: { warning: a, critical: b, emergency: d },
    above: { warning: c, critical: e, emergency: f },
  }))

test('after any walk the level is settled, was moved in one direction, and has a reason to be where it is', () => {
  fc.assert(fc.property(soundThresholds, fc.array(fc.integer({ min: 0, max: 1200 }), { maxLength: 30 }), (thresholds, walk) => {
    expect(thresholdProblems(thresholds)).toEqual([])
    let pressure = pressureAt('normal', thresholds)
    for (const permille of walk) {
      const ratio = permille / 1000
      const from = severityOf(levelIn(pressure))
      pressure = pressureAfter(pressure, ratio)
      const to = severityOf(levelIn(pressure))
      const above = (severity: number): number => threshold(thresholds.above, severity, Infinity)
      const below = (severity: number): number => threshold(thresholds.below, severity, -Infinity)
      expect(ratio > above(to + 1)).toBe(false)
      expect(ratio < below(to)).toBe(false)
      if (to > from) expect(ratio).toBeGreaterThan(above(to))
      if (to < from) expect(ratio).toBeLessThan(below(to + 1))
      expect(levelIn(pressureAfter(pressure, ratio))).toBe(PRESSURE_LEVELS[to])
    }
  }), seed)
})

function threshold(of: Thresholds['above'], severity: number, outside: number): number {
  const level = PRESSURE_LEVELS[severity]
  return level === undefined || level === 'normal' ? outside : of[level]
}

test('thresholds that could swing or stand out of order are named', () => {
  const { above, below } = DEFAULT_THRESHOLDS
  expect(thresholdProblems(DEFAULT_THRESHOLDS)).toEqual([])
  expect(thresholdProblems({ above, below: { ...below, warning: 0.8 } })).toEqual(['warning: is left below 0.8, which is not under the 0.8 it is entered above'])
  expect(thresholdProblems({ above: { ...above, critical: 0.96 }, below })).toEqual(['emergency: its thresholds are not higher than those of critical'])
  expect(thresholdProblems({ above: { ...above, emergency: 1.5 }, below }).join()).toMatch(/emergency: thresholds lie between 0 and 1/)
  expect(thresholdProblems({ above: { ...above, emergency: Number.NaN }, below })).not.toEqual([])
})

test('the cell carries the level to whoever shares its memory', () => {
  const cell = createPressureCell()
  const elsewhere = new Int32Array(cell.buffer)
  expect(cell.buffer).toBeInstanceOf(SharedArrayBuffer)
  expect(levelOf(elsewhere)).toBe('normal')
  for (const level of PRESSURE_LEVELS) {
    publishLevel(cell, level)
    expect(levelOf(elsewhere)).toBe(level)
  }
})
