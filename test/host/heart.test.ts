/**
 * What heart does, event by event: a script of what happens -> the effects, printed. And under random scripts: one daemon
 * at a time, no more new starts than allowed in any period, and nothing alive when heart exits.
 */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { argumentsUnderHeart } from '../../src/host/heart-arguments.ts'
import { describeEnd, heartPauseMs, heartStep, NEW_HEART, type HeartEffect, type HeartEvent, type HeartState } from '../../src/host/heart.ts'
import type { DaemonMessage, HeartTerms } from '../../src/host/starter-report.ts'

const TERMS: HeartTerms = { intensity: 3, periodS: 60, backOffMs: 100, maxBackOffMs: 300, silenceMs: 5000, logFormat: 'json' }
const STATE = {
  pid: 1, version: '1', wire_version: 1, node_version: '24', project_root: '/p', profile: 'default', socket: '/s', http: null, log_file: null,
  started_at: '', heart: null,
}
const said = (message: DaemonMessage): HeartEvent => ({ type: 'said', message })
const READY = said({ type: 'ready', state: STATE, terms: TERMS })
const BEAT = said({ type: 'beat' })
const FAILED = said({ type: 'failed', failures: [{ code: 'storage_full', message: 'no space' }] })
const OTHER = said({ type: 'failed', failures: [{ code: 'conflict', message: 'another runs' }] })
const TIMER: HeartEvent = { type: 'time_is_up' }
const LATE: HeartEvent = { type: 'time_is_up', isLate: true }
const STOP: HeartEvent = { type: 'asked_to_stop', signal: 'SIGTERM' }
const ended = (how: number | NodeJS.Signals): HeartEvent => ({
  type: 'daemon_ended', end: typeof how === 'number' ? { code: how, signal: null } : { code: null, signal: how },
})

function show(effect: HeartEffect): string {
  switch (effect.type) {
    case 'spawn': return `spawn ${effect.restarts}`
    case 'kill': return `kill ${effect.signal}`
    case 'report': return `report ${effect.report.type}`
    case 'log': return `log ${effect.line.level} ${effect.line.message} ${JSON.stringify(effect.line.fields)}`
    case 'timer': return `timer ${effect.ms}`
    case 'remove_state_file': return 'remove'
    case 'exit': return `exit ${effect.code}`
  }
}

/** The effects of the last event, after those before it; a number lets so many milliseconds pass. */
function after(...script: readonly (HeartEvent | number)[]): string[] {
  let state: HeartState = NEW_HEART
  let nowMs = 1_000_000
  let effects: readonly HeartEffect[] = []
  for (const what of [{ type: 'begin' } as const, ...script]) {
    if (typeof what === 'number') nowMs += what
    else [state, effects] = heartStep(state, what, nowMs)
  }
  return effects.map(show)
}

const KILLED = ended('SIGKILL')
const restarting = (how: string, restart: number, ms: number): string[] => [
  `log error the daemon ended; starting it again {"ended":"${how}","restart":${restart},"in_ms":${ms}}`, `timer ${ms}`,
]

