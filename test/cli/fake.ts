/**
 * Ports for the command line without terminal, disk or daemon: a small project in memory that answers like a daemon, and
 * everything that was written, as text.
 */

import { failure, type Failure } from '../../src/base/failure.ts'
import { fail, ok, type Result } from '../../src/base/result.ts'
import type { CliPorts, Connection, DaemonEntry } from '../../src/cli/ports.ts'
import type { Method, Reply, NotificationParams } from '../../src/wire/methods.ts'
import { runCli } from '../../src/cli/program.ts'
import type { AstNode, CallerRecord, FunctionData, FunctionSummary, ModuleData, ModuleSummary, Statistics, TreeNode } from '../../src/wire/records.ts'

export const ROOT = '/home/ann/shop'

const HASH = 'ab'.repeat(32)
const TIME = '2026-11-21T08:00:00.000Z'

export const CART: ModuleSummary = {
  module_name: 'Shop.Cart', kind: 'module', source_file: 'lib/shop/cart.ex', line: 1, functions: 3, lines_of_code: 84, origin: 'file',
}
export const MODULES: readonly ModuleSummary[] = [
  CART,
  { ...CART, module_name: 'Shop.Describe', kind: 'protocol', source_file: 'lib/shop/describe.ex', functions: 1, lines_of_code: 12 },
  { ...CART, module_name: 'Shop.Inventory', source_file: 'lib/shop/inventory.ex', functions: 0, lines_of_code: 1204 },
]

function summary(name: string, arity: number, more: Partial<FunctionSummary> = {}): FunctionSummary {
  return {
    mfa: `Shop.Cart.${name}/${arity}`, module_name: 'Shop.Cart', function_name: name, arity, kind: 'def', visibility: 'public',
    source_file: 'lib/shop/cart.ex', line: 12, clauses: 1, cyclomatic_complexity: 1, lines_of_code: 4, origin: 'file', stale: false, ...more,
  }
}

export const FUNCTIONS: readonly FunctionSummary[] = [
  summary('add', 2, { clauses: 3, cyclomatic_complexity: 12, lines_of_code: 31 }),
  summary('add', 3, { line: 50 }),
  summary('total', 1, { kind: 'defp', visibility: 'private', line: 70, cyclomatic_complexity: 2 }),
]

export const MODULE: ModuleData = {
  module_name: 'Shop.Cart', kind: 'module', implements: null, source_file: 'lib/shop/cart.ex',
  source_location: { line: 1, column: 1, end_line: 90, end_column: 4, start: 0, end: 2000 },
  source_hash: HASH, tree_hash: HASH, beam_md5: null,
  moduledoc: { text: 'The cart of one customer.\n\nLonger explanation.', hidden: false, cut_at: null }, deprecated: null,
  directives: [
    { kind: 'use', module: 'GenServer', as: null, only: null, except: null, argument: null, line: 3, column: 3 },
    { kind: 'alias', module: 'Shop.Money', as: 'Money', only: null, except: null, argument: null, line: 4, column: 3 },
  ],
  attributes: [], behaviours: ['GenServer'],
  types: [{ kind: 'type', name: 't', arity: 0, text: '@type t :: map', line: 6 }], callbacks: [],
  struct: { kind: 'struct', fields: [{ name: 'id', default: null }, { name: 'items', default: '[]' }], enforced: ['id'], line: 8 },
  exports: ['add/2', 'add/3'], macros: [], functions: [...FUNCTIONS], functions_cut_at: null, dependencies: ['GenServer', 'Shop.Money'],
  lines_of_code: 84, cyclomatic_complexity: 12, origin: 'file', version: 7, last_updated: TIME,
  first_seen: { epoch: 1, at: TIME }, last_modified: { epoch: 7, at: TIME },
}

