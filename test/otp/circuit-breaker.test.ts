/** The circuit breaker: every cell of state and event, the refusal, late ends, and any history against a naive model. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { admit, CIRCUIT_TERMS, createCircuit, isCircuitOpen, settle, viewOf } from '../../src/otp/circuit-breaker.ts'
import type { Circuit, Pass, Verdict } from '../../src/otp/circuit-breaker.ts'
import { drawCircuit } from '../../src/otp/circuit-diagram.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

function pass(circuit: Circuit, nowMs: number): { circuit: Circuit; pass: Pass } {
  const [next, admission] = admit(circuit, nowMs)
  if ('refused' in admission) throw new Error(admission.refused.message)
  return { circuit: next, pass: admission.pass }
}

function refusal(circuit: Circuit, nowMs: number): unknown {
  const [, admission] = admit(circuit, nowMs)
  return 'refused' in admission ? admission.refused : 'admitted'
}

/** Each verdict for a call of its own, at the same time. */
function after(circuit: Circuit, nowMs: number, ...verdicts: readonly Verdict[]): Circuit {
  return verdicts.reduce((now, verdict) => {
    const admitted = pass(now, nowMs)
    return settle(admitted.circuit, admitted.pass, verdict, nowMs)
  }, circuit)
}

const opened = after(createCircuit('parse'), 1000, 'failure', 'failure', 'failure', 'failure', 'failure')

test.each<readonly [string, readonly Verdict[], string, number, number]>([
  ['nothing yet', [], 'closed', 0, 0],
  ['four failures', ['failure', 'failure', 'failure', 'failure'], 'closed', 4, 0],
  ['five failures', ['failure', 'failure', 'failure', 'failure', 'failure'], 'open', 5, 0],
  ['a success ends the row', ['failure', 'failure', 'failure', 'failure', 'success', 'failure', 'failure'], 'closed', 2, 0],
  ['what is undecided does not', ['failure', 'failure', 'undecided', 'failure', 'failure', 'failure'], 'open', 5, 0],
  ['successes', ['failure', 'success', 'success', 'success'], 'closed', 0, 3],
])('%s', (_name, verdicts, state, nFailures, nSuccesses) => {
  expect(viewOf(after(createCircuit('parse'), 1000, ...verdicts))).toMatchObject({ state, nFailures, nSuccesses })
})

test('open for 30 s, with a typed refusal that says how long', () => {
  expect(viewOf(opened)).toEqual({ name: 'parse', state: 'open', nFailures: 5, nSuccesses: 0, lastFailureMs: 1000, retryAtMs: 31_000 })
  expect(refusal(opened, 1000)).toMatchObject({ code: 'unavailable', details: { reason: 'circuit_open', circuit: 'parse', retry_after_ms: 30_000 }, hint: expect.stringContaining('in 30 s') as string })
  expect(refusal(opened, 30_999.5)).toMatchObject({ details: { retry_after_ms: 1 }, hint: expect.stringContaining('in 1 s') as string })
  expect(refusal(opened, 31_000)).toBe('admitted')
})

test('half open admits one trial: its success closes, its failure opens for 30 s more, without a verdict the next is the trial', () => {
  const trial = pass(opened, 31_000)
  expect(viewOf(trial.circuit)).toMatchObject({ state: 'half_open', retryAtMs: undefined })
  const refused = refusal(trial.circuit, 90_000)
  expect(refused).toMatchObject({ code: 'unavailable', details: { reason: 'circuit_open', retry_after_ms: 0 } })
  expect(isCircuitOpen(refused as never)).toBe(true)
  expect(viewOf(settle(trial.circuit, trial.pass, 'success', 31_005))).toMatchObject({ state: 'closed', nFailures: 0, nSuccesses: 1 })
  const again = settle(trial.circuit, trial.pass, 'failure', 31_005)
  expect(viewOf(again)).toMatchObject({ state: 'open', nFailures: 6, retryAtMs: 61_005 })
  const freed = settle(trial.circuit, trial.pass, 'undecided', 31_005)
  expect(viewOf(freed)).toMatchObject({ state: 'open', retryAtMs: 31_000 })
  expect(viewOf(pass(freed, 31_005).circuit).state).toBe('half_open')
})

