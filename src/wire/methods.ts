/**
 * The one map of methods: name -> arguments, result, where it runs, whether repeating it is safe, which errors it gives.
 * Request, reply, client, docs/RPC.md and the gateway's validation all derive from it. A call's params are an array of
 * one map (the arguments); a result is an `Answer` unless it says otherwise.
 *
 * `runs`: `read` is answered in the gateway thread from its own snapshot; `write` goes to the repository thread;
 * `control` to the main thread; `task` to a thread of its own, and ends when its client goes; `events` to the query pool and
 * `capture` to the capture thread (`event-methods.ts`).
 */

import { z } from 'zod'
import type { FailureCode } from '../base/failure.ts'
import { answer } from './answers.ts'
import { clientFunction, clientModule, mfa, moduleName, path } from './client-module.ts'
import { EVENT_METHODS } from './event-methods.ts'
import {
  astNode, callerRecord, callRecord, fileVersion, functionData, functionSummary, health, importResult, memoryCleanup, memoryStatus, memoryUsage, moduleData, moduleDiff, moduleSummary, moment,
  monitoring, pressureLevel, problemRecord, statistics, takenProfile, treeNode, verificationRecord,
} from './records.ts'

export type MethodSpec = {
  readonly summary: string
  readonly runs: 'read' | 'write' | 'control' | 'task' | 'events' | 'capture'
  /** Safe to repeat after a lost connection. What is not carries a `request_id` that makes a repeat safe. */
  readonly idempotent: boolean
  readonly args: z.ZodObject
  readonly result: z.ZodType
  readonly errors: readonly FailureCode[]
}

const page = {
  limit: z.int().min(1).max(1000).default(100).describe('at most this many'),
  cursor: z.string().max(2048).optional().describe('from the page before'),
}
const origin = z.enum(['file', 'client', 'all']).default('all')
const version = z.int().min(0).optional().describe('refused with `conflict` when the module has changed since')
const requestId = z.string().min(1).max(128).optional().describe('a repeat with the same id is answered with the first result')

const storeModule = z.strictObject({ operation: z.literal('store_module'), module: clientModule })
const storeFunction = z.strictObject({ operation: z.literal('store_function'), module_name: moduleName, function: clientFunction })
const patchModule = z.strictObject({
  operation: z.literal('update_module'), module_name: moduleName, expected_version: version,
  patch: z.record(z.string(), z.unknown()).describe('JSON merge patch (RFC 7396) over the stored client facts'),
})
const deleteModule = z.strictObject({ operation: z.literal('delete_module'), module_name: moduleName, expected_version: version })
export const updateOperation = z.discriminatedUnion('operation', [storeModule, storeFunction, patchModule, deleteModule])

const fileVersionNumber = z.int().min(1).optional()

const stored = z.object({ module_name: z.string(), version: z.int() })

function listOf<K extends string, T extends z.ZodType>(key: K, item: T) {
  const shape = { [key]: z.array(item) } as Record<K, z.ZodArray<T>>
  return answer(z.object({ ...shape, cursor: z.string().nullable().describe('null on the last page') }))
}

const READ: readonly FailureCode[] = ['not_found', 'invalid_argument', 'unavailable', 'timeout', 'busy', 'damaged']
const WRITE: readonly FailureCode[] = ['invalid_argument', 'too_large', 'conflict', 'busy', 'unavailable', 'timeout', 'storage_full', 'insufficient_memory']

const wait = z.boolean().optional().describe('answer when every change saved before this call is in')

function read<A extends z.ZodRawShape, R extends z.ZodType>(summary: string, shape: z.ZodObject<A>, result: R) {
  return { summary, runs: 'read', idempotent: true, args: z.strictObject({ ...shape.shape, wait }), result, errors: READ } as const
}

function write<A extends z.ZodRawShape, R extends z.ZodType>(summary: string, shape: A, result: R, errors = WRITE) {
  const args = z.strictObject({ ...shape, request_id: requestId })
  return { summary, runs: 'write', idempotent: false, args, result, errors } as const
}

