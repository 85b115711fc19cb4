/**
 * How events are taken and kept, as main knows it: the event store is asked whenever health or the status is, for a short time
 * only; one that is busy or away is told by the tree, and what it said last is kept.
 */

import { CAPTURE_ACTORS, type CaptureBody } from '../src/capture/protocol.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import type { Reply } from '../src/wire/methods.ts'

export type EventStatus = Reply<'get_event_stats'>
type NodeList = Reply<'list_nodes'>

export type Capturing = {
  readonly mode: 'captured' | 'not captured'
  /** Undefined before the store has said anything, and without capture. */
  status(): EventStatus | undefined
  record(): Reply<'daemon_status'>['capture']
  refresh(): Promise<void>
}

const ANSWER_MS = 250

export function createCapturing(tree: () => Tree, mode: Capturing['mode']): Capturing {
  let last: EventStatus | undefined
  let nodes: NodeList | undefined
  const ask = (body: CaptureBody) => tree().actors.call(CAPTURE_ACTORS.eventStore, body, ANSWER_MS)
  return {
    mode,
    status: () => last,
    record: () => {
      if (mode === 'not captured') return null
      return {
        events: last?.total_events ?? 0, bytes_on_disk: last?.bytes_on_disk ?? 0, nodes: (nodes?.nodes ?? []).filter(({ connected }) => connected).map(({ node }) => node).sort(),
        listening: nodes?.listening ?? [],
      }
    },
    async refresh() {
      if (mode === 'not captured') return
      const [stats, listed] = await Promise.all([ask({ method: 'get_event_stats', args: {} }), ask({ method: 'list_nodes', args: {} })])
      if (stats.ok) last = stats.value as EventStatus
      if (listed.ok) nodes = listed.value as NodeList
    },
  }
}
