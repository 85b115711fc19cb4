/** Signals in order -> what is done, for a daemon in the foreground and one in the background. */

import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { handleSignals, type SignalPorts } from '../../src/host/signals.ts'

function done(placement: SignalPorts['placement'], events: readonly string[]): string[] {
  const process = new EventEmitter()
  const did: string[] = []
  const remove = handleSignals({
    process: process as unknown as SignalPorts['process'], placement,
    stop: (signal) => did.push(`stop ${signal}`), stopAtOnce: (signal) => did.push(`at once ${signal}`), crash: (error, origin) => did.push(`${origin} ${String(error)}`),
  })
  for (const event of events) process.emit(event, event.startsWith('SIG') ? event : 'oops')
  remove()
  expect(process.eventNames()).toEqual([])
  return did
}

test.each<[SignalPorts['placement'], string[], string[]]>([
  ['foreground', ['SIGINT'], ['stop SIGINT']],
  ['background', ['SIGTERM'], ['stop SIGTERM']],
  ['foreground', ['SIGINT', 'SIGINT', 'SIGTERM'], ['stop SIGINT', 'at once SIGINT', 'at once SIGTERM']],
  ['foreground', ['SIGHUP'], ['stop SIGHUP']],
  ['background', ['SIGHUP', 'SIGTERM'], ['stop SIGTERM']],
  ['background', ['uncaughtException', 'unhandledRejection'], ['uncaughtException oops', 'unhandledRejection oops']],
])('%s %j', (placement, events, expected) => {
  expect(done(placement, events)).toEqual(expected)
})