export const FUNCTION: FunctionData = {
  mfa: 'Shop.Cart.add/2', ast_node_id: 'Shop.Cart.add/2', module_name: 'Shop.Cart', function_name: 'add', arity: 2,
  kind: 'def', visibility: 'public', arities: [1, 2], source_file: 'lib/shop/cart.ex',
  source_location: { line: 12, column: 3, end_line: 48, end_column: 6, start: 100, end: 900 },
  source_hash: HASH, tree_hash: HASH, signature: 'add(cart, item \\\\ nil)',
  clauses: [
    {
      node_id: 'Shop.Cart.add/2#1', location: { line: 12, column: 3, end_line: 20, end_column: 6, start: 100, end: 300 },
      parameters: ['cart', 'item \\\\ nil'], guard: 'is_map(cart)', cyclomatic_complexity: 12,
    },
  ],
  doc: { text: 'Adds an item.', hidden: false, cut_at: null }, specs: ['add(t,\n      map) :: t'], impl: null, deprecated: null,
  delegate_to: null, lines_of_code: 31, cyclomatic_complexity: 12,
  calls_made: [{
    callee: 'Shop.Money.sum/1', module: 'Shop.Money', function: 'sum', arity: 1, kind: 'remote', grade: 'resolved', dynamic: false,
    line: 14, column: 7, node_id: 'Shop.Cart.add/2#1/Money.sum',
  }],
  calls_cut_at: null, origin: 'file', version: 7, last_updated: TIME, first_seen: { epoch: 1, at: TIME }, last_modified: { epoch: 7, at: TIME }, stale: null,
}

export const NODE: AstNode = {
  node_id: 'Shop.Cart.add/2#1/Money.sum', kind: 'remote_call', label: 'Money.sum', source_file: 'lib/shop/cart.ex',
  location: { line: 14, column: 7, end_line: 14, end_column: 23, start: 140, end: 156 },
  text: 'Money.sum(items)', cut_at: null, quoted: '{{:., [line: 14], [{:__aliases__, [line: 14], [:Money]}, :sum]}, [line: 14], [{:items, [line: 14], nil}]}',
  parent_id: 'Shop.Cart.add/2#1', children_ids: ['Shop.Cart.add/2#1/Money.sum/items'], children_cut_at: null,
}

export const CALLERS: readonly CallerRecord[] = [
  { caller: 'Shop.Order.place/1', path: 'lib/shop/order.ex', line: 9, column: 5, node_id: 'Shop.Order.place/1#1/Cart.add', grade: 'resolved' },
]

export const IMPORTED = {
  files: 28, parsed: 28, unchanged: 0, removed: 0, unreadable: 0, modules: 3, functions: 3, problems: 1, bytes: 43_210, duration_ms: 312.4, epoch: 7,
}

export const STATISTICS: Statistics = {
  repository_id: 'r-1', created_at: TIME, last_updated: TIME, schema_version: 1, epoch: 7, project_root: ROOT, files: 28, modules: 3,
  functions: 3, clauses: 5, calls: 1610, callees: 214, problems: 1, client_modules: 0, source_bytes: 43_210, source_bytes_stored: 12_000,
  versions: 0, version_bytes: 0, oldest_epoch: 0, stale_functions: 0,
  database_bytes: 260_000, wal_bytes: 0, bytes_by_table: { functions: 90_000, modules: 120_000 },
  import: { state: 'complete', files_done: 28, files_total: 28, last: IMPORTED },
}

export const TREE: TreeNode = {
  ...treeNode('ElixirScope.Supervisor', 'supervisor'), strategy: 'rest_for_one', uptime_ms: 125_000, children: [
    { ...treeNode('Threads', 'supervisor'), strategy: 'one_for_one', children: [
      { ...treeNode('repository', 'thread'), restarts: 2, heap_bytes: 12_300_000, utilization: 0.034, uptime_ms: 4200 },
      { ...treeNode('gateway', 'thread'), state: 'restarting' },
    ] },
    { ...treeNode('AST.Importer', 'actor'), thread: 'repository', mailbox: 3 },
  ],
}

function treeNode(name: string, kind: TreeNode['kind']): TreeNode {
  return {
    name, kind, state: 'running', strategy: null, restart: 'permanent', restarts: 0, uptime_ms: null, thread: null, mailbox: null,
    heap_bytes: null, utilization: null, shed: null, spare: null, last_exit: null, children: [],
  }
}

export const DAEMON: DaemonEntry = {
  projectRoot: ROOT, pid: 4711, socket: '/run/user/1000/es/1a2b.sock', http: 'http://127.0.0.1:40123', version: '0.1.0', startedAt: TIME,
}

