/**
 * Following files in a simulated world: the sync thread's actors over simulated files, the update port of the repository
 * thread and the import, each as the product's `workers/*.thread.ts` has them. Reading a file gives what it is at that moment.
 */

import { failure } from '../../src/base/failure.ts'
import type { Failure } from '../../src/base/failure.ts'
import { fail, ok } from '../../src/base/result.ts'
import type { Result } from '../../src/base/result.ts'
import type { AnyActor } from '../../src/otp/actor.ts'
import type { ActorPort } from '../../src/otp/actor-system.ts'
import type { ThreadContext, ThreadParts } from '../../src/otp/node/run-thread.ts'
import { promisePort } from '../../src/otp/promise-port.ts'
import { createImportQueue } from '../../src/project/import-queue.ts'
import type { ImportOutcome } from '../../src/project/import-queue.ts'
import { PARSER } from '../../src/project/parser.actor.ts'
import { SYNC_PORTS } from '../../src/project/sync/protocol.ts'
import type { PrepareOperation } from '../../src/project/sync/protocol.ts'
import { synchronizerActor } from '../../src/project/sync/synchronizer.actor.ts'
import type { createTaskSink } from '../../src/project/task-sink.ts'
import { fileWatcherActor } from '../../src/project/watch/file-watcher.actor.ts'
import { FILE_WATCHER, SYNCHRONIZER, WATCHER_PORT } from '../../src/project/watch/protocol.ts'
import type { DaemonWorld } from './daemon.ts'
import type { Change } from './disk.ts'
import { keyOf, storedOf, tokenOf } from './files.ts'
import type { FileState } from './files.ts'
import type { Process } from './scheduler.ts'

/** How following files can be made wrong, to see that it is noticed. */
export type SyncFlaw = 'a settle does not wait' | 'updates are lost' | 'an import lets updates through'

/** Fewer than in the product: more is for an import. */
const MAX_FILES = 3
const GONE: FileState = { n: 0, is: 'gone' }

type Batch = { readonly changes: readonly { readonly path: string; readonly known: string; readonly read: FileState }[] }

export function syncParts(world: DaemonWorld, context: ThreadContext<unknown>, process: Process): Pick<ThreadParts, 'ports'> & { readonly actors: Readonly<Record<string, () => AnyActor>> } {
  const { files, disk } = world
  const prepare = ({ paths }: PrepareOperation): unknown => {
    if (paths.length > MAX_FILES) return { type: 'too_many' }
    const changes = paths.map((path) => ({ path, known: tokenOf(storedOf(disk, path)), read: files.all().get(path) ?? GONE }))
    // A file that is neither there nor held was somebody's draft.
    return { type: 'batch', batch: { changes: changes.filter(({ read, path }) => read.is !== 'gone' || storedOf(disk, path).is !== 'gone') } satisfies Batch }
  }
  return {
    actors: { [FILE_WATCHER]: () => fileWatcherActor, [SYNCHRONIZER]: () => synchronizerActor },
    ports: {
      [WATCHER_PORT]: files.watchPort(process, context),
      [SYNC_PORTS.prepare]: (operation, done) => done(ok(prepare(operation as PrepareOperation))),
      [SYNC_PORTS.rescan]: promisePort(() => context.channel('imports').call('import', {}, { timeoutMs: 'infinity' })),
      [SYNC_PORTS.report]: (_operation, done) => done(ok(null)),
    },
  }
}

export type Imports = {
  readonly queue: ReturnType<typeof createImportQueue>
  readonly update: ActorPort
  /** One import, from what is there to what is stored. */
  run(): Promise<ImportOutcome>
}

type ImportMeans = { readonly world: DaemonWorld; readonly context: ThreadContext<unknown>; readonly process: Process; readonly sink: ReturnType<typeof createTaskSink>; readonly wanted: () => void }

export function createImports({ world, context, process, sink, wanted }: ImportMeans): Imports {
  const { disk } = world
  const queue = createImportQueue(wanted)
  /** In the product an update is one turn of its thread, and no import begins within it. */
  let updating: Promise<unknown> = Promise.resolve()
  const store = (changes: readonly Change[], check?: () => Failure | undefined): Promise<Result<number, Failure>> =>
    new Promise((resolve) => disk.write(process, { changes, check }, resolve))
  const update = promisePort(async ({ changes }: Batch) => {
    if (queue.isRunning() && world.flaw !== 'an import lets updates through') {
      await queue.free()
      return fail(failure('conflict', 'an import has stored files since'))
    }
    const isStale = (): Failure | undefined => changes.some(({ path, known }) => tokenOf(storedOf(disk, path)) !== known) ? failure('conflict', 'stored anew since') : undefined
    const news = changes.map(({ path, read }) => ({ key: keyOf(path), token: tokenOf(read) }))
    const isLost = world.flaw === 'updates are lost' && world.scheduler.random.chance(0.2)
    const storing = news.length === 0 || isLost ? Promise.resolve(ok(disk.log.length)) : store(news, isStale)
    updating = storing
    const stored = await storing
    return stored.ok ? ok({ epoch: stored.value, changed: true }) : stored
  })
  return { queue, update, run: async () => {
    await updating
    return importAll({ world, context, sink, store })
  } }
}

type ImportWork = Pick<ImportMeans, 'world' | 'context' | 'sink'> & { readonly store: (changes: readonly Change[]) => Promise<Result<number, Failure>> }

async function importAll({ world, context, sink, store }: ImportWork): Promise<ImportOutcome> {
  const { disk, files, scheduler: { random } } = world
  const ask = async (work: object): Promise<Result<null, Failure>> => (await context.actors.call(PARSER, work, 'infinity')) as Result<null, Failure>
  disk.importState = 'running'
  const end = (outcome: ImportOutcome): ImportOutcome => {
    disk.importState = outcome.ok ? 'complete' : 'interrupted'
    context.actors.cast(PARSER, { type: 'imported', error: outcome.ok ? undefined : outcome.error })
    return outcome
  }
  const found = await ask({ type: 'discover', options: {} })
  if (!found.ok) return end(found)
  const listed = [...files.all()]
  const size = 1 + random.below(3)
  for (let from = 0; from === 0 || from < listed.length; from += size) {
    const batch = listed.slice(from, from + size)
    // What was gone when it was listed is removed; the others are read, sooner or later.
    const early = random.chance(0.5) ? read(world, batch) : undefined
    const parsed = await sink.await((task) => ask({ type: 'parse', lane: 'batch', task: { task, root: '', files: [], maxFileBytes: 1 } }))
    if (!parsed.ok) return end(parsed)
    const changes = early ?? read(world, batch)
    const stored = changes.length === 0 ? ok(0) : await store(changes)
    if (!stored.ok) return end(stored)
  }
  return end(ok({} as never))
}

/** What differs from the store. */
function read({ disk, files }: DaemonWorld, batch: readonly (readonly [string, FileState])[]): Change[] {
  return batch
    .map(([path, listed]) => [path, listed.is === 'gone' ? listed : files.all().get(path) ?? GONE] as const)
    .filter(([path, is]) => is.is === 'gone' ? storedOf(disk, path).is !== 'gone' : storedOf(disk, path).n !== is.n)
    .map(([path, is]) => ({ key: keyOf(path), token: tokenOf(is) }))
}
