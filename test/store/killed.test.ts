/**
 * A writer may die at any moment: what it had committed is there, what it was about to write is not, nothing is torn, and
 * the next writer carries on.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { examineStore } from '../../src/store/examine.ts'
import { openWriter } from '../../src/store/writer.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { openReaderAt, temporaryPath, value } from './opened.ts'
import { contentOf, SEED, SHAPE, type LoopData } from './import-loop.ts'
import { randomBelow, syntheticFile } from './synthetic.ts'

const LOOP = new URL('./import-loop.ts', import.meta.url)
const KILLS = 10
const TERMINATIONS = 10

/** Checks the store that a dead writer left; `reported` is the last revision it had said was committed. */
function checkLeftBy(path: string, reported: number): void {
  const examined = examineStore(path)
  // It may have died before there was a store.
  expect(examined).toEqual({ state: examined.state === 'none' && reported === 0 ? 'none' : 'sound' })
  value(openWriter({ path, storage: 'disk', now: () => 0, repositoryId: 'other' })).close()
  expect(value(verifyPath(path))).toEqual([])
  expect(examineStore(path)).toEqual({ state: 'sound' })
  const reader = openReaderAt(path)
  const { state, revision, hashes } = reader.snapshot((snapshot) => ({
    state: snapshot.importState.state, revision: Number(snapshot.importState.last ?? 0),
    hashes: [...snapshot.fileStates()].map(([file, each]) => `${file} ${each.sourceHash} ${each.size}`),
  }))
  reader.close()
  expect(revision).toBeGreaterThanOrEqual(reported)
  const whole = Array.from({ length: revision === 0 ? 0 : SHAPE.modules }, (_, index) => syntheticFile(SEED, index, SHAPE, contentOf(revision)).facts)
  expect(hashes).toEqual(whole.map((facts) => `${facts.path} ${facts.sourceHash} ${revision}`).sort())
  expect(state).toBe(revision === 0 ? 'never' : 'interrupted')
}

type Messages = { on(event: 'message', listener: (revision: number) => void): unknown }

/** Waits for the start and some commits, then for some turns of the event loop: the writer is anywhere by then. */
async function untilSomewhere(writer: Messages, random: (n: number) => number): Promise<number> {
  let last = 0
  let left = random(5)
  await new Promise<void>((resolve) => {
    writer.on('message', (revision) => {
      last = revision
      if (left-- === 0) resolve()
    })
  })
  for (let turns = random(4000); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
  return last
}

function seed(): number {
  return Number(process.env['FC_SEED'] ?? Date.now() % 100_000)
}

test('kill -9 of the process', async ({ annotate }) => {
  const start = seed()
  await annotate(`FC_SEED=${start}`)
  const random = randomBelow(start)
  const path = temporaryPath()
  for (let kill = 0; kill < KILLS; kill++) {
    const child = fork(LOOP, [path], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const ended = once(child, 'exit')
    const reported = await untilSomewhere(child, random)
    child.kill('SIGKILL')
    expect(await ended).toEqual([null, 'SIGKILL'])
    checkLeftBy(path, reported)
  }
})

test('a thread that writes is terminated', async ({ annotate }) => {
  const start = seed()
  await annotate(`FC_SEED=${start}`)
  const random = randomBelow(start)
  const path = temporaryPath()
  for (let kill = 0; kill < TERMINATIONS; kill++) {
    const data: LoopData = { loop: path }
    const worker = new Worker(LOOP, { workerData: data, execArgv: [] })
    const reported = await untilSomewhere(worker, random)
    expect(await worker.terminate()).toBe(1)
    checkLeftBy(path, reported)
  }
})
