/**
 * What clients write: modules and functions of their own statement (origin `client`), one at a time or many, all or
 * nothing. Facts from files are not theirs to change; `import_project` is (src/project/import-project.ts).
 */

import { createHash } from 'node:crypto'
import { unreachable } from '../base/assert.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { Committed, RequestName, Stored, Transaction, Writer } from '../store/contract.ts'
import type { Args, Reply } from '../wire/methods.ts'
import { answer, type Answer, type Freshness } from './answer.ts'
import { clientFacts, readStatement, type ClientFunctionStatement, type ClientModuleStatement } from './client-facts.ts'
import type { ClientWriteMethod, StoreOperation } from './core.actor.ts'
import { mergePatch } from './merge-patch.ts'
import { rollBack } from './rollback.ts'

export type WriteContext = {
  readonly writer: Writer
  /** How things stand after the write. */
  readonly freshness: () => Freshness
  /** Modules of either origin, before this write. */
  readonly countModules: () => number
  readonly limits: WriteLimits
  /** Told that the facts are those of an earlier time. */
  readonly rolledBack: () => void
  /** Of the call that is being carried out; undefined when it has no id. */
  readonly request: RequestName | undefined
}

export type WriteLimits = { readonly maxModules: number }

/** One handler per method; `import_project` has its own, because it takes longer than a call. */
export const WRITES: { readonly [M in ClientWriteMethod]: (context: WriteContext, args: Args<M>) => Result<Reply<M>, Failure> } = {
  store_module: (context, { module }) => oneModule(context, { operation: 'store_module', module }),
  store_function: (context, args) => oneModule(context, { operation: 'store_function', ...args }),
  update_module: (context, args) => oneModule(context, { operation: 'update_module', ...args }),
  delete_module: (context, args) => oneModule(context, { operation: 'delete_module', ...args }),
  cleanup_module: (context, args) => committed(context, transact(context, (transaction) =>
    ok({ module_name: args.module_name, removed: transaction.cleanupClientModule(args.module_name) }))),
  batch_store: (context, args) => committed(context, transact(context, (transaction) => {
    const results = applyAll(context, transaction, args.items)
    return results.ok ? ok({ stored: results.value.length }) : results
  })),
  bulk_update: (context, args) => committed(context, transact(context, (transaction) => {
    const results = applyAll(context, transaction, args.operations)
    return results.ok ? ok({ results: results.value.map(storedRecord) }) : results
  }, args.expected_epoch)),
  rollback: (context, { epoch }) => {
    const done = transact(context, (transaction) => rollBack(transaction, epoch))
    if (!done.ok) return done
    if (done.value.changed) context.rolledBack()
    return committed(context, ok({ ...done.value, value: { rolled_back_to: epoch, ...done.value.value } }))
  },
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

/** How a repeat of the call is known: validated arguments have their keys in one order. Upkeep changes nothing, and is done again. */
export function requestOf({ method, args }: StoreOperation): RequestName | undefined {
  const { request_id: id } = args as { readonly request_id?: string }
  return id === undefined ? undefined : { id, call: createHash('sha256').update(method).update(JSON.stringify(args)).digest('base64') }
}

type Operation = Args<'bulk_update'>['operations'][number]
type StoredRecord = { module_name: string; version: number }

/** One transaction's work: what it has added so far, and modules that functions are being added to. */
type Batch = {
  readonly context: WriteContext
  readonly transaction: Transaction
  readonly added: Set<string>
  /** Stored once, when all their functions are there: storing a module at each would be quadratic. */
  readonly drafts: Map<string, Draft>
}
type Draft = { readonly statement: ClientModuleStatement; readonly functions: Map<string, ClientFunctionStatement>; lastOperation: number }

function oneModule(context: WriteContext, operation: Operation): Result<Answer<StoredRecord>, Failure> {
  return committed(context, transact(context, (transaction) => {
    const batch = startBatch(context, transaction)
    const stored = apply(batch, operation, 0)
    if (!stored.ok) return stored
    const flushed = flushAll(batch)
    return flushed.ok ? ok(storedRecord(stored.value)) : flushed
  }))
}

function transact<T>({ writer, request }: WriteContext, work: (transaction: Transaction) => Result<T, Failure>, expectedEpoch?: number): Result<Committed<T>, Failure> {
  return writer.transaction(work, { expectedEpoch, request })
}

/** A repeat is answered with the epoch of the first. */
function committed<T>(context: WriteContext, outcome: Result<Committed<T>, Failure>): Result<Answer<T>, Failure> {
  if (!outcome.ok) return outcome
  const { value, epoch, writtenAt } = outcome.value
  return ok(answer(value, { ...context.freshness(), epoch, writtenAt }))
}

/** Every operation, or the failure of the first that fails, naming its place in the list. */
function applyAll(context: WriteContext, transaction: Transaction, operations: readonly Operation[]): Result<Stored[], Failure> {
  const batch = startBatch(context, transaction)
  const results: Stored[] = []
  for (const [index, operation] of operations.entries()) {
    const result = apply(batch, operation, index)
    if (!result.ok) return fail(atOperation(index, result.error))
    results.push(result.value)
  }
  const flushed = flushAll(batch)
  return flushed.ok ? ok(results) : flushed
}

function startBatch(context: WriteContext, transaction: Transaction): Batch {
  return { context, transaction, added: new Set(), drafts: new Map() }
}

function apply(batch: Batch, operation: Operation, index: number): Result<Stored, Failure> {
  if (operation.operation === 'store_function') return draftFunction(batch, operation, index)
  const name = operation.operation === 'store_module' ? operation.module.module_name : operation.module_name
  const flushed = flush(batch, name)
  if (!flushed.ok) return flushed
  switch (operation.operation) {
    case 'store_module':
      return storeModule(batch, operation.module)
    case 'update_module':
      return patchModule(batch.transaction, operation)
    case 'delete_module':
      return batch.transaction.deleteClientModule(name, operation.expected_version)
    default:
      return unreachable(operation)
  }
}

function storeModule({ context, transaction, added }: Batch, statement: ClientModuleStatement): Result<Stored, Failure> {
  const module = clientFacts(statement)
  if (!module.ok) return module
  const name = statement.module_name
  if (!added.has(name) && transaction.findClientDocument(name) === undefined) {
    const { maxModules } = context.limits
    if (context.countModules() + added.size >= maxModules) {
      return fail(failure('too_large', `the repository holds its limit of ${maxModules} modules`, { hint: 'raise storage.maxModules' }))
    }
    added.add(name)
  }
  return transaction.storeClientModule(module.value)
}

function draftFunction(batch: Batch, operation: Extract<Operation, { operation: 'store_function' }>, index: number): Result<Stored, Failure> {
  const { module_name: name, function: stated } = operation
  const draft = draftOf(batch, name)
  if (!draft.ok) return draft
  draft.value.functions.set(`${stated.function_name}/${stated.arity}`, stated)
  draft.value.lastOperation = index
  return ok({ key: name, version: batch.transaction.version })
}

function draftOf({ drafts, transaction }: Batch, name: string): Result<Draft, Failure> {
  const open = drafts.get(name)
  if (open !== undefined) return ok(open)
  const known = transaction.findClientDocument(name)
  const statement = readStatement(known?.document ?? { module_name: name })
  if (!statement.ok) return statement
  if (statement.value.source !== undefined) {
    return fail(failure('conflict', `${name} was stored as source text`, { hint: 'store it again with the function in its source' }))
  }
  const functions = new Map(statement.value.functions.map((stated) => [`${stated.function_name}/${stated.arity}`, stated]))
  const draft = { statement: statement.value, functions, lastOperation: 0 }
  drafts.set(name, draft)
  return ok(draft)
}

function flush(batch: Batch, name: string): Result<null, Failure> {
  const draft = batch.drafts.get(name)
  if (draft === undefined) return ok(null)
  batch.drafts.delete(name)
  const stored = storeModule(batch, { ...draft.statement, functions: [...draft.functions.values()] })
  return stored.ok ? ok(null) : fail(atOperation(draft.lastOperation, stored.error))
}

function flushAll(batch: Batch): Result<null, Failure> {
  for (const name of batch.drafts.keys()) {
    const flushed = flush(batch, name)
    if (!flushed.ok) return flushed
  }
  return ok(null)
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

function atOperation(index: number, error: Failure): Failure {
  if (error.details?.['operation'] !== undefined) return error
  return { ...error, message: `operation ${index}: ${error.message}`, details: { ...error.details, operation: index } }
}

function storedRecord(stored: Stored): StoredRecord {
  return { module_name: stored.key, version: stored.version }
}
