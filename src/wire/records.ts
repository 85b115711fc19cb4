/**
 * The records that methods take and return, as they stand on the wire: names in snake_case, lines and columns from 1,
 * offsets in bytes, hashes in hex, times in ISO 8601 UTC. `ModuleData` and `FunctionData` carry the static fields of the
 * technical specification; what only run time knows is absent here.
 */

import { z } from 'zod'
import { functionKind } from './client-module.ts'

const line = z.int().min(1)
const offset = z.int().min(0)

/** What a client states may lack a place: 0. */
const lineOrNone = z.int().min(0)

export const spanRecord = z.object({
  line, column: line, end_line: line, end_column: line,
  start: offset.describe('byte offset'), end: offset.describe('byte offset, exclusive'),
})

export const docRecord = z.object({
  text: z.string().nullable().describe('null: none written'),
  hidden: z.boolean().describe('@doc false or @moduledoc false'),
  cut_at: z.int().nullable().describe('characters kept when the text was cut, null when it is whole'),
})

export const problemRecord = z.object({ path: z.string(), code: z.string(), message: z.string(), line, column: line })

export const callRecord = z.object({
  callee: z.string().describe('MFA; a bare `name/arity` where the module is not known'),
  module: z.string().nullable(), function: z.string(), arity: z.int().min(0),
  kind: z.enum(['local', 'remote', 'imported', 'capture', 'delegate']),
  grade: z.enum(['syntactic', 'resolved']).describe('how the callee is known'),
  dynamic: z.boolean().describe('the module is known only at run time'),
  line: lineOrNone, column: lineOrNone,
  node_id: z.string(),
})

export const callerRecord = z.object({
  caller: z.string().describe('MFA, or `Module#body` for the module body'),
  path: z.string().nullable(), line: lineOrNone, column: lineOrNone,
  node_id: z.string(),
  grade: z.enum(['syntactic', 'resolved']),
})

export const moduleSummary = z.object({
  module_name: z.string().describe('a second definition of one name is `Name@2`'),
  kind: z.enum(['module', 'protocol', 'implementation']),
  source_file: z.string().nullable(), line: line.nullable(),
  functions: z.int(), lines_of_code: z.int(),
  origin: z.enum(['file', 'client']),
})

export const moment = z.object({ epoch: z.int(), at: z.string() })

export const functionSummary = z.object({
  mfa: z.string(), module_name: z.string(), function_name: z.string(), arity: z.int(),
  kind: functionKind,
  visibility: z.enum(['public', 'private']),
  source_file: z.string().nullable(), line: line.nullable(),
  clauses: z.int(), cyclomatic_complexity: z.int(), lines_of_code: z.int(),
  origin: z.enum(['file', 'client']),
  stale: z.boolean().describe('no longer found, because its file does not parse; what is said is from before'),
})

export const moduleData = z.object({
  module_name: z.string(),
  kind: z.enum(['module', 'protocol', 'implementation']),
  implements: z.object({ protocol: z.string(), target: z.string() }).nullable(),
  source_file: z.string().nullable(),
  source_location: spanRecord.nullable(),
  source_hash: z.string(), tree_hash: z.string().describe('blind to layout and comments'),
  beam_md5: z.string().nullable().describe('of the loaded code, once run time reports it'),
  moduledoc: docRecord, deprecated: z.string().nullable(),
  directives: z.array(z.object({
    kind: z.enum(['alias', 'import', 'require', 'use']), module: z.string(), as: z.string().nullable(),
    only: z.array(z.string()).nullable(), except: z.array(z.string()).nullable(), argument: z.string().nullable(), line, column: line,
  })),
  attributes: z.array(z.object({ name: z.string(), text: z.string(), line, column: line })),
  behaviours: z.array(z.string()),
  types: z.array(z.object({ kind: z.enum(['type', 'typep', 'opaque']), name: z.string(), arity: z.int(), text: z.string(), line })),
  callbacks: z.array(z.object({
    kind: z.enum(['callback', 'macrocallback']), name: z.string(), arity: z.int(), text: z.string(), optional: z.boolean(), line,
  })),
  struct: z.object({
    kind: z.enum(['struct', 'exception']), fields: z.array(z.object({ name: z.string(), default: z.string().nullable() })),
    enforced: z.array(z.string()), line,
  }).nullable(),
  exports: z.array(z.string()).describe('public functions, `name/arity`, each arity that defaults generate'),
  macros: z.array(z.string()).describe('public macros and guards, likewise'),
  functions: z.array(functionSummary),
  functions_cut_at: z.int().nullable().describe('functions listed when there are more; get_functions_for_module pages through all'),
  dependencies: z.array(z.string()),
  lines_of_code: z.int(), cyclomatic_complexity: z.int().describe('highest among the functions'),
  origin: z.enum(['file', 'client']),
  version: z.int().describe('epoch of the last change; `expected_version` of update_module'),
  last_updated: z.string(),
  first_seen: moment.nullable().describe('null in an export, which holds facts alone'),
  last_modified: moment.nullable().describe('of anything in it but its place'),
})

