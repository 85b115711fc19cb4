/**
 * The sync thread: it watches the project's files, and reads and analyses those that change, as long as they are few. What
 * they become goes to the IncrementalUpdater in the repository thread; many at once become an import there. It holds
 * nothing that must survive: a new life of this thread has all files compared with the store.
 */

import type { Config } from '../config/schema.ts'
import { failure, FailureError, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import type { ActorPort } from '../src/otp/actor-system.ts'
import { runThread, type ThreadContext } from '../src/otp/node/run-thread.ts'
import { promisePort } from '../src/otp/promise-port.ts'
import { prepareBatch } from '../src/project/sync/prepare-batch.ts'
import { SYNC_PORTS, type PendingReport, type PrepareOperation, type Prepared, type Updated } from '../src/project/sync/protocol.ts'
import { synchronizerActor } from '../src/project/sync/synchronizer.actor.ts'
import { fileWatcherActor } from '../src/project/watch/file-watcher.actor.ts'
import { FILE_WATCHER, SYNCHRONIZER, WATCHER_PORT } from '../src/project/watch/protocol.ts'
import { watcherPort } from '../src/project/watch/watcher-port.ts'
import type { Reader } from '../src/store/contract.ts'
import { openReader } from '../src/store/reader.ts'
import type { ImportCalls } from './calls.ts'
import { setPendingFiles, type SharedState } from './shared-state.ts'

export type SyncInit = {
  readonly root: string
  readonly storePath: string
  readonly cookieDirectory: string
  readonly config: Pick<Config, 'project'>
  readonly shared: SharedState
}

/** How often it is checked that the store is still where it was opened. */
const WATCH_MS = 1000

runThread<SyncInit>((context) => {
  const { init, clock } = context
  const reader = openReader({ path: init.storePath, now: clock.wallMs })
  if (!reader.ok) return reader.error
  const watch = setInterval(() => {
    if (reader.value.place() === 'replaced') context.exit({ kind: 'failed', failure: failure('unavailable', 'the store was replaced') })
  }, WATCH_MS)
  return {
    actors: { [FILE_WATCHER]: () => fileWatcherActor, [SYNCHRONIZER]: () => synchronizerActor },
    ports: {
      [WATCHER_PORT]: watcherPort({ tree: { root: init.root, ...init.config.project }, cookieDirectory: init.cookieDirectory }),
      [SYNC_PORTS.prepare]: preparePort(init, reader.value),
      [SYNC_PORTS.rescan]: rescanPort(context),
      [SYNC_PORTS.report]: (operation, done) => {
        setPendingFiles(init.shared, (operation as PendingReport).nPending)
        done(ok(null))
      },
    },
    stop: () => {
      clearInterval(watch)
      reader.value.close()
    },
  }
})

function preparePort({ root, config }: SyncInit, reader: Reader): ActorPort {
  const options = { root, maxFileBytes: config.project.maxFileBytes }
  const prepare = ({ paths }: PrepareOperation): Result<Prepared, Failure> => {
    try {
      return ok(reader.snapshot((snapshot) => prepareBatch(options, snapshot, paths)))
    } catch (caught) {
      if (caught instanceof FailureError) return fail(caught.failure)
      throw caught
    }
  }
  return (operation, done) => done(prepare(operation as PrepareOperation))
}

function rescanPort(context: ThreadContext<SyncInit>): ActorPort {
  const imports = context.channel<ImportCalls>('imports')
  return promisePort(async () => {
    const done = await imports.call('compare', null, { timeoutMs: 'infinity' })
    return done.ok ? ok<Updated>({ ...done.value, changed: true }) : done
  })
}
