/**
 * `verify` and `repair` as main answers them: one at a time, in the verifier's thread, until they end or their caller goes.
 * Main brings together who works on it: the parser pool, the Synchronizer, and the repository thread, which alone writes.
 *
 *   repair   verify -> files that differ are parsed anew, what is derived is rebuilt -> verify -> what still differs is
 *            replaced, row by row -> verify -> the store is set aside and built anew from the files -> verify
 *
 * each step only while something is left. Building the store anew ends the connections of all clients: what had been done is
 * told to the one who asks again.
 */

import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '../config/schema.ts'
import { failure, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { NODE_PLATFORM } from '../src/otp/node/platform.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import { serve, type AnyService, type CallContext, type CallHandlers, type CastHandlers } from '../src/otp/service.ts'
import type { SynchronizerBody } from '../src/project/sync/protocol.ts'
import { removeScratch } from '../src/project/verify/scratch.ts'
import type { Verified, VerifyProgress } from '../src/project/verify/verify-project.ts'
import { SYNCHRONIZER } from '../src/project/watch/protocol.ts'
import type { Reply } from '../src/wire/methods.ts'
import type { ImportCalls, ParserTasks, TaskCalls, VerifierCalls, VerifierCasts, VerifierTasks } from '../workers/calls.ts'
import type { SharedState } from '../workers/shared-state.ts'

export type VerificationPorts = {
  readonly tree: () => Tree
  readonly config: Pick<Config, 'project' | 'sync'>
  readonly root: string
  readonly storePath: string
  /** Beside the store, where there is room for a second one. */
  readonly scratchPath: string
  readonly shared: SharedState
}

type Call = CallContext<VerifyProgress>
type Repaired = Reply<'repair'>

/** Enough for the threads that the lane may have, and few enough that nobody waits long behind them. */
const TASKS_IN_FLIGHT = 8
const MAX_MS = 6 * 3_600_000
const SETTLE_MS = 60_000
/** The repository thread is back in far less; an import that it must do first is waited for without end. */
const RETURN_MS = 30_000
const LOOK_MS = 100
const HOW = { apply: 'parsed anew and brought in step', replace: 'replaced, row by row' } as const

export function taskService(ports: VerificationPorts): AnyService {
  let isBusy = false
  /** What a repair had done when its caller was lost. */
  let untold: Pick<Repaired, 'found' | 'steps'> | undefined
  const alone = async <T>(work: () => Promise<Result<T, Failure>>): Promise<Result<T, Failure>> => {
    if (isBusy) return fail(failure('busy', 'the store is being verified already', { hint: 'wait for it to end' }))
    isBusy = true
    try {
      return await work()
    } finally {
      isBusy = false
    }
  }
  const calls: CallHandlers<TaskCalls> = {
    verify: ({ limit }, call) => alone(async () => {
      const verified = await verify(ports, limit, call)
      return verified.ok ? ok(verified.value.verification) : verified
    }),
    repair: ({ limit }, call) => alone(async () => {
      const before = untold
      untold = undefined
      const repaired = await repair(ports, limit, call, (done) => {
        untold = done
      })
      if (!repaired.ok) return repaired
      untold = undefined
      return before === undefined ? repaired : ok({ ...repaired.value, found: before.found, steps: [...before.steps, ...repaired.value.steps] })
    }),
  }
  return { calls }
}

async function verify(ports: VerificationPorts, limit: number, call: Call): Promise<Result<Verified, Failure>> {
  const { storePath, scratchPath, root, shared, config } = ports
  mkdirSync(dirname(scratchPath), { recursive: true, mode: 0o700 })
  const { port1, port2 } = NODE_PLATFORM.openPorts()
  const serving = serve(NODE_PLATFORM.portOf(port2), helpOf(ports, call), NODE_PLATFORM.crash)
  const args = { port: port1, storePath, scratchPath, root, shared, limit, project: config.project, tasksInFlight: TASKS_IN_FLIGHT }
  try {
    return await ports.tree().pool<VerifierTasks>('verifier').run('verify', () => ok({ args, transfer: [port1] }), { attempts: 1, timeoutMs: MAX_MS, signal: call.signal })
  } finally {
    serving.stop()
    removeScratch(scratchPath)
  }
}

/** What the verifier asks for while it works. */
function helpOf({ tree, config }: VerificationPorts, { signal, progress }: Call): AnyService {
  const calls: CallHandlers<VerifierCalls> = {
    discover: (options) => tree().pool<ParserTasks>('parser').run('discover', options, { lane: 'verify', signal }),
    parse: ({ sink, ...task }) => {
      const [only] = task.files
      // A file that its thread died of is known by the same key as to the import.
      const key = task.files.length === 1 && only !== undefined ? { key: `${only.path} ${only.changedNs}` } : {}
      return tree().pool<ParserTasks>('parser').run('parse', () => ok({ args: { ...task, sink }, transfer: [sink] }), { ...key, lane: 'verify', attempts: 1, signal })
    },
    settle: async () => (config.sync.watch ? tree().actors.call(SYNCHRONIZER, { type: 'settle' } satisfies SynchronizerBody, SETTLE_MS) : ok(null)),
  }
  const casts: CastHandlers<VerifierCasts> = { progress }
  return { calls, casts }
}

async function repair(ports: VerificationPorts, limit: number, call: Call, note: (done: Pick<Repaired, 'found' | 'steps'>) => void): Promise<Result<Repaired, Failure>> {
  const first = await verify(ports, limit, call)
  if (!first.ok) return first
  const { verification: found } = first.value
  const steps: string[] = []
  let left = first.value
  for (const step of [inPlace('apply'), inPlace('replace'), anew]) {
    if (left.verification.total === 0) break
    const { total, files_differing: files } = left.verification
    call.progress({ phase: 'repairing', files_done: 0, files_total: files, differences: total })
    const done = await step(ports, left, call)
    if (!done.ok) return done
    if (done.value === undefined) continue
    steps.push(done.value)
    note({ found, steps })
    const again = await verify(ports, limit, call)
    if (!again.ok) return again
    left = again.value
  }
  return ok({ found, steps, left: left.verification })
}

/** What was done; undefined for a step that is of no use here. */
type Step = (ports: VerificationPorts, left: Verified, call: Call) => Promise<Result<string | undefined, Failure>>

function inPlace(how: keyof typeof HOW): Step {
  return async ({ tree }, { paths }, { signal }) => {
    if (how === 'replace' && paths.length === 0) return ok(undefined)
    const done = await tree().channel<ImportCalls>('imports').call('repair', { paths, how }, { timeoutMs: 'infinity', signal })
    if (!done.ok) return done
    const files = paths.length === 0 ? [] : [`${done.value} ${done.value === 1 ? 'file' : 'files'} ${HOW[how]}`]
    return ok([...files, 'postings and counts rebuilt'].join('; '))
  }
}

const anew: Step = async ({ tree }, { verification }, { signal }) => {
  const imports = tree().channel<ImportCalls>('imports')
  const given = await imports.call('rebuild', { why: `${verification.total} differences from the files could not be repaired` }, { signal })
  if (!given.ok) return given.error.code === 'unsupported' ? ok(undefined) : given
  const deadlineMs = NODE_PLATFORM.clock.nowMs() + RETURN_MS
  for (;;) {
    await new Promise<void>((resolve) => void NODE_PLATFORM.clock.after(LOOK_MS, resolve))
    const imported = await imports.call('import', { force: false }, { timeoutMs: 'infinity', signal })
    if (imported.ok) return ok('the store set aside, and built anew from the files')
    if (imported.error.code !== 'unavailable' || NODE_PLATFORM.clock.nowMs() > deadlineMs) return imported
  }
}
