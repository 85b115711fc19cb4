/** What is logged -> the line that comes out, as JSON and for the eye. */

import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { createLogger, logFormat, type Logger, type LoggerOptions } from '../../src/host/log.ts'
import { prettyLine } from '../../src/host/pretty-log.ts'

const NOON = Date.UTC(2026, 0, 2, 12, 34, 56, 789)

function lines(use: (logger: Logger) => void, options: Partial<LoggerOptions> = {}): string[] {
  const written: string[] = []
  use(createLogger({ level: 'info', format: 'json', paint: 'plain', wallMs: () => NOON, write: (line) => written.push(line), ...options }))
  return written
}

test('JSON: level, time, fields, message, one line each', () => {
  expect(lines(({ log }) => log('info', 'daemon ready', { socket: '/s' }))).toEqual([
    '{"level":"info","time":"2026-01-02T12:34:56.789Z","socket":"/s","msg":"daemon ready"}\n',
  ])
})

test('what is below the level is left out, and only what is not is counted', () => {
  const counted: string[] = []
  const written = lines((logger) => {
    logger.log('debug', 'a')
    logger.log('warn', 'b')
    logger.fatal('c')
  }, { level: 'warn', onLine: (level) => counted.push(level) })
  expect([written.length, counted]).toEqual([2, ['warn', 'fatal']])
})

test('a logger with fields adds them to each line', () => {
  const [line = ''] = lines((logger) => logger.with({ thread: 'gateway' }).log('error', 'x', { n: 1 }))
  expect(JSON.parse(line)).toMatchObject({ thread: 'gateway', n: 1, level: 'error', msg: 'x' })
})

test('errors come with their causes; what is none, as it is', () => {
  const error = new TypeError('outer', { cause: new Error('inner') })
  const [first = '', second = ''] = lines(({ log }) => {
    log('error', 'x', { error })
    log('error', 'x', { error: { message: 'from a thread' } })
  })
  expect(JSON.parse(first)).toMatchObject({ error: { type: 'TypeError', message: 'outer', cause: { type: 'Error', message: 'inner' } } })
  expect(JSON.parse(second)).toMatchObject({ error: { message: 'from a thread' } })
})

test('fields that JSON cannot hold do not end the daemon', () => {
  const circle: Record<string, unknown> = { big: 2n ** 70n }
  circle['self'] = circle
  expect(lines(({ log }) => log('info', 'x', circle))).toHaveLength(1)
})

test.each<[string, object | string, string]>([
  ['a plain line', { time: '2026-01-02T12:34:56.789Z', level: 'info', msg: 'ready' }, '12:34:56.789 INFO  ready\n'],
  ['fields', { time: '2026-01-02T12:34:56.789Z', level: 'warn', msg: 'm', a: 1, b: 'two words', c: 'word', d: { e: [null] } },
    '12:34:56.789 WARN  m a=1 b="two words" c=word d={"e":[null]}\n'],
  ['no time, no level, no message', {}, '--:--:--.--- INFO  \n'],
  ['what a terminal would obey', { time: '2026-01-02T12:34:56.789Z', level: 'error', msg: 'a\u001B[2J\r\nb\u202E', f: '\u0007' },
    String.raw`12:34:56.789 ERROR a\u{1b}[2J\u{d}\u{a}b\u{202e} f=\u{7}` + '\n'],
  ['no JSON', 'Warning: x\n', 'Warning: x\n'],
  ['JSON that is no record', '5\n', '5\n'],
])('pretty: %s', (_, record, expected) => {
  expect(prettyLine(typeof record === 'string' ? record : JSON.stringify(record), 'plain')).toBe(expected)
})

test('pretty with colours: the same text between escape sequences', () => {
  const [line = ''] = lines(({ log }) => log('error', 'm', { a: 1 }), { format: 'pretty', paint: 'colours' })
  expect(line).toContain('\u001B[31mERROR\u001B[39m')
  expect(stripVTControlCharacters(line)).toBe('12:34:56.789 ERROR m a=1\n')
})

test.each([
  ['auto', 'foreground', 'pretty'], ['auto', 'background', 'json'], ['json', 'foreground', 'json'], ['pretty', 'background', 'pretty'],
] as const)('format %s in the %s is %s', (format, placement, expected) => {
  expect(logFormat({ log: { level: 'info', format, maxBytes: 1, files: 1 } }, placement)).toBe(expected)
})
