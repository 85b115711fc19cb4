/**
 * Heart with a real daemon below it: what aborts comes back, too often is given up, and no end leaves a process behind.
 * Every process here holds the pipe that heart was given as its output, so the end of that pipe is the end of them all.
 */

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { connect, type Client } from '../../src/client/client.ts'
import { writeDaemonArguments } from '../../src/host/daemon-arguments.ts'
import { isLockHeld } from '../../src/host/lock.ts'
import { ensurePrivateDirectory } from '../../src/host/private-files.ts'
import type { StartReport } from '../../src/host/starter-report.ts'
import { readDaemonState, type DaemonState } from '../../src/host/state-file.ts'
import { systemClock } from '../../src/otp/node/message-port.ts'
import { createSandbox, value, type Sandbox } from './running-daemon.ts'

const HEART = join(import.meta.dirname, '../../supervisors/heart.ts')

type Heart = {
  readonly process: ChildProcess
  readonly report: StartReport
  /** Heart's exit code, once no process that it started is left. */
  readonly gone: Promise<number | null>
}

let box: Sandbox
const started: Heart[] = []
const clients: Client[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const { process: heart, gone } of started.splice(0)) {
    heart.kill('SIGKILL')
    await gone
  }
  box.dispose()
})

function sandbox(): Sandbox {
  box = createSandbox({ 'mix.exs': 'defmodule P.MixProject do\nend\n', 'lib/a.ex': 'defmodule A do\n  def f(x), do: x\nend\n' })
  ensurePrivateDirectory(box.paths.stateDir, process.getuid?.() ?? 0)
  return box
}

