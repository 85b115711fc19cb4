/**
 * The daemon's process: configuration, preflight, lock, log, then the daemon; and all of it in reverse. Started by the
 * command line, through heart or not, with the arguments of src/host/daemon-arguments.ts; reports to its starter, ready or
 * failed. Under heart and in the foreground it ends in order when its parent goes.
 */

import { rmSync } from 'node:fs'
import type { LogLevel } from '../config/schema.ts'
import type { Failure } from '../src/base/failure.ts'
import { ok, type Result } from '../src/base/result.ts'
import { readDaemonArguments, type DaemonArguments } from '../src/host/daemon-arguments.ts'
import { ENDED_AT_ONCE } from '../src/host/heart.ts'
import { processEnvironment } from '../src/host/environment.ts'
import { loadConfig } from '../src/host/load-config.ts'
import { createLogger, logFormat, type Logger } from '../src/host/log.ts'
import { createMetrics, type Metrics } from '../src/host/metrics.ts'
import { packageVersion } from '../src/host/package-version.ts'
import { projectPaths, type ProjectPaths } from '../src/host/paths.ts'
import { preflight, type Cleared } from '../src/host/preflight.ts'
import { openRotatingFile } from '../src/host/rotating-file.ts'
import { notifyServiceManager } from '../src/host/service-manager.ts'
import { handleSignals } from '../src/host/signals.ts'
import { reportToStarter, tellParent } from '../src/host/starter-report.ts'
import { removeDaemonState, writeDaemonState } from '../src/host/state-file.ts'
import { systemClock } from '../src/otp/node/message-port.ts'
import { refusalOf } from '../src/store/examine.ts'
import { startDaemon } from './daemon.ts'
import { untilEnd } from './until-end.ts'

const EXIT = { stopped: 0, failed: 1, gaveUp: 70, atOnce: ENDED_AT_ONCE } as const
/** Signs of life within heart's time of silence, and within a service manager's. */
const BEATS_WITHIN = 4

type Opened = { readonly logger: Logger; readonly metrics: Metrics; readonly file: string | null; close(): void }

await run(readDaemonArguments(process.argv.slice(2)))

async function run(given: DaemonArguments): Promise<void> {
  // SQLite and the socket make their files with what this leaves: they are for this user alone, whatever the directory.
  process.umask(0o077)
  const startedAt = new Date().toISOString()
  const environment = processEnvironment()
  const paths = projectPaths(environment, given.projectRoot)
  const cleared = preflight({
    config: loadConfig({ projectRoot: given.projectRoot, configPath: given.config, env: process.env, flags: given.flags }),
    paths, uid: environment.uid, nodeVersion: process.versions.node, owner: { pid: process.pid, started_at: startedAt }, checkStore: refusalOf,
  })
  if (!cleared.ok) return endFailed(cleared.error)
  const opened = openLog(given, paths, cleared.value)
  if (!opened.ok) return endFailed([opened.error])
  await serve(given, paths, cleared.value, opened.value, startedAt)
}

async function serve(given: DaemonArguments, paths: ProjectPaths, { loaded, lock }: Cleared, log: Opened, startedAt: string): Promise<void> {
  const { logger, metrics } = log
  const asked = Promise.withResolvers<string>()
  handleSignals({
    process, placement: given.placement, stop: asked.resolve,
    stopAtOnce: () => process.exit(EXIT.atOnce),
    crash: (error, origin) => {
      logger.fatal(`ending after an error that nobody caught (${origin})`, { error })
      process.exit(EXIT.gaveUp)
    },
  })
  process.once('beforeExit', () => {
    logger.fatal('ending: nothing runs any more that could ever go on')
    process.exit(EXIT.gaveUp)
  })
  const isAttached = given.heart !== undefined || given.placement === 'foreground'
  if (isAttached) whenParentGoes(() => asked.resolve(given.heart ? 'the end of heart' : 'the end of the command'))
  const version = packageVersion()
  const options = {
    config: loaded.config, paths, version, logger, metrics, logFile: log.file, startedAt, heart: given.heart ?? null,
    onShutdown: () => setImmediate(() => asked.resolve('a client')),
  }
  const started = await startDaemon(options)
  if (!started.ok) return endFailed([started.error])
  const daemon = started.value
  const written = writeDaemonState(paths.stateFile, daemon.state)
  if (!written.ok) return endFailed([written.error])
  logger.log('info', 'daemon ready', { version, pid: process.pid, project: paths.projectRoot, socket: paths.socket, http: daemon.state.http })
  const manager = notifyServiceManager({ env: process.env, log: logger.log })
  manager.ready(`serving ${paths.projectRoot}`)
  if (isAttached) tellParent({ type: 'ready', state: daemon.state, terms: { ...loaded.config.heart, logFormat: logFormat(loaded.config, given.placement) } })
  else reportToStarter({ type: 'ready', state: daemon.state })
  if (given.heart) giveSignsOfLife(loaded.config.heart.silenceMs)
  if (given.first_import === 'daemon') daemon.importProject()
  const how = await untilEnd({
    ended: daemon.ended, stop: daemon.stop, asked: asked.promise, stopTimeoutMs: loaded.config.supervision.stopTimeoutMs,
    stopping: manager.stopping, clock: systemClock, log: logger,
  })
  removeDaemonState(paths.stateFile)
  if (loaded.config.storage.backend === 'memory') rmSync(paths.database, { force: true })
  lock.release()
  log.close()
  process.exit(EXIT[how])
}

/** Also when it has gone already. */
function whenParentGoes(run: () => void): void {
  if (process.connected) process.once('disconnect', run)
  else run()
}

function giveSignsOfLife(silenceMs: number): void {
  if (silenceMs > 0) setInterval(() => tellParent({ type: 'beat' }), silenceMs / BEATS_WITHIN).unref()
}

function openLog(given: DaemonArguments, paths: ProjectPaths, { loaded: { config } }: Cleared): Result<Opened, Failure> {
  const { placement } = given
  const metrics = createMetrics({ process: 'collected' })
  const base = {
    level: config.log.level, format: logFormat(config, placement), wallMs: Date.now,
    onLine: (level: LogLevel) => metrics.recorder.counter('elixir_scope_log_lines_total', [level]).add(),
  }
  if (placement === 'foreground') {
    // The terminal may go before the daemon: its lines are lost then, its orderly end is not.
    process.stderr.on('error', () => undefined)
    const paint = process.stderr.isTTY && !process.env['NO_COLOR'] ? 'colours' : 'plain'
    return ok({ logger: createLogger({ ...base, paint, write: (line) => void process.stderr.write(line) }), metrics, file: null, close: () => undefined })
  }
  const file = openRotatingFile({ path: paths.logFile, maxBytes: config.log.maxBytes, files: config.log.files })
  if (!file.ok) return file
  const { write, nDropped, close } = file.value
  const dropped = metrics.recorder.counter('elixir_scope_log_lines_dropped_total', [])
  const logger = createLogger({
    ...base, paint: 'plain',
    write: (line) => {
      write(line)
      dropped.advanceTo(nDropped())
    },
  })
  return ok({ logger, metrics, file: paths.logFile, close })
}

/** Tells the starter why, and ends once that is on its way. */
function endFailed(failures: readonly Failure[]): void {
  if (!process.connected) process.exit(EXIT.failed)
  process.once('disconnect', () => process.exit(EXIT.failed))
  reportToStarter({ type: 'failed', failures })
}
