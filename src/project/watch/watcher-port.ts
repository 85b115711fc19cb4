/**
 * The port through which the FileWatcher reaches the file system: one watcher at a time, the notes it makes, and cookies.
 *
 * Cookies are files in a directory of our own, which is watched beside the project: in one thread all watches share one
 * queue of the system, so a cookie comes behind everything that happened in the project before it was written. The
 * project itself is never written to.
 */

import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { failure, toFailure } from '../../base/failure.ts'
import type { Failure } from '../../base/failure.ts'
import { fail, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { ActorPort } from '../../otp/actor-system.ts'
import { createNotes, type Notes } from './notes.ts'
import { openWatcher } from './open-watcher.ts'
import { openPolling } from './polling.ts'
import type { Look, Opened, WatchOperation } from './protocol.ts'
import { identityOf, isReadable, type TreeOptions } from './tree.ts'
import { codeOf, isGone, isLimit, nodeWatchSystem, type WatchSystem } from './watch-system.ts'
import { limitMessage, type Watcher } from './watcher.ts'

export type WatcherPortOptions = {
  readonly tree: TreeOptions
  /** Made when it is not there. On Linux and macOS any local directory will do. */
  readonly cookieDirectory: string
  readonly system?: WatchSystem
  readonly maxChokidarFiles?: number
}

type Port = {
  readonly options: WatcherPortOptions
  readonly system: WatchSystem
  readonly notes: Notes
  watcher: Watcher | undefined
  /** Counts openings: one that is overtaken is closed. */
  nOpened: number
  closeCookies: () => void
  nCookies: number
}

type Done = (result: Result<unknown, Failure>) => void

const COOKIE = /^\.elixir_scope-cookie-(\d+)$/

export function watcherPort(options: WatcherPortOptions): ActorPort {
  const port: Port = {
    options, system: options.system ?? nodeWatchSystem, notes: createNotes((run) => void setImmediate(run)), watcher: undefined, nOpened: 0,
    closeCookies: () => undefined, nCookies: 0,
  }
  return (operation, done) => runOperation(port, operation as WatchOperation, done)
}

function runOperation(port: Port, operation: WatchOperation, done: Done): void {
  switch (operation.type) {
    case 'open':
      return void answer(open(port, operation.poll), done)
    case 'next':
      return port.notes.next((batch) => done(ok(batch)))
    case 'look':
      return done(checkRoot(port) ?? ok(look(port, operation.paths)))
    case 'cookie':
      return done(checkRoot(port) ?? cookie(port))
    case 'close':
      closeCookies(port)
      return void answer(close(port), done)
  }
}

/** Undefined is no answer. */
async function answer(outcome: Promise<Result<unknown, Failure> | undefined>, done: Done): Promise<void> {
  const result = await outcome
  if (result !== undefined) done(result)
}

// Opening

/** Undefined when another opening, or the end, came in between. */
async function open(port: Port, poll: string | undefined): Promise<Result<Opened, Failure> | undefined> {
  const ended = close(port)
  const mine = port.nOpened
  const { options, system, notes } = port
  try {
    if (identityOf(system, options.tree.root) === undefined) return fail(rootGone(options.tree.root))
    const context = { options: options.tree, system, notes }
    const because = watchCookies(port) ?? poll
    const watcher = because === undefined ? await openWatcher(context, options.maxChokidarFiles) : openPolling(context, because)
    await ended
    if (mine !== port.nOpened) {
      await watcher.close()
      return undefined
    }
    port.watcher = watcher
    const { directories, problems } = watcher.tree()
    return ok({ means: watcher.means, nDirectories: directories.size, problems: [...problems.values()], ...(watcher.because === undefined ? {} : { because: watcher.because }) })
  } catch (thrown) {
    return mine === port.nOpened ? fail(toFailure(thrown)) : undefined
  }
}

async function close(port: Port): Promise<Result<null, Failure>> {
  port.nOpened += 1
  const { watcher } = port
  port.watcher = undefined
  await watcher?.close()
  return ok(null)
}

function closeCookies(port: Port): void {
  port.closeCookies()
  port.closeCookies = () => undefined
}

// The root, and paths

/** A failure when there is no root; another directory in its place is noted. */
function checkRoot({ options: { tree: { root } }, system, notes, watcher }: Port): Result<never, Failure> | undefined {
  const identity = identityOf(system, root)
  if (identity === undefined) return fail(rootGone(root))
  if (watcher !== undefined && watcher.tree().rootIdentity !== identity) notes.lose('root_replaced')
  return undefined
}

function rootGone(root: string): Failure {
  return failure('not_found', `the project directory ${root} is not there`)
}

function look({ options: { tree: { root } } }: Port, paths: readonly string[]): Look {
  return { sizes: paths.map((path) => sizeOf(join(root, path))) }
}

function sizeOf(path: string): number | null | undefined {
  try {
    const stat = statSync(path)
    return stat.isFile() ? stat.size : undefined
  } catch (error) {
    return isGone(error) ? null : undefined
  }
}

// Cookies

/**
 * The reason to poll when the system has no watch left even for this; one that cannot be had otherwise is found lost. The
 * new watch is there before the old one ends, so that a cookie under way still comes back.
 */
function watchCookies(port: Port): string | undefined {
  const { options: { cookieDirectory }, system, notes } = port
  try {
    mkdirSync(cookieDirectory, { recursive: true })
    if (port.nCookies === 0) removeCookies(cookieDirectory)
    const close = system.watch(cookieDirectory, {
      heard: (_event, name) => {
        const n = Number(COOKIE.exec(name ?? '')?.[1] ?? 0)
        if (n === 0) return
        rmSync(join(cookieDirectory, name ?? ''), { force: true })
        notes.cookie(n)
      },
      failed: () => notes.lose('watcher_failed'),
    })
    closeCookies(port)
    port.closeCookies = close
    return undefined
  } catch (error) {
    return isLimit(error) ? limitMessage(error) : undefined
  }
}

/** Those of an earlier life. */
function removeCookies(directory: string): void {
  for (const name of readdirSync(directory)) if (COOKIE.test(name)) rmSync(join(directory, name), { force: true })
}

/** Where files are compared, the comparison itself is what a cookie proves. */
function cookie(port: Port): Result<number, Failure> {
  const { options: { cookieDirectory }, watcher, notes } = port
  port.nCookies += 1
  try {
    lookAgain(port)
    if (watcher?.poll === undefined) {
      writeFileSync(join(cookieDirectory, `.elixir_scope-cookie-${port.nCookies}`), '')
    } else {
      watcher.poll()
      notes.cookie(port.nCookies)
    }
    return ok(port.nCookies)
  } catch (error) {
    return fail(failure('unavailable', `whether changes are reported cannot be found out: ${cookieDirectory} cannot be written to (${codeOf(error)})`))
  }
}

/** What was not to be read, and links that led nowhere. */
function lookAgain({ options: { tree: { root } }, system, watcher, notes }: Port): void {
  if (watcher === undefined) return
  const { problems, dangling } = watcher.tree()
  for (const { path } of problems.values()) if (isReadable(system, join(root, path))) notes.lose('readable_again')
  for (const path of dangling) if (existsSync(path)) notes.lose('links_changed')
}
