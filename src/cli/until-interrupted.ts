/** Commands that go on: a question and its answer, again and again until Ctrl-C, after which nothing is taken any more. */

import type { Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { Context } from './context.ts'
import { EXIT, type ExitCode } from './exit.ts'

/** `take` gives the failure that ends it. An answer that is awaited when Ctrl-C comes is not waited for. */
export async function untilInterrupted<T>(
  context: Context, everyMs: number, ask: () => Promise<T>, take: (answer: T) => Failure | undefined,
): Promise<Result<ExitCode, Failure>> {
  const interrupt = new AbortController()
  const interrupted = Promise.withResolvers<undefined>()
  const release = context.ports.onInterrupt(() => {
    interrupt.abort()
    interrupted.resolve(undefined)
  })
  try {
    for (;;) {
      const answer = await Promise.race([ask().then((value) => ({ value })), interrupted.promise])
      if (answer === undefined || interrupt.signal.aborted) return ok(EXIT.ok)
      const failed = take(answer.value)
      if (failed !== undefined) return fail(failed)
      const pause = context.ports.pause(everyMs)
      await Promise.race([pause.over, interrupted.promise])
      pause.cancel()
      if (interrupt.signal.aborted) return ok(EXIT.ok)
    }
  } finally {
    release()
  }
}