const CONTROL: readonly FailureCode[] = ['unavailable', 'timeout']

function control<A extends z.ZodObject, R extends z.ZodType>(summary: string, args: A, result: R, errors = CONTROL) {
  return { summary, runs: 'control', idempotent: true, args, result, errors } as const
}

const ofSupervisor = { supervisor: z.string().min(1).max(255).describe('full name, e.g. ElixirScope.AST.Supervisor') }
const ofChild = { ...ofSupervisor, child: z.string().min(1).max(255).describe('full name of one of its children') }

function supervising<A extends z.ZodRawShape, R extends z.ZodType>(summary: string, shape: A, result: R) {
  return control(summary, z.strictObject(shape), result, [...CONTROL, 'not_found', 'conflict'])
}

const ofTask = { task: z.string().min(1).max(128).describe('as the call that began it answered') }

const TASK: readonly FailureCode[] = [...CONTROL, 'busy', 'conflict', 'too_large', 'storage_full', 'insufficient_memory', 'damaged']

function task<A extends z.ZodObject, R extends z.ZodType>(summary: string, args: A, result: R) {
  return { summary, runs: 'task', idempotent: true, args, result, errors: TASK } as const
}

const named = z.strictObject({ limit: z.int().min(0).max(10_000).default(100).describe('differences that are named; the others are counted') })

const done = z.object({ ok: z.literal(true) })

const none = z.strictObject({})

