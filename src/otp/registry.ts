/**
 * Names of living actors. A name belongs to one life at a time and is free again the moment that life ends, before anybody
 * hears of its end.
 */

import type { Address, Pid } from './actor.ts'

export type Registry = {
  /** False when the name is taken. */
  register(name: string, pid: Pid): boolean
  release(name: string): void
  /** The life behind an address, if it is (still) known by this name; a pid stands for itself. */
  resolve(address: Address): Pid | undefined
}

export function createRegistry(): Registry {
  const pids = new Map<string, Pid>()
  return {
    register(name, pid) {
      if (pids.has(name)) return false
      pids.set(name, pid)
      return true
    },
    release: (name) => void pids.delete(name),
    resolve: (address) => (typeof address === 'number' ? address : pids.get(address)),
  }
}