test.each<[string, (HeartEvent | number)[], string[]]>([
  ['begins with a daemon', [], ['spawn 0']],
  ['passes readiness on and waits for signs of life', [READY], ['report ready', 'timer 5000']],
  ['each sign of life rearms the timer', [READY, BEAT], ['timer 5000']],
  ['passes a refusal on', [FAILED], ['report failed']],
  ['and ends with the refused daemon', [FAILED, ended(1)], ['timer null', 'exit 1']],
  ['a first daemon that dies is not started again', [KILLED], ['timer null', 'report died', 'exit 1']],
  ['nor one that cannot be spawned', [{ type: 'daemon_ended', end: { code: null, signal: null, error: 'EAGAIN' } }], ['timer null', 'report died', 'exit 1']],
  ['an orderly end', [READY, ended(0)], ['timer null', 'remove', 'exit 0']],
  ['an end at a second signal', [READY, ended(130)], ['timer null', 'remove', 'exit 0']],
  ['SIGTERM before it could listen', [READY, KILLED, TIMER, ended('SIGTERM')], ['timer null', 'remove', 'exit 0']],
  ['SIGKILL', [READY, KILLED], restarting('SIGKILL', 1, 100)],
  ['SIGABRT', [READY, ended('SIGABRT')], restarting('SIGABRT', 1, 100)],
  ['a tree that gave up', [READY, ended(70)], restarting('exit code 70', 1, 100)],
  ['the code of an abort in a container', [READY, ended(134)], restarting('exit code 134', 1, 100)],
  ['after the pause', [READY, KILLED, TIMER], ['spawn 1', 'timer 60000']],
  ['ready again: nobody is told', [READY, KILLED, TIMER, READY], ['timer 5000']],
  ['the pause doubles', [READY, KILLED, TIMER, READY, KILLED], restarting('SIGKILL', 2, 200)],
  ['up to a bound', [READY, KILLED, TIMER, READY, KILLED, TIMER, KILLED], restarting('SIGKILL', 3, 300)],
  ['too often', [READY, KILLED, TIMER, READY, KILLED, TIMER, READY, KILLED, TIMER, READY, KILLED], [
    'timer null', 'log fatal the daemon keeps ending; giving up {"ended":"SIGKILL","restarts":3,"limit":"3 in 60 s"}', 'remove', 'exit 70',
  ]],
  ['as often, within longer', [READY, KILLED, TIMER, READY, KILLED, TIMER, READY, 59_000, KILLED, TIMER, READY, 1100, KILLED], restarting('SIGKILL', 4, 300)],
  ['the pause begins anew once a daemon stayed up', [READY, KILLED, TIMER, READY, KILLED, TIMER, READY, 60_000, KILLED], restarting('SIGKILL', 3, 100)],
  ['a new start that is refused is logged', [READY, KILLED, TIMER, FAILED], ['log error the daemon could not be started again {"failures":["no space"]}']],
  ['and tried again', [READY, KILLED, TIMER, FAILED, ended(1)], restarting('exit code 1', 2, 200)],
  ['another daemon has the project: leave it alone', [READY, KILLED, TIMER, OTHER, ended(1)], ['timer null', 'exit 0']],
  ['silence', [READY, TIMER], ['kill SIGKILL']],
  ['silence is told', [READY, TIMER, KILLED], restarting('killed: no sign of life for 5000 ms', 1, 100)],
  ['silence at a new start', [READY, KILLED, TIMER, TIMER], ['kill SIGKILL']],
  ['and told', [READY, KILLED, TIMER, TIMER, KILLED], restarting('killed: no sign of life for 60000 ms', 2, 200)],
  ['silence while heart itself stood still', [READY, LATE], ['timer 5000']],
  ['and silence after it', [READY, LATE, TIMER], ['kill SIGKILL']],
  ['a start while heart stood still', [READY, KILLED, LATE, LATE], ['timer 60000']],
  ['silence that is allowed', [said({ type: 'ready', state: STATE, terms: { ...TERMS, silenceMs: 0 } })], ['report ready', 'timer null']],
  ['asked to stop', [READY, STOP], ['timer null', 'kill SIGTERM']],
  ['and the daemon has', [READY, STOP, ended(0)], ['timer null', 'remove', 'exit 0']],
  ['however it did', [READY, STOP, KILLED], ['timer null', 'remove', 'exit 0']],
  ['a sign of life meanwhile arms nothing', [READY, STOP, BEAT], []],
  ['asked while it starts', [STOP], ['timer null', 'kill SIGTERM']],
  ['asked while it starts, ready all the same', [STOP, READY], ['report ready']],
  ['asked while it starts, gone', [STOP, ended('SIGTERM')], ['timer null', 'report died', 'exit 0']],
  ['asked between two starts', [READY, KILLED, STOP], ['timer null', 'remove', 'exit 0']],
  ['after the end nothing', [READY, ended(0), TIMER], []],
])('%s', (_, script, effects) => {
  expect(after(...script)).toEqual(effects)
})