export const clauseRecord = z.object({
  node_id: z.string(), location: spanRecord.nullable(), parameters: z.array(z.string()), guard: z.string().nullable(), cyclomatic_complexity: z.int(),
})

export const functionData = z.object({
  mfa: z.string(), ast_node_id: z.string(),
  module_name: z.string(), function_name: z.string(), arity: z.int(),
  kind: functionKind, visibility: functionSummary.shape.visibility,
  arities: z.array(z.int()).describe('every arity it answers to, defaults included'),
  source_file: z.string().nullable(), source_location: spanRecord.nullable(),
  source_hash: z.string(), tree_hash: z.string(),
  signature: z.string().describe('head of the first clause as written'),
  clauses: z.array(clauseRecord),
  doc: docRecord, specs: z.array(z.string()),
  impl: z.union([z.literal(true), z.string()]).nullable(), deprecated: z.string().nullable(), delegate_to: z.string().nullable(),
  lines_of_code: z.int(), cyclomatic_complexity: z.int().describe('highest among the clauses, each counted as Credo counts it'),
  calls_made: z.array(callRecord), calls_cut_at: z.int().nullable().describe('calls listed when there are more; get_callees pages through all'),
  origin: z.enum(['file', 'client']), version: z.int(), last_updated: z.string(),
  first_seen: moment.nullable().describe('null in an export, which holds facts alone'),
  last_modified: moment.nullable().describe('of anything about it but its place'),
  stale: z.object({ since: moment, reason: z.string() }).nullable()
    .describe('not null: no longer found, because its file does not parse; everything else is from before'),
})

export const fileVersion = z.object({
  version: z.int().describe('of the file, from 1'), source_hash: z.string(), bytes: z.int(),
  readable: z.boolean(), since: moment, until: moment.nullable().describe('null for the present one'),
})

const nodeList = z.object({ count: z.int(), node_ids: z.array(z.string()), cut_at: z.int().nullable().describe('ids listed when there are more') })

export const moduleDiff = z.object({
  module_name: z.string(), source_file: z.string(), from: z.int(), to: z.int(),
  change_type: z.enum(['none', 'minor', 'major', 'structural']),
  name_before: z.string().nullable().describe('null for a module that came'), name_after: z.string().nullable().describe('null for a module that went'),
  added_functions: z.array(z.object({ function: z.string(), from: z.string().nullable().describe('the function that it was before') })),
  removed_functions: z.array(z.object({ function: z.string(), to: z.string().nullable().describe('the function that it is now') })),
  modified_functions: z.array(z.object({ function: z.string(), changes: z.array(z.string()) })),
  metadata_changes: z.array(z.object({ field: z.string(), removed: z.array(z.string()), added: z.array(z.string()) })),
  exports: z.enum(['same', 'changed']).describe('whether callers may be affected'),
  correlation_impacts: z.object({ broken: nodeList, new: nodeList, maintained: z.object({ count: z.int() }) })
    .describe('nodes by what became of their ids: each is in one of the three'),
})

export const astNode = z.object({
  node_id: z.string(), kind: z.string().describe('kind of the syntax node'), label: z.string(),
  source_file: z.string(), location: spanRecord,
  text: z.string(), cut_at: z.int().nullable().describe('characters kept when the text was cut'),
  quoted: z.string().describe('the quoted form as Elixir inspects it, cut like the text'),
  parent_id: z.string().nullable(), children_ids: z.array(z.string()), children_cut_at: z.int().nullable(),
})

