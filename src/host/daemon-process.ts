/**
 * The daemon as a process seen from outside: started in the background, with heart above it or alone, and awaited until it
 * is ready or says why not; stopped by asking, then by signals. What is started reports over the IPC channel of the child
 * process (starter-report.ts) and closes it then; from there on it depends on nobody.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import { failure, isFailure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { isLockHeld, readLockOwner } from './lock.ts'
import { writeFailure } from './private-files.ts'
import type { StartReport } from './starter-report.ts'
import { daemonState, type DaemonState } from './state-file.ts'

export type SpawnOptions = {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Takes what the process prints outside its log; emptied at each start. */
  readonly outputFile: string
  readonly logFile: string
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Starts the daemon and waits until it is ready. One that is not within `timeoutMs` is killed. */
export async function startDetached(options: SpawnOptions): Promise<Result<DaemonState, readonly Failure[]>> {
  let output: number
  try {
    output = openSync(options.outputFile, 'w', 0o600)
  } catch (error) {
    return fail([writeFailure(options.outputFile, error)])
  }
  const child = spawn(options.command, [...options.args], {
    cwd: options.cwd, env: options.env, detached: true, stdio: ['ignore', output, output, 'ipc'],
  })
  closeSync(output)
  const report = await firstReport(child, options)
  if (child.connected) child.disconnect()
  child.unref()
  child.removeAllListeners()
  return report
}

function firstReport(child: ChildProcess, options: SpawnOptions): Promise<Result<DaemonState, readonly Failure[]>> {
  return new Promise((settle) => {
    const timer = options.clock.after(options.timeoutMs, () => {
      killGroup(child)
      settle(fail([startFailure(`the daemon was not ready within ${options.timeoutMs} ms`, options)]))
    })
    const finish = (result: Result<DaemonState, readonly Failure[]>): void => {
      timer.cancel()
      settle(result)
    }
    child.on('message', (message) => {
      const report = readReport(message)
      if (report) finish(outcomeOf(report, options))
    })
    child.on('error', (error) => finish(fail([startFailure(`the daemon could not be started: ${error.message}`, options)])))
    child.on('exit', (code, signal) => {
      // What it said before it went is still on its way: an exit is only believed once that channel is closed.
      if (child.connected) child.once('disconnect', () => finish(fail([died(code, signal, options)])))
      else finish(fail([died(code, signal, options)]))
    })
  })
}

function outcomeOf(report: StartReport, options: SpawnOptions): Result<DaemonState, readonly Failure[]> {
  switch (report.type) {
    case 'ready': return ok(report.state)
    case 'failed': return fail(report.failures)
    case 'died': return fail([died(report.code, report.signal, options)])
  }
}

/** A detached process leads a group: heart with its daemon, or a daemon by itself. */
function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) killProcess(-pid, 'SIGKILL')
}

function readReport(message: unknown): StartReport | undefined {
  const { type, state, failures, code, signal } = message as Record<string, unknown>
  const parsed = daemonState.safeParse(state)
  if (type === 'ready' && parsed.success) return { type, state: parsed.data }
  if (type === 'failed' && Array.isArray(failures)) return { type, failures: failures.filter(isFailure) }
  if (type === 'died') return { type, code: code as number | null, signal: signal as NodeJS.Signals | null }
  return undefined
}

function died(code: number | null, signal: NodeJS.Signals | null, options: SpawnOptions): Failure {
  return startFailure(`the daemon ended while it started (${signal ?? `exit code ${code}`})`, options)
}

function startFailure(message: string, { outputFile, logFile }: SpawnOptions): Failure {
  const last = [tailOf(logFile), tailOf(outputFile)].filter((text) => text !== '').join('\n')
  return failure('unavailable', last === '' ? message : `${message}\n${last}`, { hint: `the log is ${logFile}; --foreground shows what happens` })
}

const TAIL_BYTES = 4096
const TAIL_LINES = 10

/** The last lines of a file, '' where there is none. */
export function tailOf(path: string): string {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    const { size } = fstatSync(fd)
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES))
    readSync(fd, bytes, 0, bytes.length, size - bytes.length)
    return bytes.toString('utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
  } catch {
    return '' // nothing was written, or it cannot be read: then there is nothing to show
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

export type StopPorts = {
  /** Whether the daemon still lives: its lock tells, which no other process can be mistaken for. */
  readonly isRunning: () => boolean
  /** Asks over the socket; false when nobody answered. */
  readonly requestShutdown: () => Promise<boolean>
  readonly kill: (signal: NodeJS.Signals) => void
  readonly clock: Clock
}

export type StopDeadlines = { readonly askedMs: number; readonly terminatedMs: number; readonly killedMs: number }
export type Stopped = 'was_not_running' | 'asked' | 'terminated' | 'killed'

const POLL_MS = 20

/** Ends the daemon: asks, then SIGTERM, then SIGKILL, each with its time. Says what it took. */
export async function stopDaemon(ports: StopPorts, deadlines: StopDeadlines): Promise<Result<Stopped, Failure>> {
  if (!ports.isRunning()) return ok('was_not_running')
  if ((await ports.requestShutdown()) && (await isGoneWithin(ports, deadlines.askedMs))) return ok('asked')
  ports.kill('SIGTERM')
  if (await isGoneWithin(ports, deadlines.terminatedMs)) return ok('terminated')
  ports.kill('SIGKILL')
  if (await isGoneWithin(ports, deadlines.killedMs)) return ok('killed')
  return fail(failure('timeout', 'the daemon does not end, although it was killed', { hint: 'it waits for the disk or belongs to another user; see `ps`' }))
}

async function isGoneWithin({ isRunning, clock }: StopPorts, ms: number): Promise<boolean> {
  const deadline = clock.nowMs() + ms
  while (isRunning()) {
    if (clock.nowMs() >= deadline) return false
    await new Promise<void>((wake) => clock.after(POLL_MS, wake))
  }
  return true
}

/**
 * For `StopPorts.kill`: signals the processes that hold these locks, heart's before the daemon's. SIGTERM goes to the first
 * alone, which passes it on; force goes to all, in this order, so that nothing is started again in between.
 */
export function signalHolders(locks: readonly string[], signal: NodeJS.Signals): void {
  const holders = locks.filter(isLockHeld).map((path) => readLockOwner(path)?.pid).filter((pid) => pid !== undefined)
  for (const pid of signal === 'SIGKILL' ? holders : holders.slice(0, 1)) killProcess(pid, signal)
}

/** For `StopPorts.kill`: a process that has gone meanwhile is what was wanted. */
export function killProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // gone, or another user's: waiting for it tells
  }
}
