/**
 * Supervision in figures: calls to actors here and in another thread, round trips between threads, restarts of actors and of
 * threads (cold and with a warm spare) until they answer again, and a supervisor of many children. Where Erlang is present
 * the same operations run on it in the same run (`otp.escript`), with the ratio ours : Erlang's of the medians; an Erlang
 * node stands for a thread. Figures are p50, p95 and p99 in the unit that the key names.
 */

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

import { must } from '../src/base/assert.ts'
import { ok } from '../src/base/result.ts'
import { startActor } from '../src/otp/actor-child.ts'
import { createActorSystem } from '../src/otp/actor-system.ts'
import type { ActorSystem } from '../src/otp/actor-system.ts'
import type { Actor } from '../src/otp/actor.ts'
import { SHUTDOWN } from '../src/otp/exit-reason.ts'
import { systemClock } from '../src/otp/node/message-port.ts'
import { startTree } from '../src/otp/node/start-tree.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import { actor, moduleUrl, supervisor, thread } from '../src/otp/node/tree-spec.ts'
import type { ActorStart } from '../src/otp/actor-child.ts'
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

export async function benchOtp(): Promise<object> {
  const ours: Record<string, unknown> = {
    actor_call_us: await actorCall(),
    actor_call_in_other_thread_us: await placedCall(),
    thread_round_trip_us: await threadRoundTrip(),
    thread_calls_per_s_at_depth_64: await threadThroughput(),
    actor_restart_us: await actorRestart(),
    actor_restart_in_other_thread_us: await placedRestart(),
    thread_restart_us: await threadRestart(40, false),
    thread_restart_with_spare_us: await threadRestart(40, true),
    children_10000: manyChildren(10_000),
    children_1000: manyChildren(1000),
  }
  const erlang = onErlang()
  return erlang === undefined ? ours : { ours, erlang, ratios: ratios(ours, erlang) }
}

// Measuring

async function sample(n: number, nWarmUp: number, run: () => unknown): Promise<Percentiles> {
  const samples: number[] = []
  for (let i = 0; i < n; i++) {
    const from = performance.now()
    await run()
    samples.push((performance.now() - from) * 1000)
  }
  return percentiles(samples.slice(nWarmUp))
}

