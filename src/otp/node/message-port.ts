/**
 * Makes a Port (`../port.ts`) of a MessagePort, and a Clock of this process's own. `drain` reads what has already arrived:
 * news of a peer's death comes by another way and may overtake the peer's last answers.
 */

import { receiveMessageOnPort } from 'node:worker_threads'
import type { MessagePort, Transferable } from 'node:worker_threads'

import type { Clock } from '../../base/clock.ts'
import type { Port } from '../port.ts'

export function portOf(messagePort: MessagePort): Port {
  let receive: ((message: unknown) => void) | undefined
  return {
    post(message, transfer) {
      messagePort.postMessage(message, transfer as readonly Transferable[] | undefined)
    },
    listen(onMessage, onClose) {
      receive = onMessage
      messagePort.on('close', onClose)
      messagePort.on('message', onMessage)
    },
    drain() {
      if (receive === undefined) return
      for (let next = receiveMessageOnPort(messagePort); next !== undefined; next = receiveMessageOnPort(messagePort)) {
        receive(next.message)
      }
    },
    close() {
      messagePort.close()
    },
  }
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}
