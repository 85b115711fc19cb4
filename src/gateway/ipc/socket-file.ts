/**
 * The socket's place in the file system. The directory is the user's own with mode 0700, so nobody else can reach the
 * socket in the moment between its creation and its chmod (a worker thread cannot set the umask). A socket that nobody
 * listens on any more is replaced, one that answers is left alone. Two daemons on one project are the host's lock to
 * prevent; what is checked here holds for sockets alone.
 */

import { chmodSync, lstatSync, mkdirSync, renameSync, type Stats, statSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { type Failure, failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'

/** What `sockaddr_un` holds, without the closing zero. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103
const MAX_ATTEMPTS = 5
const PROBE_MS = 2000

/** Tells whether clients still find at the path what listens there: sweepers of temporary directories remove sockets. */
export type IsInPlace = () => boolean

/** Makes `server` listen on the path, or says why that cannot be. */
export async function listenOn(server: Server, socketPath: string): Promise<Result<IsInPlace, Failure>> {
  const refused = checkLength(socketPath) ?? prepareDirectory(dirname(socketPath))
  if (refused !== undefined) return fail(refused)
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const error = await tryListen(server, socketPath)
    if (error === undefined) {
      chmodSync(socketPath, 0o600)
      const { ino } = lstatSync(socketPath)
      return ok(() => lstatSync(socketPath, { throwIfNoEntry: false })?.ino === ino)
    }
    if (error.code !== 'EADDRINUSE') return fail(failure('unavailable', `cannot listen on ${socketPath}: ${error.message}`))
    const inTheWay = await clear(socketPath)
    if (inTheWay !== undefined) return fail(inTheWay)
  }
  return fail(failure('conflict', `${socketPath} is taken again and again while it is being replaced`, { hint: 'is another daemon starting?' }))
}

function checkLength(socketPath: string): Failure | undefined {
  const bytes = Buffer.byteLength(socketPath)
  if (bytes <= MAX_PATH_BYTES) return undefined
  return failure('invalid_argument', `the socket path has ${bytes} bytes and the system allows ${MAX_PATH_BYTES}: ${socketPath}`, {
    hint: 'set XDG_RUNTIME_DIR or ELIXIR_SCOPE_HOME to a directory with a shorter path',
  })
}

/** An existing directory is never changed: it might be one that others need as it is. */
function prepareDirectory(directory: string): Failure | undefined {
  let stats: Stats
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    stats = statSync(directory)
  } catch (error) {
    return failure('unavailable', `cannot create ${directory}: ${error instanceof Error ? error.message : String(error)}`, {
      hint: 'set XDG_RUNTIME_DIR or ELIXIR_SCOPE_HOME to a directory of your own',
    })
  }
  if (stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0) return undefined
  return failure('unavailable', `${directory} is open to other users (mode ${(stats.mode & 0o777).toString(8)}, owner ${stats.uid})`, {
    hint: `chmod 700 ${directory}, or set XDG_RUNTIME_DIR or ELIXIR_SCOPE_HOME to a directory of your own`,
  })
}

function tryListen(server: Server, socketPath: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off('listening', listening)
      resolve(error)
    }
    const listening = (): void => {
      server.off('error', failed)
      resolve(undefined)
    }
    server.once('error', failed).once('listening', listening)
    server.listen(socketPath)
  })
}

/** Removes a socket that nobody listens on; a Failure when it must stay. */
async function clear(socketPath: string): Promise<Failure | undefined> {
  const found = lstatSync(socketPath, { throwIfNoEntry: false })
  if (found === undefined) return undefined
  if (!found.isSocket()) {
    return failure('conflict', `${socketPath} exists and is no socket`, { hint: 'move it away, then start again' })
  }
  if (await isLive(socketPath)) {
    return failure('conflict', `another daemon listens on ${socketPath}`, { hint: 'elixir-scope status shows it; elixir-scope stop ends it' })
  }
  removeStale(socketPath, found.ino)
  return undefined
}

/** True unless the system says that nobody listens: a daemon too busy to accept is a live one. */
function isLive(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath)
    socket.setTimeout(PROBE_MS)
    const settle = (live: boolean) => (): void => {
      socket.destroy()
      resolve(live)
    }
    socket.once('connect', settle(true)).once('timeout', settle(true))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      settle(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT')()
    })
  })
}

/**
 * Moved aside first, then looked at: when another daemon put its own socket there since the probe, that one is put back
 * and the next attempt finds it alive.
 */
function removeStale(socketPath: string, ino: number): void {
  const aside = `${socketPath}.${process.pid}`
  try {
    renameSync(socketPath, aside)
    if (lstatSync(aside).ino === ino) unlinkSync(aside)
    else renameSync(aside, socketPath)
  } catch (error) {
    // Gone already: whoever removed it did what was to be done.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
