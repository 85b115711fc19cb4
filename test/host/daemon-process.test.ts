/** Real processes that come up, refuse, crash or hang; and the ladder of stopping one, under a simulated clock. */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createSimulatedClock, type Clock } from '../../src/base/clock.ts'
import { killProcess, signalHolders, startDetached, stopDaemon, tailOf, type StopPorts } from '../../src/host/daemon-process.ts'
import { isLockHeld } from '../../src/host/lock.ts'
import { reportToStarter } from '../../src/host/starter-report.ts'
import { temporaryDirectory } from './support.ts'

const DAEMON = join(import.meta.dirname, 'fixtures/daemon.ts')
const clock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}

function start(fate: string, timeoutMs = 30_000, command: string = process.execPath): ReturnType<typeof startDetached> {
  const directory = temporaryDirectory()
  return startDetached({
    command, args: [DAEMON, fate], env: process.env, cwd: directory, outputFile: join(directory, 'out'), logFile: join(directory, 'log'), timeoutMs, clock,
  })
}

test('a daemon that comes up tells where it is, and lives on by itself', async () => {
  const started = await start('ready')
  if (!started.ok) throw new Error(started.error.map((problem) => problem.message).join())
  const { pid } = started.value
  onTestFinished(() => killProcess(pid, 'SIGKILL'))
  expect(started.value.project_root).toBe('/p')
  expect(() => process.kill(pid, 0)).not.toThrow()
})

test('a daemon that refuses hands over its failures as they are', async () => {
  expect(await start('refused')).toEqual({ ok: false, error: [{ code: 'conflict', message: 'a daemon is already running', hint: 'stop it' }] })
})

test('one that crashes is told with its last words', async () => {
  const started = await start('crash')
  expect(started.ok ? [] : started.error.map((problem) => problem.message)).toEqual(['the daemon ended while it started (exit code 3)\nlast words'])
})

test('one that heart saw dying is told likewise', async () => {
  const started = await start('died')
  expect(started.ok ? [] : started.error.map((problem) => problem.message)).toEqual(['the daemon ended while it started (SIGABRT)'])
})

test('one that hangs is killed', async () => {
  const started = await start('hang', 500)
  expect(started.ok ? [] : started.error.map((problem) => problem.message)).toEqual(['the daemon was not ready within 500 ms'])
})

test('one that cannot be started', async () => {
  const started = await start('ready', 30_000, '/none/node')
  expect(started.ok ? [] : started.error.map((problem) => problem.message)).toEqual(['the daemon could not be started: spawn /none/node ENOENT'])
  expect(await startDetached({ command: 'x', args: [], env: {}, cwd: '/', outputFile: '/none/out', logFile: '', timeoutMs: 1, clock })).toMatchObject({ ok: false })
})

test('a process that nobody waits for reports to nobody', () => {
  const sent: unknown[] = []
  reportToStarter({ type: 'failed', failures: [] }, { connected: false, disconnect: () => undefined, send: (message) => sent.push(message) > 0 })
  expect(sent).toEqual([])
})

test('the last lines of a file', () => {
  const path = join(temporaryDirectory(), 'file')
  expect(tailOf(path)).toBe('')
  writeFileSync(path, Array.from({ length: 2000 }, (_, line) => `line ${line}\n`).join(''))
  expect(tailOf(path).split('\n')).toEqual(Array.from({ length: 10 }, (_, at) => `line ${1990 + at}`))
})

/** A daemon that goes when told in this way; what was done to it, and what it took. */
async function stop(goesOn: 'gone' | 'asked' | 'SIGTERM' | 'SIGKILL' | 'nothing', answers: 'answers' | 'silent'): Promise<string> {
  const simulated = createSimulatedClock()
  const done: string[] = []
  let lives = goesOn !== 'gone'
  const tell = (what: string): void => {
    done.push(what)
    if (what === goesOn) simulated.after(50, () => (lives = false))
  }
  const ports: StopPorts = {
    clock: simulated, isRunning: () => lives, kill: tell,
    requestShutdown: () => {
      if (answers === 'answers') tell('asked')
      return Promise.resolve(answers === 'answers')
    },
  }
  const stopped = stopDaemon(ports, { askedMs: 1000, terminatedMs: 500, killedMs: 200 })
  const turning = setInterval(() => simulated.runNext(), 0)
  const result = await stopped
  clearInterval(turning)
  return [...done, result.ok ? result.value : result.error.code].join(' ')
}

test.each([
  ['gone', 'answers', 'was_not_running'],
  ['asked', 'answers', 'asked asked'],
  ['SIGTERM', 'answers', 'asked SIGTERM terminated'],
  ['SIGTERM', 'silent', 'SIGTERM terminated'],
  ['SIGKILL', 'answers', 'asked SIGTERM SIGKILL killed'],
  ['nothing', 'silent', 'SIGTERM SIGKILL timeout'],
] as const)('a daemon that goes on %s and %s: %s', async (goesOn, answers, expected) => {
  expect(await stop(goesOn, answers)).toBe(expected)
})

test('killing what is gone is no error', () => {
  expect(() => killProcess(2 ** 30, 'SIGTERM')).not.toThrow()
})

/** A process that holds the lock at `path`. */
async function holderOf(path: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'fixtures/lock-holder.ts'), path], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

test('SIGTERM goes to heart alone, or to a daemon without one; force to both', async () => {
  const directory = temporaryDirectory()
  const [heart, daemon] = [join(directory, 'heart.lock'), join(directory, 'lock')] as const
  const both = [await holderOf(heart), await holderOf(daemon)] as const
  signalHolders([heart, daemon], 'SIGTERM')
  expect((await once(both[0], 'exit'))[1]).toBe('SIGTERM')
  expect([isLockHeld(heart), isLockHeld(daemon)]).toEqual([false, true])
  signalHolders([heart, daemon], 'SIGTERM')
  expect((await once(both[1], 'exit'))[1]).toBe('SIGTERM')
  signalHolders([heart, daemon], 'SIGKILL') // nobody is left: nothing happens to whoever has these pids now

  const again = [await holderOf(heart), await holderOf(daemon)] as const
  const exits = Promise.all(again.map((child) => once(child, 'exit')))
  signalHolders([heart, daemon], 'SIGKILL')
  expect((await exits).map(([, signal]) => signal as unknown)).toEqual(['SIGKILL', 'SIGKILL'])
})
