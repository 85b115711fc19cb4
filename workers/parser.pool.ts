/** A thread of the parser pool: finds files, reads, parses and analyses them, and hands the facts to the repository thread. */

import { failure } from '../src/base/failure.ts'
import { fail, ok } from '../src/base/result.ts'
import type { CallMap } from '../src/otp/channel.ts'
import { channelOn, poolTasks } from '../src/otp/node/run-pool.ts'
import { discover } from '../src/project/discover.ts'
import { parseFiles, type FileOutcome } from '../src/project/parse-files.ts'
import type { ParserTasks, SinkCasts } from './calls.ts'

export default poolTasks<ParserTasks>(() => ({
  prepare: () => ok(null),
  discover: (options) => ok(discover(options)),
  parse: ({ task, root, files, maxFileBytes, sink }) => {
    const repository = channelOn<CallMap, SinkCasts>('repository', sink)
    const outcomes = [...parseFiles(root, files, maxFileBytes)]
    const sent = repository.channel.cast('take', { task, outcomes }, buffersOf(outcomes))
    repository.close()
    return sent ? ok(null) : fail(failure('unavailable', 'the repository thread is not there to take the facts'))
  },
}))

function buffersOf(outcomes: readonly FileOutcome[]): ArrayBuffer[] {
  const buffers = outcomes.flatMap((outcome) => (outcome.kind === 'parsed' ? [outcome.encoded.buffer] : []))
  return [...new Set(buffers)] as ArrayBuffer[]
}
