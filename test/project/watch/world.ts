/**
 * A watched project on a real file system: what is noted is collected, and whoever waits is woken by events, never by time.
 * Every wait has a deadline of the test's own.
 */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Failure } from '../../../src/base/failure.ts'
import type { Result } from '../../../src/base/result.ts'
import { discover, type DiscoverOptions } from '../../../src/project/discover.ts'
import type { Batch, Means, Opened, WatchOperation } from '../../../src/project/watch/protocol.ts'
import { nodeWatchSystem, type WatchSystem } from '../../../src/project/watch/watch-system.ts'
import { watcherPort } from '../../../src/project/watch/watcher-port.ts'
import { makeTree, optionsFor } from '../support.ts'

export type Watched = {
  readonly root: string
  readonly opened: Opened
  /** All that was reported since the start. */
  readonly paths: Set<string>
  readonly reasons: Set<string>
  readonly limits: string[]
  run<T>(operation: WatchOperation): Promise<T>
  /** Everything that happened before has been noted when this returns. */
  settle(): Promise<void>
  /** Waits for events until it is true. */
  until(isTrue: () => boolean): Promise<void>
  /** The files that discovery finds now. */
  files(): string[]
}

export type WatchedOptions = { readonly means?: Means; readonly system?: Partial<WatchSystem>; readonly discover?: Partial<DiscoverOptions>; readonly root?: string }

/** Where temporary directories are on another kind of file system, the type is given out as a plain one. */
const PLAIN: Partial<WatchSystem> = { fileSystemType: () => 0xef53 }

export async function watchTree(files: Readonly<Record<string, string>>, { means = 'directories', system = {}, discover: changes = {}, root = makeTree(files) }: WatchedOptions = {}): Promise<Watched> {
  const tree = optionsFor(root, changes)
  const port = watcherPort({
    tree, cookieDirectory: join(tempDirectory(), 'cookies'), system: { ...nodeWatchSystem, ...PLAIN, ...system }, maxChokidarFiles: means === 'chokidar' ? 1000 : 0,
  })
  const run = <T>(operation: WatchOperation): Promise<T> => new Promise((resolve, reject) => {
    port(operation, (result) => settleWith(result as Result<T, Failure>, resolve, reject))
  })
  const state = { paths: new Set<string>(), reasons: new Set<string>(), limits: [] as string[], cookie: 0 }
  const waiters: (() => void)[] = []
  const listen = (): void => port({ type: 'next' }, (result) => {
    if (!result.ok) return
    const batch = result.value as Batch
    for (const path of batch.paths) state.paths.add(path)
    if (batch.lost !== undefined) state.reasons.add(batch.lost)
    if (batch.limit !== undefined) state.limits.push(batch.limit)
    state.cookie = Math.max(state.cookie, batch.cookie)
    for (const wake of waiters.splice(0)) wake()
    listen()
  })
  listen()
  onTestFinished(async () => {
    await run({ type: 'close' })
  })
  const opened = await run<Opened>({ type: 'open', ...(means === 'polling' ? { poll: 'asked' } : {}) })
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await new Promise<void>((resolve) => void waiters.push(resolve))
  }
  return {
    root, opened, paths: state.paths, reasons: state.reasons, limits: state.limits, run, until,
    async settle() {
      const n = await run<number>({ type: 'cookie' })
      await until(() => state.cookie >= n)
    },
    files: () => discover(tree).files.map(({ path }) => path),
  }
}

export function tempDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'scope-watch-')))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

function settleWith<T>(result: Result<T, Failure>, resolve: (value: T) => void, reject: (reason: Error) => void): void {
  if (result.ok) resolve(result.value)
  else reject(new Error(result.error.code))
}

/** Counts what is watched. */
export function countingWatch(): { readonly watch: WatchSystem['watch']; nOpen: number; changed: () => void } {
  const counter = {
    nOpen: 0,
    changed: (): void => undefined,
    watch: ((directory, listener) => {
      const close = nodeWatchSystem.watch(directory, listener)
      counter.nOpen += 1
      return () => {
        close()
        counter.nOpen -= 1
        counter.changed()
      }
    }) satisfies WatchSystem['watch'],
  }
  return counter
}

export function errno(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code })
}
