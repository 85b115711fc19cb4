/** What moves between levels do, and what writers are told at each level. */

import { expect, test } from 'vitest'
import { admitWrite } from '../../src/memory/admission.ts'
import { LEVEL_POLICIES, PRESSURE_LEVELS } from '../../src/memory/levels.ts'
import type { PressureLevel } from '../../src/memory/levels.ts'
import { effectsOfMove, standingEffects } from '../../src/memory/pressure-effects.ts'
import type { PressureEffect } from '../../src/memory/pressure-effects.ts'

const MIB = 2 ** 20

function move(from: PressureLevel, to: PressureLevel): string[] {
  return effectsOfMove({ from, to, usedBytes: 900 * MIB, maxBytes: 1000 * MIB }).map(print)
}

function print(effect: PressureEffect): string {
  switch (effect.type) {
    case 'publish': return `publish ${effect.level}`
    case 'resize_caches': return `caches ${effect.ratio}`
    case 'cleanup': return `cleanup ${effect.mode}`
    case 'sample_every': return `every ${effect.ms}`
    case 'log': return `${effect.level}: ${effect.message}`
    case 'event': return `event ${effect.fields.from} ${effect.fields.to}`
  }
}

test('up by one level, by all of them, down', () => {
  expect(move('normal', 'warning')).toEqual([
    'publish warning', 'caches 0.5', 'cleanup soft', 'every 1000', 'event normal warning',
    'warn: memory pressure normal -> warning: 90.0 % of 1000 MiB in use',
  ])
  expect(move('normal', 'emergency')).toEqual([
    'publish emergency', 'caches 0', 'cleanup emergency', 'every 100', 'event normal emergency', 'error: memory pressure normal -> emergency: 90.0 % of 1000 MiB in use; client writes are refused',
  ])
  expect(move('critical', 'warning')).toEqual([
    'publish warning', 'caches 0.5', 'every 1000',
    'event critical warning', 'info: memory pressure critical -> warning: 90.0 % of 1000 MiB in use; client writes are accepted',
  ])
  expect(move('warning', 'warning')).toEqual([])
})

test('standing effects bring everything in line with the level', () => {
  expect(standingEffects('critical').map(print)).toEqual(['publish critical', 'caches 0.1', 'every 250'])
})

test('the policies get tighter with the level', () => {
  const policies = PRESSURE_LEVELS.map((level) => LEVEL_POLICIES[level])
  expect(policies.map(({ sampleEveryMs }) => sampleEveryMs)).toEqual([5000, 1000, 250, 100])
  expect(policies.map(({ cacheRatio }) => cacheRatio)).toEqual([1, 0.5, 0.1, 0])
  expect(policies.map(({ cleanup }) => cleanup)).toEqual([undefined, 'soft', 'aggressive', 'emergency'])
})

test('admission: each kind of writer at each level', () => {
  const table = PRESSURE_LEVELS.map((level) => [level, ...(['client', 'sync', 'events'] as const).map((origin) => admitWrite(level, origin).type)])
  expect(table).toEqual([
    ['normal', 'accept', 'accept', 'accept'],
    ['warning', 'accept_and_clean', 'accept_and_clean', 'accept_and_clean'],
    ['critical', 'refuse', 'wait', 'shed'],
    ['emergency', 'refuse', 'wait', 'shed'],
  ])
  expect(admitWrite('critical', 'client')).toMatchObject({ failure: { code: 'insufficient_memory', details: { pressure: 'critical' } } })
})
