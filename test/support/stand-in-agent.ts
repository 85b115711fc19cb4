/**
 * An agent as the protocol of docs/AGENT.md wants it, without a BEAM node behind it: it keeps every batch until it is
 * acknowledged, connects again when the connection is lost, and goes on after the last batch that is on disk.
 */

import { connect, type Socket } from 'node:net'
import { createFrameReader, decodeFrame, encodeFrame } from '../../src/capture/frames.ts'
import { encodeBatch, type Batch } from '../../src/event/batch.ts'

export type StandIn = {
  /** Gives a batch, numbered here, to be sent as credits allow. */
  give(batch: Omit<Batch, 'no'>): void
  /** Settles when everything that was given is acknowledged. */
  settled(): Promise<void>
  /** The number of the last batch that was acknowledged. */
  acknowledged(): number
  /** Everything the daemon sent, the newest last. */
  readonly heard: (readonly unknown[])[]
  readonly connections: () => number
  /** Cuts the connection; it comes again by itself. */
  cut(): void
  send(...parts: readonly unknown[]): void
  bye(): Promise<void>
}

export type StandInOptions = { readonly socketPath: string; readonly node: string; readonly session?: Uint8Array; readonly hello?: Readonly<Record<string, unknown>>; readonly answer?: (what: string) => unknown }

const AGAIN_MS = 20

export function startStandIn({ socketPath, node, session = crypto.getRandomValues(new Uint8Array(16)), hello = {}, answer = () => null }: StandInOptions): StandIn {
  const kept = new Map<number, Uint8Array>()
  const heard: (readonly unknown[])[] = []
  const waiting: (() => void)[] = []
  const startNs = BigInt(Date.now()) * 1_000_000n
  let socket: Socket | undefined
  let nConnections = 0
  let lastNo = 0
  let durable = 0
  let sentNo = 0
  let credits = 0
  let isWelcome = false
  let isOver = false

  const pump = (): void => {
    if (!isWelcome) return
    while (sentNo < lastNo && sentNo - durable < credits) {
      sentNo += 1
      const frame = kept.get(sentNo)
      if (frame !== undefined) socket?.write(frame)
    }
  }
  const acknowledge = (no: number): void => {
    durable = Math.max(durable, no)
    for (const each of kept.keys()) if (each <= durable) kept.delete(each)
    if (kept.size === 0) for (const settle of waiting.splice(0)) settle()
  }
  const hear = (parts: readonly unknown[]): void => {
    heard.push(parts)
    const [name, first, second] = parts
    if (name === 'welcome') {
      const welcome = first as { durable: number; credits: number }
      acknowledge(welcome.durable)
      ;({ credits } = welcome)
      sentNo = durable
      isWelcome = true
    }
    if (name === 'ack') {
      acknowledge(Number(first))
      credits = Number(second)
    }
    if (name === 'ping') socket?.write(encodeFrame(['pong', first]))
    if (name === 'ask') socket?.write(encodeFrame(['answer', first, answer(String(second))]))
    pump()
  }
  const open = (): void => {
    if (isOver) return
    const reader = createFrameReader()
    isWelcome = false
    nConnections += 1
    const opened = connect(socketPath)
    socket = opened
    opened.on('connect', () => opened.write(encodeFrame(['hello', {
      protocol: 1, session, node, node_start_ns: startNs, otp: '25', elixir: '1.14.0', agent: '0', os_pid: '1', cwd: '/', trace: 'legacy', ...hello,
    }])))
    opened.on('data', (chunk) => {
      for (const bytes of reader.push(chunk) ?? []) hear(decodeFrame(bytes) ?? [])
    })
    opened.on('error', () => undefined)
    opened.on('close', () => {
      if (socket === opened) setTimeout(open, AGAIN_MS)
    })
  }
  open()

  return {
    give: (batch) => {
      lastNo += 1
      const body = encodeBatch({ ...batch, no: lastNo })
      const frame = new Uint8Array(4 + body.length)
      new DataView(frame.buffer).setUint32(0, body.length)
      frame.set(body, 4)
      kept.set(lastNo, frame)
      pump()
    },
    settled: () => (kept.size === 0 ? Promise.resolve() : new Promise((settle) => waiting.push(settle))),
    acknowledged: () => durable,
    heard,
    connections: () => nConnections,
    cut: () => socket?.destroy(),
    send: (...parts) => void socket?.write(encodeFrame(parts)),
    bye: async () => {
      isOver = true
      const last = socket
      await new Promise<void>((done) => {
        if (last === undefined || last.destroyed) return done()
        last.once('close', () => done())
        last.end(encodeFrame(['bye', { reason: 'normal' }]))
      })
    },
  }
}
