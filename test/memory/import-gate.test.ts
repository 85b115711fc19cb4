/** Imports wait at critical, all together, and not for ever. */

import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../src/base/clock.ts'
import { createImportGate, LOOK_EVERY_MS, MAX_WAIT_MS } from '../../src/memory/import-gate.ts'
import type { PressureLevel } from '../../src/memory/levels.ts'
import { createPressureCell, publishLevel } from '../../src/memory/pressure-cell.ts'

function stage(level: PressureLevel) {
  const cell = createPressureCell()
  const clock = createSimulatedClock()
  const seen: string[] = []
  publishLevel(cell, level)
  const gate = createImportGate({ cell, clock, onChange: (state) => void seen.push(state) })
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += LOOK_EVERY_MS) {
      clock.advance(LOOK_EVERY_MS)
      await Promise.resolve()
      await Promise.resolve()
    }
  }
  return { cell, gate, seen, pass }
}

test('below critical it answers at once', async () => {
  const { gate, seen } = stage('warning')
  expect(await gate.pass()).toEqual({ ok: true, value: null })
  expect([gate.isOpen(), seen]).toEqual([true, []])
})

test('at critical all who ask wait for the one moment at which it opens', async () => {
  const { cell, gate, seen, pass } = stage('critical')
  let passed = 0
  const both = [gate.pass(), gate.pass()].map(async (waiting) => {
    expect(await waiting).toEqual({ ok: true, value: null })
    passed += 1
  })
  await pass(5000)
  expect([passed, gate.isOpen(), seen]).toEqual([0, false, ['waits']])
  publishLevel(cell, 'warning')
  await pass(LOOK_EVERY_MS)
  await Promise.all(both)
  expect(seen).toEqual(['waits', 'goes on'])
  expect(await gate.pass()).toEqual({ ok: true, value: null })
})

test('who has waited long enough is told why; the next one waits anew', async () => {
  const { cell, gate, seen, pass } = stage('emergency')
  const waiting = gate.pass()
  await pass(MAX_WAIT_MS)
  expect(await waiting).toMatchObject({ ok: false, error: { code: 'insufficient_memory', details: { pressure: 'emergency' } } })
  const next = gate.pass()
  publishLevel(cell, 'normal')
  await pass(LOOK_EVERY_MS)
  expect(await next).toEqual({ ok: true, value: null })
  expect(seen).toEqual(['waits', 'goes on', 'waits', 'goes on'])
})
