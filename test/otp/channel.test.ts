/** Channels over ports in one thread, under a simulated clock: every way in which a call settles, and that it settles once. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { createSimulatedClock } from '../../src/base/clock.ts'
import type { SimulatedClock } from '../../src/base/clock.ts'
import type { Failure } from '../../src/base/failure.ts'
import { ok } from '../../src/base/result.ts'
import type { Result } from '../../src/base/result.ts'
import { calleeUnavailable, createChannel } from '../../src/otp/channel.ts'
import type { ChannelControl } from '../../src/otp/channel.ts'
import { pairOfPorts } from '../../src/otp/port.ts'
import { serve } from '../../src/otp/service.ts'
import type { CallHandlers, Serving } from '../../src/otp/service.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

type Calls = {
  echo: { args: number; result: number }
  /** Answered by `release`. */
  held: { args: number; result: number; progress: string }
  bug: { args: null; result: null }
}
type Casts = { note: number }

type Bench = {
  readonly clock: SimulatedClock
  readonly channel: ChannelControl<Calls, Casts>
  readonly noted: number[]
  readonly bugs: unknown[]
  readonly aborted: number[]
  /** Delivers up to `n` arrivals; how many there were. */
  deliver(n?: number): number
  /** A new life of the callee. */
  connect(): Serving
  /** Answers the oldest held call. */
  release(): void
}

const DEAD = calleeUnavailable('svc', 'it died')

function bench(options: { maxInFlight?: number; maxCasts?: number } = {}): Bench {
  const clock = createSimulatedClock()
  const arrivals: (() => void)[] = []
  const held: (() => void)[] = []
  const [noted, aborted, bugs]: [number[], number[], unknown[]] = [[], [], []]
  const channel = createChannel<Calls, Casts>({ name: 'svc', clock, ...options })
  const calls: CallHandlers<Calls> = {
    echo: (n) => ok(n),
    held: (n, call) => new Promise((resolve) => {
      call.progress(`holding ${n}`)
      call.signal.addEventListener('abort', () => aborted.push(n))
      held.push(() => resolve(ok(n)))
    }),
    bug() {
      throw new Error('a bug')
    },
  }
  return {
    clock, channel, noted, bugs, aborted,
    deliver(n = Infinity) {
      let done = 0
      for (; done < n && arrivals.length > 0; done++) arrivals.shift()?.()
      return done
    },
    connect() {
      const [near, far] = pairOfPorts((run) => arrivals.push(run))
      channel.attach(near)
      return serve(far, { calls, casts: { note: (n: number) => noted.push(n) } }, (thrown) => bugs.push(thrown))
    },
    release: () => held.shift()?.(),
  }
}

/** Lets promises settle: handlers answer by promise. */
const settle = async (): Promise<void> => {
  for (let n = 0; n < 5; n++) await Promise.resolve()
}

/** What a call has come to so far. */
function watch(call: Promise<Result<unknown, Failure>>): { result: string; times: number } {
  const seen = { result: 'pending', times: 0 }
  const settled = (result: Result<unknown, Failure>): void => {
    seen.result = result.ok ? `ok ${JSON.stringify(result.value)}` : result.error.code
    seen.times += 1
  }
  void call.then(settled)
  return seen
}

test('a call without a callee fails at once, before and after its life', async () => {
  const b = bench()
  expect(await b.channel.call('echo', 1)).toMatchObject({ ok: false, error: { code: 'unavailable', message: 'svc is unavailable: it has not started yet' } })
  b.connect()
  b.channel.detach(DEAD)
  expect(await b.channel.call('echo', 1)).toEqual({ ok: false, error: DEAD })
})

test('calls under way are rejected the moment the callee is known dead; its last answers count', async () => {
  const b = bench()
  b.connect()
  const [answered, unanswered] = [watch(b.channel.call('echo', 1)), watch(b.channel.call('held', 2))]
  b.deliver(3)
  b.channel.detach(DEAD)
  await settle()
  expect([answered.result, unanswered.result]).toEqual(['ok 1', 'unavailable'])
  b.release()
  b.deliver()
  await settle()
  expect(unanswered.times).toBe(1)
})

test('a closed connection rejects too, and a new life is used as soon as it is attached', async () => {
  const b = bench()
  const first = b.connect()
  const call = watch(b.channel.call('held', 1))
  b.deliver()
  first.stop()
  b.deliver()
  await settle()
  expect(call.result).toBe('unavailable')
  b.connect()
  const next = watch(b.channel.call('echo', 2))
  b.deliver()
  await settle()
  expect(next.result).toBe('ok 2')
  expect(b.channel.stats()).toMatchObject({ epoch: 2, attached: true, nInFlight: 0 })
})

