/**
 * One connection of `events-socket.ts`, in a process of its own: sends so many batches, encoded beforehand, as credits allow, and
 * prints when the last was acknowledged.
 *
 *   node events-sender.ts SOCKET SEED N_BATCHES
 */

import { connect } from 'node:net'
import { createFrameReader, decodeFrame, encodeFrame } from '../src/capture/frames.ts'
import { encodeBatch } from '../src/event/batch.ts'
import { LOAD, loadBatches } from './events-load.ts'

const [socketPath = '', seed = '1', nBatches = '256'] = process.argv.slice(2)
/** The number of a batch stands here in its frame, as a uint32, when it is encoded as a large one. */
const NUMBER_AT = 4 + 1 + 6 + 1
const LARGE = 0x8000_0000

const frames = Array.from(loadBatches({ ...LOAD, batches: 128, seed: Number(seed) }), (batch) => {
  const body = encodeBatch({ ...batch, no: LARGE })
  const frame = new Uint8Array(4 + body.length)
  new DataView(frame.buffer).setUint32(0, body.length)
  frame.set(body, 4)
  return frame
})

const last = Number(nBatches)
const reader = createFrameReader()
const socket = connect(socketPath)
let sent = 0
let acknowledged = 0
let startedMs = 0

function pump(credits: number): void {
  while (sent < last && sent - acknowledged < credits) {
    const frame = frames[sent % frames.length] ?? new Uint8Array()
    sent += 1
    // A frame is used again only when it was acknowledged long ago.
    new DataView(frame.buffer).setUint32(NUMBER_AT, sent)
    socket.write(frame)
  }
}

socket.on('connect', () => socket.write(encodeFrame(['hello', {
  protocol: 1, session: crypto.getRandomValues(new Uint8Array(16)), node: `bench${seed}@localhost`, node_start_ns: BigInt(Date.now()) * 1_000_000n, otp: '25', elixir: null, agent: '0',
  os_pid: '1', cwd: '/', trace: 'legacy',
}])))
socket.on('data', (chunk) => {
  for (const bytes of reader.push(chunk) ?? []) {
    const [name, first, second] = decodeFrame(bytes) ?? []
    if (name === 'welcome') {
      startedMs = performance.now()
      pump((first as { credits: number }).credits)
    }
    if (name === 'refused') throw new Error(String(second))
    if (name !== 'ack') continue
    acknowledged = Math.max(acknowledged, Number(first))
    if (acknowledged >= last) {
      process.stdout.write(JSON.stringify({ seconds: (performance.now() - startedMs) / 1000, events: last * LOAD.eventsPerBatch }))
      process.exit(0)
    }
    pump(Number(second))
  }
})
