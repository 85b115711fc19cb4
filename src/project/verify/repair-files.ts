/**
 * Brings files that differ back in step: each is parsed anew, whatever the store holds of it, and applied. What is derived is
 * rebuilt at the end. Invariant: a file that was stored anew since it was read is left alone, so that nothing older takes the
 * place of what is newer.
 *
 *   apply    rows that are not what the file says are rewritten; ids and history stay
 *   replace  every row of the file goes, and comes anew: for what stands in no row that is looked at
 */

import type { Failure } from '../../base/failure.ts'
import { ok, type Result } from '../../base/result.ts'
import type { Transaction, Writer } from '../../store/contract.ts'
import { applyOutcome } from '../apply-outcome.ts'
import { outcomesOf, type ImportPorts } from '../import-project.ts'
import type { FileOutcome } from '../parse-files.ts'

export type RepairOrder = { readonly paths: readonly string[]; readonly how: 'apply' | 'replace' }

export type RepairPorts = Pick<ImportPorts, 'parse'> & { readonly writer: Writer }

/** Few enough to be parsed by one thread while others wait for it, and to be one short transaction. */
const FILES_AT_A_TIME = 48

/** How many files were applied or removed. */
export async function repairFiles({ writer, parse }: RepairPorts, { paths, how }: RepairOrder): Promise<Result<number, Failure>> {
  let repaired = 0
  for (let at = 0; at < paths.length; at += FILES_AT_A_TIME) {
    const some = paths.slice(at, at + FILES_AT_A_TIME)
    const held = writer.fileStates()
    const outcomes = await outcomesOf({ parse }, some.map((path) => ({ path, changedNs: held.get(path)?.changedNs ?? 0n, knownHash: null })))
    if (!outcomes.ok) return outcomes
    const done = writer.transaction((transaction) => {
      const ours = outcomes.value.filter(({ path }) => (transaction.sourceHashOf(path) ?? null) === (held.get(path)?.sourceHash ?? null))
      for (const outcome of ours) repair(transaction, outcome, how)
      return ok(ours.length)
    })
    if (!done.ok) return done
    repaired += done.value.value
  }
  const rebuilt = writer.optimize()
  return rebuilt.ok ? ok(repaired) : rebuilt
}

function repair(transaction: Transaction, outcome: FileOutcome, how: RepairOrder['how']): void {
  if (how === 'replace' || outcome.kind === 'gone') transaction.removeFiles([outcome.path])
  applyOutcome(transaction, outcome)
}
