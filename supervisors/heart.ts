/**
 * Heart's process: starts the daemon of one project and starts it again when it aborts. What happens when is decided by the
 * pure step in src/host/heart.ts; here are the process, the timer, the log line and the lock that make it real. Takes the
 * arguments of src/host/daemon-arguments.ts and adds its own pid.
 *
 * Invariants: one heart per project, held by a lock, so that a daemon that is down between two starts is not started by
 * two; the daemon keeps a channel to heart and ends in order when that closes, however heart ends.
 *
 * Absent on purpose: every library. Heart shares Node's code with the daemon and adds little of its own.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, rmSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { failure, type Failure } from '../src/base/failure.ts'
import { argumentsUnderHeart } from '../src/host/heart-arguments.ts'
import { HEART_EXIT, heartStep, NEW_HEART, type DaemonEnd, type HeartEffect, type HeartEvent, type HeartLine } from '../src/host/heart.ts'
import { processEnvironment } from '../src/host/environment.ts'
import { acquireLock, type Lock } from '../src/host/lock.ts'
import { projectPaths, type ProjectPaths } from '../src/host/paths.ts'
import { prettyLine } from '../src/host/pretty-log.ts'
import { reportToStarter, type DaemonMessage, type DaemonReport } from '../src/host/starter-report.ts'

/** Nothing keeps heart from its timer for so long but a process that is stopped, or a machine that sleeps. */
const LATE_MS = 1000

const daemonMain = resolve(import.meta.dirname, `main${extname(import.meta.filename)}`)

run(process.argv.slice(2))

function run(given: readonly string[]): void {
  const paths = projectPaths(processEnvironment(), given[0] ?? '')
  const lock = acquireLock(paths.heartLock, { pid: process.pid, started_at: new Date().toISOString() })
  if (!lock.ok) {
    const { error } = lock
    return endAfter({ type: 'failed', failures: [error.code === 'conflict' ? keptRunning(error) : error] })
  }
  beat(given, paths, lock.value)
}

/** Of another heart, whose daemon may be down at the moment. */
function keptRunning({ details = {} }: Failure): Failure {
  const pid = typeof details['pid'] === 'number' ? `, pid ${details['pid']}` : ''
  return failure('conflict', `a daemon is already kept running for this project (heart${pid})`, {
    hint: '`elixir-scope stop` ends both', details: { ...details },
  })
}

/** Runs events through the step and does what it says, until it says exit. */
function beat(given: readonly string[], paths: ProjectPaths, lock: Lock): void {
  let state = NEW_HEART
  let child: ChildProcess | undefined
  let timer: NodeJS.Timeout | undefined
  const happened = (event: HeartEvent): void => {
    const [next, effects] = heartStep(state, event, performance.now())
    state = next
    for (const effect of effects) perform(effect)
  }
  const setTimer = (ms: number | null): void => {
    clearTimeout(timer)
    const dueMs = performance.now() + (ms ?? 0)
    timer = ms === null ? undefined : setTimeout(() => happened({ type: 'time_is_up', ...(performance.now() > dueMs + LATE_MS ? { isLate: true } : {}) }), ms)
  }
  const perform = (effect: HeartEffect): void => {
    switch (effect.type) {
      case 'spawn':
        child = spawnDaemon(argumentsUnderHeart(given, { pid: process.pid, restarts: effect.restarts }), happened)
        return
      case 'kill': return void child?.kill(effect.signal)
      case 'report': return reportToStarter(effect.report)
      case 'log': return appendLine(paths.logFile, effect.line, effect.format)
      case 'timer': return setTimer(effect.ms)
      case 'remove_state_file': return rmSync(paths.stateFile, { force: true })
      case 'exit':
        lock.release()
        endWith(effect.code)
    }
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => happened({ type: 'asked_to_stop', signal }))
  process.on('SIGHUP', () => undefined)
  happened({ type: 'begin' })
}

function spawnDaemon(args: readonly string[], happened: (event: HeartEvent) => void): ChildProcess {
  const child = spawn(process.execPath, [...process.execArgv, daemonMain, ...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = (end: DaemonEnd): void => happened({ type: 'daemon_ended', end })
  child.on('message', (message) => happened({ type: 'said', message: message as DaemonMessage }))
  child.on('error', (error) => {
    if (child.pid === undefined) ended({ code: null, signal: null, error: error.message })
  })
  child.on('exit', (code, signal) => {
    // What it said before it went is still on its way: an exit is only believed once that channel is closed.
    if (child.connected) child.once('disconnect', () => ended({ code, signal }))
    else ended({ code, signal })
  })
  return child
}

/** A line of the daemon's log, which nobody else writes while the daemon is gone. */
function appendLine(path: string, { level, message, fields }: HeartLine, format: 'json' | 'pretty'): void {
  const line = `${JSON.stringify({ level, time: new Date().toISOString(), process: 'heart', ...fields, msg: message })}\n`
  try {
    appendFileSync(path, format === 'json' ? line : prettyLine(line, 'plain'), { mode: 0o600 })
  } catch {
    process.stderr.write(line) // the disk is full or the directory is gone: the line is all that is lost
  }
}

/** Exits once the starter has been told, where there is still one. */
function endWith(code: number): void {
  if (!process.connected) process.exit(code)
  process.exitCode = code
  process.once('disconnect', () => process.exit(code))
}

function endAfter(report: DaemonReport): void {
  reportToStarter(report)
  endWith(HEART_EXIT.failed)
}