export const METHODS = {
  hello: read('Who answers: versions, project, repository.', none, z.object({
    product: z.string(), version: z.string(), wire_version: z.int(), repository_id: z.string(), project_root: z.string(), pid: z.int(),
  })),

  watch: read('Have this connection told of every commit that changes something, by `changed` notifications, until it is closed.',
    none, answer(z.object({ watching: z.literal(true) }))),

  get_module: read('One module with all its static facts.',
    z.strictObject({ module_name: moduleName, text_limit: z.int().min(0).max(1_000_000).default(20_000) }), answer(moduleData)),
  list_modules: read('Modules by name.',
    z.strictObject({ ...page, origin, prefix: z.string().max(1024).optional() }), listOf('modules', moduleSummary)),
  get_module_by_file: read('The modules that a file defines.', z.strictObject({ path }), answer(z.object({ modules: z.array(moduleSummary) }))),
  get_function: read('One function; any arity that its defaults generate finds it.',
    z.strictObject({ mfa, text_limit: z.int().min(0).max(1_000_000).default(20_000) }), answer(functionData)),
  list_functions: read('Functions in order of module, name and arity.',
    z.strictObject({ ...page, origin, module_prefix: z.string().max(1024).optional() }), listOf('functions', functionSummary)),
  get_functions_for_module: read('Functions of one module in source order.',
    z.strictObject({ module_name: moduleName, ...page }), listOf('functions', functionSummary)),
  get_ast_node: read('A syntax node by id: kind, place, text, quoted form, parent and children.',
    z.strictObject({ node_id: z.string().min(1).max(8192), text_limit: z.int().min(0).max(1_000_000).default(4000) }), answer(astNode)),
  get_callers: read('Who calls this function, over the whole project.', z.strictObject({ mfa, ...page }), listOf('callers', callerRecord)),
  get_callees: read('What a function calls, in source order.', z.strictObject({ mfa, ...page }), listOf('callees', callRecord)),
  list_problems: read('What is wrong in the project\'s files.', z.strictObject({ ...page, path: path.optional() }), listOf('problems', problemRecord)),
  get_statistics: read('Counts, bytes and epochs of the repository.', z.strictObject({
    bytes_by_table: z.boolean().default(false).describe('also bytes by table and index: walks the whole database'),
  }), answer(statistics)),
  export_data: read('The repository as lines of JSON (NDJSON), a page at a time.', z.strictObject(page),
    answer(z.object({ lines: z.array(z.string()), cursor: z.string().nullable() }))),
  validate_memory_usage: read('Memory in use against the limits of the specification, with all violations. Walks the whole database.', none, answer(memoryUsage)),

  version_history: read('The contents that a file has had, the newest first, as far as they are kept.',
    z.strictObject({ module_name: moduleName.optional(), path: path.optional().describe('instead of module_name') }), answer(z.object({
      source_file: z.string(), versions: z.array(fileVersion),
      first_seen: moment.nullable().describe('of the module that was asked for'), last_modified: moment.nullable(),
    }))),
  get_module_diff: read('What changed in a module between two versions of its file.', z.strictObject({
    module_name: moduleName, path: path.optional().describe('the file, for a module that it no longer defines'),
    from: fileVersionNumber.describe('without it, the one before `to`'), to: fileVersionNumber.describe('without it, the newest'),
  }), answer(moduleDiff)),
  translate_node: read('Where a node of one version of a file is in another, later or earlier.', z.strictObject({
    node_id: z.string().min(1).max(8192), path: path.optional().describe('the file, for a module that it no longer defines'),
    from: z.int().min(1).describe('the version that the id is of'), to: fileVersionNumber.describe('without it, the newest'),
  }), answer(z.object({ node_id: z.string().nullable().describe('null: there is no such node there'), from: z.int(), to: z.int() }))),

  store_module: write('Store a module stated by a client, as source text or as facts.', { module: clientModule }, answer(stored)),
  store_function: write('Store one function stated by a client.',
    { module_name: moduleName, function: clientFunction }, answer(stored)),
  batch_store: write('Store modules and functions, all or nothing.',
    { items: z.array(z.discriminatedUnion('operation', [storeModule, storeFunction])).min(1).max(10_000) },
    answer(z.object({ stored: z.int() }))),
  update_module: write('Change a module that a client stored, by merge patch.', patchModule.omit({ operation: true }).shape, answer(stored),
    [...WRITE, 'not_found']),
  delete_module: write('Delete a module that a client stored. Modules from files go with their file.',
    deleteModule.omit({ operation: true }).shape, answer(stored), [...WRITE, 'not_found']),
  cleanup_module: write('Remove everything a client stored under a module; absent is fine.',
    { module_name: moduleName }, answer(z.object({ module_name: z.string(), removed: z.int() }))),
  bulk_update: write('Mixed operations, all or nothing, with a result for each.', {
    operations: z.array(updateOperation).min(1).max(10_000),
    expected_epoch: z.int().min(0).optional().describe('refused with `conflict` when the repository has changed since'),
  }, answer(z.object({ results: z.array(stored) })), [...WRITE, 'not_found']),
  import_project: write('Bring the repository in step with the project\'s files. Progress comes as `import_progress` notifications.',
    { force: z.boolean().default(false).describe('parse unchanged files too') }, answer(importResult)),
  rollback: write('Bring the facts of all files back to those of an epoch, as one new epoch. Files on disk are left alone: the next comparison with them goes forward again.',
    { epoch: z.int().min(0) }, answer(z.object({ rolled_back_to: z.int(), restored: z.int().describe('files'), removed: z.int().describe('files') })), [...WRITE, 'not_found']),
  optimize: write('Rebuild what is derived (postings, counts, indexes) from the facts; drop rows that belong to nothing.', {}, answer(z.object({ duration_ms: z.number() }))),
  vacuum: write('Give disk space back: drop unreferenced sources, rewrite the database.', {},
    answer(z.object({ bytes_before: z.int(), bytes_after: z.int(), sources_dropped: z.int() }))),

  ...EVENT_METHODS,

  verify: task('Build the facts anew from the files, beside the repository, and compare everything. Progress comes as `verify_progress` notifications.',
    named, verificationRecord),
  repair: task('Verify, and mend what differs: parse its files anew, rebuild what is derived, at last the whole store; then verify again.',
    named, z.object({ found: verificationRecord, steps: z.array(z.string()).describe('what was done, in order; none where nothing differed'), left: verificationRecord })),

  health_check: control('State of every service with reasons and remedies.', none, health),
  daemon_status: control('The daemon: version, addresses, uptime, memory.', none, z.object({
    version: z.string(), node_version: z.string(), pid: z.int(), started_at: z.string(), uptime_ms: z.number(), project_root: z.string(),
    state_dir: z.string(), socket: z.string(), http: z.string().nullable(), profile: z.string(), rss_bytes: z.int(), log_file: z.string().nullable(),
    memory: z.object({ level: pressureLevel, max_bytes: z.int() }).describe('pressure, and the limit that it is relative to'),
    monitoring: monitoring.describe('how things go'),
    watching: z.object({
      phase: z.enum(['starting', 'watching', 'degraded', 'polling', 'absent']), means: z.enum(['chokidar', 'directories', 'polling']).nullable(),
      reason: z.string().nullable(), directories: z.int(), rescans: z.int(), pending_files: z.int().describe('known to have changed, and not in yet'),
    }).nullable().describe('how the files are followed; null without watching'),
    capture: z.object({
      events: z.int(), bytes_on_disk: z.int(), nodes: z.array(z.string()).describe('that are connected'), listening: z.array(z.string()).describe('where agents connect'),
    }).nullable().describe('events that are kept; null without capture'),
    questions: z.array(z.object({
      method: z.string(), age_ms: z.int(), running_ms: z.int().nullable().describe('what a thread has spent on it; null while it waits for one'), askers: z.int(),
    })).describe('about events, that are under way; the oldest first'),
    heart: z.object({ pid: z.int(), restarts: z.int() }).nullable()
      .describe('the process that starts the daemon again when it aborts, and how often it has; null in the foreground'),
    store_set_aside: z.object({
      path: z.string(), at: z.string(), why: z.string(), client_modules_kept: z.int().nullable(), client_modules_lost: z.int().nullable(),
    }).nullable().describe('the last damaged store, and what became of what clients had stated; null where that is not known. Delete the directory to forget it'),
  })),
  supervision_tree: control('The supervision tree, live.', none, treeNode),
  'supervisor.which_children': supervising('The children of a supervisor, the last started first.', ofSupervisor, z.object({
    children: z.array(z.object({
      id: z.string().nullable().describe('null for children started by a template'),
      child: z.enum(['running', 'restarting', 'undefined']), type: z.enum(['worker', 'supervisor']),
    })),
  })),
  'supervisor.count_children': supervising('How many children a supervisor has, by kind.', ofSupervisor,
    z.object({ specs: z.int(), active: z.int(), supervisors: z.int(), workers: z.int() })),
  'supervisor.get_childspec': supervising('The specification of a child.', ofChild, z.object({
    id: z.string(), kind: z.enum(['supervisor', 'thread', 'pool', 'actor']), restart: z.enum(['permanent', 'transient', 'temporary']),
    shutdown: z.union([z.int(), z.enum(['infinity', 'brutal_kill'])]), type: z.enum(['worker', 'supervisor']), significant: z.boolean(),
  })),
  'supervisor.start_child': supervising('Start a child that the tree is written with and that was deleted since.', ofChild, done),
  'supervisor.restart_child': supervising('Start a child that has ended and is still known.', ofChild, done),
  'supervisor.terminate_child': supervising('End a child; it is not started again by itself.', ofChild, done),
  'supervisor.delete_child': supervising('Forget a child that has ended.', ofChild, done),
  memory_status: control('Where memory is: what counts against the limit, caches, cleaning.', none, memoryStatus),
  emergency_cleanup: control('Free what memory can be freed, caches included.', none, memoryCleanup),
  profile: {
    ...control('Begin a CPU profile of a thread, or a snapshot of its heap; `task.await` fetches it. One at a time in a thread.', z.strictObject({
      kind: z.enum(['cpu', 'heap']).default('cpu'), thread: z.string().min(1).max(255).describe('`main`, a thread or a pool of the supervision tree'),
      seconds: z.number().min(0.1).max(60).default(5).describe('of a CPU profile'), request_id: requestId,
    }), z.object({ task: z.string() }), [...CONTROL, 'not_found']),
    idempotent: false,
  },
  'task.await': control('Wait for a task. What became of it is kept for a minute; one that failed answers with its failure.',
    z.strictObject({ ...ofTask, wait_ms: z.int().min(0).max(20_000).default(5000) }),
    z.object({ state: z.enum(['running', 'done']), profile: takenProfile.nullable().describe('once done') }),
    [...CONTROL, 'not_found', 'busy', 'too_large', 'storage_full', 'unsupported']),
  'task.cancel': control('End a task; `task.await` then answers `timeout` with `cancelled` in the details.', z.strictObject(ofTask), done, [...CONTROL, 'not_found']),
  'chaos.inject': {
    ...control('Cause a fault, to test recovery. Only in the profile `chaos`.', z.strictObject({
      node: z.string().min(1).max(255).describe('full name of a node of the tree, or `main`'),
      cause: z.enum(['throw', 'exit', 'exit_0', 'loop', 'heap', 'array', 'kill']), request_id: requestId,
    }), done, [...CONTROL, 'unsupported', 'not_found', 'invalid_argument']),
    idempotent: false,
  },
  shutdown: control('Stop the daemon in order.', none, z.object({ stopping: z.literal(true) })),
} satisfies Record<string, MethodSpec>

