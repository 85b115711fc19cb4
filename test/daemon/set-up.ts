/**
 * What a test of a daemon stands on, and what is gone when that test is over: a project, a daemon on it, in a process of its own
 * or in this one, and a client. To be called within a test.
 */

import { mkdirSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'
import type { PartialConfig } from '../../config/schema.ts'
import { connect, type Client } from '../../src/client/client.ts'
import { createLogger } from '../../src/host/log.ts'
import { createMetrics, type Metrics } from '../../src/host/metrics.ts'
import { systemClock } from '../../src/otp/node/message-port.ts'
import { startDaemon, type Daemon } from '../../supervisors/daemon.ts'
import { createSandbox, start, value, type RunningDaemon, type Sandbox, type StartOptions } from './running-daemon.ts'

/** A mix project of the given files. */
export function projectOf(files: Readonly<Record<string, string>>): Sandbox {
  const box = createSandbox({ 'mix.exs': 'defmodule P.MixProject do\nend\n', ...files })
  onTestFinished(() => box.dispose())
  return box
}

/** In a process of its own. */
export async function startIn(box: Sandbox, options: StartOptions = {}): Promise<RunningDaemon> {
  const live = await start(box, options)
  onTestFinished(async () => void await live.stop())
  return live
}

export type Live = { readonly box: Sandbox; readonly live: RunningDaemon }

/** The same, once the project has been read. */
export async function startOn(files: Readonly<Record<string, string>>, options: StartOptions = {}): Promise<Live> {
  const box = projectOf(files)
  const live = await startIn(box, options)
  await value(live.client.call('import_project', {}))
  return { box, live }
}

export type DaemonHere = {
  readonly daemon: Daemon
  readonly client: Client
  readonly metrics: Metrics
  readonly logs: readonly string[]
  /** Before the test is over. */
  stop(): Promise<void>
}

/** In this process, so that a test can end its threads as often as it likes. */
export async function daemonHere({ paths }: Sandbox, { capture, memory }: Pick<PartialConfig, 'capture' | 'memory'> = {}): Promise<DaemonHere> {
  for (const directory of [paths.stateDir, paths.socketDir]) mkdirSync(directory, { recursive: true, mode: 0o700 })
  const logs: string[] = []
  const metrics = createMetrics({ process: 'left out' })
  const started = await startDaemon({
    config: { ...DEFAULTS, capture: { ...DEFAULTS.capture, ...capture }, memory: { ...DEFAULTS.memory, ...memory }, supervision: { ...DEFAULTS.supervision, intensityFactor: 1000 } },
    paths, version: '0', metrics, logFile: null, startedAt: new Date().toISOString(), heart: null, onShutdown: () => undefined,
    logger: createLogger({ level: 'info', format: 'json', paint: 'plain', write: (line) => void logs.push(line), wallMs: Date.now }),
  })
  if (!started.ok) throw new Error(started.error.message)
  const opened = await connect({
    socketPath: paths.socket, clock: systemClock, random: Math.random, newRequestId: () => crypto.randomUUID(), backOff: { firstMs: 10, maxMs: 100 }, timeoutMs: 20_000,
  })
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => (stopping ??= (async () => {
    if (opened.ok) opened.value.close()
    await started.value.stop()
  })())
  onTestFinished(stop)
  if (!opened.ok) throw new Error(opened.error.message)
  return { daemon: started.value, client: opened.value, metrics, logs, stop }
}
