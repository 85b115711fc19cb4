/** What questions about the runtime are answered from: the blocks of events, and a snapshot of the repository. */

import { LRUCache } from 'lru-cache'
import type { NodeIndex } from '../../analysis/node-ids.ts'
import type { StaticIndex } from '../../correlate/code.ts'
import type { SiteFigures, WrittenFunction } from '../../correlate/insights.ts'
import type { Lost } from '../../event/event-reader.ts'
import type { Queries } from '../../event/query/scan.ts'
import type { VersionTranslator } from '../../model/version-map.ts'
import type { FileVersion, FunctionRow } from '../../store/contract.ts'
import type { ReadContext } from '../read-context.ts'

export type Stated = Readonly<Record<string, { readonly at: string; readonly insights: Record<string, unknown> }>>

/** A point of a plan, whole. */
export type PlanPoint = {
  readonly id: string
  /** `*`: the modules whose names begin with `prefix`; without one, those of the plan's scope, or all of the project. */
  readonly module: string
  readonly prefix?: string
  readonly function: string | null
  readonly arity: number | null
  readonly capture: readonly string[]
  readonly sampling: number
  readonly condition: unknown
  readonly enabled: boolean
  readonly priority: 'low' | 'medium' | 'high' | 'critical'
  readonly tags: readonly string[]
}

/** A plan that some node is to follow, or followed. */
export type ActivePlan = { readonly name: string; readonly storedAt: string; readonly scope: readonly string[]; readonly points: readonly PlanPoint[] }

/** A function of the project; `mfa` as it runs, without the `@2` of its module's key. */
export type Written = { readonly row: FunctionRow; readonly fn: WrittenFunction; readonly mfa: string }

/** The kept versions of a file, the newest first. `now` translates to and from the newest; null for that itself. */
export type FileSides = readonly { readonly version: FileVersion; readonly index: NodeIndex; readonly now: VersionTranslator | null }[]

/** What a node told that it left out. */
export type Gap = { readonly minNs: bigint; readonly maxNs: bigint; readonly node: string; readonly dropped: number }

/** What questions of one thread find out and leave to the next. */
export type RuntimeCaches = {
  /** Of sealed blocks, by number. */
  readonly gaps: LRUCache<number, readonly Gap[]>
  /** Of sealed blocks, by number: when each life of a node was last heard of there. */
  readonly lives: LRUCache<number, ReadonlyMap<string, bigint>>
  /** Of the first sealed blocks of each group. */
  readonly figures: LRUCache<number, { readonly numbers: readonly number[]; readonly figures: readonly SiteFigures[] }>
  /** Plans as nodes told them, by block and row. */
  readonly captured: LRUCache<string, ActivePlan>
  /** By path and contents. */
  readonly versions: LRUCache<string, FileSides>
  /** Of the latest epoch: functions by prefix, and by path what the modules of a file are called within it. */
  readonly latest: { epoch: number; readonly written: Map<string, readonly Written[]>; readonly names: Map<string, ReadonlyMap<string, string>> }
}

/** A site with its sketch takes about 700 bytes. */
const CACHED_SITES = 60_000
/** A node of a tree takes about 30 bytes. */
const CACHED_NODES = 1_000_000

const CACHED_BLOCKS = 10_000
/** Points of plans: one takes about 300 bytes. */
const CACHED_POINTS = 50_000

export function openCaches(): RuntimeCaches {
  return {
    gaps: new LRUCache<number, readonly Gap[]>({ max: CACHED_BLOCKS }),
    lives: new LRUCache<number, ReadonlyMap<string, bigint>>({ max: CACHED_BLOCKS }),
    figures: new LRUCache({ maxSize: CACHED_SITES, sizeCalculation: ({ figures }) => figures.length + 1 }),
    captured: new LRUCache<string, ActivePlan>({ maxSize: CACHED_POINTS, sizeCalculation: ({ points }) => points.length + 1 }),
    versions: new LRUCache<string, FileSides>({ maxSize: CACHED_NODES, sizeCalculation: (sides) => sides.reduce((sum, { index }) => sum + index.tree.length, 1) }),
    latest: { epoch: -1, written: new Map(), names: new Map() },
  }
}

export type RuntimeContext = Pick<ReadContext, 'snapshot' | 'verified' | 'stale' | 'treeOf' | 'treeOfVersion' | 'mapOf'> & {
  readonly queries: Queries
  /** Every kept version of the code, as far as events may come from it. */
  readonly code: StaticIndex
  readonly caches: RuntimeCaches
  /** What clients stated about a function, module or node, by source. */
  readonly statedOf: (of: string) => Stated
  readonly activePlans: () => readonly ActivePlan[]
  /** Events that were stored and cannot be read any more. */
  readonly lost: () => readonly Lost[]
  /** Throws a FailureError once the time for the question is over; called between slices of work. */
  readonly pause: () => void
}

/** What is true of the snapshot's epoch alone. */
export function latestOf({ caches: { latest }, snapshot }: RuntimeContext): RuntimeCaches['latest'] {
  if (latest.epoch === snapshot.epoch) return latest
  latest.epoch = snapshot.epoch
  latest.written.clear()
  latest.names.clear()
  return latest
}

/** Runs a query to its end, slice by slice. */
export function finishWithin<T>({ pause }: Pick<RuntimeContext, 'pause'>, run: Generator<'yield', T>): T {
  for (;;) {
    const step = run.next()
    if (step.done === true) return step.value
    pause()
  }
}
