/**
 * The way to the parser threads as the daemon has it: the actor Parser in main, its port, a pool with two kinds of work, real
 * threads; only what the threads do is in the test's hands.
 */

import { afterEach, expect, test } from 'vitest'
import type { Failure } from '../../src/base/failure.ts'
import type { Result } from '../../src/base/result.ts'
import { createMetricRecorder } from '../../src/host/metric-recorder.ts'
import { systemClock } from '../../src/otp/node/message-port.ts'
import { startTree } from '../../src/otp/node/start-tree.ts'
import { actor, moduleUrl, pool, supervisor, thread } from '../../src/otp/node/tree-spec.ts'
import type { Tree } from '../../src/otp/node/tree.ts'
import { CIRCUITS_PORT, PARSER, PARSER_POOL_PORT, parserActor } from '../../src/project/parser.actor.ts'
import { createCircuits } from '../../supervisors/circuits.ts'
import { parserPoolPort } from '../../supervisors/control.ts'

const TIMEOUT_MS = 800

const started: Tree[] = []

afterEach(async () => {
  for (const tree of started.splice(0)) await tree.stop(5000)
})

async function start() {
  const recorder = createMetricRecorder()
  const circuits = createCircuits(recorder)
  const tree: Tree = startTree({
    wires: [{ from: 'main', to: 'repository', name: 'taken' }],
    ports: { [PARSER_POOL_PORT]: parserPoolPort(() => tree), [CIRCUITS_PORT]: circuits.port },
    root: supervisor({
      id: 'root', intensity: 1000, children: [
        thread({ id: 'repository', url: moduleUrl('./fixtures/repository.thread', import.meta.url) }),
        pool({ id: 'parser', url: moduleUrl('./fixtures/parser.pool', import.meta.url), size: 2, overflow: 1, maxQueue: 2, taskTimeoutMs: TIMEOUT_MS }),
        actor({ id: PARSER, name: PARSER, actor: parserActor }),
      ],
    }),
  })
  started.push(tree)
  expect(await tree.started).toMatchObject({ ok: true })
  let task = 0
  const parse = (paths: readonly string[], changedNs = 1n): Promise<Result<unknown, Failure>> => {
    task += 1
    return tree.actors.call(PARSER, { type: 'parse', task: { task, root: '/', files: paths.map((path) => ({ path, changedNs, knownHash: null })), maxFileBytes: 1 } }, 'infinity')
  }
  const numberOf = (name: string, ...labels: readonly string[]) => recorder.records().find((record) => record.name === name && record.labels.join() === labels.join())?.value
  const nTaken = async () => tree.channel('taken').call('taken', null)
  return { parse, nTaken, numberOf, checks: () => circuits.checks(systemClock.nowMs()) }
}

const DONE = { ok: true, value: null }

test('tasks of an import that have all the threads they can get delay no single file; beyond what may wait it is told busy; and it recovers', async () => {
  const { parse, nTaken } = await start()
  expect(await parse(['a.ex', 'b.ex'])).toEqual(DONE)
  const stuck = Array.from({ length: 4 }, () => parse(['hang.ex', 'b.ex']))
  expect(await parse(['a.ex', 'b.ex'])).toMatchObject({ ok: false, error: { code: 'busy', hint: 'try again in a moment', details: { lane: 'batch', limit: 2 } } })
  for (let n = 0; n < 5; n++) expect(await parse(['saved.ex'])).toEqual(DONE)
  for (const ended of await Promise.all(stuck)) expect(ended).toMatchObject({ ok: false, error: { code: 'timeout', details: { timeout_ms: TIMEOUT_MS } } })
  expect(await parse(['a.ex', 'b.ex'])).toEqual(DONE)
  expect(await nTaken()).toEqual({ ok: true, value: 7 })
})

test.each([['hang.ex', /2 tries: .*longer than 800 ms; .*longer than 1600 ms/], ['die.ex', /2 tries: .*\{exit_code, 5\}; .*\{exit_code, 5\}/]])(
  '%s is tried twice, then given up with the reason until it changes; no circuit opens for it', async (path, reason) => {
    const { parse, checks } = await start()
    for (let n = 0; n < 7; n++) {
      expect(await parse([path])).toMatchObject({ ok: false, error: { code: 'internal', message: expect.stringMatching(reason) as string, details: { quarantined: `${path} 1` } } })
    }
    expect(await parse(['other.ex'])).toEqual(DONE)
    expect(await parse([path], 2n)).toMatchObject({ error: { details: { quarantined: `${path} 2` } } })
    expect(checks().map(({ status }) => status)).toEqual(['healthy', 'healthy'])
  })

test('threads that die five times in a row open the circuit, and health and metrics say so', async () => {
  const { parse, checks, numberOf } = await start()
  expect(checks()).toMatchObject([{ name: 'circuit parse', status: 'healthy' }, { name: 'circuit import', status: 'healthy' }])
  for (let n = 0; n < 5; n++) expect(await parse(['die.ex', 'b.ex'])).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  expect(await parse(['saved.ex'])).toMatchObject({ ok: false, error: { code: 'unavailable', details: { reason: 'circuit_open', circuit: 'parse' } } })
  expect(checks()[0]).toMatchObject({ status: 'degraded', reason: expect.stringMatching(/^5 failures in a row; it is tried again in (29|30) s/) as string, remedy: expect.stringContaining('elixir-scope tree') as string })
  expect(numberOf('elixir_scope_circuit_state', 'parse')).toBe(2)
  expect(numberOf('elixir_scope_circuit_transitions_total', 'parse', 'open')).toBe(1)
  expect(numberOf('elixir_scope_circuit_refused_total', 'parse')).toBe(1)
})
