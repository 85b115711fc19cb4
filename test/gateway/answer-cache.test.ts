/** Answers kept by state and key, and only where that pays; what was asked for most, over a restart. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import { ANSWERS, createAnswerCache, type ReadOutcome } from '../../src/gateway/answer-cache.ts'
import { createHotAnswers } from '../../src/gateway/hot-answers.ts'
import { SHORT_TTL_MS, WORTH_KEEPING_US } from '../../src/memory/cache-policy.ts'
import { createCache, type HotKey } from '../../src/memory/cache.ts'
import { encodeHottest } from '../../src/memory/hottest.ts'
import { decodeMessage, encodeResponse } from '../../src/wire/rpc.ts'

const decoded = (bytes: Uint8Array): unknown => {
  const message = decodeMessage(bytes)
  return message.ok && message.value.kind === 'response' ? message.value : message
}

function stage({ maxBytes = 1_000_000 } = {}) {
  const time = { nowMs: 0 }
  const outcomes: ReadOutcome[] = []
  const cache = createCache({ maxBytes, nowMs: () => time.nowMs })
  const answers = createAnswerCache({ cache, nowMs: () => time.nowMs, onRead: (outcome) => void outcomes.push(outcome) })
  let nMade = 0
  /** Asks for `value`, which takes `costUs` to make. */
  const ask = (state: string, key: string, value: unknown = 'value', costUs = 100): { answer: unknown; made: boolean } => {
    const before = nMade
    const answer = answers.answer(state, key, () => {
      nMade += 1
      time.nowMs += costUs / 1000
      return ok(value)
    })
    return { answer, made: nMade > before }
  }
  return { time, outcomes, cache, answers, ask }
}

test('an answer kept makes the response that the answer itself makes, under any id', () => {
  const { answers, ask } = stage()
  const value = { value: { names: ['a', 'ä', '日本'], n: 2 ** 40, none: null }, epoch: 3 }
  ask('1', 'k', value)
  const kept = answers.answer('1', 'k', () => fail(failure('internal', 'not kept')))
  for (const id of [0, 1, 255, 65_536, 2 ** 32 - 1]) {
    expect(decoded(encodeResponse(id, kept))).toEqual(decoded(encodeResponse(id, { ok: true, value })))
  }
})

test('an answer is found for its state alone', () => {
  const { ask, outcomes } = stage()
  expect(['1', '1', '2', '2', '1'].map((state) => ask(state, 'k').made)).toEqual([true, false, true, false, true])
  expect(outcomes).toEqual(['store_hit', 'cache_hit', 'store_hit', 'cache_hit', 'store_hit'])
})

test('what costs nothing to make is made each time; the rest is kept for a while', () => {
  const { ask, time } = stage()
  expect([ask('1', 'cheap', 1, WORTH_KEEPING_US - 1).made, ask('1', 'cheap', 1, WORTH_KEEPING_US - 1).made]).toEqual([true, true])
  ask('1', 'k')
  time.nowMs += SHORT_TTL_MS - 1
  expect(ask('1', 'k').made).toBe(false)
  time.nowMs += 2
  expect(ask('1', 'k').made).toBe(true)
})

test('a failure is not kept, and counts as a miss of the store', () => {
  const { answers, outcomes } = stage()
  const missing = fail(failure('not_found', 'no'))
  expect([answers.answer('1', 'k', () => missing), answers.answer('1', 'k', () => missing)]).toEqual([missing, missing])
  expect(outcomes).toEqual(['store_miss', 'store_miss'])
})

test('what was hottest is made again after a restart, in its place, once the repository is ready; no key is lost before', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'es-'))
  const path = join(directory, 'hot-keys.json')
  try {
    const before = stage()
    for (const key of ['a', 'b', 'b', 'c', 'c', 'c']) before.ask('1', key)
    const hottest = before.cache.hottest(10)
    writeFileSync(path, encodeHottest(hottest))

    const after = stage()
    const problems: string[] = []
    const hot = createHotAnswers({
      path, pause: async () => undefined, onProblem: (problem) => void problems.push(problem),
      write: (to, text) => {
        writeFileSync(to, text)
        return ok(null)
      },
      restore: (saved) => {
        after.ask('7', saved.key)
        after.answers.lift('7', saved)
      },
    })
    await hot.loadOnce('not yet')
    expect(after.cache.hottest(10)).toEqual([])
    hot.save([])
    expect(readFileSync(path, 'utf8')).toContain('"c"')
    await hot.loadOnce('ready')
    expect(after.cache.hottest(10)).toEqual(hottest)
    expect(after.ask('7', 'c').made).toBe(false)
    await hot.loadOnce('ready')
    hot.save([{ view: ANSWERS, key: 'd', tier: 'l3', hits: 0 }, { view: 'trees', key: 'e', tier: 'l3', hits: 0 }])
    expect(readFileSync(path, 'utf8')).toBe(encodeHottest([{ view: ANSWERS, key: 'd', tier: 'l3', hits: 0 } satisfies HotKey]))
    expect(problems).toEqual([])
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('a damaged file of keys leaves the cache cold and is said', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'es-'))
  const path = join(directory, 'hot-keys.json')
  try {
    writeFileSync(path, 'rubbish')
    const problems: string[] = []
    const restored: HotKey[] = []
    const hot = createHotAnswers({ path, pause: async () => undefined, write: () => ok(null), onProblem: (problem) => void problems.push(problem), restore: (saved) => void restored.push(saved) })
    await hot.loadOnce('ready')
    expect([problems, restored]).toEqual([['the saved cache keys are no JSON object'], []])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
