/**
 * watch: what changes in the project, as it comes in, until Ctrl-C. A daemon that is away is waited for, which is said, and
 * so are epochs that were missed meanwhile or because the terminal did not read.
 */

import type { NotificationParams } from '../../wire/methods.ts'
import { renderJson } from '../../wire/json.ts'
import { say, withDaemon, type Context } from '../context.ts'
import type { ExitCode } from '../exit.ts'
import { renderChanges } from '../render/changes.ts'
import { harmless } from '../render/text.ts'
import { untilInterrupted } from '../until-interrupted.ts'

/** A connection that was lost and is there again has to be told of anew. */
const AGAIN_MS = 2000
/** A daemon that is away longer is said to be. */
const ANSWER_MS = 5000

export function watch(context: Context): Promise<ExitCode> {
  return withDaemon(context, async (connection) => {
    let epoch = -1
    let answered = -1
    let isAway = false
    const silence = connection.listen('changed', (changes) => {
      if (epoch >= 0 && changes.epoch > epoch + 1) missed(context, epoch, changes.epoch)
      epoch = changes.epoch
      show(context, changes)
    })
    const ended = await untilInterrupted(context, AGAIN_MS, () => connection.call('watch', {}, { timeoutMs: ANSWER_MS }), (watched) => {
      if (!watched.ok && answered < 0) return watched.error
      if (watched.ok && answered < 0) {
        epoch = Math.max(epoch, watched.value.epoch)
        note(context, `watching from epoch ${watched.value.epoch}; Ctrl-C ends`)
      }
      // What was committed before the last answer has been told by now, or never will be.
      if (epoch < answered) {
        missed(context, epoch, answered + 1)
        epoch = answered
      }
      if (isAway !== !watched.ok) note(context, watched.ok ? 'the daemon is there again' : `no answer: ${harmless(watched.error.message)}; trying again`)
      isAway = !watched.ok
      if (watched.ok) answered = watched.value.epoch
      return undefined
    })
    silence()
    return ended
  })
}

function show(context: Context, changes: NotificationParams<'changed'>): void {
  const lines = context.format === 'json' ? [renderJson(changes)] : renderChanges(changes, context.view)
  context.ports.stdout.write(lines.map((line) => `${line}\n`).join(''))
}

function missed(context: Context, from: number, to: number): void {
  note(context, `changes between epoch ${from} and ${to} were missed`)
}

function note(context: Context, text: string): void {
  if (context.format === 'text') say(context, text)
}
