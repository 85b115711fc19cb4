/**
 * A daemon of its own for a measurement: its state in a throw-away directory, started and stopped as the command does it,
 * with what the measurements ask of a process (time until ready, peak memory).
 */

import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Failure } from '../src/base/failure.ts'
import type { Result } from '../src/base/result.ts'
import { connect, type Client } from '../src/client/client.ts'
import { writeDaemonArguments } from '../src/host/daemon-arguments.ts'
import { killProcess, startDetached, stopDaemon } from '../src/host/daemon-process.ts'
import { processEnvironment } from '../src/host/environment.ts'
import { isLockHeld } from '../src/host/lock.ts'
import { projectPaths } from '../src/host/paths.ts'
import { systemClock } from '../src/otp/node/message-port.ts'

export type BenchDaemon = {
  readonly socketPath: string
  readonly client: Client
  readonly pid: number
  /** From the start of the process until it said that it was ready. */
  readonly readyMs: number
  /** Most memory that the process ever held; null where the system does not tell. */
  readonly peakRssBytes: () => number | null
  readonly stop: () => Promise<void>
}

/** Runs `use` with a directory that is gone afterwards. */
export async function withHome<T>(use: (home: string) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'es-bench-'))
  try {
    return await use(home)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

export async function startBenchDaemon(dir: string, home: string, flags: Readonly<Record<string, string>> = {}): Promise<BenchDaemon> {
  const root = realpathSync(dir)
  // As bin/elixir-scope has it. Compiled code is kept between runs, as a user's is.
  const env = {
    NODE_COMPILE_CACHE: join(tmpdir(), 'es-bench-compile'), UV_THREADPOOL_SIZE: '16', MALLOC_ARENA_MAX: '2', ...process.env, ELIXIR_SCOPE_HOME: home,
  }
  const paths = projectPaths({ ...processEnvironment(), env }, root)
  mkdirSync(paths.stateDir, { recursive: true, mode: 0o700 })
  const startedMs = performance.now()
  const state = must(await startDetached({
    command: process.execPath,
    args: [
      '--max-semi-space-size=4', // as the command has it
      resolve(import.meta.dirname, '../supervisors/main.ts'),
      ...writeDaemonArguments({ projectRoot: root, placement: 'background', first_import: 'caller', flags: { 'storage.maxModules': 'null', ...flags } }),
    ],
    env, cwd: root, outputFile: paths.outputFile, logFile: paths.logFile, timeoutMs: 60_000, clock: systemClock,
  }))
  const readyMs = performance.now() - startedMs
  const client = must(await connect({ socketPath: state.socket, clock: systemClock, random: Math.random, newRequestId: randomUUID }))
  return {
    socketPath: state.socket, client, pid: state.pid, readyMs,
    peakRssBytes: () => peakRss(state.pid),
    stop: async () => {
      await client.call('shutdown', {})
      client.close()
      must(await stopDaemon({
        isRunning: () => isLockHeld(paths.lock),
        requestShutdown: () => Promise.resolve(true),
        kill: (signal) => killProcess(state.pid, signal),
        clock: systemClock,
      }, { askedMs: 30_000, terminatedMs: 5000, killedMs: 5000 }))
    },
  }
}

/** The value, or an exception that ends the measurement. */
export function must<T>(result: Result<T, Failure | readonly Failure[]>): T {
  if (result.ok) return result.value
  const failures = Array.isArray(result.error) ? result.error as readonly Failure[] : [result.error as Failure]
  throw new Error(failures.map((one) => one.message).join('; '))
}

function peakRss(pid: number): number | null {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? null : Number(kilobytes) * 1024
  } catch {
    return null // not Linux
  }
}
