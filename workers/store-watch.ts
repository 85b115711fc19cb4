/**
 * The store as the repository thread keeps it: opened sound, mended when a damaged one was in the way, and watched while it
 * is open. A store that is found damaged, or is not where it was opened, ends this life of the thread; the next one opens
 * what is there then, and everybody who reads follows.
 */

import type { Config } from '../config/schema.ts'
import { failure, type Failure } from '../src/base/failure.ts'
import { ok, type Result } from '../src/base/result.ts'
import { carryOver } from '../src/engine/carry-over.ts'
import type { MetricRecorder } from '../src/host/metric-recorder.ts'
import type { ThreadContext } from '../src/otp/node/run-thread.ts'
import type { CallMap } from '../src/otp/channel.ts'
import type { Writer } from '../src/store/contract.ts'
import { openSound } from '../src/store/open-sound.ts'
import { salvage } from '../src/store/salvage.ts'
import { databaseIn, reportSetAside, type SetAside } from '../src/store/set-aside.ts'
import type { ChangeCasts } from './calls.ts'
import { giveUpStore, setStoreOpen, type SharedState } from './shared-state.ts'

type Context = ThreadContext<{ readonly storePath: string; readonly repositoryId: string; readonly config: Pick<Config, 'storage' | 'sync'>; readonly shared: SharedState }>

export function openStore(context: Context, recorder: MetricRecorder): Result<Writer, Failure> {
  const { init: { storePath, repositoryId, config, shared }, clock } = context
  const opened = openSound({
    path: storePath, storage: config.storage.backend, now: clock.wallMs, repositoryId, history: { versions: config.sync.keepVersions, bytes: config.sync.keepVersionBytes },
    onCommit: (changes) => context.channel<CallMap, ChangeCasts>('changes').cast('changed', changes),
  }, () => giveUpStore(shared))
  if (!opened.ok) return opened
  const { writer, setAside } = opened.value
  const mended = setAside === undefined ? ok(null) : mend(context, recorder, writer, setAside)
  if (!mended.ok) {
    writer.close()
    return mended
  }
  setStoreOpen(shared)
  return ok(writer)
}

/** What clients had stated goes into the new store; files follow with the import that its state asks for. */
function mend({ init: { storePath }, log }: Context, recorder: MetricRecorder, writer: Writer, setAside: SetAside): Result<null, Failure> {
  const salvaged = salvage(databaseIn(setAside, storePath))
  const { stated } = salvaged
  const kept = carryOver(writer, salvaged)
  if (!kept.ok) return kept
  const lost = stated === null ? null : Math.max(stated - kept.value, 0)
  reportSetAside(setAside, { kept: kept.value, lost })
  recorder.counter('elixir_scope_store_set_aside_total', [setAside.reason]).add()
  log('error', 'the store was damaged: it is set aside and built anew from the files', {
    why: setAside.why, set_aside: setAside.path, client_modules_kept: kept.value, client_modules_lost: lost ?? 'unknown',
  })
  return ok(null)
}

export type StoreWatch = {
  /** Called now and then: looks at the next slice of the store. */
  look(): void
  /** A read or a write has failed with this; damage ends this life. */
  met(failed: Failure): void
}

export function watchStore({ exit, log, init }: Context, writer: Writer): StoreWatch {
  let isEnding = false
  const end = (failed: Failure): void => {
    if (isEnding) return
    isEnding = true
    giveUpStore(init.shared)
    // The caller's answer goes out first.
    setImmediate(() => exit({ kind: 'failed', failure: failed }))
  }
  return {
    look() {
      const place = writer.place()
      if (place !== 'in place') {
        const why = `the store was ${place} while it was in use`
        log('error', why, { remedy: 'what clients had stored is lost; import the project again' })
        end(failure('unavailable', why))
        return
      }
      const found = writer.scrub()
      if (found !== undefined) end(found)
    },
    met(failed) {
      // One that is new at every life is not set aside.
      if (failed.code !== 'damaged' || isEnding || init.config.storage.backend === 'memory') return
      writer.condemn(failed.message)
      end(failed)
    },
  }
}
