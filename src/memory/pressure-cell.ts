/**
 * The level, where every thread can read it for the price of a load: one Int32 in shared memory that holds the severity,
 * 0 normal to 3 emergency. One writer, the pressure handler; the cell is made by whoever starts the threads and handed to
 * each of them. It outlives the handler, so a handler that is started again finds the level it had.
 */

import { must } from '../base/assert.ts'
import { PRESSURE_LEVELS, severityOf } from './levels.ts'
import type { PressureLevel } from './levels.ts'

/** Int32Array of length 1 over shared memory. */
export type PressureCell = Int32Array

export function createPressureCell(): PressureCell {
  return new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
}

export function levelOf(cell: PressureCell): PressureLevel {
  return must(PRESSURE_LEVELS[Atomics.load(cell, 0)], 'a severity in the pressure cell')
}

export function publishLevel(cell: PressureCell, level: PressureLevel): void {
  Atomics.store(cell, 0, severityOf(level))
}
