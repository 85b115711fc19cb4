/**
 * start, stop, restart, status, import: the commands that change or report what runs. `start` imports the project and
 * shows what was found; in the foreground it then stays until the daemon stops or Ctrl-C.
 */

import type { Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { commandFor, print, report, say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { findOut } from '../find-out.ts'
import type { Connection, DaemonEntry, StartOptions } from '../ports.ts'
import { importWithProgress } from '../progress.ts'
import { renderFound, renderImport } from '../render/found.ts'
import { renderDaemons, renderStatus, renderUnread } from '../render/status.ts'

/** `status` waits no longer for what it only adds. */
const STATISTICS_MS = 2000

export type StartArgs = {
  readonly path: string | undefined
  readonly mode: 'foreground' | 'background'
  readonly configPath: string | undefined
  readonly flags: Readonly<Record<string, string>>
}

export async function start(context: Context, args: StartArgs): Promise<ExitCode> {
  const project = context.ports.findProject(args.path ?? context.project)
  if (!project.ok) return report(context, project.error)
  const options = optionsFor(project.value.root, args)
  return args.mode === 'foreground' ? runForeground(context, options) : startBackground(context, options)
}

function optionsFor(projectRoot: string, { configPath, flags }: StartArgs): StartOptions {
  return { projectRoot, configPath, flags }
}

async function startBackground(context: Context, options: StartOptions): Promise<ExitCode> {
  const running = await context.ports.connect(options.projectRoot)
  if (running.ok) {
    await running.value.close()
    say(context, `already running for ${options.projectRoot}`)
    if (options.configPath !== undefined || Object.keys(options.flags).length > 0) {
      say(context, `warning: its configuration stays as it is; to change it: ${commandFor(context, options.projectRoot)} restart, with the same options`)
    }
  } else {
    const started = await context.ports.daemons.start(options)
    if (!started.ok) return reportFailedStart(context, started.error)
    say(context, `started for ${options.projectRoot} (process ${started.value.pid})`)
  }
  return importAndShow(context, options.projectRoot)
}

/** For commands that are of no use without a daemon: starts one where none runs, and imports. Answers with its project. */
export async function ensureRunning(context: Context): Promise<Result<string, ExitCode>> {
  const project = context.ports.findProject(context.project)
  if (!project.ok) return fail(report(context, project.error))
  const { root } = project.value
  const running = await context.ports.connect(root)
  if (running.ok) {
    await running.value.close()
    return ok(root)
  }
  if (running.error.code !== 'unavailable') return fail(report(context, running.error))
  const started = await context.ports.daemons.start({ projectRoot: root, configPath: undefined, flags: {} })
  if (!started.ok) return fail(reportFailedStart(context, started.error))
  say(context, `started the daemon for ${root} (process ${started.value.pid}); it goes on until: ${commandFor(context, root)} stop`)
  const imported = await withDaemon(context, async (connection) => {
    const done = await importWithProgress(context, connection, { force: false })
    return done.ok ? ok(EXIT.ok) : done
  })
  return imported === EXIT.ok ? ok(root) : fail(imported)
}

/** A daemon that did not come up is a command that failed; exit code 4 speaks of one that should be running. */
function reportFailedStart(context: Context, failures: readonly Failure[]): ExitCode {
  const code = report(context, failures)
  return code === EXIT.unavailable ? EXIT.failure : code
}

async function runForeground(context: Context, options: StartOptions): Promise<ExitCode> {
  const daemon = await context.ports.daemons.run(options)
  if (!daemon.ok) return reportFailedStart(context, daemon.error)
  let interrupts = 0
  const state: { leave?: () => void } = {}
  const left = new Promise<ExitCode>((resolve) => {
    state.leave = () => resolve(EXIT.interrupted)
  })
  const release = context.ports.onInterrupt(() => {
    interrupts += 1
    if (interrupts === 1) daemon.value.stop()
    else state.leave?.()
  })
  const stopped = daemon.value.stopped.then((code) => ({ stopped: true, code }))
  const shown = importAndShow(context, options.projectRoot).then((code) => ({ stopped: false, code }))
  try {
    const first = await Promise.race([stopped, shown, left.then((code) => ({ stopped: true, code }))])
    if (!first.stopped && first.code === EXIT.ok) say(context, '\nRunning. Press Ctrl-C to stop.')
    return first.stopped ? first.code : await Promise.race([daemon.value.stopped, left])
  } finally {
    release()
  }
}

function importAndShow(context: Context, root: string): Promise<ExitCode> {
  const at: Context = { ...context, project: root }
  return withDaemon(at, async (connection) => {
    const imported = await importWithProgress(context, connection, { force: false })
    if (!imported.ok) return imported
    const found = await findOut(connection, imported.value.value)
    if (!found.ok) return found
    print(context, imported.value, () => renderFound(found.value, commandFor(context, root), context.view))
    return ok(EXIT.ok)
  })
}

export async function stop(context: Context): Promise<ExitCode> {
  const project = context.ports.findProject(context.project)
  if (!project.ok) return report(context, project.error)
  const stopped = await context.ports.daemons.stop(project.value.root)
  if (!stopped.ok) return report(context, stopped.error)
  print(context, { stopped: stopped.value.stopped, pid: stopped.value.pid, project_root: project.value.root }, () => [
    stopped.value.stopped ? `stopped for ${project.value.root}` : `no daemon was running for ${project.value.root}`,
  ])
  return EXIT.ok
}

export async function restart(context: Context, args: StartArgs): Promise<ExitCode> {
  const project = context.ports.findProject(args.path ?? context.project)
  if (!project.ok) return report(context, project.error)
  // A daemon that runs well is not given up for one that cannot start.
  const checked = await context.ports.daemons.checkConfig(optionsFor(project.value.root, args))
  if (!checked.ok) return report(context, checked.error)
  const stopped = await context.ports.daemons.stop(project.value.root)
  if (!stopped.ok) return report(context, stopped.error)
  return start(context, args)
}

export async function status(context: Context, scope: 'project' | 'all'): Promise<ExitCode> {
  if (scope === 'all') return statusOfAll(context)
  return withDaemon(context, async (connection) => {
    const both = await statusAndHealth(connection)
    if (!both.ok) return both
    const { daemon, health } = both.value
    // A repository that does not answer is told by its own line.
    const counted = context.format === 'json' ? undefined : await connection.call('get_statistics', {}, { timeoutMs: STATISTICS_MS })
    const unread = counted?.ok === true ? renderUnread(counted.value, context.view) : []
    print(context, both.value, () => [...renderStatus(daemon, health, context.view), ...unread])
    return ok(health.status === 'unhealthy' ? EXIT.failure : EXIT.ok)
  })
}

async function statusOfAll(context: Context): Promise<ExitCode> {
  const daemons = await context.ports.daemons.list()
  print(context, { daemons: daemons.map(entryRecord) }, () => daemons.length === 0
    ? ['no daemon is running']
    : renderDaemons(daemons, context.ports.now(), context.view))
  return EXIT.ok
}

function entryRecord(entry: DaemonEntry): Record<string, unknown> {
  const { projectRoot, pid, socket, http, version, startedAt } = entry
  return { project_root: projectRoot, pid, socket, http, version, started_at: startedAt }
}

async function statusAndHealth(connection: Connection) {
  const health = await connection.call('health_check', {})
  if (!health.ok) return health
  // What health asked for, such as how the files are followed, the status then knows.
  const daemon = await connection.call('daemon_status', {})
  if (!daemon.ok) return daemon
  return ok({ daemon: daemon.value, health: health.value })
}

export async function importNow(context: Context, { force }: { readonly force: boolean }): Promise<ExitCode> {
  return withDaemon(context, async (connection, root): Promise<Result<ExitCode, Failure>> => {
    const imported = await importWithProgress(context, connection, { force })
    if (!imported.ok) return imported
    const { value } = imported.value
    print(context, imported.value, () => [
      ...renderImport(value),
      ...(value.problems > 0 ? [`problems: ${value.problems}; list them with: ${commandFor(context, root)} problems`] : []),
    ])
    return ok(EXIT.ok)
  })
}