test('ends of calls from before the circuit changed count no more', () => {
  const early = pass(createCircuit('parse'), 0)
  const open = after(early.circuit, 0, 'failure', 'failure', 'failure', 'failure', 'failure')
  expect(settle(open, early.pass, 'success', 10)).toBe(open)
  const trial = pass(open, 30_000)
  expect(settle(trial.circuit, early.pass, 'success', 30_001)).toBe(trial.circuit)
  const closed = settle(trial.circuit, trial.pass, 'success', 30_002)
  expect(settle(closed, early.pass, 'failure', 30_003)).toBe(closed)
})

test('calls that were under way together fail together: one of them counts, a success of any of them does', () => {
  const passes = Array.from({ length: 24 }, () => pass(createCircuit('parse'), 0).pass)
  const crashed = passes.reduce((circuit, one) => settle(circuit, one, 'failure', 10), createCircuit('parse'))
  expect(viewOf(crashed)).toMatchObject({ state: 'closed', nFailures: 1, lastFailureMs: 10 })
  expect(viewOf(settle(crashed, passes[0] ?? { era: 0, nIncidents: 0 }, 'success', 11))).toMatchObject({ nFailures: 0, nSuccesses: 1 })
  expect(viewOf(after(crashed, 20, 'failure', 'failure', 'failure', 'failure'))).toMatchObject({ state: 'open' })
})

type Naive = { state: 'closed' | 'open' | 'half_open'; row: number; failures: number; openedMs: number; current: Map<number, number> }

const happening = fc.oneof(
  fc.record({ type: fc.constant('ask' as const) }),
  fc.record({ type: fc.constant('end' as const), which: fc.nat(20), verdict: fc.constantFrom<Verdict>('success', 'failure', 'failure', 'failure', 'undecided') }),
  fc.record({ type: fc.constant('wait' as const), ms: fc.constantFrom(1, 9999, 10_000, 30_000) }),
)

test('any history is as a naive model has it', () => {
  fc.assert(fc.property(fc.array(happening, { maxLength: 120 }), (history) => {
    let circuit = createCircuit('any')
    let nowMs = 5
    const model: Naive = { state: 'closed', row: 0, failures: 0, openedMs: 0, current: new Map() }
    const underWay: { id: number; pass: Pass }[] = []
    const move = (state: Naive['state']): void => {
      model.state = state
      model.current.clear()
    }
    const fails = (): void => {
      model.row += 1
      model.failures += 1
      if (model.state === 'closed' && model.row < CIRCUIT_TERMS.failures) return
      move('open')
      model.openedMs = nowMs
    }
    history.forEach((what, id) => {
      if (what.type === 'wait') nowMs += what.ms
      if (what.type === 'ask') {
        const isTrial = model.state === 'open' && nowMs - model.openedMs >= CIRCUIT_TERMS.recoveryMs
        const [next, admission] = admit(circuit, nowMs)
        circuit = next
        expect('pass' in admission).toBe(model.state === 'closed' || isTrial)
        if (isTrial) move('half_open')
        if ('pass' in admission) {
          underWay.push({ id, pass: admission.pass })
          model.current.set(id, model.failures)
        }
      }
      if (what.type === 'end' && underWay.length > 0) {
        const ended = must(underWay.splice(what.which % underWay.length, 1)[0], 'a call under way')
        circuit = settle(circuit, ended.pass, what.verdict, nowMs)
        const failuresBefore = model.current.get(ended.id)
        if (model.current.delete(ended.id)) {
          if (what.verdict === 'failure') {
            if (failuresBefore === model.failures) fails()
          } else if (what.verdict === 'success') {
            model.row = 0
            if (model.state === 'half_open') move('closed')
          } else if (model.state === 'half_open') move('open')
        }
      }
      expect(viewOf(circuit)).toMatchObject({ state: model.state, nFailures: model.row })
      if (model.state === 'half_open') expect(model.current.size).toBe(1)
    })
  }), seed)
})

test('every move of the machine is drawn', () => {
  const moves = drawCircuit(CIRCUIT_TERMS).split('\n').filter((line) => line.includes('-->')).map((line) => line.trim())
  expect(moves).toEqual([
    '[*] --> closed',
    'closed --> open : failed, the 5th in a row', 'closed --> closed : failed', 'closed --> closed : succeeded',
    'open --> half_open : asked 30 s or more after the last failure',
    'half_open --> closed : succeeded', 'half_open --> open : failed', 'half_open --> open : undecided',
  ])
})
