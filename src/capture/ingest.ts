/** One batch of a node, from its bytes into the open block and the log. */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { decodeBatch, type Batch } from '../event/batch.ts'
import { ingest, type EventStore } from '../event/event-store.ts'
import { EVENT_TYPES } from '../model/event.ts'
import type { Hello } from './hello.ts'
import type { KnownNode } from './nodes.ts'

/** `bytes`: the frame as it came. A batch that is there already counts as taken: it is acknowledged again. */
export function ingestBatch(store: EventStore, { session, node, nodeStartNs }: Hello, bytes: Uint8Array, known: KnownNode | undefined): Result<{ readonly no: number; readonly n: number }, Failure> {
  const decoded = decodeBatch(bytes)
  if (!decoded.ok) return fail(failure('invalid_argument', `a batch is not understood: ${decoded.error.where}: ${decoded.error.message}`))
  const batch = decoded.value
  const done = ingest(store, { session, source: { node, startNs: nodeStartNs }, bytes, batch })
  if (!done.ok) return done
  if (done.value === 'duplicate') return ok({ no: batch.no, n: 0 })
  if (known !== undefined) count(known, batch)
  return ok({ no: batch.no, n: batch.n })
}

function count(known: KnownNode, { type, n }: Batch): void {
  known.nBatches += 1
  known.nEvents += n
  for (let at = type.indexOf(EVENT_TYPES.gap); at >= 0; at = type.indexOf(EVENT_TYPES.gap, at + 1)) known.nGaps += 1
}
