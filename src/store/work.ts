/**
 * What the parts of one write transaction share: the state row as it will be committed, the postings to change, the
 * names of modules whose keys have to be settled at the end, and what changed so far. Lives from BEGIN to COMMIT or
 * ROLLBACK.
 */

import type { ChangeLog } from './change-log.ts'
import type { Connection } from './connection.ts'
import type { PostingChanges } from './postings.ts'
import type { State } from './state.ts'

export type Work = {
  readonly connection: Connection
  readonly state: State
  readonly postings: PostingChanges
  /** The epoch to be. */
  readonly version: number
  readonly nowMs: number
  /** Base names of which a definition came, went or moved. */
  readonly unsettled: Set<string>
  readonly changes: ChangeLog
  /** Paths of which a content gave way. */
  readonly superseded: Set<string>
  /** The file whose rows are being changed; `brokenBy` says why it does not parse. Null: a client's module. */
  file: { readonly path: string; readonly brokenBy: string | null } | null
  /** Rows inserted, rewritten or deleted that readers can tell from those before; 0 makes no epoch. */
  rowsChanged: number
}
