/**
 * One agent's connection, from hello to bye: frames in, frames out. What it says is checked here; what becomes of batches
 * is the port's business, and an acknowledgement is sent only when it says that they are on disk.
 *
 * Invariant: no more batches are under way than credits were given; an agent that sends more, or anything that is no frame of
 * the protocol, is refused with the reason, and what it has not had acknowledged it still has. A refusal of a batch says which of the
 * connection it was, so that the agent gives up that one: sent again it would be refused again.
 */

import type { Failure } from '../base/failure.ts'
import { createFrameReader, decodeFrame, encodeFrame, frameName, isPlain } from './frames.ts'
import { PROTOCOL, readHello, readModules, type Hello, type LoadedModule } from './hello.ts'
import { phaseOf, SESSION_PATIENCE, sessionAfter, sessionStart, type SessionEvent, type SessionPhase } from './session-machine.ts'

export type RefusalCode = 'protocol' | 'token' | 'session' | 'busy' | 'malformed'

export type SessionPorts = {
  send(frame: Uint8Array): void
  close(): void
  /** Lets the agent in: the number of its last batch on disk, the plan it is to follow, and how many batches may be under way now; or why not. */
  admit(hello: Hello): { readonly durable: number; readonly plan: unknown; readonly credits: number } | { readonly refused: RefusalCode; readonly message: string }
  /** A batch as it came; what is wrong with it, if anything. */
  ingest(hello: Hello, bytes: Uint8Array): Failure | undefined
  modules(hello: Hello, modules: readonly LoadedModule[]): void
  planned(hello: Hello, outcome: unknown): void
  /** The connection has ended: in order, or why not. */
  ended(hello: Hello | undefined, why: string): void
}

export type Session = {
  /** Bytes from the socket. */
  receive(chunk: Uint8Array, nowMs: number): void
  /** Now and then, at least once a second. */
  tick(nowMs: number): void
  /** Every batch up to `no` is on disk; so many more may be under way. */
  acknowledge(no: number, credits: number): void
  plan(plan: unknown): void
  /** Answered within `timeoutMs`, else with an error. */
  ask(what: string, deadlineMs: number): Promise<unknown>
  stop(nowMs: number): void
  closed(): void
  phase(): SessionPhase
  hello(): Hello | undefined
}

/** Questions under way on one connection. */
const MAX_ASKED = 64

export function createSession(ports: SessionPorts, options: { readonly nowMs: number }): Session {
  const reader = createFrameReader()
  const asked = new Map<number, { readonly deadlineMs: number; readonly settle: (value: unknown) => void }>()
  let state = sessionStart()
  let hello: Hello | undefined
  let heardMs = options.nowMs
  let sentMs = options.nowMs
  let nAsked = 0
  let nBatches = 0

  const send = (...parts: readonly unknown[]): void => ports.send(encodeFrame(parts))
  const go = (type: SessionEvent['type']): SessionPhase => {
    state = sessionAfter(state, type)
    return phaseOf(state)
  }
  const end = (type: SessionEvent['type'], why: string): void => {
    if (phaseOf(state) === 'ended') return
    go(type)
    for (const { settle } of asked.values()) settle(new Error('the connection to the node has ended'))
    asked.clear()
    ports.close()
    ports.ended(hello, why)
  }
  const refuse = (code: RefusalCode, message: string, ...nthBatch: readonly number[]): void => {
    send('refused', code, message, ...nthBatch)
    end('refused', message)
  }

  const greet = (parts: readonly unknown[]): void => {
    const read = readHello(parts[1])
    if (!read.ok) return refuse('malformed', read.error)
    if (read.value.protocol !== PROTOCOL) return refuse('protocol', `this daemon speaks protocol ${PROTOCOL}, the agent ${read.value.protocol}: use the agent that came with it`)
    const admitted = ports.admit(read.value)
    if ('refused' in admitted) return refuse(admitted.refused, admitted.message)
    hello = read.value
    go('hello')
    send('welcome', { protocol: PROTOCOL, credits: admitted.credits, durable: admitted.durable, plan: admitted.plan ?? null })
  }

  const heed = (name: string, parts: readonly unknown[], from: Hello, nowMs: number): void => {
    switch (name) {
      case 'modules': {
        const read = readModules(parts[1])
        return read.ok ? ports.modules(from, read.value) : refuse('malformed', read.error)
      }
      case 'planned':
        return isPlain(parts[1]) ? ports.planned(from, parts[1]) : refuse('malformed', 'what the plan came to is no plain value')
      case 'answer': {
        const id = Number(parts[1])
        asked.get(id)?.settle(isPlain(parts[2]) ? parts[2] : new Error('the answer is no plain value'))
        asked.delete(id)
        return
      }
      case 'ping':
        sentMs = nowMs
        return send('pong', parts[1])
      case 'pong':
        return
      case 'bye':
        return end('bye', 'the agent has ended the capture')
      default:
        refuse('malformed', `there is no frame ${JSON.stringify(name)}`)
    }
  }

  const take = (frame: Uint8Array, nowMs: number): void => {
    const name = frameName(frame)
    if (hello !== undefined && name === 'batch') {
      nBatches += 1
      const wrong = ports.ingest(hello, frame)
      return wrong === undefined ? undefined : refuse('malformed', wrong.message, nBatches)
    }
    const parts = decodeFrame(frame)
    if (parts === undefined) return refuse('malformed', 'a frame is no MessagePack array')
    if (hello !== undefined) return heed(name, parts, hello, nowMs)
    return name === 'hello' ? greet(parts) : refuse('malformed', 'the first frame must be a hello')
  }

  return {
    receive: (chunk, nowMs) => {
      heardMs = nowMs
      const frames = reader.push(chunk)
      if (frames === undefined) return refuse('malformed', 'a frame is empty or larger than 8 MiB')
      for (const frame of frames) {
        if (phaseOf(state) === 'ended') return
        take(frame, nowMs)
      }
    },
    tick: (nowMs) => {
      const { silenceMs, pings } = SESSION_PATIENCE[phaseOf(state)]
      if (nowMs - heardMs >= silenceMs) return end('silent', `nothing was heard for ${silenceMs / 1000} s`)
      if (pings === 'pings' && nowMs - Math.max(sentMs, heardMs) >= silenceMs / 3) {
        sentMs = nowMs
        send('ping', Math.round(nowMs))
      }
      for (const [id, { deadlineMs, settle }] of asked) {
        if (nowMs < deadlineMs) continue
        asked.delete(id)
        settle(new Error('the node did not answer in time'))
      }
    },
    acknowledge: (no, credits) => {
      if (phaseOf(state) !== 'ended' && hello !== undefined) send('ack', no, credits)
    },
    plan: (plan) => {
      if (phaseOf(state) === 'streaming') send('plan', plan)
    },
    ask: (what, deadlineMs) => {
      if (phaseOf(state) !== 'streaming' || asked.size >= MAX_ASKED) return Promise.resolve(new Error('the node cannot be asked now'))
      nAsked += 1
      send('ask', nAsked, what)
      return new Promise((settle) => asked.set(nAsked, { deadlineMs, settle }))
    },
    stop: (nowMs) => {
      if (phaseOf(state) !== 'streaming') return end('refused', 'the daemon ends')
      heardMs = nowMs
      go('stop')
      send('stop')
    },
    closed: () => end('closed', 'the connection was lost'),
    phase: () => phaseOf(state),
    hello: () => hello,
  }
}
