/**
 * A real daemon for tests: its own process, home and project, reached through the real client. Whatever a test does to it,
 * `stop` leaves no process and no file behind.
 */

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { connect, type Client } from '../../src/client/client.ts'
import { must } from '../../src/base/assert.ts'
import { writeDaemonArguments } from '../../src/host/daemon-arguments.ts'
import type { DaemonReport } from '../../src/host/starter-report.ts'
import { projectPaths, type ProjectPaths } from '../../src/host/paths.ts'
import type { DaemonState } from '../../src/host/state-file.ts'
import { systemClock } from '../../src/otp/node/message-port.ts'

const MAIN = join(import.meta.dirname, '../../supervisors/main.ts')

export type Sandbox = {
  readonly root: string
  readonly home: string
  readonly paths: ProjectPaths
  write(path: string, text: string): void
  remove(path: string): void
  dispose(): void
}

/** A project of the given files, and a home of its own. */
export function createSandbox(files: Readonly<Record<string, string>>): Sandbox {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'es-')))
  const root = join(base, 'project')
  const home = join(base, 'home')
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const [path, text] of Object.entries(files)) write(path, text)
  return {
    root, home, write,
    paths: projectPaths({ env: { ELIXIR_SCOPE_HOME: home }, home, tmpDir: tmpdir(), uid: process.getuid?.() ?? 0 }, root),
    remove: (path) => rmSync(join(root, path), { recursive: true }),
    dispose: () => rmSync(base, { recursive: true, force: true }),
  }
}

export type RunningDaemon = {
  readonly process: ChildProcess
  readonly state: DaemonState
  readonly client: Client
  /** A second connection. */
  connect(): Promise<Client>
  /** Ends it by force, as the kernel would. */
  kill(): Promise<void>
  /** Ends it in order; its exit code. */
  stop(): Promise<number | null>
}

export type StartOptions = { readonly flags?: Readonly<Record<string, string>>; readonly firstImport?: 'daemon' | 'caller' }

/** The report of a start that failed, or the daemon. */
export async function tryStart(sandbox: Sandbox, { flags = {}, firstImport = 'caller' }: StartOptions = {}): Promise<RunningDaemon | Extract<DaemonReport, { type: 'failed' }>> {
  const args = writeDaemonArguments({ projectRoot: sandbox.root, placement: 'background', first_import: firstImport, flags })
  const child = fork(MAIN, args, { env: { ...process.env, ELIXIR_SCOPE_HOME: sandbox.home }, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const [report] = (await once(child, 'message')) as [DaemonReport]
  if (report.type === 'failed') {
    await once(child, 'exit')
    return report
  }
  const open = async (): Promise<Client> => {
    const opened = await connect({ socketPath: report.state.socket, clock: systemClock, random: Math.random, newRequestId: () => crypto.randomUUID(), backOff: { firstMs: 20, maxMs: 200 } })
    return opened.ok ? opened.value : Promise.reject(new Error(opened.error.message))
  }
  const client = await open()
  const clients = [client]
  const ended = once(child, 'exit') as Promise<[number | null]>
  const closeAll = (): void => clients.forEach((one) => one.close())
  return {
    process: child, state: report.state, client,
    connect: async () => {
      const another = await open()
      clients.push(another)
      return another
    },
    kill: async () => {
      closeAll()
      child.kill('SIGKILL')
      await ended
    },
    stop: async () => {
      closeAll()
      child.kill('SIGTERM')
      return (await ended)[0]
    },
  }
}

export async function start(sandbox: Sandbox, options: StartOptions = {}): Promise<RunningDaemon> {
  const started = await tryStart(sandbox, options)
  if ('client' in started) return started
  throw new Error(started.failures.map((failure) => failure.message).join('\n'))
}

/** The value of an answer; a failure fails the test with its message. */
export async function value<T>(answer: Promise<{ ok: true; value: { value: T } } | { ok: false; error: { message: string } }>): Promise<T> {
  const settled = await answer
  if (!settled.ok) throw new Error(settled.error.message)
  return must(settled.value, 'an answer').value
}

/** Asks again until the daemon answers; every failure on the way must be one that says so. */
export async function untilAnswered<T>(ask: () => Promise<{ ok: true; value: T } | { ok: false; error: { code: string } }>): Promise<{ value: T; codes: string[] }> {
  const codes: string[] = []
  for (;;) {
    const answer = await ask()
    if (answer.ok) return { value: answer.value, codes }
    codes.push(answer.error.code)
    expect(['unavailable', 'timeout']).toContain(answer.error.code)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
