/**
 * What clients write: modules and functions of their own statement (origin `client`), one at a time or many, all or
 * nothing. Facts from files are not theirs to change; `import_project` is (src/project/import-project.ts).
 */

import { unreachable } from '../base/assert.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { Committed, Stored, Transaction, Writer } from '../store/contract.ts'
import type { Args, Reply, WriteMethod } from '../wire/methods.ts'
import { answer, type Answer, type Freshness } from './answer.ts'
import { clientFacts, readStatement, withFunction, type ClientFunctionStatement, type ClientModuleStatement } from './client-facts.ts'
import { mergePatch } from './merge-patch.ts'

export type WriteContext = {
  readonly writer: Writer
  /** How things stand after the write. */
  readonly freshness: () => Freshness
  /** Modules of either origin. */
  readonly countModules: () => number
  readonly limits: WriteLimits
}

export type WriteLimits = { readonly maxModules: number }

export type ClientWriteMethod = Exclude<WriteMethod, 'import_project'>

/** One handler per method; `import_project` has its own, because it takes longer than a call. */
export const WRITES: { readonly [M in ClientWriteMethod]: (context: WriteContext, args: Args<M>) => Result<Reply<M>, Failure> } = {
  store_module: (context, args) => oneModule(context, (transaction) => storeModule(context, transaction, args.module)),
  store_function: (context, args) => oneModule(context, (transaction) => storeFunction(context, transaction, args.module_name, args.function)),
  update_module: (context, args) => oneModule(context, (transaction) => patchModule(transaction, args)),
  delete_module: (context, args) =>
    oneModule(context, (transaction) => deleteModule(transaction, args.module_name, args.expected_version)),
  cleanup_module: (context, args) => committed(context, context.writer.transaction((transaction) =>
    ok({ module_name: args.module_name, removed: transaction.cleanupClientModule(args.module_name) }))),
  batch_store: (context, args) => committed(context, context.writer.transaction((transaction) => {
    const results = applyAll(context, transaction, args.items)
    return results.ok ? ok({ stored: results.value.length }) : results
  })),
  bulk_update: (context, args) => committed(context, context.writer.transaction((transaction) => {
    const results = applyAll(context, transaction, args.operations)
    return results.ok ? ok({ results: results.value.map(storedRecord) }) : results
  }, { expectedEpoch: args.expected_epoch })),
  optimize: (context) => {
    const done = context.writer.optimize()
    return done.ok ? ok(answer({ duration_ms: done.value.durationMs }, context.freshness())) : done
  },
  vacuum: (context) => {
    const done = context.writer.vacuum()
    if (!done.ok) return done
    const { bytesBefore, bytesAfter, sourcesDropped } = done.value
    return ok(answer({ bytes_before: bytesBefore, bytes_after: bytesAfter, sources_dropped: sourcesDropped }, context.freshness()))
  },
}

type Operation = Args<'bulk_update'>['operations'][number]
type StoredRecord = { module_name: string; version: number }

function oneModule(context: WriteContext, work: (transaction: Transaction) => Result<Stored, Failure>): Result<Answer<StoredRecord>, Failure> {
  return committed(context, context.writer.transaction((transaction) => {
    const stored = work(transaction)
    return stored.ok ? ok(storedRecord(stored.value)) : stored
  }))
}

function committed<T>(context: WriteContext, outcome: Result<Committed<T>, Failure>): Result<Answer<T>, Failure> {
  return outcome.ok ? ok(answer(outcome.value.value, context.freshness())) : outcome
}

/** Every operation, or the failure of the first that fails, naming its place in the list. */
function applyAll(context: WriteContext, transaction: Transaction, operations: readonly Operation[]): Result<Stored[], Failure> {
  const results: Stored[] = []
  for (const [index, operation] of operations.entries()) {
    const result = apply(context, transaction, operation)
    if (!result.ok) {
      const { error } = result
      return fail({ ...error, message: `operation ${index}: ${error.message}`, details: { ...error.details, operation: index } })
    }
    results.push(result.value)
  }
  return ok(results)
}

function apply(context: WriteContext, transaction: Transaction, operation: Operation): Result<Stored, Failure> {
  switch (operation.operation) {
    case 'store_module':
      return storeModule(context, transaction, operation.module)
    case 'store_function':
      return storeFunction(context, transaction, operation.module_name, operation.function)
    case 'update_module':
      return patchModule(transaction, operation)
    case 'delete_module':
      return deleteModule(transaction, operation.module_name, operation.expected_version)
    default:
      return unreachable(operation)
  }
}

function storeModule(context: WriteContext, transaction: Transaction, statement: ClientModuleStatement): Result<Stored, Failure> {
  const module = clientFacts(statement)
  if (!module.ok) return module
  const room = roomFor(context, transaction, statement.module_name)
  return room.ok ? transaction.storeClientModule(module.value) : room
}

function storeFunction(
  context: WriteContext, transaction: Transaction, moduleName: string, stated: ClientFunctionStatement,
): Result<Stored, Failure> {
  const known = transaction.findClientDocument(moduleName)
  const statement = known === undefined ? ok({ module_name: moduleName, functions: [] }) : readStatement(known.document)
  if (!statement.ok) return statement
  const changed = withFunction(statement.value, stated)
  return changed.ok ? storeModule(context, transaction, changed.value) : changed
}

function patchModule(transaction: Transaction, args: Omit<Args<'update_module'>, 'request_id'>): Result<Stored, Failure> {
  return transaction.changeClientModule(args.module_name, args.expected_version, (document) => {
    const statement = readStatement(mergePatch(document, args.patch))
    if (!statement.ok) return statement
    if (statement.value.module_name !== args.module_name) {
      return fail(failure('invalid_argument', 'patch.module_name: a patch cannot rename a module', { hint: 'store it under the new name and delete the old' }))
    }
    return clientFacts(statement.value)
  })
}

function deleteModule(transaction: Transaction, name: string, expectedVersion: number | undefined): Result<Stored, Failure> {
  return transaction.deleteClientModule(name, expectedVersion)
}

function roomFor(context: WriteContext, transaction: Transaction, name: string): Result<null, Failure> {
  const isNew = transaction.findClientDocument(name) === undefined
  if (!isNew || context.countModules() < context.limits.maxModules) return ok(null)
  return fail(failure('too_large', `the repository holds its limit of ${context.limits.maxModules} modules`, { hint: 'raise storage.maxModules' }))
}

function storedRecord(stored: Stored): StoredRecord {
  return { module_name: stored.key, version: stored.version }
}
