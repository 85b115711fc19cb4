/** Reading the repository as a whole: who answers, problems, statistics, export. */

import type { Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import type { ExportRow } from '../store/contract.ts'
import type { ReadArgs, Reply } from '../wire/methods.ts'
import { WIRE_VERSION } from '../wire/version.ts'
import type { ImportResult } from '../wire/records.ts'
import { answer } from './answer.ts'
import { noFile } from './find.ts'
import { callRecord, functionData, moduleData, problemRecord } from './present.ts'
import { freshness, type ReadContext } from './read-context.ts'
import { sizeClassOf, validateMemoryUsage } from './validate-usage.ts'

export function hello(context: ReadContext): Result<Reply<'hello'>, Failure> {
  return ok({
    product: 'elixir-scope', version: context.identity.version, wire_version: WIRE_VERSION,
    repository_id: context.snapshot.repositoryId, project_root: context.identity.projectRoot, pid: context.identity.pid,
  })
}

export function listProblems(context: ReadContext, args: ReadArgs<'list_problems'>): Result<Reply<'list_problems'>, Failure> {
  if (args.path !== undefined && context.snapshot.findFile(args.path) === undefined) return fail(noFile(args.path))
  const page = context.snapshot.problems({ limit: args.limit, after: args.cursor, path: args.path })
  return ok(answer({ problems: page.items.map(problemRecord), cursor: page.next }, freshness(context)))
}

export function getStatistics(context: ReadContext, args: ReadArgs<'get_statistics'>): Result<Reply<'get_statistics'>, Failure> {
  const counted = context.snapshot.statistics({ bytesByTable: args.bytes_by_table ? 'yes' : 'no' })
  return ok(answer({
    repository_id: counted.repositoryId, created_at: counted.createdAt, last_updated: counted.lastUpdated,
    schema_version: counted.schemaVersion, epoch: counted.epoch, project_root: context.identity.projectRoot,
    files: counted.files, modules: counted.modules, functions: counted.functions, clauses: counted.clauses, calls: counted.calls,
    callees: counted.callees, problems: counted.problems, client_modules: counted.clientModules,
    source_bytes: counted.sourceBytes, source_bytes_stored: counted.sourceBytesStored,
    versions: counted.versions, version_bytes: counted.versionBytes, oldest_epoch: counted.oldestEpoch, stale_functions: counted.staleFunctions,
    database_bytes: counted.databaseBytes, wal_bytes: counted.walBytes, bytes_by_table: counted.bytesByTable === null ? null : { ...counted.bytesByTable },
    import: {
      state: counted.import.state, files_done: counted.import.filesDone, files_total: counted.import.filesTotal,
      last: counted.import.last as ImportResult | null,
    },
  }, freshness(context)))
}

/** Correlations are none so far. */
export function validateUsage(context: ReadContext): Result<Reply<'validate_memory_usage'>, Failure> {
  const { databaseBytes, walBytes } = context.snapshot.statistics()
  const { indexBytes, modules } = context.snapshot.bytesHeld()
  const bySize = { small: { count: 0, bytes: 0 }, medium: { count: 0, bytes: 0 }, large: { count: 0, bytes: 0 } }
  for (const { linesOfCode, bytes } of modules) {
    const size = bySize[sizeClassOf(linesOfCode)]
    size.count += 1
    size.bytes += bytes
  }
  const usedBytes = context.memory.usedBytes()
  const repositoryBytes = databaseBytes + walBytes
  const { status, violations } = validateMemoryUsage(
    { usedBytes, repositoryBytes, indexBytes, correlationBytes: 0, correlationCount: 0, correlationIndexBytes: 0, modules: bySize }, context.memory.maxBytes)
  return ok(answer({
    status, violations: [...violations], used_bytes: usedBytes, max_bytes: context.memory.maxBytes, repository_bytes: repositoryBytes, index_bytes: indexBytes, modules: bySize,
  }, freshness(context)))
}

export function exportData(context: ReadContext, args: ReadArgs<'export_data'>): Result<Reply<'export_data'>, Failure> {
  const page = context.snapshot.exportRows({ limit: args.limit, after: args.cursor })
  const lines = page.items.map((row) => JSON.stringify(exportRecord(row)))
  return ok(answer({ lines, cursor: page.next }, freshness(context)))
}

const WHOLE = { text: Number.MAX_SAFE_INTEGER, functions: Number.MAX_SAFE_INTEGER }

function exportRecord(row: ExportRow): object {
  switch (row.table) {
    case 'file':
      return {
        record: 'file', path: row.row.path, source_hash: row.row.sourceHash, bytes: row.row.bytes, lines: row.row.lines,
        readable: row.row.readable, version: row.row.version,
      }
    case 'module':
      return { record: 'module', ...moduleData(row.row, [], WHOLE), body_calls: row.bodyCalls.map(callRecord) }
    case 'function':
      return { record: 'function', ...functionData(row.row, row.calls, { text: WHOLE.text, moreCalls: null }) }
    case 'problem':
      return { record: 'problem', ...problemRecord(row.row) }
  }
}