export const importResult = z.object({
  files: z.int(), parsed: z.int(), unchanged: z.int(), removed: z.int(), unreadable: z.int(),
  modules: z.int(), functions: z.int(), problems: z.int(), bytes: z.int(), duration_ms: z.number(), epoch: z.int(),
})

export const statistics = z.object({
  repository_id: z.string(), created_at: z.string(), last_updated: z.string(), schema_version: z.int(), epoch: z.int(),
  project_root: z.string(),
  files: z.int(), modules: z.int(), functions: z.int(), clauses: z.int(), calls: z.int(), callees: z.int(), problems: z.int(),
  client_modules: z.int(), source_bytes: z.int(), source_bytes_stored: z.int(),
  versions: z.int().describe('earlier contents of files that are kept'), version_bytes: z.int().describe('of their sources, compressed'),
  oldest_epoch: z.int().describe('the oldest that rollback goes to'), stale_functions: z.int(),
  database_bytes: z.int(), wal_bytes: z.int(), bytes_by_table: z.record(z.string(), z.int()).nullable().describe('null unless asked for'),
  import: z.object({
    state: z.enum(['never', 'running', 'complete', 'interrupted']), files_done: z.int(), files_total: z.int(), last: importResult.nullable(),
  }),
})

export const pressureLevel = z.enum(['normal', 'warning', 'critical', 'emergency'])

export const memoryCleanup = z.object({
  mode: z.enum(['soft', 'aggressive', 'emergency']), freed_bytes: z.int().describe('as far as known'), took_ms: z.number(),
  steps: z.array(z.object({ step: z.string(), freed_bytes: z.int(), failed: z.string().nullable() })),
})

export const memoryStatus = z.object({
  level: pressureLevel, used_bytes: z.int().describe('what counts against the limit'), max_bytes: z.int(),
  limit_from: z.enum(['configured', 'container', 'machine', 'ceiling']), peak_bytes: z.int(), growth_bytes_per_second: z.number(),
  resident_bytes: z.int(), external_bytes: z.int(), shared_bytes: z.int(), database_bytes: z.int(), wal_bytes: z.int(),
  heaps: z.array(z.object({ thread: z.string(), used_bytes: z.int() })),
  caches: z.object({
    bytes: z.int(), max_bytes: z.int(), ratio: z.number().describe('share of max_bytes that may be used at this level'),
    views: z.array(z.object({ name: z.string(), entries: z.int(), bytes: z.int(), hits: z.int(), misses: z.int() })),
  }),
  moves: z.int().describe('changes of the level'), cleaning: memoryCleanup.shape.mode.nullable().describe('under way'),
  cleanups: z.int(), freed_bytes: z.int(), last_cleanup: memoryCleanup.nullable(),
})

const moduleBytes = z.object({ count: z.int(), bytes: z.int() })

export const memoryUsage = z.object({
  status: z.enum(['ok', 'violated']), violations: z.array(z.object({ what: z.string(), actual: z.number(), limit: z.number(), message: z.string() })),
  used_bytes: z.int(), max_bytes: z.int(), repository_bytes: z.int(), index_bytes: z.int(),
  modules: z.object({ small: moduleBytes, medium: moduleBytes, large: moduleBytes }).describe('below 500 lines of code, up to 2,000, above'),
})

export const serviceHealth = z.object({
  name: z.string(), status: z.enum(['healthy', 'degraded', 'unhealthy']), reason: z.string().nullable(), remedy: z.string().nullable(),
})

export const health = z.object({ status: serviceHealth.shape.status, services: z.array(serviceHealth), checked_at: z.string() })