async function startHeart(flags: Readonly<Record<string, string>> = {}): Promise<Heart> {
  const args = writeDaemonArguments({ projectRoot: box.root, placement: 'background', first_import: 'caller', flags })
  const child = fork(HEART, args, { env: { ...process.env, ELIXIR_SCOPE_HOME: box.home }, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  child.stdout?.resume()
  const gone = once(child, 'close').then(([code]) => code as number | null)
  const [report] = (await once(child, 'message')) as [StartReport]
  const heart = { process: child, report, gone }
  started.push(heart)
  return heart
}

function stateOf({ report }: Heart): DaemonState {
  return report.type === 'ready' ? report.state : expect.unreachable(JSON.stringify(report))
}

async function clientOf(heart: Heart): Promise<Client> {
  const backOff = { firstMs: 20, maxMs: 200 }
  const opened = await connect({ socketPath: stateOf(heart).socket, clock: systemClock, random: Math.random, newRequestId: () => crypto.randomUUID(), backOff })
  if (!opened.ok) throw new Error(opened.error.message)
  clients.push(opened.value)
  return opened.value
}

/** Looks at each change in the directory of the daemon's state until there is what is looked for. */
async function until<T>(look: () => T | undefined): Promise<T> {
  const changes = watch(box.paths.stateDir)
  try {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      await once(changes, 'change')
    }
  } finally {
    changes.close()
  }
}

function daemonAfter(restarts: number): Promise<DaemonState> {
  return until(() => {
    const state = readDaemonState(box.paths.stateFile)
    return state !== undefined && (state.heart?.restarts ?? 0) >= restarts ? state : undefined
  })
}

function logged(message: string): Promise<Record<string, unknown>> {
  return until(() => readLog().findLast((line) => line['msg'] === message))
}

function readLog(): Record<string, unknown>[] {
  if (!existsSync(box.paths.logFile)) return []
  return readFileSync(box.paths.logFile, 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>)
}

function expectNothingHeld(): void {
  expect({ state: existsSync(box.paths.stateFile), daemon: isLockHeld(box.paths.lock), heart: isLockHeld(box.paths.heartLock) })
    .toEqual({ state: false, daemon: false, heart: false })
}

test('a daemon that is killed or aborts answers again, at the same place, to the same client, with all that was acknowledged', async () => {
  sandbox()
  const heart = await startHeart()
  const client = await clientOf(heart)
  const { pid, socket } = stateOf(heart)
  const pids = [pid]
  for (const [i, signal] of (['SIGKILL', 'SIGABRT'] as const).entries()) {
    await value(client.call('store_module', { module: { module_name: `Kept${i}` } }))
    process.kill(pids.at(-1) ?? 0, signal)
    const state = await daemonAfter(i + 1)
    expect(state).toMatchObject({ socket, heart: { pid: heart.process.pid, restarts: i + 1 } })
    pids.push(state.pid)
    expect(await client.call('get_module', { module_name: `Kept${i}` })).toMatchObject({ ok: true })
    expect(await client.call('daemon_status', {})).toMatchObject({ ok: true, value: { pid: state.pid, heart: state.heart } })
  }
  expect(new Set(pids).size).toBe(3)
  expect(readLog().filter((line) => line['process'] === 'heart')).toMatchObject([{ ended: 'SIGKILL', restart: 1, in_ms: 100 }, { ended: 'SIGABRT', restart: 2, in_ms: 200 }])

  await client.call('shutdown', {})
  expect(await heart.gone).toBe(0)
  expectNothingHeld()
})

test('one that keeps ending is given up, and the log says so', async () => {
  sandbox()
  const heart = await startHeart({ 'heart.intensity': '2', 'heart.backOffMs': '0' })
  process.kill(stateOf(heart).pid, 'SIGKILL')
  for (const restarts of [1, 2]) process.kill((await daemonAfter(restarts)).pid, 'SIGKILL')
  expect(await heart.gone).toBe(70)
  expect(readLog().at(-1)).toMatchObject({
    level: 'fatal', process: 'heart', msg: 'the daemon keeps ending; giving up', ended: 'SIGKILL', restarts: 2, limit: '2 in 60 s',
  })
  expectNothingHeld()
})

test('when heart is killed the daemon ends in order', async () => {
  sandbox()
  const heart = await startHeart()
  heart.process.kill('SIGKILL')
  expect(await heart.gone).toBe(null)
  // The first import may be under way: it is taken up by the next start.
  expect(readLog().filter(({ msg }) => msg !== 'import interrupted').slice(-2)).toMatchObject([{ msg: 'stopping', asked_by: 'the end of heart' }, { msg: 'stopped', reason: 'shutdown' }])
  expectNothingHeld()
})

test.each(['SIGTERM', 'SIGINT'] as const)('%s to heart stops the daemon in order; a terminal that closes stops nothing', async (signal) => {
  sandbox()
  const heart = await startHeart()
  heart.process.kill('SIGHUP')
  const client = await clientOf(heart)
  expect(await client.call('daemon_status', {})).toMatchObject({ ok: true })
  heart.process.kill(signal)
  expect(await heart.gone).toBe(0)
  expect(readLog().at(-1)).toMatchObject({ msg: 'stopped', reason: 'shutdown' })
  expectNothingHeld()
})

test('a start that fails is the starter\'s to hear, and leaves nothing', async () => {
  sandbox()
  const heart = await startHeart({ 'http.port': '99999' })
  expect(heart.report).toMatchObject({ type: 'failed', failures: [{ code: 'invalid_argument' }] })
  expect(await heart.gone).toBe(1)
  expectNothingHeld()
})

test('between two starts: a second heart is refused, and being asked to stop ends it', async () => {
  sandbox()
  const heart = await startHeart({ 'heart.backOffMs': '3600000', 'heart.maxBackOffMs': '3600000' })
  process.kill(stateOf(heart).pid, 'SIGKILL')
  expect(await logged('the daemon ended; starting it again')).toMatchObject({ in_ms: 3_600_000 })
  const second = await startHeart()
  expect(second.report).toMatchObject({ type: 'failed', failures: [{ code: 'conflict', details: { pid: heart.process.pid } }] })
  expect(await second.gone).toBe(1)
  heart.process.kill('SIGTERM')
  expect(await heart.gone).toBe(0)
  expectNothingHeld()
})

test('a new start that fails is tried again until it succeeds', async () => {
  sandbox()
  const heart = await startHeart({ 'heart.intensity': '1000', 'heart.backOffMs': '50', 'heart.maxBackOffMs': '50' })
  box.write('elixir_scope.json', '{"http": {"port": 99999}}')
  process.kill(stateOf(heart).pid, 'SIGKILL')
  expect(await logged('the daemon could not be started again')).toMatchObject({ level: 'error', failures: [expect.stringContaining('http.port')] })
  box.remove('elixir_scope.json')
  expect((await daemonAfter(2)).heart?.pid).toBe(heart.process.pid)
  heart.process.kill('SIGTERM')
  expect(await heart.gone).toBe(0)
})

test('a daemon that hangs is killed and started again', async () => {
  sandbox()
  const heart = await startHeart({ 'heart.silenceMs': '2000' })
  process.kill(stateOf(heart).pid, 'SIGSTOP')
  await daemonAfter(1)
  expect(readLog().find((line) => line['process'] === 'heart')).toMatchObject({ ended: 'killed: no sign of life for 2000 ms' })
  heart.process.kill('SIGTERM')
  expect(await heart.gone).toBe(0)
  expectNothingHeld()
})
