/**
 * Verifies the store in a thread of its own, which is there only while it does: what it builds and compares would hold up
 * every other thread. Files are parsed by the parser pool; main is the way there.
 */

import { ok } from '../src/base/result.ts'
import type { Discovery } from '../src/project/discover.ts'
import { createImportGate } from '../src/memory/import-gate.ts'
import { channelOn, poolTasks } from '../src/otp/node/run-pool.ts'
import { NODE_PLATFORM } from '../src/otp/node/platform.ts'
import { serve } from '../src/otp/service.ts'
import type { ParseTask } from '../src/project/parser.actor.ts'
import { createTaskSink } from '../src/project/task-sink.ts'
import { verifyProject } from '../src/project/verify/verify-project.ts'
import type { VerifierCalls, VerifierCasts, VerifierTasks } from './calls.ts'
import { pressureCellOf } from './shared-state.ts'

/** Files are discovered, or the store settles, for as long as that takes. */
const CALL = { timeoutMs: 'infinity' } as const

export default poolTasks<VerifierTasks>(() => ({
  verify: async ({ port, shared, root, project, ...given }) => {
    const { clock } = NODE_PLATFORM
    const main = channelOn<VerifierCalls, VerifierCasts>('verification', port)
    const gate = createImportGate({ cell: pressureCellOf(shared), clock, onChange: () => undefined })
    const sink = createTaskSink(clock)
    const give = (task: ParseTask) => {
      const { port1, port2 } = NODE_PLATFORM.openPorts()
      serve(NODE_PLATFORM.portOf(port1), { casts: { take: sink.take } }, NODE_PLATFORM.crash)
      return main.channel.call('parse', { ...task, sink: port2 }, { ...CALL, transfer: [port2] })
    }
    try {
      return await verifyProject({
        ...given, nowMs: clock.nowMs, admitted: gate.pass,
        progress: (progress) => void main.channel.cast('progress', progress),
        settle: () => main.channel.call('settle', null, CALL),
        discover: async () => {
          const found = await main.channel.call('discover', { root, ...project }, CALL)
          return found.ok ? ok<Discovery>(found.value) : found
        },
        parse: (files) => sink.await((task) => give({ task, root, files, maxFileBytes: project.maxFileBytes })),
      })
    } finally {
      main.close()
    }
  },
}))
