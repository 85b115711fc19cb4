/** A thread of the parser pool: finds files, reads, parses and analyses them, and hands the facts to the repository thread. */

import { ok } from '../src/base/result.ts'
import { channelOn, poolTasks } from '../src/otp/node/run-pool.ts'
import { discover } from '../src/project/discover.ts'
import { parseFiles, type FileOutcome } from '../src/project/parse-files.ts'
import type { ParserTasks, SinkCalls } from './calls.ts'

export default poolTasks<ParserTasks>(() => ({
  prepare: () => ok(null),
  discover: (options) => ok(discover(options)),
  parse: async ({ task, root, files, maxFileBytes, sink }) => {
    const repository = channelOn<SinkCalls>('repository', sink)
    try {
      const outcomes = [...parseFiles(root, files, maxFileBytes)]
      return await repository.channel.call('take', { task, outcomes }, { transfer: buffersOf(outcomes) })
    } finally {
      repository.close()
    }
  },
}))

function buffersOf(outcomes: readonly FileOutcome[]): ArrayBuffer[] {
  const buffers = outcomes.flatMap((outcome) => (outcome.kind === 'parsed' ? [outcome.encoded.buffer] : []))
  return [...new Set(buffers)] as ArrayBuffer[]
}
