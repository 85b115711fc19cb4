/**
 * Fills the store that takes the place of a damaged one with what clients had stated in that. Files are left to the next
 * import, which the store asks for by calling itself interrupted. What was answered to requests comes along when every
 * statement did: else a repeat would be told of a change that is lost, and it is better carried out again.
 */

import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import type { Writer } from '../store/contract.ts'
import type { Salvaged } from '../store/salvage.ts'
import { clientFacts, readStatement } from './client-facts.ts'

/** How many modules were kept; what is no statement is left out. */
export function carryOver(writer: Writer, { documents, stated, requests }: Salvaged): Result<number, Failure> {
  const kept = new Set<string>()
  const done = writer.transaction((transaction) => {
    transaction.setImportState({ state: 'interrupted', filesDone: 0, filesTotal: 0, last: null })
    for (const document of documents) {
      const statement = readStatement(document)
      const module = statement.ok ? clientFacts(statement.value) : statement
      const stored = module.ok ? transaction.storeClientModule(module.value) : module
      if (stored.ok) kept.add(stored.value.key)
    }
    if (kept.size === stated) transaction.takeOverRequests(requests)
    return ok(null)
  })
  return done.ok ? ok(kept.size) : done
}
