/**
 * A disk in memory that fails as told: no room beyond so many bytes, any step by the chooser's word, an end of the process
 * after so many steps (a write is then cut where the chooser says), a loss of power (what was not synced is kept in part).
 * Names that came or went and were not synced are lost from the last one backwards, as with a journal.
 */

import type { Disk, DiskFile } from '../../src/event/disk.ts'

type Stored = { bytes: Buffer; synced: Buffer; lastUsedMs: number }

export class Ended extends Error {
  override readonly name = 'Ended'
}

export type MemoryDisk = Disk & {
  /** Steps so far that change something. */
  nSteps(): number
  /** The process ends before the step of this number; a write is done up to `share` of it. */
  endAt(step: number, share: number): void
  /** The next steps of this kind fail with the code until told otherwise. */
  failWith(code: string | undefined, kinds?: readonly string[]): void
  /** No more bytes than these in all files. */
  room(nBytes: number): void
  /** The disk as the next process finds it. `share`: of what was not synced, what is kept after a loss of power; 1: only the process ended. */
  after(share: number): MemoryDisk
  /** The bytes of a file, to damage them. */
  bytes(path: string): Buffer
  paths(): readonly string[]
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: planted`), { code })
}

export function memoryDisk(files = new Map<string, Stored>()): MemoryDisk {
  const names = new Map(files)
  /** Undoes the changes of names since the last sync, the newest last. */
  const undo: (() => void)[] = []
  let nSteps = 0
  let end = { step: Infinity, share: 0 }
  let hasEnded = false
  let failing: { code: string; kinds: readonly string[] | undefined } | undefined
  let nRoom = Infinity

  const must = (path: string): Stored => {
    const stored = names.get(path)
    if (stored === undefined) throw systemError('ENOENT')
    return stored
  }
  const step = (kind: string): void => {
    if (hasEnded || nSteps >= end.step) {
      hasEnded = true
      throw new Ended()
    }
    nSteps += 1
    if (failing !== undefined && (failing.kinds === undefined || failing.kinds.includes(kind))) throw systemError(failing.code)
  }
  const used = (): number => [...names.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
  const put = (stored: Stored, part: Uint8Array, at: number): void => {
    const length = Math.max(stored.bytes.length, at + part.length)
    const bytes = Buffer.alloc(length)
    stored.bytes.copy(bytes)
    bytes.set(part, at)
    stored.bytes = bytes
  }
  const write = (stored: Stored, parts: readonly Uint8Array[], at: number): void => {
    const whole = Buffer.concat(parts)
    if (!hasEnded && nSteps === end.step) put(stored, whole.subarray(0, Math.floor(whole.length * end.share)), at)
    step('write')
    const nFree = nRoom - used()
    if (at + whole.length - stored.bytes.length > nFree) {
      put(stored, whole.subarray(0, Math.max(0, nFree)), at)
      throw systemError('ENOSPC')
    }
    put(stored, whole, at)
  }
  const fileOf = (stored: Stored): DiskFile => ({
    size: () => stored.bytes.length,
    read: (into, at) => stored.bytes.copy(into, 0, at, at + into.length),
    write: (parts, at) => write(stored, parts, at),
    truncate: (nBytes) => {
      step('truncate')
      stored.bytes = Buffer.from(stored.bytes.subarray(0, nBytes))
      stored.synced = Buffer.from(stored.synced.subarray(0, nBytes))
    },
    sync: () => {
      step('sync')
      stored.synced = Buffer.from(stored.bytes)
    },
    close: () => undefined,
  })
  const within = (directory: string): string[] => [...names.keys()].filter((path) => path.startsWith(`${directory}/`))
  return {
    list: (directory) => [...new Set(within(directory).map((path) => path.slice(directory.length + 1).split('/')[0] ?? ''))],
    stat: (path) => {
      const stored = names.get(path)
      return stored === undefined ? undefined : { nBytes: stored.bytes.length, lastUsedMs: stored.lastUsedMs }
    },
    open: (path, how) => {
      if (how !== 'new') return fileOf(must(path))
      step('create')
      const before = names.get(path)
      const stored: Stored = { bytes: Buffer.alloc(0), synced: Buffer.alloc(0), lastUsedMs: 0 }
      names.set(path, stored)
      undo.push(() => (before === undefined ? names.delete(path) : names.set(path, before)))
      return fileOf(stored)
    },
    rename: (from, to) => {
      step('rename')
      const stored = must(from)
      const before = names.get(to)
      names.delete(from)
      names.set(to, stored)
      undo.push(() => {
        names.set(from, stored)
        if (before === undefined) names.delete(to)
        else names.set(to, before)
      })
    },
    remove: (path) => {
      step('remove')
      const stored = must(path)
      names.delete(path)
      undo.push(() => names.set(path, stored))
    },
    makeDirectory: () => undefined,
    syncDirectory: () => {
      step('syncDirectory')
      undo.length = 0
    },
    touch: (path, nowMs) => {
      must(path).lastUsedMs = nowMs
    },
    nSteps: () => nSteps,
    endAt: (at, share) => {
      end = { step: nSteps + at, share }
    },
    failWith: (code, kinds) => {
      failing = code === undefined ? undefined : { code, kinds }
    },
    room: (nBytes) => {
      nRoom = nBytes
    },
    after: (share) => {
      const nUndone = Math.ceil(undo.length * (1 - share))
      for (const each of undo.toReversed().slice(0, nUndone)) each()
      const kept = [...names].map(([path, { bytes, synced, lastUsedMs }]): [string, Stored] => {
        // What was synced and then written over is not modelled: files here only grow.
        const nKept = Math.max(synced.length, Math.floor(synced.length + (bytes.length - synced.length) * share))
        const left = Buffer.from(bytes.subarray(0, nKept))
        return [path, { bytes: left, synced: Buffer.from(left), lastUsedMs }]
      })
      return memoryDisk(new Map(kept))
    },
    bytes: (path) => must(path).bytes,
    paths: () => [...names.keys()].sort(),
  }
}