export const STATUS = {
  version: '0.1.0', node_version: '24.21.0', pid: 4711, started_at: TIME, uptime_ms: 3_725_000, project_root: ROOT,
  state_dir: '/home/ann/.local/state/elixir-scope/1a2b', socket: DAEMON.socket, http: DAEMON.http, profile: 'default', rss_bytes: 181_000_000, memory: { level: 'normal', max_bytes: 2_147_483_648 },
  capture: { events: 0, bytes_on_disk: 0, nodes: [], listening: ['/run/x.agent'] },
  questions: [{ method: 'get_hotspots', age_ms: 2500, running_ms: 2400, askers: 2 }, { method: 'count_events', age_ms: 300, running_ms: null, askers: 1 }],
  watching: { phase: 'watching', means: 'directories', reason: null, directories: 12, rescans: 1, pending_files: 2 },
  monitoring: {
    window_ms: 45_000, query_latency: { p50_ms: 0.25, p95_ms: 1, p99_ms: 5 }, update_latency: null, queries_per_second: 12.5, updates_per_second: 0,
    memory_usage: 181_000_000, cpu_usage: 0.034, disk_usage: 12_000_000, query_cache_hit_rate: 0.875, error_rate: 0.001, errors: { busy: 2, timeout: 1 }, consistency_violations: 0,
  },
  log_file: null, heart: { pid: 4700, restarts: 2 }, store_set_aside: null,
}

const MEMORY: Reply<'memory_status'> = {
  level: 'warning', used_bytes: 1_800_000_000, max_bytes: 2_147_483_648, limit_from: 'ceiling', peak_bytes: 1_900_000_000, growth_bytes_per_second: 0,
  resident_bytes: 1_800_000_000, external_bytes: 12_000_000, shared_bytes: 24, database_bytes: 260_000, wal_bytes: 0,
  heaps: [{ thread: 'main', used_bytes: 20_000_000 }, { thread: 'gateway', used_bytes: 30_000_000 }],
  caches: { bytes: 44_000, max_bytes: 536_870_912, ratio: 0.5, views: [
    { name: 'trees', entries: 0, bytes: 0, hits: 0, misses: 0 }, { name: 'answers', entries: 7, bytes: 44_000, hits: 3, misses: 1 },
  ] },
  moves: 1, cleaning: null, cleanups: 1, freed_bytes: 2000, last_cleanup: { mode: 'soft', freed_bytes: 2000, took_ms: 12, steps: [] },
}

export const HEALTH = {
  status: 'degraded', checked_at: TIME, services: [
    { name: 'gateway', status: 'healthy', reason: null, remedy: null },
    { name: 'repository', status: 'degraded', reason: 'an import is running', remedy: 'wait until it ends' },
  ],
}

type Handlers = { readonly [M in Method]?: (args: Record<string, unknown>) => unknown }

function answer(value: unknown): unknown {
  return { value, epoch: 7, as_of: TIME, complete: true, verified: true }
}

function missing(message: string): never {
  // Thrown to reach the caller of a handler below; `call` makes a value of it.
  throw Object.assign(new Error(message), { failure: failure('not_found', message, { hint: 'list_modules names them all', details: { suggestions: [] } }) })
}

function paged<T>(key: string, items: readonly T[]): (args: Record<string, unknown>) => unknown {
  return ({ limit = 100, cursor = '0' }) => {
    const from = Number(cursor)
    const to = from + Number(limit)
    return answer({ [key]: items.slice(from, to), cursor: to < items.length ? String(to) : null })
  }
}

const HANDLERS: Handlers = {
  get_module: ({ module_name: name }) => name === 'Shop.Cart' ? answer(MODULE) : missing(`no module ${String(name)}`),
  get_function: ({ mfa }) => mfa === 'Shop.Cart.add/2' || mfa === 'Shop.Money.sum/1' ? answer(FUNCTION) : missing(`no function ${String(mfa)}`),
  get_ast_node: ({ node_id: id }) => id === NODE.node_id ? answer(NODE) : missing(`no node ${String(id)}`),
  get_module_by_file: ({ path }) => path === 'lib/shop/cart.ex' ? answer({ modules: [CART] }) : missing(`no file ${String(path)}`),
  list_modules: (args) => paged('modules', MODULES.filter((row) => row.module_name.startsWith((args['prefix'] ?? '') as string)))(args),
  list_functions: paged('functions', FUNCTIONS),
  get_functions_for_module: (args) => args['module_name'] === 'Shop.Cart' ? paged('functions', FUNCTIONS)(args) : missing(`no module ${String(args['module_name'])}`),
  get_callers: paged('callers', CALLERS),
  get_callees: paged('callees', FUNCTION.calls_made),
  list_problems: paged('problems', [{ path: 'lib/shop/broken.ex', code: 'missing_terminator', message: 'the string is not closed', line: 3, column: 9 }]),
  get_statistics: () => answer(STATISTICS),
  export_data: paged('lines', ['{"a":1}', '{"b":2}', '{"c":3}']),
  import_project: () => answer(IMPORTED),
  health_check: () => HEALTH,
  daemon_status: () => STATUS,
  supervision_tree: () => TREE,
  memory_status: () => MEMORY,
  validate_memory_usage: () => answer({
    status: 'violated', violations: [{ what: 'index_share', actual: 0.25, limit: 0.2, message: 'Index overhead (25.0 %) exceeds limit (20 %)' }],
    used_bytes: 181_000_000, max_bytes: 2_147_483_648, repository_bytes: 260_000, index_bytes: 65_000,
    modules: { small: { count: 3, bytes: 9000 }, medium: { count: 0, bytes: 0 }, large: { count: 0, bytes: 0 } },
  }),
  hello: () => ({ product: 'elixir-scope', version: '0.1.0', wire_version: 2, repository_id: 'r-1', project_root: ROOT, pid: 4711 }),
}

