/**
 * The entry point of the command: wires the command line to the terminal, the disk, the client and the daemon's process,
 * runs it, and exits with its code. The only file of the command line that knows any of these; it stands above all ranks.
 *
 * Ctrl-C reaches the command alone, which passes it on: a foreground daemon runs in its own process group, so that it is
 * asked once and stops in order. It never outlives the command.
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { copyFile, open, rename, rm } from 'node:fs/promises'
import { delimiter, extname, join, relative, resolve } from 'node:path'
import { failure, toFailure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { connect } from '../client/client.ts'
import { writeDaemonArguments, type DaemonArguments } from '../host/daemon-arguments.ts'
import { signalHolders, startDetached, stopDaemon } from '../host/daemon-process.ts'
import { processEnvironment } from '../host/environment.ts'
import { isLockHeld, readLockOwner } from '../host/lock.ts'
import { packageVersion } from '../host/package-version.ts'
import { basePaths, projectPaths, type ProjectPaths } from '../host/paths.ts'
import { ensurePrivateDirectory } from '../host/private-files.ts'
import type { DaemonReport } from '../host/starter-report.ts'
import { listDaemons, readDaemonState, type DaemonState } from '../host/state-file.ts'
import { systemClock } from '../otp/node/message-port.ts'
import { findProjectRoot } from '../project/find-root.ts'
import { compiledAgent } from './agent-files.ts'
import { EXIT } from './exit.ts'
import type { AgentFiles, CliPorts, Connection, DaemonEntry, DaemonPorts, ForegroundDaemon, StartOptions } from './ports.ts'
import { runCli } from './program.ts'
import { accompany, run } from './programs.ts'

const START_TIMEOUT_MS = 60_000
const STOP_DEADLINES = { askedMs: 35_000, terminatedMs: 10_000, killedMs: 5_000 }
/** How long a command waits for a daemon that aborted and is started again. */
const BETWEEN_STARTS_MS = 10_000
const RETRY_MS = 50
/** npm and the terminal may both deliver one Ctrl-C. */
const SAME_INTERRUPT_MS = 300

const extension = extname(import.meta.filename)
const packageRoot = resolve(import.meta.dirname, extension === '.ts' ? '../..' : '../../..')
const entryPoints = { daemon: entryPoint('main'), heart: entryPoint('heart') }

function entryPoint(name: string): string {
  return resolve(import.meta.dirname, `../../supervisors/${name}${extension}`)
}

async function main(): Promise<void> {
  // A reader that goes away (`… | head`) ends the command without a word.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure))
  }
  const code = await runCli(process.argv.slice(2), realPorts())
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
}

function realPorts(): CliPorts {
  return {
    version: packageVersion(),
    command: typedCommand(),
    env: process.env,
    cwd: process.cwd(),
    stdout: sink(process.stdout),
    stderr: sink(process.stderr),
    readStdin,
    readFile,
    writeFile,
    moveFile,
    findProject,
    connect: (root) => connectTo(pathsOf(root)),
    daemons: daemonPorts(),
    programs: { agentFiles, run, accompany },
    syntax: {
      // Loaded when asked for: every other command does without.
      print: async (source) => (await import('./quoted-text.ts')).quotedText(source),
      digestLine: async (path, source) => (await import('../syntax/digest.ts')).digestLine(path, source),
    },
    onInterrupt: interrupts(),
    pause,
    now: Date.now,
  }
}

/** Where nothing says that this is a project, one that a daemon was started for does. */
function findProject(named: string | undefined): Result<{ readonly root: string }, Failure> {
  const found = findProjectRoot({ from: process.cwd(), named })
  if (found.ok || named !== undefined) return found
  const root = nearestRoot(process.cwd(), listDaemons(basePaths(processEnvironment())).map(({ state }) => state.project_root))
  return root === undefined ? found : ok({ root })
}

/** The innermost of these directories that holds `directory` or is it; both are real paths. */
function nearestRoot(directory: string, roots: readonly string[]): string | undefined {
  return roots
    .filter((root) => directory === root || directory.startsWith(root.endsWith('/') ? root : `${root}/`))
    .sort((a, b) => b.length - a.length)[0]
}

function sink(stream: NodeJS.WriteStream): CliPorts['stdout'] {
  return {
    write: (text) => void stream.write(text),
    isTTY: stream.isTTY,
    get columns() {
      return stream.columns
    },
    get rows() {
      return stream.rows
    },
  }
}

