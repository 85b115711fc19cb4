/**
 * The daemon's log: JSON lines to a rotating file in the background, pretty lines to the terminal in the foreground. Only
 * the main thread writes; other threads send their records to it. One line per event of the daemon's life.
 *
 * Absent on purpose: a logger to import. Whoever logs is handed one.
 */

import { pino, type DestinationStream, type Logger as Pino } from 'pino'
import type { Config, LogLevel } from '../../config/schema.ts'
import { prettyLine, type Paint } from './pretty-log.ts'

export type LogFields = Readonly<Record<string, unknown>>
/** The form that every part of the product logs in. */
export type Log = (level: Exclude<LogLevel, 'trace' | 'fatal'>, message: string, fields?: LogFields) => void

export type LoggerOptions = {
  readonly level: LogLevel
  readonly format: 'json' | 'pretty'
  readonly paint: Paint
  /** Takes one line with its line end. */
  readonly write: (line: string) => void
  readonly wallMs: () => number
  /** Told of each line that passes the level, for the metrics. */
  readonly onLine?: (level: LogLevel) => void
}

export type Logger = {
  readonly log: Log
  /** The last words before the process ends. */
  readonly fatal: (message: string, fields?: LogFields) => void
  /** The same log, each line with these fields. */
  with(fields: LogFields): Logger
}

export function createLogger({ level, format, paint, write, wallMs, onLine }: LoggerOptions): Logger {
  const stream: DestinationStream = { write: format === 'json' ? write : (line) => write(prettyLine(line, paint)) }
  const root = pino({
    level, base: null, timestamp: () => `,"time":"${new Date(wallMs()).toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { error: errorRecord, cause: errorRecord },
    hooks: {
      logMethod(args, method, number) {
        onLine?.(pino.levels.labels[number] as LogLevel)
        method.apply(this, args)
      },
    },
  }, stream)
  return wrap(root)
}

/** `auto` is pretty for a person who watches, JSON otherwise. */
export function logFormat({ log }: Pick<Config, 'log'>, placement: 'foreground' | 'background'): 'json' | 'pretty' {
  if (log.format !== 'auto') return log.format
  return placement === 'foreground' ? 'pretty' : 'json'
}

function wrap(logger: Pino): Logger {
  return {
    log: (level, message, fields = {}) => logger[level](fields, message),
    fatal: (message, fields = {}) => logger.fatal(fields, message),
    with: (fields) => wrap(logger.child(fields)),
  }
}

/** An error with its causes; what is no Error (one that crossed threads is plain data) stays as it is. */
function errorRecord(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  return { type: error.name, message: error.message, stack: error.stack, ...(error.cause === undefined ? {} : { cause: errorRecord(error.cause) }) }
}