export type Method = keyof typeof METHODS
type RunsIn<R extends MethodSpec['runs']> = { [M in Method]: (typeof METHODS)[M]['runs'] extends R ? M : never }[Method]
export type ReadMethod = RunsIn<'read'>
export type WriteMethod = RunsIn<'write'>
export type ControlMethod = RunsIn<'control'>
export type TaskMethod = RunsIn<'task'>
export type EventMethod = RunsIn<'events'>
export type CaptureMethod = RunsIn<'capture'>
/** Arguments as a client writes them: what has a default may be left out. */
export type ArgsInput<M extends Method> = z.input<(typeof METHODS)[M]['args']>
/** Arguments after validation, defaults filled in. */
export type Args<M extends Method> = z.output<(typeof METHODS)[M]['args']>
export type Reply<M extends Method> = z.output<(typeof METHODS)[M]['result']>

/** What a read is about. Waiting is the gateway's business. */
export type ReadArgs<M extends ReadMethod> = Omit<Args<M>, 'wait'>

/** The `value` of a reply that is an Answer. */
export type Value<M extends Method> = Reply<M> extends { value: infer V } ? V : never

export function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name)
}

const changeCounts = z.object({ added: z.int(), modified: z.int(), removed: z.int() })
const changedNames = z.object({ added: z.array(z.string()), modified: z.array(z.string()), removed: z.array(z.string()) })

