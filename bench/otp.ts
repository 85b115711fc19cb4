/**
 * Supervision in figures: an actor call, a round trip between threads, the restart of an actor and of a thread until it
 * answers again, and a supervisor of 10,000 children. Percentiles in microseconds or milliseconds, as the keys say.
 */

import { must } from '../src/base/assert.ts'
import { createSimulatedClock } from '../src/base/clock.ts'
import { ok } from '../src/base/result.ts'
import { createActorSystem } from '../src/otp/actor-system.ts'
import type { Actor } from '../src/otp/actor.ts'
import { SHUTDOWN } from '../src/otp/exit-reason.ts'
import { startTree } from '../src/otp/node/start-tree.ts'
import { actor, moduleUrl, supervisor, thread } from '../src/otp/node/tree-spec.ts'
import type { RunningChild } from '../src/otp/starter.ts'
import { startSupervisor } from '../src/otp/supervision.ts'
import type { EchoCalls } from '../test/otp/node/fixtures/echo.thread.ts'

const echo: Actor<null, unknown> = {
  mailbox: { capacity: 1024, overflow: 'shed' },
  init: () => ({ type: 'ok', state: null }),
  step: (state, msg) => {
    if (msg.type === 'cast') throw new Error('told to')
    return [state, msg.type === 'call' ? [{ type: 'reply', to: msg.from, result: ok(msg.body) }] : []]
  },
}

type Percentiles = { readonly p50: number; readonly p95: number; readonly p99: number }

function percentiles(samples: number[]): Percentiles {
  samples.sort((a, b) => a - b)
  const at = (share: number): number => Math.round((samples[Math.floor(samples.length * share)] ?? 0) * 1000) / 1000
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

export async function benchOtp(): Promise<object> {
  return {
    actor_call_us: await actorCall(),
    actor_restart_us: actorRestart(),
    thread_round_trip_us: await threadRoundTrip(),
    thread_calls_per_s_at_depth_64: await threadThroughput(),
    thread_restart_ms: await threadRestart(40),
    children_10000: tenThousand(10_000),
    children_1000: tenThousand(1000),
  }
}

async function actorCall(): Promise<Percentiles> {
  const system = createActorSystem({ clock: { nowMs: () => performance.now(), wallMs: () => 0, after: () => ({ cancel: () => undefined }) }, log: () => undefined, ports: {}, defer: queueMicrotask })
  system.spawn({ actor: echo, name: 'echo' })
  const samples: number[] = []
  for (let n = 0; n < 50_000; n++) {
    const from = performance.now()
    await system.call('echo', n)
    samples.push((performance.now() - from) * 1000)
  }
  return percentiles(samples.slice(5000))
}

/** From the crash to the moment its next life is registered. */
function actorRestart(): Percentiles {
  const clock = createSimulatedClock()
  const system = createActorSystem({ clock, log: () => undefined, ports: {}, defer: () => undefined })
  const root = paperTree(1, (report, id) => {
    const spawned = system.spawn({ actor: echo, name: id, onExit: (reason) => report({ type: 'exit', reason }) })
    report({ type: 'started' })
    return { stop: () => system.stop(spawned.type === 'ok' ? spawned.pid : 0, SHUTDOWN), kill: () => undefined, info: () => ({}) }
  }, clock)
  const samples: number[] = []
  for (let n = 0; n < 5000; n++) {
    system.cast('child 0', 'crash')
    const from = performance.now()
    system.runReady(1)
    samples.push((performance.now() - from) * 1000)
    must(system.whereis('child 0'), 'the next life')
  }
  root.stop(SHUTDOWN)
  return percentiles(samples)
}

type Tree = ReturnType<typeof startTree>

async function withThread<T>(run: (tree: Tree) => Promise<T>): Promise<T> {
  const url = moduleUrl('../test/otp/node/fixtures/echo.thread', import.meta.url)
  const root = supervisor({ id: 'root', intensity: 1000, children: [thread({ id: 'echo', url }), actor({ id: 'idle', actor: echo })] })
  const tree = startTree({ root, wires: [{ from: 'main', to: 'echo', name: 'echo' }] })
  await tree.started
  const result = await run(tree)
  await tree.stop()
  return result
}

const threadRoundTrip = (): Promise<Percentiles> => withThread(async (tree) => {
  const channel = tree.channel<EchoCalls>('echo')
  const samples: number[] = []
  for (let n = 0; n < 20_000; n++) {
    const from = performance.now()
    await channel.call('echo', n)
    samples.push((performance.now() - from) * 1000)
  }
  return percentiles(samples.slice(2000))
})

const threadThroughput = (): Promise<number> => withThread(async (tree) => {
  const channel = tree.channel<EchoCalls>('echo')
  const nRounds = 1000
  const from = performance.now()
  for (let n = 0; n < nRounds; n++) await Promise.all(Array.from({ length: 64 }, (_, i) => channel.call('echo', i)))
  return Math.round((nRounds * 64) / ((performance.now() - from) / 1000))
})

/** From the call that ends the thread to the first answer of its next life. */
const threadRestart = (times: number): Promise<Percentiles> => withThread(async (tree) => {
  const channel = tree.channel<EchoCalls>('echo')
  const samples: number[] = []
  for (let n = 0; n < times; n++) {
    const from = performance.now()
    await channel.call('die', 'exit')
    while (!(await channel.call('echo', 1)).ok) await new Promise((resolve) => setImmediate(resolve))
    samples.push(performance.now() - from)
  }
  return percentiles(samples)
})

function tenThousand(nChildren: number): { start_ms: number; stop_ms: number } {
  const clock = createSimulatedClock()
  const from = performance.now()
  const root = paperTree(nChildren, (report) => {
    report({ type: 'started' })
    return { stop: (reason) => report({ type: 'exit', reason }), kill: () => undefined, info: () => ({}) }
  }, clock)
  const started = performance.now()
  root.stop(SHUTDOWN)
  return { start_ms: Math.round(started - from), stop_ms: Math.round(performance.now() - started) }
}

type Report = Parameters<typeof startSupervisor>[1]['report']

function paperTree(nChildren: number, start: (report: Report, id: string) => RunningChild, clock: ReturnType<typeof createSimulatedClock>): RunningChild {
  const children = Array.from({ length: nChildren }, (_, n) => ({ id: `child ${n}`, start: { kind: 'paper' } as const }))
  return startSupervisor<{ readonly kind: 'paper' }>(
    { kind: 'supervisor', flags: { intensity: 1_000_000 }, children },
    { id: 'root', path: 'root', epoch: 1, args: undefined, clock, log: () => undefined, report: () => undefined },
    { supervisors: new Map(), starterOf: () => (_start, context) => start((event) => context.report(event), context.id) },
  )
}
