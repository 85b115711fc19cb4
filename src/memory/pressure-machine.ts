/**
 * The pressure machine: normal, warning, critical, emergency, driven by samples of used memory as a share of the limit.
 * A sample settles the level at once, however many levels lie between; hysteresis keeps a share between the thresholds of
 * a level from moving it either way. The drawing of it in docs/MEMORY.md is made from this machine.
 *
 * Invariant: after a sample no move is left to make. Deliberately absent: time (the Monitor's interval follows the level)
 * and everything that a level does (`pressure-effects.ts`).
 */

import { assign, initialTransition, setup, transition } from 'xstate'
import type { SnapshotFrom } from 'xstate'
import type { PressureLevel, RaisedLevel, Thresholds } from './levels.ts'

type Context = { readonly usedRatio: number; readonly thresholds: Thresholds }
type Sampled = { readonly type: 'sampled'; readonly usedRatio: number }
type Border = { readonly level: RaisedLevel }

export const pressureMachine = setup({
  types: { context: {} as Context, events: {} as Sampled, input: {} as Thresholds },
  guards: {
    above: ({ context }, { level }: Border) => context.usedRatio > context.thresholds.above[level],
    below: ({ context }, { level }: Border) => context.usedRatio < context.thresholds.below[level],
  },
}).createMachine({
  id: 'memory_pressure',
  initial: 'normal',
  context: ({ input }) => ({ usedRatio: 0, thresholds: input }),
  on: { sampled: { actions: assign({ usedRatio: ({ event }) => event.usedRatio }) } },
  states: {
    normal: {
      always: { target: 'warning', guard: { type: 'above', params: { level: 'warning' } } },
    },
    warning: {
      always: [
        { target: 'critical', guard: { type: 'above', params: { level: 'critical' } } },
        { target: 'normal', guard: { type: 'below', params: { level: 'warning' } } },
      ],
    },
    critical: {
      always: [
        { target: 'emergency', guard: { type: 'above', params: { level: 'emergency' } } },
        { target: 'warning', guard: { type: 'below', params: { level: 'critical' } } },
      ],
    },
    emergency: {
      always: { target: 'critical', guard: { type: 'below', params: { level: 'emergency' } } },
    },
  },
})

export type Pressure = SnapshotFrom<typeof pressureMachine>

/** The machine as it stands at `level`, before its next sample: a handler that is started again goes on where it was. */
export function pressureAt(level: PressureLevel, thresholds: Thresholds): Pressure {
  const [initial] = initialTransition(pressureMachine, thresholds)
  return pressureMachine.resolveState({ value: level, context: initial.context })
}

/** `usedRatio` is used memory over the limit; above 1 is possible. */
export function pressureAfter(pressure: Pressure, usedRatio: number): Pressure {
  const [next] = transition(pressureMachine, pressure, { type: 'sampled', usedRatio })
  return next
}

export function levelIn(pressure: Pressure): PressureLevel {
  return pressure.value
}
