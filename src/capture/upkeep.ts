/** What the event store has done by itself now and then: old files go, and each file is read through for damage in its turn. */

import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import { applyRetention, type EventStore, type Retention, type SetAside } from '../event/event-store.ts'
import { examine } from '../event/examine.ts'

/** A file takes up to half a second, in which nothing is taken from nodes. */
const EXAMINE_MS = 3_600_000

export type Upkeep = { tidy(): Result<{ readonly removed: number; readonly setAside: readonly SetAside[] }, Failure> }

export function createUpkeep(store: EventStore, retention: Retention, nowMs: () => number): Upkeep {
  let examinedMs = nowMs()
  let last = ''
  /** The file after the one that was examined last, the first after the newest. */
  const next = (): string | undefined => {
    const names = store.files.map(({ name }) => name).sort()
    return names.find((name) => name > last) ?? names[0]
  }
  return {
    tidy: () => {
      const removed = applyRetention(store, retention)
      if (!removed.ok) return removed
      const name = nowMs() - examinedMs < EXAMINE_MS ? undefined : next()
      if (name === undefined) return ok({ removed: removed.value, setAside: [] })
      examinedMs = nowMs()
      last = name
      const setAside = examine(store, name)
      return setAside.ok ? ok({ removed: removed.value, setAside: setAside.value }) : setAside
    },
  }
}
