/** What became of a file, as a change of the store. Files that are gone are removed together, by whoever has them all. */

import type { Transaction } from '../store/contract.ts'
import type { FileOutcome } from './parse-files.ts'

export function applyOutcome(transaction: Transaction, outcome: FileOutcome): void {
  switch (outcome.kind) {
    case 'parsed':
      transaction.applyFile(outcome.encoded, outcome.stamp)
      return
    case 'same':
      transaction.touchFile(outcome.path, outcome.stamp)
      return
    case 'unreadable':
      transaction.markUnreadable(outcome.path, outcome.problem, outcome.stamp)
      return
    case 'gone':
      return
  }
}
