/** tree: the supervision tree, once, or kept on screen until Ctrl-C. */

import { ok } from '../../base/result.ts'
import { print, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { renderTree } from '../render/tree.ts'
import { clock, keepOnScreen } from '../screen.ts'

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

export function watchTree(context: Context, everyMs: number): Promise<ExitCode> {
  return withDaemon(context, (connection) => keepOnScreen(
    context, everyMs, () => connection.call('supervision_tree', {}, { timeoutMs: ANSWER_MS }),
    (answer) => ({ json: answer, lines: () => [context.view.style.dim(`${clock(context)} UTC, Ctrl-C ends`), ...renderTree(answer, context.view)] }),
  ))
}
