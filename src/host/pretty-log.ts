/**
 * One line of the log for a person's eyes: time, level, message, fields. Pure. Control characters in what users' files
 * bring into a message are shown, never sent to the terminal.
 */

import { styleText } from 'node:util'

export type Paint = 'colours' | 'plain'

type Style = Parameters<typeof styleText>[0]
const LEVEL_STYLES: Readonly<Record<string, Style>> = { trace: 'gray', debug: 'gray', info: 'green', warn: 'yellow', error: 'red', fatal: ['bold', 'red'] }
const HIDDEN = new Set(['time', 'level', 'msg', 'pid', 'hostname'])

/** From a line of JSON; one that is none comes back as it is. */
export function prettyLine(json: string, paint: Paint): string {
  let record: unknown
  try {
    record = JSON.parse(json)
  } catch {
    return json // printed by somebody else
  }
  if (typeof record !== 'object' || record === null) return json
  return formatRecord(record as Readonly<Record<string, unknown>>, paint)
}

function formatRecord(record: Readonly<Record<string, unknown>>, paint: Paint): string {
  const { time, level, msg } = record
  const name = typeof level === 'string' ? level : 'info'
  const colour = (style: Style, text: string): string => (paint === 'plain' ? text : styleText(style, text, { validateStream: false }))
  const parts = [
    colour('gray', typeof time === 'string' ? time.slice(11, 23) : '--:--:--.---'),
    colour(LEVEL_STYLES[name] ?? 'reset', name.toUpperCase().padEnd(5)),
    printable(typeof msg === 'string' ? msg : ''),
    ...Object.entries(record).filter(([key]) => !HIDDEN.has(key)).map(([key, value]) => `${colour('gray', `${key}=`)}${printable(shown(value))}`),
  ]
  return `${parts.join(' ')}\n`
}

function shown(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value) ?? String(value)
}

/** Unsafe are what moves the cursor, starts an escape sequence or turns the direction of writing. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, (char) => String.raw`\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)
}
