/**
 * Frames of a command that goes on: on a terminal each takes the place of the last, on a screen of its own that is left as it
 * was found; elsewhere one follows the other, with an empty line between those of more than one line.
 */

import type { Context } from './context.ts'

export type Screen = { readonly draw: (lines: readonly string[]) => void; readonly close: () => void }

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
const CLEAR_REST_OF_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

export function openScreen(context: Context): Screen {
  const { stdout } = context.ports
  if (!stdout.isTTY || context.format === 'json') {
    return { draw: (lines) => stdout.write(`${lines.join('\n')}\n${lines.length > 1 ? '\n' : ''}`), close: () => undefined }
  }
  let last: readonly string[] = []
  stdout.write(ENTER)
  return {
    draw(lines) {
      last = lines
      const shown = fitting(lines, stdout.rows)
      stdout.write(HOME + shown.map((line) => line + CLEAR_REST_OF_LINE).join('\n') + CLEAR_BELOW)
    },
    close: () => stdout.write(`${LEAVE}${last.join('\n')}\n`),
  }
}

function fitting(lines: readonly string[], rows: number): readonly string[] {
  if (rows <= 1 || lines.length <= rows) return lines
  const shown = lines.slice(0, rows - 1)
  return [...shown, `… ${lines.length - shown.length} more; a higher terminal shows them`]
}
