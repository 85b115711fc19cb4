/** A real daemon under a real heart, in the profile `chaos`, with a small heap, so that it is soon full. */

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type Client } from '../../src/client/client.ts'
import { writeDaemonArguments } from '../../src/host/daemon-arguments.ts'
import { ensurePrivateDirectory } from '../../src/host/private-files.ts'
import type { StartReport } from '../../src/host/starter-report.ts'
import { systemClock } from '../../src/otp/node/message-port.ts'
import type { Sandbox } from '../daemon/running-daemon.ts'
import type { Random } from '../simulation/random.ts'

const HEART = join(import.meta.dirname, '../../supervisors/heart.ts')
const HEAP_MIB = 128

const FLAGS: Readonly<Record<string, string>> = {
  profile: 'chaos', 'supervision.heartbeatMs': '200', 'supervision.unresponsiveMs': '1500', 'supervision.startTimeoutMs': '20000',
  'heart.intensity': '100000', 'heart.backOffMs': '10', 'heart.maxBackOffMs': '50', 'heart.silenceMs': '4000',
  'memory.maxBytes': String(8 * 1024 ** 3), 'parser.threads': '2', 'parser.idleMs': '300',
}

export type UnderHeart = {
  readonly heart: ChildProcess
  connect(random: Random): Promise<Client>
  /** Lines of the daemon's log, oldest first; earlier files have been set aside. */
  log(): readonly Readonly<Record<string, unknown>>[]
  /** Ends heart and daemon in order; heart's exit code. */
  stop(): Promise<number | null>
  kill(): Promise<void>
}

export async function startUnderHeart(box: Sandbox, flags: Readonly<Record<string, string>> = {}): Promise<UnderHeart> {
  ensurePrivateDirectory(box.paths.stateDir, process.getuid?.() ?? 0)
  const args = writeDaemonArguments({ projectRoot: box.root, placement: 'background', first_import: 'caller', flags: { ...FLAGS, ...flags } })
  const heart = fork(HEART, args, {
    env: { ...process.env, ELIXIR_SCOPE_HOME: box.home }, execArgv: [`--max-old-space-size=${HEAP_MIB}`], stdio: ['ignore', 'pipe', 'ignore', 'ipc'],
  })
  heart.stdout?.resume()
  // Daemons hold this pipe, too: it closes when nobody is left.
  const gone = once(heart, 'close').then(([code]) => code as number | null)
  const clients: Client[] = []
  const [report] = (await once(heart, 'message')) as [StartReport]
  if (report.type !== 'ready') throw new Error(`the daemon did not start: ${JSON.stringify(report)}`)
  const close = (): void => clients.splice(0).forEach((client) => client.close())
  return {
    heart,
    connect: async (random) => {
      const mine = clients.length
      let nIds = 0
      const opened = await connect({
        socketPath: report.state.socket, clock: systemClock, random: random.unit, backOff: { firstMs: 10, maxMs: 100 },
        newRequestId: () => `request-${mine}-${nIds++}`,
      })
      if (!opened.ok) throw new Error(opened.error.message)
      clients.push(opened.value)
      return opened.value
    },
    log: () => readLog(box),
    stop: async () => {
      close()
      heart.kill('SIGTERM')
      return gone
    },
    kill: async () => {
      close()
      heart.kill('SIGKILL')
      await gone
    },
  }
}

function readLog({ paths }: Sandbox): Record<string, unknown>[] {
  const lines = readFileSync(paths.logFile, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** Threads and open files of a process; undefined where there is no /proc. */
export function holdings(pid: number): { readonly threads: number; readonly files: number } | undefined {
  try {
    return { threads: readdirSync(`/proc/${pid}/task`).length, files: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return undefined
  }
}