/** What to type for this command here: its name where the shell finds it, else the shorter path to it. */
function typedCommand(): string {
  const file = join(packageRoot, 'bin', 'elixir-scope')
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'elixir-scope')).find(existsSync)
  if (onPath !== undefined && realpathSync(onPath) === realpathSync(file)) return 'elixir-scope'
  const near = relative(process.cwd(), file)
  return near.length < file.length ? near : file
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function readFile(path: string): Result<Uint8Array, Failure> {
  try {
    // Reading a pipe would wait for a writer, deaf to Ctrl-C.
    if (!statSync(path).isFile()) return fail(failure('invalid_argument', `${path} is not a file`))
    return ok(readFileSync(path))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
    return fail(code === 'ENOENT' ? failure('not_found', `there is no ${path}`) : failure('invalid_argument', `${path} cannot be read (${code})`))
  }
}

async function writeFile(path: string, parts: AsyncIterable<string>): Promise<Result<void, Failure>> {
  const draft = `${path}.${process.pid}.tmp`
  try {
    const file = await open(draft, 'w')
    try {
      for await (const part of parts) await file.write(part)
    } finally {
      await file.close()
    }
    await rename(draft, path)
    return ok(undefined)
  } catch (error) {
    await rm(draft, { force: true })
    const code = (error as NodeJS.ErrnoException).code
    return fail(code === undefined ? toFailure(error) : failure('invalid_argument', `${path} cannot be written (${code})`))
  }
}

function pause(ms: number): ReturnType<CliPorts['pause']> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = systemClock.after(ms, resolve)
  return { over: promise, cancel: () => timer.cancel() }
}

async function moveFile(from: string, to: string): Promise<Result<void, Failure>> {
  try {
    await rename(from, to).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EXDEV') throw error
      await copyFile(from, to)
      await rm(from)
    })
    return ok(undefined)
  } catch (error) {
    return fail(failure('invalid_argument', `${to} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`))
  }
}

// Signals ------------------------------------------------------------------------------------------------------------

/** Without a listener an interrupt ends the command. */
function interrupts(): CliPorts['onInterrupt'] {
  const listeners = new Set<() => void>()
  let lastAt = -Infinity
  const hear = (): void => {
    if (listeners.size === 0) process.exit(EXIT.interrupted)
    const now = performance.now()
    if (now - lastAt < SAME_INTERRUPT_MS) return
    lastAt = now
    for (const listener of listeners) listener()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, hear)
  return (listener) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
}

// Daemons ------------------------------------------------------------------------------------------------------------

/** A daemon that heart is just starting again is waited for. */
async function connectTo({ socket, heartLock }: ProjectPaths): Promise<Result<Connection, Failure>> {
  const deadlineMs = systemClock.nowMs() + BETWEEN_STARTS_MS
  for (;;) {
    const connected = await connectOnce(socket)
    if (connected.ok || connected.error.code !== 'unavailable' || systemClock.nowMs() >= deadlineMs || !isLockHeld(heartLock)) return connected
    await new Promise<void>((wake) => systemClock.after(RETRY_MS, wake))
  }
}

async function connectOnce(socketPath: string): Promise<Result<Connection, Failure>> {
  const connected = await connect({ socketPath, clock: systemClock, random: Math.random, newRequestId: randomUUID })
  if (!connected.ok) return connected
  const client = connected.value
  return ok({
    call: (method, args, { timeoutMs } = {}) => client.call(method, args, timeoutMs === undefined ? {} : { timeoutMs: timeoutMs ?? Infinity }),
    listen: (name, hear) => client.onNotification(name, hear),
    close: () => {
      client.close()
      return Promise.resolve()
    },
  })
}

function daemonPorts(): DaemonPorts {
  return {
    checkConfig,
    start: startInBackground,
    run: runInForeground,
    stop: stopIn,
    list: () => Promise.resolve(listDaemons(basePaths(processEnvironment()))
      .filter((daemon) => daemon.status === 'running')
      .map((daemon) => knownAs(daemon.state))),
  }
}

/** The plan's file is this command's own and goes with it. */
async function agentFiles(root: string, plan: Readonly<Record<string, unknown>>, compiling: (otp: string) => void): Promise<Result<AgentFiles, Failure>> {
  const { agentSocket, cacheDir, stateDir } = pathsOf(root)
  const libs = await compiledAgent({ sources: join(packageRoot, 'agent'), cache: cacheDir, env: process.env, compiling })
  if (!libs.ok) return libs
  const { Packr } = await import('msgpackr')
  const planFile = join(stateDir, `plan-${process.pid}.msgpack`)
  try {
    writeFileSync(planFile, new Packr({ useRecords: false }).pack(plan), { mode: 0o600 })
  } catch (error) {
    return fail(failure('invalid_argument', `${planFile} cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`))
  }
  process.once('exit', () => rmSync(planFile, { force: true }))
  return ok({ libs: libs.value, socket: agentSocket, planFile })
}

function pathsOf(root: string): ProjectPaths {
  return projectPaths(processEnvironment(), root)
}

