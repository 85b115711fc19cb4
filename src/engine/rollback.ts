/**
 * Rollback: the facts of every file that has another content now than at an epoch are brought back to what they were, in
 * one transaction and as one new epoch. The sources are analysed again, so that the facts are those a fresh import of them
 * would find. The files on disk are left alone, and each file is marked as never compared: the next import, or a file that
 * is saved, goes forward again. What clients stated stays as it is.
 */

import { createAnalyser } from '../analysis/analyse.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { PastFile, Transaction } from '../store/contract.ts'
import { encodeFileFacts } from '../store/encoded-file.ts'

export type RolledBack = { readonly restored: number; readonly removed: number }

/** Analysed in the writer's thread, about a millisecond a file: nothing else is written meanwhile. */
const MOST_FILES = 2000
/** As no file on disk has: the next comparison reads the file. */
const NEVER_COMPARED = { size: -1, changedNs: 0n }

export function rollBack(transaction: Transaction, epoch: number): Result<RolledBack, Failure> {
  const files = transaction.filesAt(epoch)
  if (!files.ok) return files
  if (files.value.length > MOST_FILES) {
    return fail(failure('too_large', `${files.value.length} files have changed since epoch ${epoch}; a rollback takes at most ${MOST_FILES}`, {
      hint: 'bring the files on disk back, e.g. with git, and import them',
    }))
  }
  const restore = restorer(transaction)
  for (const file of files.value) restore(file)
  const gone = files.value.filter(({ content }) => content === null).map(({ path }) => path)
  transaction.removeFiles(gone)
  return ok({ restored: files.value.length - gone.length, removed: gone.length })
}

function restorer(transaction: Transaction): (file: PastFile) => void {
  const analyse = createAnalyser()
  return ({ path, content }) => {
    if (content === null) return
    if ('problem' in content) transaction.markUnreadable(path, content.problem, NEVER_COMPARED)
    else transaction.applyFile(encodeFileFacts(analyse(path, content.source), content.source), NEVER_COMPARED)
  }
}
