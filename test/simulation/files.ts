/**
 * The project's files in a simulated world, and what watches them. Every change has a number; a file is as its last one left
 * it. A watcher hears of changes in their order, cookies among them, whenever its thread comes to it; the system may drop what
 * it has no room for, and a watcher may fail: both are told afterwards, as Node tells them.
 */

import { ok } from '../../src/base/result.ts'
import type { ActorPort } from '../../src/otp/actor-system.ts'
import type { ThreadContext } from '../../src/otp/node/run-thread.ts'
import { MAX_BURST_EVENTS } from '../../src/project/watch/batching.ts'
import { createNotes } from '../../src/project/watch/notes.ts'
import type { Look, Opened, WatchOperation } from '../../src/project/watch/protocol.ts'
import type { Disk } from './disk.ts'
import type { Process, Scheduler } from './scheduler.ts'

/** `n`: of the change that made it so; `lastGone`: of the last that removed it, 0 before any. */
export type FileState = { readonly n: number; readonly is: 'gone' | 'empty' | 'whole'; readonly lastGone?: number }

export const WATCH_LOSSES = ['the queue overflows', 'a cookie is lost', 'the watcher fails'] as const

/** How following files can be made wrong, to see that it is noticed. */
export type FilesFlaw = 'a change is not reported'

export type Files = {
  /** All there are, and all there were. */
  all(): ReadonlyMap<string, FileState>
  /** Somebody saves or removes one, perhaps in several steps. */
  change(): void
  /** False when nobody watches. */
  lose(what: (typeof WATCH_LOSSES)[number]): boolean
  watchPort(process: Process, context: Pick<ThreadContext<unknown>, 'clock'>): ActorPort
}

type Watch = {
  readonly process: Process
  hear(path: string): void
  lose(what: (typeof WATCH_LOSSES)[number]): void
}

const PATHS = ['a.ex', 'b.ex', 'c.ex', 'd.ex', 'e.ex']
const SIZES = { gone: null, empty: 0, whole: 100 } as const
const MAX_OPENING_MS = 30

export function createFiles(scheduler: Scheduler, flaw: FilesFlaw | undefined): Files {
  const { random } = scheduler
  const states = new Map<string, FileState>()
  const watches = new Set<Watch>()
  let nChanges = 0

  const become = (path: string, is: FileState['is']): void => {
    if ((states.get(path)?.is ?? 'gone') === 'gone' && is === 'gone') return
    nChanges += 1
    states.set(path, { n: nChanges, is, lastGone: is === 'gone' ? nChanges : states.get(path)?.lastGone ?? 0 })
    if (flaw === 'a change is not reported' && random.chance(0.1)) return
    for (const watch of watches) watch.hear(path)
  }
  return {
    all: () => states,
    change() {
      const path = random.pick(PATHS)
      const choice = random.unit()
      if (choice < 0.2) return become(path, 'gone')
      // Some editors truncate first, some put another file in its place.
      if (choice < 0.6) become(path, choice < 0.4 ? 'empty' : 'gone')
      scheduler.clock.after(choice < 0.6 ? random.below(30) : 0, () => become(path, 'whole'))
    },
    lose(what) {
      for (const watch of watches) watch.lose(what)
      return watches.size > 0
    },
    watchPort(process, { clock }) {
      const lane = scheduler.lane(process, 'watch')
      const hear = (run: () => void, what: string): void => scheduler.push(lane, run, what)
      const notes = createNotes((run) => hear(run, 'news'))
      let isOpen = false
      let isFull = false
      let isCookieLost = false
      let nOpened = 0
      let nCookies = 0
      const watch: Watch = {
        process,
        hear(path) {
          if (!isOpen || isFull) return
          const mine = nOpened
          hear(() => {
            if (mine !== nOpened) return
            notes.count()
            notes.changed(path)
          }, path)
        },
        lose(what) {
          if (what === 'a cookie is lost') isCookieLost = true
          if (what === 'the watcher fails' && isOpen) {
            isOpen = false
            hear(() => notes.lose('watcher_failed'), what)
          }
          if (what !== 'the queue overflows' || isFull) return
          isFull = true
          hear(() => {
            isFull = false
            for (let n = 0; n <= MAX_BURST_EVENTS; n++) notes.count()
          }, what)
        },
      }
      watches.add(watch)
      process.atEnd.add(() => watches.delete(watch))
      const close = (): number => {
        isOpen = false
        nOpened += 1
        return nOpened
      }
      return (operation, done) => {
        const asked = operation as WatchOperation
        switch (asked.type) {
          case 'open': {
            const mine = close()
            return void clock.after(random.below(MAX_OPENING_MS), () => {
              if (mine !== nOpened) return
              isOpen = true
              done(ok({ means: 'directories', nDirectories: 1, problems: [] } satisfies Opened))
            })
          }
          case 'next':
            return notes.next((batch) => done(ok(batch)))
          case 'look':
            return done(ok({ sizes: asked.paths.map((path) => SIZES[states.get(path)?.is ?? 'gone']) } satisfies Look))
          case 'cookie': {
            nCookies += 1
            const n = nCookies
            if (!isCookieLost) hear(() => notes.cookie(n), 'cookie')
            isCookieLost = false
            return done(ok(n))
          }
          case 'close':
            close()
            return done(ok(null))
        }
      }
    },
  }
}

// What the store has of them

export const keyOf = (path: string): string => `file ${path}`

/** What the store is told of a file; it has nothing of one that is gone. */
export function tokenOf({ n, is }: FileState): string {
  return `${n} ${is}`
}

/** How the store has a file; `n` is 0 for one that it never had. */
export function storedOf(disk: Disk, path: string): FileState {
  const [token] = disk.read([keyOf(path)]).tokens
  const [n, is] = (token ?? '0 gone').split(' ')
  return { n: Number(n), is: is as FileState['is'] }
}

/** Files that the store has older than they were then. What it never had, or has forgotten, it has as of when they were last gone. */
export function behind(disk: Disk, files: Files, then: ReadonlyMap<string, FileState> = files.all()): string[] {
  return [...then].flatMap(([path, was]) => {
    const has = storedOf(disk, path)
    const asOf = has.is === 'gone' ? Math.max(has.n, files.all().get(path)?.lastGone ?? 0) : has.n
    return asOf >= was.n ? [] : [`${path} is ${tokenOf(has)} in the store and was ${tokenOf(was)}`]
  })
}
