/**
 * Gives the recorded run of the shop to a daemon, as if it happened now: the frames go to its socket as the agent sent them, with their
 * times moved to the present. Where Elixir is not installed, this is what `npm start` shows.
 *
 *   sh bin/with-node node examples/recorded/replay.ts PROJECT
 */

import { randomBytes } from 'node:crypto'
import { realpathSync } from 'node:fs'
import { connect } from 'node:net'
import { createFrameReader, decodeFrame, encodeFrame, frameName } from '../../src/capture/frames.ts'
import { decodeBatch, encodeBatch } from '../../src/event/batch.ts'
import { processEnvironment } from '../../src/host/environment.ts'
import { projectPaths } from '../../src/host/paths.ts'
import { readRecorded } from './frames.ts'

const [project = '.'] = process.argv.slice(2)
const socketPath = projectPaths(processEnvironment(), realpathSync(project)).agentSocket
const frames = readRecorded()
const session = randomBytes(16)
const lastNs = frames.reduce((last, frame) => {
  const batch = frameName(frame) === 'batch' ? decodeBatch(frame) : undefined
  return batch?.ok === true ? batch.value.t0Ns + BigInt(Math.max(...batch.value.ts)) : last
}, 0n)
const shiftNs = BigInt(Date.now()) * 1_000_000n - lastNs
let last = 0

/** The frame as it is to be sent, without its length; undefined for what is no part of a replay. */
function shifted(frame: Uint8Array): Uint8Array | undefined {
  const name = frameName(frame)
  if (name === 'hello') {
    const hello = decodeFrame(frame)?.[1] as { node_start_ns: bigint | number }
    return encodeFrame(['hello', { ...hello, session, node: 'recorded@shop', node_start_ns: BigInt(hello.node_start_ns) + shiftNs }]).subarray(4)
  }
  if (name !== 'batch') return name === 'modules' ? frame : undefined
  const batch = decodeBatch(frame)
  if (!batch.ok) throw new Error(`${batch.error.where}: ${batch.error.message}`)
  last = batch.value.no
  return encodeBatch({ ...batch.value, t0Ns: batch.value.t0Ns + shiftNs })
}

const [hello, ...rest] = frames.flatMap((frame) => shifted(frame) ?? [])
const socket = connect(socketPath)
const send = (body: Uint8Array): void => {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, body.length)
  socket.write(length)
  socket.write(body)
}
const reader = createFrameReader()
socket.on('connect', () => send(hello ?? new Uint8Array()))
socket.on('error', (error) => {
  process.stderr.write(`the recorded run cannot be given to the daemon: ${error.message}\n`)
  process.exit(1)
})
socket.on('data', (chunk) => {
  for (const frame of reader.push(chunk) ?? []) {
    const [name, first, message] = decodeFrame(frame) ?? []
    if (name === 'refused') {
      process.stderr.write(`the daemon refused the recorded run: ${String(message)}\n`)
      process.exit(1)
    }
    if (name === 'welcome') for (const body of rest) send(body)
    if (name === 'ack' && Number(first) >= last) {
      socket.end(encodeFrame(['bye', { reason: 'recorded', lost: {} }]))
      process.exit(0)
    }
  }
})