export const treeNode: z.ZodType<TreeNode> = z.lazy(() => z.object({
  name: z.string(), kind: z.enum(['supervisor', 'thread', 'pool', 'actor']), state: z.string(),
  strategy: z.string().nullable(), restart: z.string(), restarts: z.int(), uptime_ms: z.number().nullable(),
  thread: z.string().nullable(), mailbox: z.int().nullable(), heap_bytes: z.int().nullable(), utilization: z.number().nullable(),
  shed: z.int().nullable().describe('messages that found the mailbox full'),
  spare: z.enum(['loading', 'ready']).nullable().describe('of a thread that keeps one'),
  last_exit: z.string().nullable().describe('why its last life ended'),
  children: z.array(treeNode),
}))

export type TreeNode = {
  name: string
  kind: 'supervisor' | 'thread' | 'pool' | 'actor'
  state: string
  strategy: string | null
  restart: string
  restarts: number
  uptime_ms: number | null
  thread: string | null
  mailbox: number | null
  heap_bytes: number | null
  utilization: number | null
  shed: number | null
  spare: 'loading' | 'ready' | null
  last_exit: string | null
  children: TreeNode[]
}

const latency = z.object({ p50_ms: z.number(), p95_ms: z.number(), p99_ms: z.number() }).nullable().describe('upper bounds; null without calls')

export const monitoring = z.object({
  window_ms: z.int().describe('the time that rates, shares and latencies are of, up to now'),
  query_latency: latency, update_latency: latency.describe('of what clients write; imports apart'),
  queries_per_second: z.number(), updates_per_second: z.number().describe('write transactions, those of imports too'),
  memory_usage: z.int().describe('bytes resident'), cpu_usage: z.number().describe('1: one processor all the time'), disk_usage: z.int().describe('bytes of the repository'),
  query_cache_hit_rate: z.number().nullable(), error_rate: z.number().nullable().describe('share of calls that failed by our fault'),
  errors: z.record(z.string(), z.int()).describe('calls that failed, by code'),
  consistency_violations: z.int().describe('damaged stores set aside since the start'),
})

export const takenProfile = z.object({
  path: z.string().describe('of the file: .cpuprofile and .heapsnapshot as Chrome\'s DevTools open them'),
  kind: z.enum(['cpu', 'heap']), thread: z.string(), bytes: z.int(), duration_ms: z.number(),
})

export const differenceRecord = z.object({
  what: z.string().describe('file, source, modules (their order), module, functions (their order), function, callers, problems, count, table or index, store'),
  where: z.string().describe('path, module or MFA; what it is about otherwise'),
  path: z.string().nullable().describe('the file whose facts differ'),
  field: z.string().nullable().describe('null: it is there in one of the two only'),
  live: z.string().nullable().describe('what the repository says; null for nothing'),
  rebuilt: z.string().nullable().describe('what the files say; null for nothing'),
})

export const verificationRecord = z.object({
  differences: z.array(differenceRecord), total: z.int().describe('of differences, named here or not'), files_differing: z.int(),
  files: z.int(), modules: z.int(), functions: z.int(), calls: z.int(), problems: z.int(),
  not_compared: z.object({
    client_modules: z.int(), stale_functions: z.int(), files_changing: z.array(z.string()).describe('saved again and again while it ran'),
  }).describe('what follows from no file'),
  epoch: z.int(), duration_ms: z.number(),
})

export type ModuleData = z.infer<typeof moduleData>
export type FunctionData = z.infer<typeof functionData>
export type ModuleSummary = z.infer<typeof moduleSummary>
export type FileVersionRecord = z.infer<typeof fileVersion>
export type ModuleDiffRecord = z.infer<typeof moduleDiff>
export type FunctionSummary = z.infer<typeof functionSummary>
export type AstNode = z.infer<typeof astNode>
export type CallRecord = z.infer<typeof callRecord>
export type CallerRecord = z.infer<typeof callerRecord>
export type ImportResult = z.infer<typeof importResult>
export type Statistics = z.infer<typeof statistics>
export type Monitoring = z.infer<typeof monitoring>
export type TakenProfile = z.infer<typeof takenProfile>
export type Health = z.infer<typeof health>
export type MemoryStatus = z.infer<typeof memoryStatus>
export type MemoryCleanup = z.infer<typeof memoryCleanup>
export type ServiceHealth = z.infer<typeof serviceHealth>
export type DifferenceRecord = z.infer<typeof differenceRecord>
export type VerificationRecord = z.infer<typeof verificationRecord>
