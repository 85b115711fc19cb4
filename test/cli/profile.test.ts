/** profile: what it asks, what it prints, where the file goes; and the summary of a profile whose times are known. */

import { expect, test } from 'vitest'
import { FailureError, failure } from '../../src/base/failure.ts'
import { runCli } from '../../src/cli/program.ts'
import { summarizeProfile } from '../../src/cli/top-functions.ts'
import { makeWorld, run, type World, type WorldOptions } from './fake.ts'

const TAKEN = { path: '/state/profiles/gateway-1.cpuprofile', kind: 'cpu', thread: 'gateway', bytes: 4096, duration_ms: 1000 }

const frame = (id: number, functionName: string, url: string, lineNumber: number) => ({ id, callFrame: { functionName, url, lineNumber } })
/** 100 ms before the first sample, then idle 400, parse 200, pack 0, parse from elsewhere 250, an anonymous function 50. */
const PROFILE = JSON.stringify({
  nodes: [
    frame(1, '(root)', '', -1), frame(2, '(idle)', '', -1), frame(3, 'parse', 'file:///opt/scope/src/syntax/parse.ts', 9),
    frame(4, 'parse', 'file:///opt/scope/src/syntax/parse.ts', 9), frame(5, '', 'node:internal/timers', 0), frame(6, 'pack', 'file:///opt/scope/node_modules/msgpackr/pack.js', 99),
  ],
  samples: [2, 3, 6, 4, 5], timeDeltas: [100_000, 400_000, 200_000, 0, 250_000], startTime: 0, endTime: 1_000_000,
})

function world(more: WorldOptions['handlers'] = {}): World {
  const made = makeWorld({ handlers: {
    profile: () => ({ task: 't1' }), 'task.cancel': () => ({ ok: true }), 'task.await': () => ({ state: 'done', profile: TAKEN }), ...more,
  } })
  made.files.set(TAKEN.path, PROFILE)
  return made
}

test('the functions by self time, wherever they were called from; waiting is none', () => {
  expect(summarizeProfile(PROFILE, 2)).toEqual({
    samples: 5, total_ms: 900, idle_ms: 400,
    top: [{ name: 'parse', place: 'src/syntax/parse.ts:10', self_ms: 450 }, { name: '(anonymous)', place: 'node:internal/timers:1', self_ms: 50 }],
  })
})

test('a CPU profile: waits for it, shows the functions, the file and how to open it', async () => {
  let asked = 0
  const made = world({ 'task.await': () => (++asked < 3 ? { state: 'running', profile: null } : { state: 'done', profile: TAKEN }) })
  expect(await runCli(['profile', '--thread', 'gateway', '--seconds', '1'], made.ports)).toBe(0)
  expect(made.calls.slice(0, 2)).toEqual([
    { method: 'profile', args: { kind: 'cpu', thread: 'gateway', seconds: 1 } }, { method: 'task.await', args: { task: 't1', wait_ms: 2000 } },
  ])
  expect(asked).toBe(3)
  expect(made.written).toEqual({
    err: 'profiling gateway for 1 s; Ctrl-C cancels\n',
    out: [
      'busy 55.6 % of the time; of that:',
      '  SELF   SHARE  FUNCTION     PLACE',
      '450 ms  90.0 %  parse        src/syntax/parse.ts:10',
      ' 50 ms  10.0 %  (anonymous)  node:internal/timers:1',
      '  0 ms   0.0 %  pack         node_modules/msgpackr/pack.js:100',
      '',
      'CPU profile of gateway, 1.0 s: /state/profiles/gateway-1.cpuprofile (4.1 kB)',
      "open it in Chrome's DevTools (Performance, Load profile), in VS Code, or at https://www.speedscope.app",
      '',
    ].join('\n'),
  })
})

test('main and 5 s unless told otherwise; a heap has no functions', async () => {
  const path = '/state/profiles/main-1.heapsnapshot'
  const made = world({ 'task.await': () => ({ state: 'done', profile: { ...TAKEN, kind: 'heap', thread: 'main', path } }) })
  expect(await runCli(['profile', 'heap'], made.ports)).toBe(0)
  expect(made.calls[0]).toEqual({ method: 'profile', args: { kind: 'heap', thread: 'main', seconds: 5 } })
  expect(made.written.out).toBe(`heap of main: ${path} (4.1 kB)\nopen it in Chrome's DevTools (Memory, Load profile)\n`)
})

test('--out moves the file, and --json tells where it is now with the functions', async () => {
  const made = world()
  expect(await runCli(['profile', '--out', 'x.cpuprofile', '--json'], made.ports)).toBe(0)
  expect([made.files.has(TAKEN.path), made.files.get('x.cpuprofile')]).toEqual([false, PROFILE])
  expect(JSON.parse(made.written.out)).toMatchObject({ path: 'x.cpuprofile', thread: 'gateway', samples: 5, idle_ms: 400, top: [{ name: 'parse' }, {}, {}] })
})

test('a file that cannot be moved: the profile is not lost', async () => {
  const made = world()
  expect(await runCli(['profile', '--out', 'nowhere/'], made.ports)).toBe(2)
  expect(made.written.err).toContain(`the profile is still at ${TAKEN.path}`)
  expect(made.files.has(TAKEN.path)).toBe(true)
})

test('Ctrl-C cancels the task and ends the command', async () => {
  const made: World = world({
    'task.await': () => {
      made.interrupt()
      return { state: 'running', profile: null }
    },
  })
  expect(await runCli(['profile'], made.ports)).toBe(130)
  expect(made.calls.filter(({ method }) => method === 'task.cancel')).toContainEqual({ method: 'task.cancel', args: { task: 't1' } })
  expect(made.written.out).toBe('')
})

test.each([
  ['not_found', 'there is no thread "gatway"', 'there are main, gateway', 3],
  ['busy', 'main is being profiled already', 'wait for it to end', 1],
] as const)('refused with %s', async (code, message, hint, exit) => {
  const refuse = (): never => {
    throw new FailureError(failure(code, message, { hint }))
  }
  const made = world(code === 'busy' ? { 'task.await': refuse } : { profile: refuse })
  expect(await runCli(['profile', '--thread', 'x'], made.ports)).toBe(exit)
  expect(made.written.err).toContain(`error: ${message}\n  ${hint}\n`)
})

test.each(['0', '61', 'x'])('--seconds %s is no time to profile', async (text) => {
  expect((await run(`profile --seconds ${text}`)).code).toBe(2)
})
