/**
 * Where agents connect: the Unix socket, and TCP where it is configured. It bounds who may, puts the sockets behind the sessions
 * (`session.ts`), and has what came in one turn of the event loop written to disk together before any of it is acknowledged.
 *
 *   bytes -> session -> ingest (block and log) -> at the end of the turn: commit (one fdatasync) -> acknowledgements
 *
 * Invariant: a batch is acknowledged only after a commit that came after it.
 */

import { createServer, type Server, type Socket } from 'node:net'
import { timingSafeEqual, createHash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { MAX_FRAME_BYTES } from './frames.ts'
import type { Hello, LoadedModule } from './hello.ts'
import { createSession, type Session, type SessionPorts } from './session.ts'

export type AgentPorts = {
  /** What is known of this agent: the number of its last batch on disk, and the plan it is to follow. */
  welcome(hello: Hello): { readonly durable: number; readonly plan: unknown }
  /** Into the open block and the log. A failure that is not the agent's fault leaves the batch with the agent, unacknowledged. */
  ingest(hello: Hello, bytes: Uint8Array): Result<{ readonly no: number }, Failure>
  /** Everything that was ingested is on disk. */
  commit(): Result<void, Failure>
  modules(hello: Hello, modules: readonly LoadedModule[]): void
  planned(hello: Hello, outcome: unknown): void
  connected(hello: Hello): void
  ended(hello: Hello, why: string): void
  /** Batches that one agent may have under way now; 0 while memory is critical, so that it sheds, and counts, at the source. */
  credits(): number
  log(level: 'info' | 'warn', message: string, fields?: Record<string, unknown>): void
}

export type AgentOptions = {
  readonly clock: Clock
  /** Of a server that listens already. */
  readonly servers: readonly { readonly server: Server; readonly address: string; readonly token: string | null }[]
  readonly maxNodes: number
}

export type AgentServer = {
  readonly addresses: readonly string[]
  sessions(): readonly Session[]
  close(): void
}

const TICK_MS = 1000
/** After a failed commit: the disk is given time, and nothing is acknowledged meanwhile. */
const RETRY_MS = 1000
/** After the end of a session, until its socket is gone whatever the other side does. */
const LINGER_MS = 5000
/** Answers that wait for one peer: some plans of the largest size. */
const MAX_UNREAD_BYTES = 4 * MAX_FRAME_BYTES

export function serveAgents({ clock, servers, maxNodes }: AgentOptions, ports: AgentPorts): AgentServer {
  const sessions = new Map<Session, Socket>()
  /** The last batch of each session that is not acknowledged yet. */
  const owed = new Map<Session, number>()
  let turn: NodeJS.Immediate | NodeJS.Timeout | undefined
  let creditsGiven = ports.credits()

  const settle = (): void => {
    turn = undefined
    const committed = ports.commit()
    if (!committed.ok) {
      turn = setTimeout(settle, RETRY_MS)
      return
    }
    const credits = ports.credits()
    for (const [session, no] of owed) session.acknowledge(no, credits)
    owed.clear()
  }
  const later = (): void => {
    turn ??= setImmediate(settle)
  }

  const sessionPorts = (socket: Socket, token: string | null): { readonly ports: SessionPorts; own(session: Session): void } => {
    let own: Session | undefined
    return {
      own: (session) => {
        own = session
      },
      ports: {
        send: (frame) => {
          socket.write(frame)
          // Who sends without reading what it is answered would have it kept here.
          if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy()
        },
        close: () => {
          socket.end()
          // What was said last is given time to arrive; a peer that never closes its end holds nothing here.
          setTimeout(() => socket.destroy(), LINGER_MS).unref()
        },
        admit: (hello) => {
          if (token !== null && !isToken(token, hello.token)) return { refused: 'token', message: 'the token is not the one in the daemon\'s token file' }
          const others = [...sessions.keys()].filter((other) => other !== own && other.hello() !== undefined)
          const before = others.find((other) => other.hello()?.session === hello.session)
          // Two that number their batches as one: those of either would be taken for those of the other.
          if (before !== undefined && !isSameRuntime(before.hello(), hello)) return { refused: 'session', message: 'another runtime system is connected with this session' }
          // A connection that broke unseen: the agent comes again before this side has noticed.
          before?.closed()
          if (others.length >= maxNodes) return { refused: 'busy', message: `${maxNodes} nodes are connected already` }
          ports.connected(hello)
          return { ...ports.welcome(hello), credits: ports.credits() }
        },
        ingest: (hello, bytes) => {
          const done = ports.ingest(hello, bytes)
          if (!done.ok) {
            if (done.error.code === 'invalid_argument') return done.error
            ports.log('warn', `a batch of ${hello.node} was not stored: it stays with the node`, { ...done.error })
            // What follows must not overtake it: the agent begins again after the last that is on disk.
            own?.closed()
            return undefined
          }
          if (own !== undefined) owed.set(own, done.value.no)
          later()
          return undefined
        },
        modules: ports.modules,
        planned: ports.planned,
        ended: (hello, why) => {
          if (own !== undefined) {
            sessions.delete(own)
            owed.delete(own)
          }
          if (hello !== undefined) ports.ended(hello, why)
        },
      },
    }
  }

  const accept = (token: string | null) => (socket: Socket): void => {
    if (sessions.size >= 2 * maxNodes) {
      socket.destroy()
      return
    }
    const made = sessionPorts(socket, token)
    const session = createSession(made.ports, { nowMs: clock.nowMs() })
    made.own(session)
    sessions.set(session, socket)
    socket.on('data', (chunk) => session.receive(chunk, clock.nowMs()))
    socket.on('error', () => undefined)
    socket.on('close', () => session.closed())
  }

  const timer = setInterval(() => {
    for (const session of sessions.keys()) session.tick(clock.nowMs())
    const credits = ports.credits()
    if (credits === creditsGiven) return
    creditsGiven = credits
    // Nothing new is on disk: the number before any batch says only how many may be under way.
    for (const session of sessions.keys()) if (!owed.has(session)) session.acknowledge(0, credits)
  }, TICK_MS)
  for (const { server, token } of servers) server.on('connection', accept(token))

  return {
    addresses: servers.map(({ address }) => address),
    sessions: () => [...sessions.keys()],
    close: () => {
      clearInterval(timer)
      clearImmediate(turn as NodeJS.Immediate | undefined)
      clearTimeout(turn as NodeJS.Timeout | undefined)
      for (const { server } of servers) server.close()
      settle()
      for (const socket of sessions.values()) socket.destroy()
    },
  }
}

/** Its start is not compared: its clock may have been set since. */
function isSameRuntime(one: Hello | undefined, other: Hello): boolean {
  return one?.node === other.node && one.osPid === other.osPid
}

/** Listens on TCP for agents that bring the token. */
export async function listenTcp(host: string, port: number): Promise<Result<{ readonly server: Server; readonly address: string }, Failure>> {
  const server = createServer()
  return new Promise((settle) => {
    server.once('error', (error: NodeJS.ErrnoException) => settle(fail(failure('unavailable', `agents cannot be listened for on ${host}:${port}: ${error.message}`, { hint: 'set capture.tcpPort to a free port, or to null' }))))
    server.listen(port, host, () => {
      const address = server.address()
      settle(ok({ server, address: typeof address === 'object' && address !== null ? `${address.address}:${address.port}` : `${host}:${port}` }))
    })
  })
}

function isToken(expected: string, given: string | null): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(expected), digest(given ?? ''))
}
