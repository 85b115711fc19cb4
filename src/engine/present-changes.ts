/** What a commit changed, as the wire shows it. */

import type { CommitChanges } from '../store/contract.ts'
import type { NotificationParams } from '../wire/methods.ts'

export function changedRecord({ epoch, atMs, truncated, counts, files, modules, functions }: CommitChanges): NotificationParams<'changed'> {
  return {
    epoch, at: new Date(atMs).toISOString(), truncated, counts,
    files: copied(files), modules: copied(modules), functions: copied(functions),
  }
}

function copied({ added, modified, removed }: CommitChanges['files']): NotificationParams<'changed'>['files'] {
  return { added: [...added], modified: [...modified], removed: [...removed] }
}
