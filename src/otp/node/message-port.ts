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
  let isOpen = true
  /** Reading from a port in its own close event crashes the whole process (Node 24.21). */
  const read = (): { message: unknown } | undefined => (isOpen && receive !== undefined ? receiveMessageOnPort(messagePort) : undefined)
  return {
    post(message, transfer) {
      messagePort.postMessage(message, transfer as readonly Transferable[] | undefined)
    },
    listen(onMessage, onClose) {
      receive = onMessage
      messagePort.on('close', () => {
        isOpen = false
        onClose()
      })
      messagePort.on('message', onMessage)
    },
    drain() {
      for (let next = read(); next !== undefined; next = read()) receive?.(next.message)
    },
    close() {
      isOpen = false
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
