/**
 * Frames of a command that goes on: on a terminal each takes the place of the last, on a screen of its own that is left as it
 * was found; elsewhere one follows the other, with an empty line between those of more than one line, and with --json a line each.
 */

import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import { renderJson } from '../wire/json.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './exit.ts'
import { harmless } from './render/text.ts'
import { untilInterrupted } from './until-interrupted.ts'

type Screen = { readonly draw: (lines: readonly string[]) => void; readonly close: () => void }

/** What is shown of one answer. */
export type Frame = { readonly lines: () => readonly string[]; readonly json: unknown }

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_REST_OF_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

/** A frame each `everyMs` until Ctrl-C. A daemon that is away is waited for; what it does not have when first asked will not come. */
export async function keepOnScreen<T>(
  context: Context, everyMs: number, ask: () => Promise<Result<T, Failure>>, frameOf: (answer: T) => Frame,
): Promise<Result<ExitCode, Failure>> {
  const screen = openScreen(context)
  let answered = false
  try {
    return await untilInterrupted(context, everyMs, ask, (answer) => {
      if (!answer.ok && !answered && answer.error.code === 'unavailable') return answer.error
      answered ||= answer.ok
      const frame = answer.ok ? frameOf(answer.value) : noAnswer(context, answer.error)
      screen.draw(context.format === 'json' ? [renderJson(frame.json)] : frame.lines())
      return undefined
    })
  } finally {
    screen.close()
  }
}

function noAnswer(context: Context, error: Failure): Frame {
  return { json: { error }, lines: () => [`${clock(context)} UTC  ${context.view.style.red('no answer:')} ${harmless(error.message)}; trying again`] }
}

/** To the second, for the head of a frame. */
export function clock({ ports }: Context): string {
  return new Date(ports.now()).toISOString().slice(11, 19)
}

function openScreen(context: Context): Screen {
  const { stdout } = context.ports
  if (!stdout.isTTY || context.format === 'json') {
    return { draw: (lines) => stdout.write(`${lines.join('\n')}\n${lines.length > 1 ? '\n' : ''}`), close: () => undefined }
  }
  let last: readonly string[] | undefined
  return {
    draw(lines) {
      if (last === undefined) stdout.write(ENTER)
      last = lines
      const shown = fitting(lines, stdout.rows)
      stdout.write(HOME + shown.map((line) => line + CLEAR_REST_OF_LINE).join('\n') + CLEAR_BELOW)
    },
    close: () => last === undefined ? undefined : stdout.write(`${LEAVE}${last.join('\n')}\n`),
  }
}

function fitting(lines: readonly string[], rows: number): readonly string[] {
  if (rows <= 1 || lines.length <= rows) return lines
  const shown = lines.slice(0, rows - 1)
  return [...shown, `… ${lines.length - shown.length} more; a higher terminal shows them`]
}
