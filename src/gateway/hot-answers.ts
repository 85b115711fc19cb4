/**
 * What was asked for most, over a restart: the keys of the answers are in a file, and once the repository is known to be in
 * step with the files again, the answers are made anew, the least valuable first. A key is a method and its arguments as JSON;
 * one that no longer means anything is left out, and a file that cannot be read only leaves the cache cold.
 *
 * Invariant: nothing is saved before what was saved has been loaded, so that a short life does not forget a long one.
 */

import { readFileSync } from 'node:fs'
import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import type { HotKey } from '../memory/cache.ts'
import { decodeHottest, encodeHottest } from '../memory/hottest.ts'
import { ANSWERS } from './answer-cache.ts'

export type HotAnswers = {
  /** At the first call that finds the repository `ready`; later ones do nothing. */
  loadOnce(ready: 'ready' | 'not yet'): Promise<void>
  save(keys: readonly HotKey[]): Result<unknown, Failure>
}

export type HotAnswersOptions = {
  readonly path: string
  /** Replaces the file, whole or not at all. */
  readonly write: (path: string, text: string) => Result<unknown, Failure>
  readonly restore: (saved: HotKey) => void
  /** Lets requests be answered in between. */
  readonly pause: () => Promise<void>
  readonly onProblem: (problem: string) => void
}

export function createHotAnswers({ path, write, restore, pause, onProblem }: HotAnswersOptions): HotAnswers {
  let loading: 'not begun' | 'under way' | 'done' = 'not begun'
  let saved: string | undefined
  return {
    async loadOnce(ready) {
      if (ready !== 'ready' || loading !== 'not begun') return
      loading = 'under way'
      saved = readText(path)
      const { keys, problem } = saved === undefined ? { keys: [] } : decodeHottest(saved)
      if (problem !== undefined) onProblem(problem)
      for (const key of keys.toReversed()) {
        if (key.view === ANSWERS) restore(key)
        await pause()
      }
      loading = 'done'
    },
    save(keys) {
      const text = encodeHottest(keys.filter(({ view }) => view === ANSWERS))
      if (loading !== 'done' || text === saved) return ok(null)
      saved = text
      return write(path, text)
    },
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // none was saved yet
  }
}