/** Notifications that the daemon sends: params are an array of one map. */
export const NOTIFICATIONS = {
  import_progress: z.object({ files_done: z.int(), files_total: z.int(), phase: z.enum(['scanning', 'parsing', 'waiting for memory', 'writing', 'done']) }),
  verify_progress: z.object({
    phase: z.enum(['rebuilding', 'comparing', 'checking', 'repairing']), files_done: z.int(), files_total: z.int(), differences: z.int(),
  }),
  changed: z.object({
    epoch: z.int().describe('a gap to the one before: changes between them were not told'), at: z.string(),
    truncated: z.boolean().describe('too many to name: the lists are empty'),
    counts: z.object({ files: changeCounts, modules: changeCounts, functions: changeCounts }),
    files: changedNames, modules: changedNames, functions: changedNames,
  }),
  correlation_updated: z.object({ node_id: z.string(), event_id: z.string() }).describe('somebody stated that an event belongs to a place'),
  instrumentation_changed: z.object({ plan: z.string().describe('that was stored, changed, activated or deleted'), nodes: z.array(z.string()).describe('that follow it now') }),
  memory_pressure_changed: z.object({ from: pressureLevel, to: pressureLevel, used_bytes: z.int(), max_bytes: z.int() }),
} as const

export type Notification = keyof typeof NOTIFICATIONS
export type NotificationParams<N extends Notification> = z.output<(typeof NOTIFICATIONS)[N]>
