/** The envelope of every answer that is read from the repository: what it is worth beside what it says. */

import { z } from 'zod'

export function answer<T extends z.ZodType>(value: T) {
  return z.object({
    value,
    epoch: z.int().describe('the snapshot that the answer is from'),
    as_of: z.string().describe('when that snapshot was written, ISO 8601 UTC'),
    complete: z.boolean().describe('false while an import is under way or was interrupted, or files could not be read'),
    verified: z.boolean().describe('false from a restart or a rollback until the files have been compared with the store'),
    stale: z.boolean().describe('true while files are known to have changed that are not in yet'),
  })
}
