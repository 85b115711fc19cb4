/** The end of a daemon, under a simulated clock: whatever the tree does, there is one. */

import { expect, test } from 'vitest'
import { createSimulatedClock } from '../../src/base/clock.ts'
import { untilEnd } from '../../supervisors/until-end.ts'

function world() {
  const clock = createSimulatedClock()
  const [asked, ended, stopped] = [Promise.withResolvers<string>(), Promise.withResolvers<string>(), Promise.withResolvers<string>()]
  const lines: string[] = []
  const line = (message: string, fields?: object): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
  const code = untilEnd({
    clock, asked: asked.promise, ended: ended.promise, stopTimeoutMs: 30_000,
    stop: () => {
      lines.push('stop')
      return stopped.promise
    },
    stopping: () => void lines.push('told the service manager'),
    log: { log: (_level, message, fields) => line(message, fields), fatal: line },
  })
  return { clock, asked, ended, stopped, lines, code, turn: () => new Promise((resolve) => setImmediate(resolve)) }
}

test('asked to stop, it stops', async () => {
  const { clock, asked, stopped, lines, code } = world()
  asked.resolve('SIGTERM')
  stopped.resolve('shutdown')
  expect(await code).toBe('stopped')
  expect(lines).toEqual(['told the service manager', 'stopping {"asked_by":"SIGTERM"}', 'stop', 'stopped {"reason":"shutdown"}'])
  expect(clock.nTimers()).toBe(0)
})

test('a tree that gives up is told from one that was asked to stop', async () => {
  const { ended, lines, code } = world()
  ended.resolve('shutdown')
  expect(await code).toBe('gaveUp')
  expect(lines).toEqual(['told the service manager', 'the supervision tree gave up {"reason":"shutdown"}'])
})

test('a stop that never comes to an end ends at once, when all that is left should have been ended by force', async () => {
  const { clock, asked, lines, code, turn } = world()
  asked.resolve('a client')
  await turn()
  clock.advance(39_999)
  await turn()
  expect(lines).toEqual(['told the service manager', 'stopping {"asked_by":"a client"}', 'stop'])
  clock.advance(1)
  expect(await code).toBe('atOnce')
  expect(lines.at(-1)).toBe('the supervision tree does not end, ending without it {"after_ms":40000}')
})
