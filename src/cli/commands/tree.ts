/** tree: the supervision tree, once, or kept on screen until Ctrl-C. */

import type { Failure } from '../../base/failure.ts'
import { ok, type Result } from '../../base/result.ts'
import { renderJson } from '../../wire/json.ts'
import { print, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import type { Connection } from '../ports.ts'
import { renderTree } from '../render/tree.ts'
import { harmless } from '../render/text.ts'
import { openScreen } from '../screen.ts'

/** A daemon that is away longer is said to be. */
const ANSWER_MS = 5000

export function tree(context: Context): Promise<ExitCode> {
  return withDaemon(context, async (connection) => {
    const answer = await connection.call('supervision_tree', {})
    if (!answer.ok) return answer
    print(context, answer.value, () => renderTree(answer.value, context.view))
    return ok(EXIT.ok)
  })
}

/** A frame each `everyMs`, on a terminal in place of the last; with --json a line each. A daemon that is away is waited for. */
export function watchTree(context: Context, everyMs: number): Promise<ExitCode> {
  return withDaemon(context, async (connection) => {
    const interrupted = Promise.withResolvers<'interrupted'>()
    const release = context.ports.onInterrupt(() => interrupted.resolve('interrupted'))
    const screen = openScreen(context)
    try {
      for (;;) {
        const drawn = await Promise.race([frame(context, connection), interrupted.promise])
        if (drawn === 'interrupted') return ok(EXIT.ok)
        screen.draw(drawn)
        const pause = context.ports.pause(everyMs)
        const ended = await Promise.race([pause.over, interrupted.promise])
        pause.cancel()
        if (ended === 'interrupted') return ok(EXIT.ok)
      }
    } finally {
      screen.close()
      release()
    }
  })
}

async function frame(context: Context, connection: Connection): Promise<readonly string[]> {
  const answer: Result<Parameters<typeof renderTree>[0], Failure> = await connection.call('supervision_tree', {}, { timeoutMs: ANSWER_MS })
  if (context.format === 'json') return [renderJson(answer.ok ? answer.value : { error: answer.error })]
  const time = new Date(context.ports.now()).toISOString().slice(11, 19)
  if (!answer.ok) return [`${time} UTC  ${context.view.style.red('no answer:')} ${harmless(answer.error.message)}; trying again`]
  return [context.view.style.dim(`${time} UTC, Ctrl-C ends`), ...renderTree(answer.value, context.view)]
}
