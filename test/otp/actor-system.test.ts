/** Actors under a simulated clock and a seeded scheduler: messages, calls, timers, monitors, mailboxes, ends. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { createSimulatedClock } from '../../src/base/clock.ts'
import type { SimulatedClock } from '../../src/base/clock.ts'
import { ok } from '../../src/base/result.ts'
import { startActor } from '../../src/otp/actor-child.ts'
import { createActorSystem } from '../../src/otp/actor-system.ts'
import type { ActorSystem, ActorSystemOptions, Spawned } from '../../src/otp/actor-system.ts'
import type { Actor, ActorEffect, ActorMsg, MailboxSpec, Pid, TrappingActor } from '../../src/otp/actor.ts'
import { formatReason, KILLED, NORMAL, SHUTDOWN } from '../../src/otp/exit-reason.ts'
import type { ExitReason } from '../../src/otp/exit-reason.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

/** Does what it is told: a cast is a list of effects to run, a call is answered by its own body, all else is noted. */
type Body = readonly ActorEffect[] | string | number
type Puppet = Actor<readonly string[], Body, string>

const noted: Record<string, string[]> = {}

function puppet(name: string, mailbox: MailboxSpec<Body> = { capacity: 4, overflow: 'shed' }): Puppet {
  noted[name] = []
  const note = (text: string): void => void noted[name]?.push(text)
  return {
    mailbox,
    init: () => ({ type: 'ok', state: [] }),
    step(state, msg: ActorMsg<Body>, nowMs) {
      if (msg.type === 'cast' && Array.isArray(msg.body)) return [state, msg.body as readonly ActorEffect[]]
      if (msg.type === 'cast' && msg.body === 'throw') throw new Error('struck')
      if (msg.type === 'call' && msg.body === 'hold') return [state, []]
      if (msg.type === 'call') return [state, [{ type: 'reply', to: msg.from, result: ok(msg.body) }]]
      if (msg.type === 'cast') note(`${msg.body as string | number}`)
      if (msg.type === 'timer') note(`${msg.name} at ${nowMs}`)
      if (msg.type === 'answer') note(`${msg.tag} ${msg.result.ok ? JSON.stringify(msg.result.value) : msg.result.error.code}`)
      if (msg.type === 'down') note(`${msg.tag} ${formatReason(msg.reason)}`)
      return [state, []]
    },
    terminate: (_state, reason) => [{ type: 'cast', to: 'witness', body: `${name} ends by ${formatReason(reason)}` }],
  }
}

type Stage = { readonly clock: SimulatedClock; readonly system: ActorSystem; readonly ends: string[]; spawn(name: string, mailbox?: MailboxSpec<Body>): Pid; tell(name: string, ...effects: ActorEffect[]): void; run(): void }

function stage(options: Partial<ActorSystemOptions> = {}): Stage {
  const clock = createSimulatedClock()
  const system = createActorSystem({ clock, log: () => undefined, ports: {}, defer: () => undefined, ...options })
  const ends: string[] = []
  return {
    clock, system, ends,
    spawn(name, mailbox) {
      const spawned = system.spawn({ actor: puppet(name, mailbox), name, onExit: (reason) => ends.push(`${name}: ${formatReason(reason)}`) })
      return spawned.type === 'ok' ? spawned.pid : -1
    },
    tell: (name, ...effects) => void system.cast(name, effects),
    run() {
      while (system.runReady(1000) > 0);
    },
  }
}

/** Promises settle after a few turns. */
const settled = async <T>(promise: Promise<T>): Promise<T | 'pending'> => {
  let value: T | 'pending' = 'pending'
  void promise.then((result) => (value = result))
  for (let n = 0; n < 5; n++) await Promise.resolve()
  return value
}

test('a call is answered; a reply before the end counts; a call to nobody fails at once', async () => {
  const s = stage()
  s.spawn('a')
  const call = s.system.call('a', 7)
  s.run()
  expect(await settled(call)).toEqual({ ok: true, value: 7 })
  const [answered, held] = [s.system.call('a', 8), s.system.call('a', 'hold')]
  s.tell('a', { type: 'stop', reason: SHUTDOWN })
  s.run()
  expect(await settled(answered)).toEqual({ ok: true, value: 8 })
  expect(await settled(held)).toMatchObject({ ok: false, error: { code: 'unavailable', message: 'a ended with shutdown' } })
  expect(await settled(s.system.call('a', 9))).toMatchObject({ ok: false, error: { details: { reason: 'noproc' } } })
  expect(s.system.cast('a', 1)).toBe(false)
})

