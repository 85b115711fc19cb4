/** A batch of changed files as one transaction: every file in it, or none. */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import type { Transaction, Writer } from '../../store/contract.ts'
import { applyOutcome } from '../apply-outcome.ts'
import type { UpdateBatch, Updated } from './protocol.ts'

export function applyBatch(writer: Writer, { changes }: UpdateBatch): Result<Updated, Failure> {
  const done = writer.transaction((transaction) => {
    for (const { outcome, knownHash } of changes) {
      if ((transaction.sourceHashOf(outcome.path) ?? null) !== knownHash) return fail(changedMeanwhile(outcome.path))
    }
    for (const { outcome } of changes) applyOutcome(transaction, outcome)
    return ok(removeGone(transaction, changes))
  })
  return done.ok ? ok({ epoch: done.value.epoch, changed: done.value.changed }) : done
}

function removeGone(transaction: Transaction, changes: UpdateBatch['changes']): number {
  return transaction.removeFiles(changes.filter(({ outcome }) => outcome.kind === 'gone').map(({ outcome }) => outcome.path))
}

/** Somebody else has stored the file since: an import, or a batch whose answer was lost. */
function changedMeanwhile(path: string): Failure {
  return failure('conflict', `${path} was stored anew since it was read`)
}
