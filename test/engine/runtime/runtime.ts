/**
 * A small program that is written and that ran: a store with sources, blocks filled by the product's writer, events tied to
 * the code as it is at that moment, and every method about events on top. Each answer is held to the schema of its method.
 */

import { expect } from 'vitest'
import { analyseSource, createAnalyser } from '../../../src/analysis/analyse.ts'
import type { Failure } from '../../../src/base/failure.ts'
import type { Result } from '../../../src/base/result.ts'
import { createCorrelator } from '../../../src/correlate/correlator.ts'
import { createStaticCache } from '../../../src/correlate/static-index.ts'
import { openCaches, type ActivePlan, type RuntimeContext, type Stated } from '../../../src/engine/runtime/context.ts'
import type { EventHandler } from '../../../src/engine/runtime/read-events.ts'
import { RUNTIME_READS } from '../../../src/engine/runtime/reads.ts'
import { type Block, counts } from '../../../src/event/block.ts'
import type { Lost } from '../../../src/event/event-reader.ts'
import type { Blocks } from '../../../src/event/query/blocks.ts'
import { openLearnt, queriesOn } from '../../../src/event/query/scan.ts'
import { seal, timeRange } from '../../../src/event/seal.ts'
import { append, beginBlock } from '../../../src/event/writer.ts'
import { openWriter } from '../../../src/event/writer-state.ts'
import { encodeFileFacts } from '../../../src/store/encoded-file.ts'
import { parse } from '../../../src/syntax/parse.ts'
import { METHODS, type ArgsInput, type EventMethod, type Value } from '../../../src/wire/methods.ts'
import { batchOf, type TestEvent } from '../../event/batches.ts'
import { newBlock, SMALL } from '../../event/rows.ts'
import { DISK, error, openStore, value, write } from '../../store/opened.ts'

const NODE = 'shop@host'
export const T0 = 1_790_000_000_000_000_000n
const SOURCE = { node: NODE, startNs: 5n }

export type Runtime = {
  put(path: string, text: string): void
  /** Events at `ts` ns behind T0, one batch. */
  take(events: readonly TestEvent[], source?: typeof SOURCE): void
  /** The next events go to another block. */
  seal(): void
  /** The oldest block goes, unless it is the open one. */
  prune(): void
  answer<M extends EventMethod>(method: M, args: ArgsInput<M>): Value<M>
  failure<M extends EventMethod>(method: M, args: ArgsInput<M>): Failure
  readonly plans: ActivePlan[]
  readonly stated: Record<string, Stated>
  /** What was stored and is no more. */
  readonly lost: Lost[]
  readonly clock: { nowMs: number }
  readonly context: <T>(use: (context: RuntimeContext) => T) => T
}

export function runtime(rowsPerBlock: number = SMALL.rows): Runtime {
  const clock = { nowMs: Date.UTC(2026, 0, 2) }
  const store = openStore({ now: () => clock.nowMs })
  const writer = openWriter()
  const blocks = new Map<number, Block>()
  const correlator = createCorrelator()
  const code = createStaticCache(createAnalyser())
  const caches = openCaches()
  const learnt = openLearnt()
  const plans: ActivePlan[] = []
  const stated: Record<string, Stated> = {}
  const lost: Lost[] = []
  let no = 0
  let number = 0
  const begin = (): void => {
    const open = blocks.get(number)
    if (open !== undefined) seal(open)
    const next = newBlock({ ...SMALL, rows: rowsPerBlock })
    blocks.set(++number, next)
    beginBlock(writer, next, number)
  }
  begin()
  const context: Runtime['context'] = (use) => store.reader.snapshot((snapshot) => use({
    queries: queriesOn(blocksOf(blocks), learnt, 7), snapshot, verified: true, stale: false, caches, code: code.at(snapshot), mapOf: (_key, make) => make(),
    treeOf: (path) => parse(snapshot.sourceOf(path) ?? new Uint8Array(0)), treeOfVersion: (path, { number }) => parse(snapshot.versionSource(path, number) ?? new Uint8Array(0)),
    statedOf: (of) => stated[of] ?? {}, activePlans: () => plans, pause: () => undefined, lost: () => lost,
  }))
  const ask = (method: EventMethod, args: unknown): Result<unknown, Failure> => context((given) => (RUNTIME_READS[method] as EventHandler<EventMethod>)(given, METHODS[method].args.parse(args) as never))
  return {
    plans, stated, lost, clock, context,
    put: (path, text) => {
      const source = Buffer.from(text)
      write(store.writer, (transaction) => transaction.applyFile(encodeFileFacts(analyseSource(path, source), source), DISK))
    },
    take: (events, source = SOURCE) => {
      const batch = batchOf(events, { no: ++no, t0Ns: T0 })
      const put = (): string => store.reader.snapshot((snapshot) => append(writer, batch, source, (names, _source, situation) => {
        const { nodeId, evidence, isAny, isUnsettled, version } = correlator.resolve(code.at(snapshot), names, source, situation)
        return { nodeId, evidence, isAny, isUnsettled, ...(version === null ? {} : { version: version.number }) }
      }))
      if (put() === 'appended') return
      begin()
      expect(put()).toBe('appended')
    },
    seal: begin,
    prune: () => {
      const [oldest = number] = blocks.keys()
      if (oldest !== number) blocks.delete(oldest)
    },
    answer: (method, args) => {
      const answered = value(ask(method, args))
      const shape = METHODS[method].result.shape.value
      expect(shape.parse(answered)).toEqual(answered)
      return answered as never
    },
    failure: (method, args) => error(ask(method, args)),
  }
}

function blocksOf(blocks: ReadonlyMap<number, Block>): Blocks {
  const refs = [...blocks].flatMap(([number, block]) => {
    const range = timeRange(block)
    return range === undefined ? [] : [{ number, nRows: counts(block).rows, ...range, zone: 'hot' as const }]
  })
  return { refs: () => refs, open: ({ number }) => blocks.get(number) ?? 'gone', mayHold: () => true }
}
