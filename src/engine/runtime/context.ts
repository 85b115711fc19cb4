/** What questions about the runtime are answered from: the blocks of events, and a snapshot of the repository. */

import type { Queries } from '../../event/query/scan.ts'
import type { Snapshot } from '../../store/contract.ts'

export type Stated = Readonly<Record<string, { readonly at: string; readonly insights: Record<string, unknown> }>>

export type RuntimeContext = {
  readonly queries: Queries
  readonly snapshot: Snapshot
  readonly verified: boolean
  readonly stale: boolean
  /** What clients stated about a function, module or node, by source. */
  readonly statedOf: (of: string) => Stated
  /** Throws a FailureError once the time for the question is over; called between slices of work. */
  readonly pause: () => void
}

/** Runs a query to its end, slice by slice. */
export function finishWithin<T>({ pause }: Pick<RuntimeContext, 'pause'>, run: Generator<'yield', T>): T {
  for (;;) {
    const step = run.next()
    if (step.done === true) return step.value
    pause()
  }
}
