/**
 * Records the shop for where there is no Elixir: stands in for the daemon, takes what the agent sends, and keeps it.
 *
 *   sh bin/with-node node examples/recorded/record.ts -- a command that starts the agent with the socket in ELIXIR_SCOPE_SOCKET
 */

import { spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { planForAgent } from '../../src/capture/kept.ts'
import { createFrameReader, decodeFrame, encodeFrame, frameName } from '../../src/capture/frames.ts'
import { capturePlan } from '../../src/wire/event-records.ts'
import { writeRecorded } from './frames.ts'

const socketPath = join(tmpdir(), `record-${process.pid}.agent`)
const plan = planForAgent('recorded', capturePlan.parse({ points: [{ module: '*' }] }), ['Shop'])
const kept: Uint8Array[] = []

/** Nothing of the machine that it is recorded on is kept: where it ran, and what its processes print. */
function framed(frame: Uint8Array): Uint8Array {
  const whole = new Uint8Array(4 + frame.length)
  new DataView(whole.buffer).setUint32(0, frame.length)
  whole.set(frame, 4)
  return whole
}

const server = createServer((socket) => {
  const reader = createFrameReader()
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    for (const frame of reader.push(chunk) ?? []) {
      const name = frameName(frame)
      if (name === 'hello') kept.push(encodeFrame(['hello', { ...(decodeFrame(frame)?.[1] as object), cwd: '/shop', os_pid: '1' }]))
      else if (name === 'modules' || name === 'batch') kept.push(framed(frame))
      if (name === 'hello') socket.write(encodeFrame(['welcome', { protocol: 1, credits: 32, durable: 0, plan }]))
      if (name === 'batch') socket.write(encodeFrame(['ack', decodeFrame(frame)?.[1], 32]))
      if (name === 'ping') socket.write(encodeFrame(['pong', decodeFrame(frame)?.[1]]))
    }
  })
})
server.listen(socketPath, () => {
  const [command = '', ...args] = process.argv.slice(process.argv.indexOf('--') + 1)
  spawn(command, args, { stdio: 'inherit', env: { ...process.env, ELIXIR_SCOPE_SOCKET: socketPath } }).on('exit', () => {
    server.close()
    writeRecorded(Buffer.concat(kept))
    process.exit(0)
  })
})
