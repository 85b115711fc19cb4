/**
 * Who wants an import, and which. One runs at a time. Wishes that come while one is under way are for the next, which begins
 * after it: only then has it surely seen what was there when it was wished for. However many wait, they share that one
 * import, and the strongest of their wishes.
 */

import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import type { ImportResult } from '../wire/records.ts'
import type { ImportMode } from './import-project.ts'

export type ImportOutcome = Result<ImportResult, Failure>

export type ImportQueue = {
  /** Settles with the outcome of the import that this wish becomes part of. */
  wish(mode: ImportMode): Promise<ImportOutcome>
  /** What is wished for, when nothing runs. An import that was left unfinished runs once more. */
  next(interrupted: boolean): Promise<ImportMode | undefined>
  /** Settles when no import runs; at once when none does. */
  free(): Promise<void>
  isRunning(): boolean
  /** Settles with the outcome of the import that runs, else of the next one. */
  outcome(): Promise<ImportOutcome>
  /**
   * One import, with whose outcome all who wished for it are answered. Who wished while another ran is told of both: what
   * that one read was news to him as well.
   */
  run(mode: ImportMode, work: (mode: ImportMode) => Promise<ImportOutcome>): Promise<ImportOutcome>
}

type Wish = { readonly mode: ImportMode; readonly during: Promise<ImportOutcome> | undefined; readonly settle: (outcome: ImportOutcome) => void }

/** `wanted` is called at a wish that nobody may be looking for: the processor has ended, or is about to. */
export function createImportQueue(wanted: () => void): ImportQueue {
  let wishes: Wish[] = []
  let running: Promise<ImportOutcome> | undefined
  const tellOutcome: ((outcome: ImportOutcome) => void)[] = []
  // Whoever looks says so by looking.
  let isIdle = true
  const untilFree = async (): Promise<void> => {
    if (running === undefined) return
    await running
    await untilFree()
  }
  return {
    wish(mode) {
      const { promise, resolve } = Promise.withResolvers<ImportOutcome>()
      wishes.push({ mode, during: running, settle: resolve })
      if (isIdle) wanted()
      isIdle = false
      return promise
    },
    async next(interrupted) {
      await untilFree()
      const mode = strongest(wishes) ?? (interrupted ? 'changed' : undefined)
      isIdle = mode === undefined
      return mode
    },
    async run(mode, work) {
      await untilFree()
      const served = wishes
      wishes = []
      running = work(strongest(served) === 'everything' ? 'everything' : mode).finally(() => (running = undefined))
      const outcome = await running
      for (const tell of tellOutcome.splice(0)) tell(outcome)
      for (const { during, settle } of served) settle(during === undefined ? outcome : together(await during, outcome))
      return outcome
    },
    outcome: () => new Promise((resolve) => void tellOutcome.push(resolve)),
    free: untilFree,
    isRunning: () => running !== undefined,
  }
}

function together(earlier: ImportOutcome, later: ImportOutcome): ImportOutcome {
  if (!earlier.ok || !later.ok) return later
  const sum = (key: 'parsed' | 'removed' | 'bytes' | 'duration_ms'): number => earlier.value[key] + later.value[key]
  return ok({ ...later.value, parsed: sum('parsed'), removed: sum('removed'), bytes: sum('bytes'), duration_ms: sum('duration_ms'), unchanged: Math.max(0, later.value.unchanged - earlier.value.parsed) })
}

function strongest(wishes: readonly Wish[]): ImportMode | undefined {
  if (wishes.some(({ mode }) => mode === 'everything')) return 'everything'
  return wishes.length === 0 ? undefined : 'changed'
}