test('actors call each other; deadlines, nobody there, themselves', () => {
  const s = stage()
  s.spawn('a')
  s.spawn('b')
  const call = (to: string, body: unknown, tag: string): ActorEffect => ({ type: 'call', to, body, tag, timeoutMs: 100 })
  s.tell('a', call('b', 1, 'one'), call('b', 'hold', 'held'), call('nobody', 1, 'none'), call('a', 1, 'self'))
  s.run()
  expect(noted['a']).toEqual(['none unavailable', 'self internal', 'one 1'])
  s.clock.advance(100)
  s.run()
  expect(noted['a']?.at(-1)).toBe('held timeout')
  expect(s.clock.nTimers()).toBe(0)
})

test('timers replace, cancel and end with their actor', () => {
  const s = stage()
  const pid = s.spawn('a')
  s.tell('a', { type: 'after', name: 't', ms: 10 }, { type: 'after', name: 't', ms: 30 }, { type: 'after', name: 'u', ms: 5 }, { type: 'cancel', name: 'u' }, { type: 'after', name: 'v', ms: 99 })
  s.run()
  s.clock.advance(50)
  s.run()
  expect(noted['a']).toEqual(['t at 50'])
  s.system.kill(pid)
  expect(s.clock.nTimers()).toBe(0)
})

test('monitors hear of the end after the name is free, and of nobody at once', () => {
  const s = stage()
  s.spawn('a')
  s.spawn('b')
  s.tell('a', { type: 'monitor', target: 'b', tag: 'b' }, { type: 'monitor', target: 'nobody', tag: 'none' })
  s.run()
  s.system.cast('b', 'throw')
  s.run()
  expect(noted['a']).toEqual(['none noproc', 'b {uncaught, "Error: struck"}'])
  expect(s.system.whereis('b')).toBeUndefined()
  expect(s.ends).toEqual(['b: {uncaught, "Error: struck"}'])
})

test('an orderly end runs terminate, a kill does not; a name has one owner', () => {
  const s = stage()
  s.spawn('witness')
  const [a, b] = [s.spawn('a'), s.spawn('b')]
  expect(s.spawn('a')).toBe(-1)
  s.system.stop(a, SHUTDOWN)
  s.system.kill(b)
  s.run()
  expect(noted['witness']).toEqual(['a ends by shutdown'])
  expect(s.ends).toEqual(['a: shutdown', 'b: killed'])
  expect(s.spawn('a')).toBeGreaterThan(b)
})

test('ports do what actors may not', () => {
  const waiting: (() => void)[] = []
  const s = stage({ ports: { disk: (operation, done) => waiting.push(() => done(ok(operation))) } })
  s.spawn('a')
  s.tell('a', { type: 'run', port: 'disk', operation: 'read', tag: 'r' }, { type: 'run', port: 'net', operation: 'x', tag: 'n' })
  s.run()
  waiting[0]?.()
  s.run()
  expect(noted['a']).toEqual(['n internal', 'r "read"'])
})

test('a full mailbox: shed', async () => {
  const s = stage()
  const pid = s.spawn('a', { capacity: 2, overflow: 'shed' })
  expect([1, 2, 3].map((n) => s.system.cast('a', n))).toEqual([true, true, false])
  expect(await settled(s.system.call('a', 4))).toMatchObject({ ok: false, error: { code: 'busy' } })
  expect(s.system.info(pid)).toEqual({ mailbox: 2, nShed: 2 })
  s.run()
  expect(noted['a']).toEqual(['1', '2'])
})

test('a full mailbox: coalesce', () => {
  const s = stage()
  s.spawn('a', { capacity: 2, overflow: 'coalesce', keyOf: (body) => (typeof body === 'number' ? `${body % 2}` : undefined) })
  expect([1, 2, 3, 5, 4].map((n) => s.system.cast('a', n))).toEqual([true, true, true, true, true])
  expect(s.system.cast('a', 'other')).toBe(false)
  s.run()
  expect(noted['a']).toEqual(['5', '4'])
})

test('a full mailbox: block', () => {
  const s = stage()
  s.spawn('slow', { capacity: 1, overflow: 'block' })
  s.spawn('fast')
  const cast = (n: number): ActorEffect => ({ type: 'cast', to: 'slow', body: n })
  s.tell('fast', cast(1), cast(2), cast(3))
  s.tell('fast', cast(4))
  expect(s.system.runReady(1)).toBe(1)
  expect(s.system.info(s.system.whereis('slow') ?? 0)?.mailbox).toBe(1)
  s.run()
  expect(noted['slow']).toEqual(['1', '2', '3', '4'])
})

