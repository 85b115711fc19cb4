/**
 * A file system that is truly full while a node sends: nothing acknowledged is lost, it is told, the daemon starts on it, and all goes on
 * when there is room. Only where a file system may be mounted.
 */

import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadBatches } from '../../bench/events-load.ts'
import { startStandIn } from '../support/stand-in-agent.ts'
import { untilAnswered, type RunningDaemon } from './running-daemon.ts'
import { projectOf, startIn } from './set-up.ts'

/** More than the file system takes. */
const LOAD = { batches: 200, eventsPerBatch: 8192, processes: 40, functions: 60, sites: 120, seed: 3 }
const FLAGS = { 'storage.minFreeBytes': '0', 'capture.residentBlocks': '4' }

function mount(path: string, options: string): 'mounted' | 'not allowed' {
  mkdirSync(path, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' })
    return 'mounted'
  } catch {
    return 'not allowed'
  }
}

const total = async ({ client }: RunningDaemon): Promise<number> => (await untilAnswered(() => client.call('count_events', {}))).value.value.total

async function health({ client }: RunningDaemon): Promise<unknown> {
  const told = await client.call('health_check', {})
  return told.ok ? told.value.services.find(({ name }) => name === 'events') : told.error
}

test('a file system without room', { timeout: 120_000 }, async ({ skip }) => {
  const box = projectOf({ 'lib/a.ex': 'defmodule A do\n  def f(x), do: x\nend\n' })
  const directory = dirname(box.paths.stateDir)
  if (mount(directory, 'size=12m') === 'not allowed') skip()
  onTestFinished(() => void execFileSync('umount', ['-l', directory]))
  const first = await startIn(box, { flags: FLAGS })
  const agent = startStandIn({ socketPath: box.paths.agentSocket, node: 'a@host' })
  onTestFinished(() => agent.bye())
  for (const batch of loadBatches(LOAD)) agent.give(batch)
  await expect.poll(() => health(first), { timeout: 60_000 }).toMatchObject({ status: 'degraded', reason: expect.stringMatching(/no space left/), remedy: expect.stringMatching(/make room/) })
  expect(await total(first)).toBeGreaterThanOrEqual(agent.acknowledged() * LOAD.eventsPerBatch)
  expect(agent.acknowledged()).toBeLessThan(LOAD.batches)

  await first.kill()
  const acknowledged = agent.acknowledged()
  const second = await startIn(box, { flags: FLAGS })
  expect(await total(second)).toBeGreaterThanOrEqual(acknowledged * LOAD.eventsPerBatch)
  execFileSync('mount', ['-o', 'remount,size=100m', directory])
  await agent.settled()
  expect(await total(second)).toBe(LOAD.batches * LOAD.eventsPerBatch)
  await expect.poll(() => health(second), { timeout: 60_000, interval: 500 }).toMatchObject({ status: 'healthy' })
})