test('the pause: doubling, bounded, without overflow', () => {
  expect([0, 1, 2, 9, 5000].map((streak) => heartPauseMs(streak, { backOffMs: 100, maxBackOffMs: 30_000 }))).toEqual([100, 200, 400, 30_000, 30_000])
})

test('an end in words', () => {
  expect([{ code: 3, signal: null }, { code: null, signal: 'SIGABRT' as const }, { code: null, signal: null, error: 'EAGAIN' }].map(describeEnd))
    .toEqual(['exit code 3', 'SIGABRT', 'EAGAIN'])
})

test('the daemon is given heart; one that is started again imports by itself', () => {
  const given = ['/p', '{"placement":"background","first_import":"caller","flags":{"a":"b"}}']
  const parse = ([root, others]: string[]): unknown => [root, JSON.parse(others ?? '')]
  const base = { placement: 'background', flags: { a: 'b' } }
  expect(parse(argumentsUnderHeart(given, { pid: 7, restarts: 0 }))).toEqual(['/p', { ...base, first_import: 'caller', heart: { pid: 7, restarts: 0 } }])
  expect(parse(argumentsUnderHeart(given, { pid: 7, restarts: 2 }))).toEqual(['/p', { ...base, first_import: 'daemon', heart: { pid: 7, restarts: 2 } }])
})

const NEXT = fc.constantFrom<HeartEvent | 'timer' | 'pass'>(
  READY, BEAT, FAILED, STOP, KILLED, ended('SIGABRT'), ended(70), ended(1), ended(0), 'timer', 'timer', 'timer', 'pass', 'pass',
)

test('random scripts: one daemon at a time, the limit holds, and heart never leaves one behind', () => {
  const check = (script: readonly (HeartEvent | 'timer' | 'pass')[], passMs: number): void => {
    let state = NEW_HEART
    let nowMs = 0
    let isAlive = false
    let timerMs: number | null = null
    const spawnedAt: number[] = []
    const happen = (event: HeartEvent): void => {
      const [next, effects] = heartStep(state, event, nowMs)
      state = next
      for (const effect of effects) {
        if (effect.type === 'timer') timerMs = effect.ms
        if (effect.type === 'exit') expect({ isAlive, mode: state.mode }).toEqual({ isAlive: false, mode: 'ended' })
        if (effect.type !== 'spawn') continue
        expect(isAlive).toBe(false)
        isAlive = true
        if (effect.restarts > 0) spawnedAt.push(nowMs)
      }
    }
    happen({ type: 'begin' })
    for (const what of script) {
      if (what === 'pass') nowMs += passMs
      else if (what === 'timer') {
        if (timerMs === null) continue
        nowMs += timerMs
        timerMs = null
        happen(TIMER)
      } else if (what.type === 'asked_to_stop' || isAlive) {
        if (what.type === 'daemon_ended') isAlive = false
        happen(what)
      }
      // No daemon and no timer: then heart has ended, or it would sleep for ever.
      if (!isAlive && timerMs === null) expect(state.mode).toBe('ended')
    }
    for (const atMs of spawnedAt) {
      expect(spawnedAt.filter((other) => other >= atMs && other < atMs + TERMS.periodS * 1000).length).toBeLessThanOrEqual(TERMS.intensity)
    }
  }
  const seed = process.env['FC_SEED']
  fc.assert(
    fc.property(fc.array(NEXT, { maxLength: 60 }), fc.integer({ min: 1, max: 40_000 }), check),
    { numRuns: 2000, ...(seed === undefined ? {} : { seed: Number(seed) }) },
  )
})
