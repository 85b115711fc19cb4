/** The store that a verification builds beside the live one, as files: known to main, which needs nothing else of verifying. */

import { rmSync } from 'node:fs'

/** What a verification that was ended by force has left behind. */
export function removeScratch(scratchPath: string): void {
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(scratchPath + ending, { force: true })
}
