/**
 * Work of the daemon that takes its time, imports above all, with a progress bar on standard error: redrawn in place on a
 * terminal, one line a phase elsewhere, nothing with --json.
 */

import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import type { Reply } from '../wire/methods.ts'
import { say, type Context } from './context.ts'
import type { Connection } from './ports.ts'
import { progressLine, type Progress } from './render/found.ts'
import { plural } from './render/text.ts'

const CLEAR_LINE = '\r\u001b[2K'
/** The cursor rests at the start, so that a line of the daemon's log replaces the bar. */
const REST = '\r'
/** Redrawing more often than this only costs time. */
const REDRAW_MS = 50

/** `force` parses unchanged files too. An import has no deadline. */
export async function importWithProgress(
  context: Context, connection: Connection, { force }: { readonly force: boolean },
): Promise<Result<Reply<'import_project'>, Failure>> {
  const imported = await withProgress(context, connection, 'import_progress', () => connection.call('import_project', { force }, { timeoutMs: null }))
  if (imported.ok && imported.value.value.files === 0 && context.format === 'text') {
    say(context, `${context.messages.style.yellow('warning:')} no Elixir files found; the configuration key project.include says where to look`)
  }
  return imported
}

/** Shows what the daemon tells of a call while it runs. */
export async function withProgress<T>(
  context: Context, connection: Connection, name: 'import_progress' | 'verify_progress', call: () => Promise<Result<T, Failure>>,
): Promise<Result<T, Failure>> {
  const bar = context.format === 'json' ? undefined : context.ports.stderr.isTTY ? redrawnBar(context) : phaseLines(context)
  const silence = bar === undefined ? undefined : connection.listen(name, bar.show)
  try {
    return await call()
  } finally {
    silence?.()
    bar?.clear()
  }
}

type Bar = { readonly show: (progress: Progress) => void; readonly clear: () => void }

function redrawnBar(context: Context): Bar {
  let drawnAt = -Infinity
  let drawn = false
  return {
    show(progress) {
      const now = context.ports.now()
      if (now - drawnAt < REDRAW_MS && progress.phase !== 'done') return
      drawnAt = now
      drawn = true
      context.ports.stderr.write(CLEAR_LINE + progressLine(progress, context.messages) + REST)
    },
    clear() {
      if (drawn) context.ports.stderr.write(CLEAR_LINE)
      drawn = false
    },
  }
}

function phaseLines(context: Context): Bar {
  let last: Progress['phase'] | undefined
  return {
    show(progress) {
      if (progress.phase === last || progress.phase === 'done') return
      last = progress.phase
      if (progress.phase === 'scanning') say(context, 'scanning files')
      else if (progress.files_total > 0) say(context, `${progress.phase} ${plural(progress.files_total, 'file')}`)
    },
    clear() {},
  }
}