test('an actor as a child: started, ignored, failed', () => {
  const s = stage()
  const events: string[] = []
  const start = (spawned: Spawned): void => {
    const actor: Actor<null, Body, string> = { mailbox: { capacity: 1, overflow: 'shed' }, step: (state) => [state, []], init: () => (spawned.type === 'ok' ? { type: 'ok', state: null } : spawned) }
    const child = startActor({ kind: 'actor', actor }, { id: 'x', path: 'r/x', epoch: 1, args: undefined, clock: s.clock, log: () => undefined, report: (event) => events.push('reason' in event ? `${event.type} ${formatReason(event.reason)}` : event.type) }, s.system)
    child.stop(SHUTDOWN)
  }
  const why: ExitReason = { kind: 'oom' }
  start({ type: 'ok', pid: 0 })
  start({ type: 'ignore' })
  start({ type: 'stop', reason: why })
  expect(events).toEqual(['started', 'exit shutdown', 'ignored', 'start_failed oom'])
})

test('whoever is picked next: each sender is heard in order, nothing is lost, a seed repeats the run', () => {
  const play = (picks: readonly number[]): string[] => {
    let n = 0
    const s = stage({ pick: (nReady) => (picks[n++ % picks.length] ?? 0) % nReady })
    s.spawn('sink', { capacity: 3, overflow: 'block' })
    for (const name of ['a', 'b', 'c']) {
      s.spawn(name, { capacity: 20, overflow: 'shed' })
      for (let i = 0; i < 10; i++) s.tell(name, { type: 'cast', to: 'sink', body: `${name}${i}` })
    }
    s.run()
    return noted['sink'] ?? []
  }
  fc.assert(fc.property(fc.array(fc.nat(7), { minLength: 1, maxLength: 30 }), (picks) => {
    const heard = play(picks)
    for (const name of ['a', 'b', 'c']) {
      expect(heard.filter((text) => text.startsWith(name))).toEqual(Array.from({ length: 10 }, (_, i) => `${name}${i}`))
    }
    expect(play(picks)).toEqual(heard)
  }), { numRuns: 300, ...seed })
})

test('under a clock of its own it asks for turns, a batch at a time', () => {
  const turns: (() => void)[] = []
  const s = stage({ defer: (run) => turns.push(run) })
  s.spawn('a', { capacity: 1000, overflow: 'shed' })
  for (let n = 0; n < 600; n++) s.system.cast('a', n)
  const counts: number[] = []
  for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
    turn()
    counts.push(noted['a']?.length ?? 0)
  }
  expect(counts).toEqual([256, 512, 600])
})

// Links, exits, selective timers

/** Takes the ends of others as messages. */
const trapper = (name: string): TrappingActor<readonly string[], Body, string> => {
  const { step, ...rest } = puppet(name)
  return {
    ...rest,
    trapsExits: true,
    step(state, msg, nowMs) {
      if (msg.type !== 'exit') return step(state, msg, nowMs)
      noted[name]?.push(`exit of ${msg.from} ${formatReason(msg.reason)}`)
      return [state, []]
    },
  }
}

const link = (target: string): ActorEffect => ({ type: 'link', target })
const exitOf = (target: string, reason: ExitReason): ActorEffect => ({ type: 'exit', target, reason })

test('linked actors end together, without terminate; normal ends nobody', () => {
  const s = stage()
  for (const name of ['witness', 'a', 'b', 'c', 'd']) s.spawn(name)
  s.tell('a', link('b'), link('d'))
  s.tell('c', link('b'))
  s.run()
  s.tell('d', { type: 'stop', reason: NORMAL })
  s.run()
  expect(s.ends).toEqual(['d: normal'])
  s.system.cast('b', 'throw')
  s.run()
  expect(s.ends.slice(1)).toEqual(['b: {uncaught, "Error: struck"}', 'a: {uncaught, "Error: struck"}', 'c: {uncaught, "Error: struck"}'])
  expect(noted['witness']).toEqual(['d ends by normal'])
})

