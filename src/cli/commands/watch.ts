/**
 * watch: what changes in the project, as it comes in, until Ctrl-C. Epochs that were missed (the daemon was away, or the
 * terminal did not read) are said.
 */

import { ok } from '../../base/result.ts'
import type { NotificationParams } from '../../wire/methods.ts'
import { renderJson } from '../../wire/json.ts'
import { say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { renderChanges } from '../render/changes.ts'

/** A connection that was lost and is there again has to be told of anew. */
const AGAIN_MS = 2000

export function watch(context: Context): Promise<ExitCode> {
  return withDaemon(context, async (connection) => {
    const interrupted = Promise.withResolvers<'interrupted'>()
    const release = context.ports.onInterrupt(() => interrupted.resolve('interrupted'))
    let epoch = -1
    const silence = connection.listen('changed', (changes) => {
      if (epoch >= 0 && changes.epoch > epoch + 1) missed(context, epoch, changes.epoch)
      epoch = changes.epoch
      show(context, changes)
    })
    try {
      for (;;) {
        const watched = await connection.call('watch', {})
        if (!watched.ok && epoch < 0) return watched
        if (watched.ok && epoch < 0 && context.format === 'text') say(context, `watching from epoch ${watched.value.epoch}; Ctrl-C ends`)
        if (watched.ok) epoch = Math.max(epoch, watched.value.epoch)
        const pause = context.ports.pause(AGAIN_MS)
        const ended = await Promise.race([pause.over, interrupted.promise])
        pause.cancel()
        if (ended === 'interrupted') return ok(EXIT.ok)
      }
    } finally {
      silence()
      release()
    }
  })
}

function show(context: Context, changes: NotificationParams<'changed'>): void {
  const lines = context.format === 'json' ? [renderJson(changes)] : renderChanges(changes, context.view)
  context.ports.stdout.write(lines.map((line) => `${line}\n`).join(''))
}

function missed(context: Context, from: number, to: number): void {
  if (context.format === 'text') say(context, `changes between epoch ${from} and ${to} were missed`)
}
