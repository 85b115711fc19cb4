/** What a service manager is told, through a stand-in for systemd-notify on the PATH; and what happens where there is none. */

import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, watch, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { notifyServiceManager, watchdogMs } from '../../src/host/service-manager.ts'
import { temporaryDirectory } from './support.ts'

const SAID = 'said'

/** A PATH that holds the stand-in alone: it appends what it was given. */
function standIn(directory: string, script: string): string {
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'systemd-notify'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(bin, 'systemd-notify'), 0o755)
  symlinkSync('/bin/sh', join(bin, 'sh'))
  return bin
}

async function untilSaid(directory: string, isEnough: (lines: readonly string[]) => boolean): Promise<string[]> {
  const changes = watch(directory)
  try {
    for (;;) {
      const lines = existsSync(join(directory, SAID)) ? readFileSync(join(directory, SAID), 'utf8').split('\n').slice(0, -1) : []
      if (isEnough(lines)) return lines
      await once(changes, 'change')
    }
  } finally {
    changes.close()
  }
}

test('ready, alive, alive, stopping; a status is one line', async () => {
  const directory = temporaryDirectory()
  const path = standIn(directory, `echo "$1" >> '${join(directory, SAID)}'`)
  const logged: string[] = []
  const manager = notifyServiceManager({ env: { PATH: path, NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '60000' }, log: (_, message) => logged.push(message) })
  manager.ready('serving /a\nREADY=0')
  const alive = await untilSaid(directory, (lines) => lines.filter((line) => line === 'WATCHDOG=1').length >= 2)
  expect(alive.slice(0, 4)).toEqual(['READY=1', 'STATUS=serving /a READY=0', 'WATCHDOG=1', 'WATCHDOG=1'])
  manager.stopping()
  await untilSaid(directory, (lines) => lines.at(-1) === 'STOPPING=1')
  expect(logged).toEqual([])
})

test('the timer of signs of life ends when the stop begins', async () => {
  const directory = temporaryDirectory()
  const path = standIn(directory, `echo "$1" >> '${join(directory, SAID)}'`)
  const manager = notifyServiceManager({ env: { PATH: path, NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '3000' }, log: () => undefined })
  manager.ready('serving')
  manager.stopping()
  expect(await untilSaid(directory, (lines) => lines.includes('STOPPING=1'))).toEqual(['READY=1', 'STATUS=serving', 'STOPPING=1'])
})

test.each([
  ['systemd-notify is missing', undefined, { exit_code: 127, hint: 'systemd-notify is not installed' }],
  ['systemd-notify fails', 'exit 4', { exit_code: 4 }],
])('where %s, the log says so once and all else goes on', async (_, script, fields) => {
  const directory = temporaryDirectory()
  const path = script === undefined ? directory : standIn(directory, script)
  const told = Promise.withResolvers<unknown>()
  const logged: string[] = []
  const manager = notifyServiceManager({
    env: { PATH: path, NOTIFY_SOCKET: '/run/notify' },
    log: (level, message, given) => {
      logged.push(`${level} ${message}`)
      told.resolve(given)
    },
  })
  manager.ready('serving')
  expect(await told.promise).toEqual(fields)
  manager.stopping()
  expect(logged).toEqual(['warn the service manager is no longer told'])
})

test('without a service manager nothing is started', () => {
  const manager = notifyServiceManager({ env: { PATH: '/none' }, log: () => expect.unreachable('nothing is there to be logged') })
  manager.ready('serving')
  manager.stopping()
})

test.each([['30000000', 30_000], ['1500', 1.5], ['0', null], ['', null], ['soon', null], ['-5', null]])('WATCHDOG_USEC=%s: %s ms', (given, ms) => {
  expect(watchdogMs({ WATCHDOG_USEC: given })).toBe(ms)
})

test('no variable, no watchdog', () => {
  expect(watchdogMs({})).toBe(null)
})