test('a trapping actor hears of ends; killed cannot be trapped, but is what the linked hear', () => {
  const s = stage()
  const a = s.spawn('a')
  s.system.spawn({ actor: trapper('t'), name: 't', onExit: (reason) => s.ends.push(`t: ${formatReason(reason)}`) })
  s.spawn('b')
  s.tell('t', link('a'), link('nobody'))
  s.tell('b', exitOf('t', SHUTDOWN), exitOf('t', NORMAL), exitOf('b', NORMAL))
  s.run()
  s.system.kill(a)
  s.run()
  expect(noted['t']).toEqual(['exit of 0 noproc', 'exit of 3 shutdown', 'exit of 3 normal', `exit of ${a} killed`])
  s.tell('b', link('t'), exitOf('t', KILLED))
  s.run()
  expect(s.ends).toEqual(['a: killed', 't: killed', 'b: killed'])
})

test('unlinked actors end alone; demonitor drops news that waits', () => {
  const s = stage()
  for (const name of ['a', 'b', 'm']) s.spawn(name)
  s.tell('a', link('b'), { type: 'unlink', target: 'b' })
  s.tell('m', { type: 'monitor', target: 'b', tag: 'kept' }, { type: 'monitor', target: 'b', tag: 'dropped' }, { type: 'demonitor', tag: 'dropped' })
  s.tell('m', { type: 'monitor', target: 'nobody', tag: 'late' }, { type: 'demonitor', tag: 'late' })
  s.run()
  s.system.cast('b', 'throw')
  s.run()
  expect(s.ends).toEqual(['b: {uncaught, "Error: struck"}'])
  expect(noted['m']).toEqual(['kept {uncaught, "Error: struck"}'])
})

test('a link to nobody ends an actor that does not trap', () => {
  const s = stage()
  s.spawn('a')
  s.tell('a', link('nobody'))
  s.run()
  expect(s.ends).toEqual(['a: noproc'])
})

test('a selective timer is disarmed by the message it waits for, even when it has run out meanwhile', () => {
  const s = stage()
  s.spawn('a', { capacity: 20, overflow: 'shed' })
  s.spawn('b')
  const after = (name: string, unless?: 'message' | readonly string[]): ActorEffect => ({ type: 'after', name, ms: 10, ...(unless === undefined ? {} : { unless }) })
  s.tell('a', after('any', 'message'), after('tagged', ['x']), after('other', ['y']), after('plain'))
  s.run()
  s.tell('a', { type: 'call', to: 'b', body: 1, tag: 'x' })
  s.clock.advance(10)
  s.run()
  expect(noted['a']).toEqual(['tagged at 10', 'other at 10', 'plain at 10', 'x 1'])
  s.tell('a', after('tagged', ['x']), after('twice', ['x', 'y']), { type: 'call', to: 'b', body: 2, tag: 'x' })
  expect(s.system.runReady(2)).toBe(2)
  s.clock.advance(10)
  s.run()
  expect(noted['a']?.slice(4)).toEqual(['x 2'])
  expect(s.clock.nTimers()).toBe(0)
})

test('a timer that has run out can still be cancelled until it is taken', () => {
  const s = stage()
  s.spawn('a')
  s.tell('a', { type: 'after', name: 't', ms: 5 })
  s.run()
  s.tell('a', { type: 'cancel', name: 't' })
  s.clock.advance(5)
  s.run()
  expect(noted['a']).toEqual([])
})

test('everybody is stopped, the youngest first', () => {
  const s = stage()
  for (const name of ['a', 'b', 'c']) s.spawn(name)
  s.system.stopAll(SHUTDOWN)
  expect(s.ends).toEqual(['c: shutdown', 'b: shutdown', 'a: shutdown'])
})

test('names that nobody has here are asked for elsewhere', async () => {
  const told: unknown[] = []
  const s = stage({
    elsewhere: {
      call(name, body, timeoutMs, settle) {
        if (name !== 'far') return false
        settle(ok([body, timeoutMs]))
        return true
      },
      cast: (name, body) => (name === 'far' ? { sent: told.push(body) > 0 } : undefined),
      monitor(name, down) {
        if (name !== 'far') return undefined
        down({ kind: 'noconnection' })
        return () => undefined
      },
    },
  })
  s.spawn('a')
  s.tell('a', { type: 'call', to: 'far', body: 1, tag: 'c', timeoutMs: 9 }, { type: 'cast', to: 'far', body: 2 }, { type: 'monitor', target: 'far', tag: 'm' }, { type: 'call', to: 'nowhere', body: 1, tag: 'n' })
  s.run()
  expect(noted['a']).toEqual(['c [1,9]', 'm noconnection', 'n unavailable'])
  expect(told).toEqual([2])
  expect(await s.system.call('far', 3, 'infinity')).toEqual(ok([3, 'infinity']))
  expect([s.system.cast('far', 4), s.system.cast('nowhere', 5)]).toEqual([true, false])
})
