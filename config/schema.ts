/**
 * Every key of the configuration: its type, its limits and what it means. Only keys that the product reads stand here; a
 * test reads the sources and fails on one that nothing reads. Units are in the names (`Ms`, `Bytes`).
 *
 * Absent on purpose: values (`defaults.ts`, `profiles.ts`) and how they are found and merged (src/host).
 */

import { z } from 'zod'

export const PROFILE_NAMES = ['default', 'development', 'test', 'production', 'chaos'] as const
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

const ms = (min: number, max: number) => z.int().min(min).max(max)
const count = (min: number, max: number) => z.int().min(min).max(max)
const bytes = (min: number) => z.int().min(min)
const percent = z.int().min(10).max(100)
const patterns = z.array(z.string().min(1).max(4096)).max(1000)

const DAY_MS = 86_400_000

export const configSchema = z.strictObject({
  profile: z.enum(PROFILE_NAMES).describe('the set of values laid over the defaults; `default` lays nothing'),

  project: z.strictObject({
    include: patterns.nullable().describe('globs from the project root; a directory stands for all beneath it. `null`: lib, test, apps/*, '
      + 'config and mix.exs, or everything where there is no mix.exs'),
    exclude: patterns.describe('never read, in the syntax of .gitignore, relative to every directory that holds a mix.exs. `.git` is never read'),
    respectGitignore: z.boolean().describe('leave out what .gitignore files say'),
    followSymlinks: z.boolean().describe('follow symbolic links, as the Elixir compiler does; what is reached twice is read once'),
    maxFileBytes: bytes(1024).describe('a larger source file is not read, and reported'),
    maxFiles: count(1, 10_000_000).describe('no more files than this are read, and the rest is reported'),
  }),

  storage: z.strictObject({
    backend: z.enum(['disk', 'memory']).describe('`disk` keeps facts across restarts; `memory` throws them away with the daemon'),
    maxModules: count(1, 10_000_000).nullable().describe('with more modules, writes and imports are refused with `too_large`. `null`: no limit'),
    snapshotMaxMs: ms(100, 600_000).describe('the longest that a reader holds one state of the repository; a question about events may hold one for `query.timeoutMs`'),
    transactionTimeoutMs: ms(100, DAY_MS).describe('deadline of a call that writes; an import has none'),
    minFreeBytes: bytes(0).describe('the daemon does not start with less free disk space than this'),
  }),

  query: z.strictObject({
    timeoutMs: ms(10, DAY_MS).describe('deadline of a call that reads'),
    threads: count(1, 256).describe('most threads that answer questions about events'),
    idleMs: ms(0, DAY_MS).describe('a query thread without work ends after this long'),
  }),

  capture: z.strictObject({
    enabled: z.boolean().describe('listen for BEAM nodes and keep the events that they send'),
    tcpHost: z.string().min(1).max(255).describe('address to listen on for nodes of other machines, when `tcpPort` is set'),
    tcpPort: z.int().min(0).max(65_535).nullable().describe('port for nodes that cannot reach the Unix socket; they need the token in `capture.token` of the state directory. '
      + '`0`: any free port; `null`: none'),
    maxNodes: count(1, 10_000).describe('nodes connected at a time'),
    credits: count(1, 4096).describe('batches that a node may have under way, not yet on disk'),
    residentBlocks: count(2, 4096).describe('blocks of 65,536 events kept in memory, of about 3 MB each where they are full'),
    maxAgeMs: ms(1000, 3650 * DAY_MS).nullable().describe('events that came in longer ago are deleted, whole files at a time, whatever the clocks of their nodes said. `null`: no limit'),
    maxEvents: count(1, Number.MAX_SAFE_INTEGER).nullable().describe('beyond that the oldest go. `null`: no limit'),
    maxBytes: bytes(1 << 20).nullable().describe('what they may take on disk; beyond that the oldest go. `null`: no limit'),
    cleanupIntervalMs: ms(100, DAY_MS).describe('how often that is looked after'),
  }),

  gateway: z.strictObject({
    maxConnections: count(1, 100_000).describe('open connections on the socket; one more is closed at once'),
    maxInFlight: count(1, 100_000).describe('calls under way on one connection; more are not read until one is answered'),
    maxRequestBytes: bytes(1024).describe('a larger request is answered `too_large`'),
    maxOutputBytes: bytes(65_536).describe('answers waiting for one slow reader; beyond that nothing more is read from it, and one that goes on taking nothing is closed'),
  }),

  http: z.strictObject({
    enabled: z.boolean().describe('serve health and metrics over HTTP'),
    host: z.string().min(1).max(255).describe('address to listen on. There is no authentication: leave it on the loopback unless a proxy guards it'),
    port: z.int().min(0).max(65_535).describe('`0`: any free port; `elixir-scope status` shows which'),
  }),

  sync: z.strictObject({
    watch: z.boolean().describe('follow the files as they change. `false`: only imports that are asked for'),
    keepVersions: count(0, 10_000).describe('earlier contents kept of each file, for `history`, `diff` and `rollback`'),
    keepVersionBytes: bytes(0).describe('what all of them may take, compressed; beyond that the oldest go'),
  }),

  parser: z.strictObject({
    threads: count(1, 256).nullable().describe('most threads that one kind of work may have: tasks of many files, or of one. '
      + '`null`: as many as there are processors'),
    overflow: count(0, 256).nullable().describe('threads beyond those, so that one kind of work always leaves some to the other. `null`: half as many, at least 1'),
    queue: count(1, 1_000_000).describe('tasks of one kind waiting for a parser thread; one more is answered `busy`'),
    idleMs: ms(0, DAY_MS).describe('a parser thread without work ends after this long'),
    taskTimeoutMs: ms(100, DAY_MS).describe('a file that takes longer is given twice the time once, then reported and left out until it changes'),
  }),

  supervision: z.strictObject({
    heartbeatMs: ms(10, 600_000).describe('how often each thread is asked for a sign of life'),
    unresponsiveMs: ms(50, DAY_MS).describe('a thread that has given none for this long is replaced'),
    startTimeoutMs: ms(100, 600_000).describe('a thread that is not ready by then has failed to start'),
    stopTimeoutMs: ms(100, 600_000).describe('time for the whole daemon to stop before it exits anyway'),
    intensityFactor: count(1, 1_000_000).describe('how many times the restarts allowed by docs/SUPERVISION.md are allowed; for runs that cause failures on purpose'),
  }),

  heart: z.strictObject({
    intensity: count(0, 100_000).describe('times that an aborted daemon is started again within the period before heart gives up'),
    periodS: count(1, 86_400).describe('that period, in seconds'),
    backOffMs: ms(0, DAY_MS).describe('the pause before the first new start; it doubles until the daemon has stayed up for a period'),
    maxBackOffMs: ms(0, DAY_MS).describe('the longest pause'),
    silenceMs: ms(0, DAY_MS).describe('a daemon that has given no sign of life for this long is killed and started again; `0`: never'),
  }),

  memory: z.strictObject({
    maxBytes: bytes(64 << 20).nullable().describe('what the daemon may use. `null`: the smaller of 2 GiB and 60 % of what the container or machine allows'),
    warningPercent: percent.describe('from this share of it on caches are halved and what is not needed is dropped'),
    criticalPercent: percent.describe('from here on nothing is stored: writes are refused with `insufficient_memory`, imports wait'),
    emergencyPercent: percent.describe('from here on caches are off'),
    cachePercent: z.int().min(0).max(75).describe('the share of it that caches may use; `0`: none'),
  }),

  log: z.strictObject({
    level: z.enum(LOG_LEVELS).describe('lines below this level are not written'),
    format: z.enum(['auto', 'json', 'pretty']).describe('`auto`: pretty in the foreground, JSON in the background'),
    maxBytes: bytes(4096).describe('the log file is set aside when it would grow beyond this'),
    files: count(1, 1000).describe('log files kept, the one in use among them'),
  }),

  metrics: z.strictObject({
    enabled: z.boolean().describe('collect metrics and serve /metrics'),
  }),

  health: z.strictObject({
    intervalMs: ms(100, DAY_MS).describe('how often health is checked without being asked'),
    latencyP95Ms: z.number().positive().describe('degraded when 95 % of the calls of an interval are not answered within this'),
    errorRate: z.number().min(0).max(1).describe('degraded when more than this share of the calls of an interval fail by our fault'),
  }),
})

export type Config = z.infer<typeof configSchema>
export type ProfileName = (typeof PROFILE_NAMES)[number]
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Some of the sections, and of each some of the keys. */
export type PartialConfig = { readonly [S in keyof Config]?: Config[S] extends string ? Config[S] : Partial<Config[S]> }