export type Ran = { readonly code: number; readonly out: string; readonly err: string }

export type Call = { readonly method: Method; readonly args: Record<string, unknown> }

export type World = {
  readonly ports: CliPorts
  readonly calls: Call[]
  readonly files: Map<string, string>
  readonly interrupt: () => void
  readonly daemon: { running: boolean; stops: number; endedWith: (code: number) => void }
  readonly written: { out: string; err: string }
  /** What the programs of `run` and `attach` were given. */
  readonly agent: { plan?: unknown; ran?: { readonly command: readonly string[]; readonly env: Readonly<Record<string, string | undefined>>; readonly input?: string }; finished: number }
}

export type WorldOptions = {
  /** Columns of a terminal on both streams; none when absent. */
  readonly columns?: number
  /** Ctrl-C comes during this pause of a command that goes on. */
  readonly pauses?: number
  readonly running?: false
  readonly cwd?: string
  readonly env?: Record<string, string>
  readonly stdin?: string
  readonly handlers?: Handlers
  readonly agent?: 'missing'
  /** The exit code of the program of `run`. */
  readonly exits?: number
  /** What the program of `attach` says, and its exit code. */
  readonly attaches?: readonly [line: string, code?: number]
  /** Ctrl-C comes while this method is asked, and its answer never. */
  readonly hangs?: Method
  /** `changed` notifications that come in the first pause. */
  readonly changes?: readonly NotificationParams<'changed'>[]
  readonly progress?: readonly { files_done: number; files_total: number; phase: 'scanning' | 'parsing' | 'writing' | 'done' }[]
}