function percentiles(samples: number[]): Percentiles {
  samples.sort((a, b) => a - b)
  const at = (share: number): number => Math.round((samples[Math.floor(samples.length * share)] ?? 0) * 100) / 100
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

// Actors in this thread

const newSystem = (): ActorSystem => createActorSystem({ clock: systemClock, log: () => undefined, ports: {}, defer: queueMicrotask })

async function actorCall(): Promise<Percentiles> {
  const system = newSystem()
  system.spawn({ actor: echo, name: 'echo' })
  return sample(50_000, 5000, () => system.call('echo', 1))
}

/** From the crash to the first answer of its next life. */
async function actorRestart(): Promise<Percentiles> {
  const system = newSystem()
  const root = family(system, 1)
  const figures = await sample(5000, 500, async () => {
    system.cast('child 0', 'crash')
    while (!(await system.call('child 0', 1)).ok);
  })
  root.stop(SHUTDOWN)
  return figures
}

function manyChildren(nChildren: number): { start_us: number; stop_us: number } {
  const from = performance.now()
  const root = family(newSystem(), nChildren)
  const started = performance.now()
  root.stop(SHUTDOWN)
  const figures = { start_us: Math.round((started - from) * 1000), stop_us: Math.round((performance.now() - started) * 1000) }
  must((root.info().children ?? []).every(({ state }) => state === 'stopped') || undefined, 'all children to be down')
  return figures
}

/** A supervisor over so many echoes named `child n`. */
function family(system: ActorSystem, nChildren: number): RunningChild {
  const children = Array.from({ length: nChildren }, (_, n) => ({ id: `child ${n}`, start: { kind: 'actor', actor: echo, name: `child ${n}` } as const }))
  return startSupervisor<ActorStart>(
    { kind: 'supervisor', flags: { intensity: 1_000_000 }, children },
    { id: 'root', path: 'root', epoch: 1, args: undefined, clock: systemClock, log: () => undefined, report: () => undefined },
    { supervisors: new Map(), starterOf: () => (start, context) => startActor(start, context, system) },
  )
}

// Threads

async function withThreads<T>(spare: boolean, run: (tree: Tree) => Promise<T>): Promise<T> {
  const fixture = (name: string): URL => moduleUrl(`../test/otp/node/fixtures/${name}.thread`, import.meta.url)
  const root = supervisor({ id: 'root', intensity: 1000, children: [
    thread({ id: 'echo', url: fixture('echo'), spare }),
    thread({ id: 'host', url: fixture('actors') }),
    actor({ id: 'puppet', thread: 'host', actor: 'puppet', name: 'puppet' }),
  ] })
  const tree = startTree({ root, wires: [{ from: 'main', to: 'echo', name: 'echo' }] })
  must((await tree.started).ok || undefined, 'the tree to start')
  const result = await run(tree)
  await tree.stop()
  return result
}

const placedCall = (): Promise<Percentiles> => withThreads(false, (tree) => sample(20_000, 2000, () => tree.actors.call('puppet', 1)))

const placedRestart = (): Promise<Percentiles> => withThreads(false, (tree) => sample(1000, 100, async () => {
  tree.actors.cast('puppet', 'throw')
  while (!(await tree.actors.call('puppet', 1)).ok);
}))

const threadRoundTrip = (): Promise<Percentiles> => withThreads(false, (tree) => {
  const channel = tree.channel<EchoCalls>('echo')
  return sample(20_000, 2000, () => channel.call('echo', 1))
})

const threadThroughput = (): Promise<number> => withThreads(false, async (tree) => {
  const channel = tree.channel<EchoCalls>('echo')
  const nRounds = 1000
  const from = performance.now()
  for (let n = 0; n < nRounds; n++) await Promise.all(Array.from({ length: 64 }, (_, i) => channel.call('echo', i)))
  return Math.round((nRounds * 64) / ((performance.now() - from) / 1000))
})

/** From the call that ends the thread to the first answer of its next life; a spare is there before each. */
const threadRestart = (times: number, spare: boolean): Promise<Percentiles> => withThreads(spare, async (tree) => {
  const channel = tree.channel<EchoCalls>('echo')
  const samples: number[] = []
  for (let n = 0; n < times; n++) {
    if (spare) await spareReady(tree)
    const from = performance.now()
    await channel.call('die', 'exit')
    while (!(await channel.call('echo', 1)).ok) await turn()
    samples.push((performance.now() - from) * 1000)
  }
  return percentiles(samples)
})

async function spareReady(tree: Tree): Promise<void> {
  while (tree.view().children?.[0]?.spare !== 'ready') await turn()
}

// Erlang

type Figures = Record<string, Percentiles | { start_us: number; stop_us: number }>

function onErlang(): Figures | undefined {
  try {
    const lines = execFileSync('escript', [join(import.meta.dirname, 'otp.escript')], { encoding: 'utf8', timeout: 120_000 }).trim().split('\n')
    return Object.fromEntries(lines.map((line) => {
      const [name = '', ...numbers] = line.split(' ')
      const [p50 = 0, p95 = 0, p99 = 0] = numbers.map(Number)
      return [name, name.startsWith('children') ? { start_us: p50, stop_us: p95 } : { p50, p95, p99 }]
    }))
  } catch (thrown) {
    process.stderr.write(`no figures of Erlang: ${String(thrown)}\n`)
    return undefined
  }
}

function ratios(ours: Record<string, unknown>, erlang: Figures): Record<string, number> {
  const result: Record<string, number> = {}
  for (const [name, theirs] of Object.entries(erlang)) {
    const own = ours[name] as Record<string, number>
    for (const [key, value] of Object.entries(theirs)) {
      if (key !== 'p95' && key !== 'p99') result[key === 'p50' ? name : `${name}_${key}`] = Math.round(((own[key] ?? 0) / value) * 100) / 100
    }
  }
  result['thread_restart_with_spare_us'] = Math.round(((ours['thread_restart_with_spare_us'] as Percentiles).p50 / ((erlang['thread_restart_us'] as Percentiles).p50)) * 1000) / 1000
  return result
}
