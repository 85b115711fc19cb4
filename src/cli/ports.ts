/**
 * What the command line needs from outside, as one value: terminal, files, the connection to a daemon, and starting and
 * stopping daemons. `main.ts` wires the real ones; tests hand in fakes. Nothing here does anything.
 */

import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import type { ArgsInput, Method, Notification, NotificationParams, Reply } from '../wire/methods.ts'

export type Sink = {
  readonly write: (text: string) => void
  readonly isTTY: boolean
  /** Of the terminal; ignored when it is none. */
  readonly columns: number
  readonly rows: number
}

export type CallOptions = { /** Null waits for ever; absent takes the client's default. */ readonly timeoutMs?: number | null }

export type Connection = {
  readonly call: <M extends Method>(method: M, args: ArgsInput<M>, options?: CallOptions) => Promise<Result<Reply<M>, Failure>>
  /** Hears notifications until the returned function is called. */
  readonly listen: <N extends Notification>(name: N, hear: (params: NotificationParams<N>) => void) => () => void
  readonly close: () => Promise<void>
}

/** What is known about a daemon without asking it. */
export type DaemonEntry = {
  readonly projectRoot: string
  readonly pid: number
  readonly socket: string
  readonly http: string | null
  readonly version: string
  readonly startedAt: string
}

export type StartOptions = {
  readonly projectRoot: string
  readonly configPath: string | undefined
  /** Configuration by dotted key, as the user wrote the values. */
  readonly flags: Readonly<Record<string, string>>
}

export type ForegroundDaemon = {
  /** Resolves when the daemon has stopped, with the exit code it asks for. */
  readonly stopped: Promise<number>
  readonly stop: () => void
}

export type DaemonPorts = {
  /** What is wrong with the configuration that a daemon would start with. Nothing is started or stopped. */
  readonly checkConfig: (options: StartOptions) => Promise<Result<void, readonly Failure[]>>
  /** Starts a daemon in the background and waits until it is ready. */
  readonly start: (options: StartOptions) => Promise<Result<DaemonEntry, readonly Failure[]>>
  /** Runs the daemon in this process; resolves when it is ready. */
  readonly run: (options: StartOptions) => Promise<Result<ForegroundDaemon, readonly Failure[]>>
  /** Stops it in order, by force at last. `stopped: false` when none was running. */
  readonly stop: (projectRoot: string) => Promise<Result<{ readonly stopped: boolean; readonly pid: number | null }, Failure>>
  readonly list: () => Promise<readonly DaemonEntry[]>
}

/** The agent, ready to be loaded by a node, and where it finds the daemon. */
export type AgentFiles = {
  /** A directory for ERL_LIBS. */
  readonly libs: string
  readonly socket: string
  /** A plan as the agent reads it. */
  readonly planFile: string
}

/** A program that runs beside this command. */
export type Companion = {
  /** Resolves with the exit code. */
  readonly ended: Promise<number>
  /** Its standard input ends. */
  readonly finish: () => void
}

export type ProgramPorts = {
  /** Compiles the agent where that was not done yet, and writes the plan; `compiling` hears when it takes a while. */
  readonly agentFiles: (projectRoot: string, plan: Readonly<Record<string, unknown>>, compiling: (otp: string) => void) => Promise<Result<AgentFiles, Failure>>
  /** Runs a program in this terminal, which has it to itself until it ends; the exit code is the program's. */
  readonly run: (command: readonly string[], env: Readonly<Record<string, string | undefined>>) => Promise<Result<number, Failure>>
  /** Runs a program out of reach of Ctrl-C; `input` is what it reads first. */
  readonly accompany: (
    command: readonly string[], options: { readonly env: Readonly<Record<string, string | undefined>>; readonly input: string; readonly hear: (line: string) => void },
  ) => Result<Companion, Failure>
}

export type CliPorts = {
  readonly version: string
  /** How the user can type this command here: `elixir-scope`, or a path to it. */
  readonly command: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly stdout: Sink
  readonly stderr: Sink
  readonly readStdin: () => Promise<string>
  readonly readFile: (path: string) => Result<Uint8Array, Failure>
  /** Writes a file whole or not at all; `-` and absence are the caller's business. */
  readonly writeFile: (path: string, parts: AsyncIterable<string>) => Promise<Result<void, Failure>>
  /** Also to another disk; replaces what is there. */
  readonly moveFile: (from: string, to: string) => Promise<Result<void, Failure>>
  readonly findProject: (named: string | undefined) => Result<{ readonly root: string }, Failure>
  readonly connect: (projectRoot: string) => Promise<Result<Connection, Failure>>
  readonly daemons: DaemonPorts
  readonly programs: ProgramPorts
  readonly syntax: {
    /** The quoted form, readably, or the file's problems. */
    readonly print: (source: Uint8Array) => Promise<{ readonly text: string; readonly problems: readonly string[] }>
    readonly digestLine: (path: string, source: Uint8Array) => Promise<string>
  }
  /** Calls back on Ctrl-C until the returned function is called. */
  readonly onInterrupt: (interrupted: () => void) => () => void
  readonly now: () => number
  readonly pause: (ms: number) => { readonly over: Promise<void>; readonly cancel: () => void }
}