test('a deadline ends the call and tells the callee, but the credit is held until it answers', async () => {
  const b = bench({ maxInFlight: 1 })
  b.connect()
  const call = watch(b.channel.call('held', 7, { timeoutMs: 100 }))
  b.deliver()
  b.clock.advance(99)
  await settle()
  expect(call.result).toBe('pending')
  b.clock.advance(1)
  b.deliver()
  await settle()
  expect([call.result, b.aborted]).toEqual(['timeout', [7]])
  expect(await b.channel.call('echo', 1)).toMatchObject({ error: { code: 'busy' } })
  b.release()
  await settle()
  b.deliver()
  const next = watch(b.channel.call('echo', 1))
  b.deliver()
  await settle()
  expect([next.result, call.times, b.channel.stats().nRefused]).toEqual(['ok 1', 1, 1])
})

test('no deadline by default but 5 s; none at all on request', async () => {
  const b = bench()
  b.connect()
  const [usual, patient] = [watch(b.channel.call('held', 1)), watch(b.channel.call('held', 2, { timeoutMs: 'infinity' }))]
  b.deliver()
  b.clock.advance(5000)
  await settle()
  expect([usual.result, patient.result, b.clock.nTimers()]).toEqual(['timeout', 'pending', 0])
})

test('progress arrives in order and ends with the call', async () => {
  const b = bench()
  b.connect()
  const seen: string[] = []
  const abort = new AbortController()
  const call = watch(b.channel.call('held', 1, { onProgress: (text) => seen.push(text), signal: abort.signal }))
  b.deliver(2)
  abort.abort()
  b.deliver()
  await settle()
  expect([call.result, seen]).toEqual(['timeout', []])
  const heard = watch(b.channel.call('held', 2, { onProgress: (text) => seen.push(text) }))
  b.deliver()
  expect([heard.result, seen]).toEqual(['pending', ['holding 2']])
  expect(await b.channel.call('echo', 1, { signal: abort.signal })).toMatchObject({ error: { details: { cancelled: true } } })
})

test('casts beyond the credits are shed and counted', () => {
  const b = bench({ maxCasts: 40 })
  expect(b.channel.cast('note', 0)).toBe(false)
  b.connect()
  const sent = Array.from({ length: 50 }, (_, n) => b.channel.cast('note', n))
  expect(sent.filter(Boolean)).toHaveLength(40)
  b.deliver()
  expect(b.noted).toEqual(Array.from({ length: 40 }, (_, n) => n))
  expect(b.channel.stats()).toMatchObject({ nShed: 11, nCastsUnread: 8 })
  expect(b.channel.cast('note', 99)).toBe(true)
})

test('a bug in a handler is reported as such, and not answered', async () => {
  const b = bench()
  b.connect()
  const call = watch(b.channel.call('bug', null))
  b.deliver()
  await settle()
  expect([call.result, b.bugs]).toEqual(['pending', [new Error('a bug')]])
})

test('names inherited by every object are no methods', async () => {
  const b = bench()
  b.connect()
  const call = watch((b.channel as unknown as ChannelControl).call('constructor', 1))
  b.deliver()
  await settle()
  expect(call.result).toBe('unknown_method')
})

test('whatever the order of calls, deliveries, deaths and time: every call settles exactly once', async () => {
  const act = fc.constantFrom('echo', 'held', 'cancel', 'deliver', 'deliver', 'release', 'die', 'stop', 'connect', 'time')
  await fc.assert(fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (script) => {
    const b = bench({ maxInFlight: 5 })
    const calls: { result: string; times: number }[] = []
    let serving = b.connect()
    let abort = new AbortController()
    for (const step of script) {
      if (step === 'echo' || step === 'held') calls.push(watch(b.channel.call(step, calls.length, { timeoutMs: 50, signal: abort.signal })))
      else if (step === 'cancel') {
        abort.abort()
        abort = new AbortController()
      } else if (step === 'deliver') b.deliver(2)
      else if (step === 'release') b.release()
      else if (step === 'die') b.channel.detach(DEAD)
      else if (step === 'stop') serving.stop()
      else if (step === 'connect') serving = b.connect()
      else b.clock.advance(30)
      await Promise.resolve()
    }
    b.clock.advance(50)
    await settle()
    expect(calls.map(({ times }) => times)).toEqual(calls.map(() => 1))
    expect(b.clock.nTimers()).toBe(0)
    for (const [n, { result }] of calls.entries()) expect(['ok ' + n, 'timeout', 'unavailable', 'busy']).toContain(result)
  }), { numRuns: 1500, ...seed })
})