export function makeWorld(options: WorldOptions = {}): World {
  const written = { out: '', err: '' }
  const calls: Call[] = []
  const files = new Map<string, string>([['/home/ann/shop/a.ex', 'a'], ['b.ex', 'b']])
  const daemon = { running: options.running ?? true, stops: 0, endedWith: (_code: number): void => undefined }
  const agent: World['agent'] = { finished: 0 }
  const interrupts: (() => void)[] = []
  const pauses: number[] = []
  const listeners: Listener[] = []
  const handlers: Handlers = { ...HANDLERS, ...options.handlers }
  const tty = options.columns !== undefined
  const cwd = options.cwd ?? ROOT
  let clock = Date.parse(TIME) + 65_000

  const connect = (): Promise<Result<Connection, Failure>> => Promise.resolve(daemon.running
    ? ok(fakeConnection(handlers, calls, options, { listeners, interrupts }))
    : fail(failure('unavailable', 'connect ENOENT /run/user/1000/es/1a2b.sock')))

  const ports: CliPorts = {
    version: '0.1.0', command: 'elixir-scope', env: options.env ?? {}, cwd,
    stdout: { write: (text) => { written.out += text }, isTTY: tty, columns: options.columns ?? 0, rows: 24 },
    stderr: { write: (text) => { written.err += text }, isTTY: tty, columns: options.columns ?? 0, rows: 24 },
    readStdin: () => Promise.resolve(options.stdin ?? ''),
    readFile: (path) => {
      const text = files.get(path)
      return text === undefined ? fail(failure('not_found', `there is no ${path}`)) : ok(new TextEncoder().encode(text))
    },
    writeFile: async (path, parts) => {
      let text = ''
      for await (const part of parts) text += part
      files.set(path, text)
      return ok(undefined)
    },
    moveFile: (from, to) => {
      if (to.endsWith('/')) return Promise.resolve(fail(failure('invalid_argument', `${to} cannot be written (EISDIR)`)))
      files.set(to, files.get(from) ?? '')
      files.delete(from)
      return Promise.resolve(ok(undefined))
    },
    findProject: (named) => named !== undefined ? ok({ root: named.startsWith('/') ? named : `${cwd}/${named}` })
      : cwd.startsWith(ROOT) ? ok({ root: ROOT }) : fail(failure('not_found', `no mix.exs in ${cwd} or any directory above it`)),
    connect,
    daemons: {
      checkConfig: ({ flags }) => Promise.resolve('bogus' in flags ? fail([failure('invalid_argument', 'there is no key bogus')]) : ok(undefined)),
      start: () => {
        daemon.running = true
        return Promise.resolve(ok(DAEMON))
      },
      run: () => {
        daemon.running = true
        return Promise.resolve(ok({
          stopped: new Promise<number>((resolve) => { daemon.endedWith = resolve }),
          stop: () => { daemon.stops += 1 },
        }))
      },
      stop: () => {
        const stopped = daemon.running
        daemon.running = false
        return Promise.resolve(ok({ stopped, pid: stopped ? DAEMON.pid : null }))
      },
      list: () => Promise.resolve(daemon.running ? [DAEMON] : []),
    },
    programs: {
      agentFiles: (_root, plan, compiling) => {
        agent.plan = plan
        if (options.agent === 'missing') return Promise.resolve(fail(failure('unsupported', 'mix was not found', { hint: 'install Elixir' })))
        compiling('25')
        return Promise.resolve(ok({ libs: '/cache/agent/lib', socket: '/run/user/1000/es/1a2b.agent', planFile: '/state/plan.msgpack' }))
      },
      run: (command, env) => {
        agent.ran = { command, env }
        return Promise.resolve(ok(options.exits ?? 0))
      },
      accompany: (command, { env, input, hear }) => {
        agent.ran = { command, env, input }
        const { promise, resolve } = Promise.withResolvers<number>()
        const [line, code = 0] = options.attaches ?? ['attached shop@127.0.0.1']
        queueMicrotask(() => {
          hear(line)
          if (code !== 0) resolve(code)
        })
        return ok({ ended: promise, finish: () => {
          agent.finished += 1
          resolve(code)
        } })
      },
    },
    syntax: {
      print: (source) => Promise.resolve({ text: `{:ok, ${source.length}}`, problems: source[0] === 98 ? ['3:9: not closed'] : [] }),
      digestLine: (path, source) => Promise.resolve(source[0] === 98 ? `${path}\terror\t3:9` : `${path}\tS${source.length}\tP${source.length}`),
    },
    onInterrupt: (heard) => {
      interrupts.push(heard)
      return () => void interrupts.splice(interrupts.indexOf(heard), 1)
    },
    now: () => clock++,
    pause: (ms) => {
      pauses.push(ms)
      if (pauses.length === 1) (options.changes ?? []).forEach((one) => listeners.forEach((hear) => hear(one as never)))
      if (pauses.length >= (options.pauses ?? 1)) interrupts.forEach((heard) => heard())
      return { over: pauses.length >= (options.pauses ?? 1) ? new Promise(() => undefined) : Promise.resolve(), cancel: () => undefined }
    },
  }
  return { ports, calls, files, daemon, written, agent, interrupt: () => interrupts.forEach((heard) => heard()) }
}

type Listener = (params: never) => void

type Ears = { readonly listeners: Listener[]; readonly interrupts: readonly (() => void)[] }

function fakeConnection(handlers: Handlers, calls: Call[], { progress = [], hangs }: WorldOptions, { listeners, interrupts }: Ears): Connection {
  return {
    call: (method, args) => {
      calls.push({ method, args })
      if (method === hangs) {
        queueMicrotask(() => interrupts.forEach((heard) => heard()))
        return new Promise(() => undefined)
      }
      const handler = handlers[method]
      if (handler === undefined) return Promise.resolve(fail(failure('unknown_method', `no handler for ${method}`)))
      if (method === 'import_project') progress.forEach((step) => listeners.forEach((hear) => hear(step as never)))
      try {
        return Promise.resolve(ok(handler(args) as never))
      } catch (error) {
        return Promise.resolve(fail((error as { failure: Failure }).failure))
      }
    },
    listen: (_name, hear) => {
      listeners.push(hear)
      return () => void listeners.splice(0)
    },
    close: () => Promise.resolve(),
  }
}

/** Runs one command line, written as in a shell without quotes, in a fresh world. */
export async function run(line: string, options: WorldOptions = {}): Promise<Ran> {
  const world = makeWorld(options)
  const code = await runCli(line === '' ? [] : line.split(' '), world.ports)
  return { code, ...world.written }
}
