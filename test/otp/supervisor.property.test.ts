/**
 * The supervisor under random scripts of crashes, requests, passing time and slow starts. Whatever the order: children start
 * in their order and stop in reverse, nothing runs twice, every request is answered, and at the end everything is down.
 */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { KILLED, NORMAL, SHUTDOWN } from '../../src/otp/exit-reason.ts'
import type { ExitReason } from '../../src/otp/exit-reason.ts'
import { BOOM, child, sup, world } from './supervisor-world.ts'
import type { PaperSpec, World } from './supervisor-world.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }
const IDS = ['a', 'b', 'c', 'd']

const spec = (id: string): fc.Arbitrary<PaperSpec> => fc.record({
  restart: fc.constantFrom('permanent', 'transient', 'temporary'),
  starts: fc.array(fc.constantFrom('ok', 'ok', 'ok', 'fail', 'ignore', 'later'), { maxLength: 4 }).map((starts) => [...starts, 'ok'] as never),
  onStop: fc.constantFrom('obey', 'obey', 'linger', BOOM),
  shutdown: fc.constantFrom('brutal_kill', 50, 5000),
}).map((more) => child(id, more as never))

type Act = { readonly type: 'crash' | 'settle' | 'terminate' | 'restart' | 'delete' | 'start' | 'pass' | 'count'; readonly id: string; readonly ms: number; readonly reason: ExitReason }

const act: fc.Arbitrary<Act> = fc.record({
  type: fc.constantFrom('crash', 'crash', 'crash', 'settle', 'settle', 'terminate', 'restart', 'delete', 'start', 'pass', 'count'),
  id: fc.constantFrom(...IDS),
  ms: fc.constantFrom(0, 49, 1000, 7000),
  reason: fc.constantFrom(NORMAL, SHUTDOWN, KILLED, BOOM),
})

/** Runs the script; answers how many requests were made and how many were answered, counted when the world is at rest. */
async function play(w: World, path: string, script: readonly Act[]): Promise<{ asked: number; answered: number }> {
  const counts = { asked: 0, answered: 0 }
  const ask = (request: Parameters<World['ask']>[0]): void => {
    if (!w.has(path)) return
    counts.asked += 1
    void w.ask(request, path).then(() => (counts.answered += 1))
  }
  for (const { type, id, ms, reason } of script) {
    if (type === 'pass') w.pass(ms)
    else if (type === 'crash' && w.isLiving(id)) w.crash(id, reason)
    else if (type === 'settle' && w.isStarting(id)) w.settle(id, reason === BOOM ? { type: 'start_failed', reason } : { type: 'started' })
    else if (type === 'terminate') ask({ type: 'terminate_child', id })
    else if (type === 'restart') ask({ type: 'restart_child', id })
    else if (type === 'delete') ask({ type: 'delete_child', id })
    else if (type === 'start') ask({ type: 'start_child', spec: child(id) })
    else if (type === 'count') ask({ type: 'count_children' })
  }
  w.root.stop(SHUTDOWN)
  w.pass(20_000)
  await Promise.resolve().then(() => undefined)
  return counts
}

/** Every start must find the child down, every end must find it up; the number of live ones at the end. */
function replay(trace: readonly string[]): { live: string[]; broken: string[] } {
  const live = new Set<string>()
  const broken: string[] = []
  for (const line of trace) {
    const started = /^start (\w+)$/.exec(line)?.[1]
    const ended = /^([a-d]): /.exec(line)?.[1]
    if (started !== undefined && live.has(started)) broken.push(`${line} while it runs`)
    if (started !== undefined) live.add(started)
    if (ended !== undefined && !live.delete(ended)) broken.push(`${line} while it is down`)
    if (line.startsWith('root: ') && live.size > 0) broken.push(`${line} while ${[...live].join()} run`)
  }
  return { live: [...live], broken }
}

test('random scripts leave nothing running, nothing doubled and nothing unanswered', async () => {
  await fc.assert(fc.asyncProperty(
    fc.constantFrom('one_for_one', 'one_for_all', 'rest_for_one'),
    fc.tuple(...IDS.slice(0, 3).map(spec)), fc.array(act, { maxLength: 40 }), fc.integer({ min: 0, max: 6 }), fc.boolean(),
    async (strategy, specs, script, intensity, nested) => {
      const inner = { strategy, intensity } as const
      const w = nested ? world({ intensity: 2 }, [sup('s', inner, specs)]) : world(inner, specs)
      const { asked, answered } = await play(w, nested ? 'root/s' : 'root', script)
      const { live, broken } = replay(w.history)
      expect(broken).toEqual([])
      expect(live).toEqual([])
      expect(answered).toBe(asked)
      expect(w.trace.filter((line) => line.startsWith('root: '))).toHaveLength(1)
      expect(w.clock.nTimers()).toBe(0)
    },
  ), { numRuns: 3000, ...seed })
})
