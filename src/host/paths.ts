/**
 * Where everything of a project lies: state, cache, socket. One directory per project, named after it and a hash of its
 * real path, below the user's XDG directories or ELIXIR_SCOPE_HOME. Pure: the environment is an argument, nothing is made.
 *
 * Invariant: the socket's path is always shorter than what the smallest system allows (104 bytes on macOS), and the same
 * environment and project always give the same paths.
 */

import { hash } from 'node:crypto'
import { basename, isAbsolute, join, resolve } from 'node:path'

export type PathEnvironment = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly tmpDir: string
  /** Keeps users apart in a shared directory. */
  readonly uid: number
}

export type BasePaths = {
  /** Holds one directory per project. */
  readonly projects: string
  readonly cache: string
}

export type ProjectPaths = {
  readonly projectRoot: string
  /** Private to the user, like all that lies in it. */
  readonly stateDir: string
  readonly database: string
  /** Keys of the answers that were asked for most. */
  readonly hotKeys: string
  /** daemon.json: where the running daemon can be reached. */
  readonly stateFile: string
  readonly lock: string
  /** Held by heart, the process that starts an aborted daemon again. */
  readonly heartLock: string
  readonly logFile: string
  /** What the daemon's process prints before and outside its log. */
  readonly outputFile: string
  readonly cacheDir: string
  /** The socket's own directory, private to the user. */
  readonly socketDir: string
  readonly socket: string
  /** Where the agents of BEAM nodes connect. */
  readonly agentSocket: string
  /** Events: their log, blocks and archive. */
  readonly events: string
  /** Plans, and what clients state about the runtime. */
  readonly capture: string
  /** What agents that come over TCP must bring. */
  readonly captureToken: string
}

export const STATE_FILE = 'daemon.json'
export const LOCK_FILE = 'lock'
const HEART_LOCK_FILE = 'heart.lock'

/** Bytes, without the terminating zero; the agents' socket has one letter more. */
const MAX_SOCKET_PATH = 98

export function basePaths({ env, home }: PathEnvironment): BasePaths {
  const own = given(env, 'ELIXIR_SCOPE_HOME')
  if (own !== undefined) return { projects: join(resolve(own), 'projects'), cache: join(resolve(own), 'cache') }
  const state = absolute(env, 'XDG_STATE_HOME') ?? join(home, '.local', 'state')
  const cache = absolute(env, 'XDG_CACHE_HOME') ?? join(home, '.cache')
  return { projects: join(state, 'elixir-scope', 'projects'), cache: join(cache, 'elixir-scope') }
}

/** `projectRoot` is a real path. */
export function projectPaths(environment: PathEnvironment, projectRoot: string): ProjectPaths {
  const base = basePaths(environment)
  const stateDir = join(base.projects, `${readableName(projectRoot)}-${shortHash(projectRoot)}`)
  const socket = socketPath(environment, stateDir)
  return {
    projectRoot, stateDir, socketDir: socket.directory, socket: socket.path, agentSocket: socket.path.replace(/\.sock$/, '.agent'), cacheDir: base.cache,
    database: join(stateDir, 'repository.db'),
    hotKeys: join(stateDir, 'hot-keys.json'),
    stateFile: join(stateDir, STATE_FILE),
    lock: join(stateDir, LOCK_FILE),
    heartLock: join(stateDir, HEART_LOCK_FILE),
    logFile: join(stateDir, 'daemon.log'),
    outputFile: join(stateDir, 'daemon.out'),
    events: join(stateDir, 'events'),
    capture: join(stateDir, 'capture.json'),
    captureToken: join(stateDir, 'capture.token'),
  }
}

/** The first of the usual places where the path is short enough. The name holds the state directory, so two homes never share. */
function socketPath({ env, tmpDir, uid }: PathEnvironment, stateDir: string): { readonly directory: string; readonly path: string } {
  const own = given(env, 'ELIXIR_SCOPE_HOME')
  const runtime = absolute(env, 'XDG_RUNTIME_DIR')
  const directories = [
    ...(own === undefined ? [] : [join(resolve(own), 'run')]),
    ...(runtime === undefined ? [] : [join(runtime, 'elixir-scope')]),
    join(tmpDir, `elixir-scope-${uid}`),
  ]
  const name = `${shortHash(stateDir)}.sock`
  const directory = directories.find((candidate) => Buffer.byteLength(join(candidate, name)) <= MAX_SOCKET_PATH) ?? `/tmp/elixir-scope-${uid}`
  return { directory, path: join(directory, name) }
}

function given(env: PathEnvironment['env'], name: string): string | undefined {
  return env[name] === '' ? undefined : env[name]
}

/** The XDG specification has relative paths ignored. */
function absolute(env: PathEnvironment['env'], name: string): string | undefined {
  const value = given(env, name)
  return value !== undefined && isAbsolute(value) ? value : undefined
}

/** For people who look into the directory; the hash beside it tells projects apart. */
function readableName(projectRoot: string): string {
  return basename(projectRoot).replaceAll(/[^\w.-]+/g, '_').replace(/^\.+/, '').slice(0, 40) || 'project'
}

/** 64 bits: two projects of one user do not meet. */
function shortHash(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16)
}