function knownAs(state: DaemonState): DaemonEntry {
  const { project_root: projectRoot, pid, socket, http, version, started_at: startedAt } = state
  return { projectRoot, pid, socket, http, version, startedAt }
}

async function checkConfig({ projectRoot, configPath, flags }: StartOptions): Promise<Result<void, readonly Failure[]>> {
  // Loaded when asked for: the whole schema comes with it. A daemon reads the variable from the project's directory.
  const { loadConfig } = await import('../host/load-config.ts')
  const variable = process.env['ELIXIR_SCOPE_CONFIG']
  const env = variable ? { ...process.env, ELIXIR_SCOPE_CONFIG: resolve(projectRoot, variable) } : process.env
  const loaded = loadConfig({ projectRoot, configPath: configPath === undefined ? undefined : resolve(configPath), env, flags })
  return loaded.ok ? ok(undefined) : loaded
}

/**
 * What is new in a heap is collected at 4 MB instead of 16: five threads that do little would grow by 80 MB otherwise.
 * Threads that work hard (the parser pool) have limits of their own.
 */
const LEAN_HEAP = ['--max-semi-space-size=4']

/** The command asks for the first import itself, to show its progress. */
function processArguments(entry: string, { projectRoot, configPath, flags }: StartOptions, placement: DaemonArguments['placement']): string[] {
  const config = configPath === undefined ? {} : { config: resolve(configPath) }
  return [...process.execArgv, ...LEAN_HEAP, entry, ...writeDaemonArguments({ projectRoot, placement, first_import: 'caller', flags: { ...flags }, ...config })]
}

/** With heart above it, which starts it again when it aborts. */
async function startInBackground(options: StartOptions): Promise<Result<DaemonEntry, readonly Failure[]>> {
  const paths = pathsOf(options.projectRoot)
  const ready = ensurePrivateDirectory(paths.stateDir, process.getuid?.() ?? 0)
  if (!ready.ok) return fail([ready.error])
  const started = await startDetached({
    command: process.execPath, args: processArguments(entryPoints.heart, options, 'background'), env: process.env, cwd: options.projectRoot,
    outputFile: paths.outputFile, logFile: paths.logFile, timeoutMs: START_TIMEOUT_MS, clock: systemClock,
  })
  return started.ok ? ok(knownAs(started.value)) : started
}

function runInForeground(options: StartOptions): Promise<Result<ForegroundDaemon, readonly Failure[]>> {
  const child = spawn(process.execPath, processArguments(entryPoints.daemon, options, 'foreground'), {
    cwd: options.projectRoot, detached: true, stdio: ['ignore', 2, 2, 'ipc'],
  })
  const end = (): void => void child.kill('SIGTERM')
  process.once('exit', end)
  const stopped = new Promise<number>((settle) => {
    child.once('exit', (code) => {
      process.removeListener('exit', end)
      settle(code ?? EXIT.failure)
    })
  })
  return firstReport(child, stopped).then((report) => report.ok ? ok({ stopped, stop: end }) : report)
}

async function firstReport(child: ChildProcess, stopped: Promise<number>): Promise<Result<void, readonly Failure[]>> {
  const reported = new Promise<Result<void, readonly Failure[]>>((settle) => {
    child.once('message', (report: DaemonReport) => settle(report.type === 'failed' ? fail(report.failures) : ok(undefined)))
    child.once('error', (error) => settle(fail([failure('unavailable', `the daemon could not be started: ${error.message}`)])))
  })
  const report = await Promise.race([reported, stopped])
  if (typeof report !== 'number') return report
  // What it said before it went is still on its way until the channel is closed.
  if (child.connected) await Promise.race([reported, once(child, 'disconnect')])
  return Promise.race([reported, Promise.resolve(fail([failure('unavailable', `the daemon ended while it started (exit code ${report})`)]))])
}

async function stopIn(projectRoot: string): Promise<Result<{ readonly stopped: boolean; readonly pid: number | null }, Failure>> {
  const paths = pathsOf(projectRoot)
  const pid = readLockOwner(paths.lock)?.pid ?? readDaemonState(paths.stateFile)?.pid ?? null
  const ended = await stopDaemon({
    isRunning: () => isLockHeld(paths.lock) || isLockHeld(paths.heartLock),
    requestShutdown: async () => {
      const connected = await connectOnce(paths.socket)
      if (!connected.ok) return false
      const answer = await connected.value.call('shutdown', {}, { timeoutMs: 5000 })
      await connected.value.close()
      return answer.ok
    },
    kill: (signal) => signalHolders([paths.heartLock, paths.lock], signal),
    clock: systemClock,
  }, STOP_DEADLINES)
  return ended.ok ? ok({ stopped: ended.value !== 'was_not_running', pid: ended.value === 'was_not_running' ? null : pid }) : ended
}

await main()
