/**
 * Faults on purpose, for tests of recovery: whoever calls `suffer` ends, or hangs, by one of the ways in which a thread or
 * the process does when something is wrong. Who may ask for that is decided elsewhere.
 */

import type { Fault } from '../starter.ts'

/** The task that a thread of a pool suffers by; its argument is the fault. */
export const SUFFER = 'suffer'

export function suffer(fault: Fault): void {
  switch (fault) {
    case 'throw':
      // Outside every promise and handler, where nobody can catch it.
      return process.nextTick(() => {
        throw new Error('a fault on purpose')
      })
    case 'exit':
      return process.exit(3)
    case 'exit_0':
      return process.exit(0)
    case 'loop':
      return loop()
    case 'heap':
      return growHeap()
    case 'array':
      return growArray()
  }
}

function loop(): never {
  for (;;) Math.random()
}

/** Many small objects that hold each other: ends at the heap limit. */
function growHeap(): never {
  let all: object = {}
  for (;;) all = { all, more: [all] }
}

/** One object that has no room to grow into: V8 may abort the whole process. */
function growArray(): never {
  const all: unknown[] = []
  for (;;) all.push(all.length)
}
