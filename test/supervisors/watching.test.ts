/** What a daemon says of how files are followed before the FileWatcher has said anything, and without one. */

import { expect, test } from 'vitest'
import { unreachable } from '../../src/base/assert.ts'
import { failure, type Failure } from '../../src/base/failure.ts'
import { ok } from '../../src/base/result.ts'
import type { Tree } from '../../src/otp/node/tree.ts'
import type { SynchronizerStatus } from '../../src/project/sync/protocol.ts'
import { SYNCHRONIZER } from '../../src/project/watch/protocol.ts'
import { createWatching, watchingRecord } from '../../supervisors/watching.ts'

const noTree = (): never => unreachable('nobody is asked' as never)

test('updates that come to nothing are told of until one comes through; a first try that failed is not', async () => {
  const full = failure('storage_full', 'the disk is full')
  let synchronizer: Partial<SynchronizerStatus> = { nFailed: 1, lastFailure: full }
  const call = async (name: string): Promise<unknown> => ok(name === SYNCHRONIZER ? synchronizer : { phase: 'watching' })
  const watching = createWatching(() => ({ actors: { call } }) as unknown as Tree, 'watched')
  const stuck = async (): Promise<Failure | undefined> => {
    await watching.refresh()
    return watching.stuck()
  }
  expect(await stuck()).toBeUndefined()
  synchronizer = { nFailed: 2, lastFailure: full }
  expect(await stuck()).toEqual(full)
  expect(watching.status()).toEqual({ phase: 'watching' })
  synchronizer = { nFailed: 0, lastFailure: full }
  expect(await stuck()).toBeUndefined()
})

test('a watcher that was not asked yet is starting; without one there is nothing to say', () => {
  expect(watchingRecord(createWatching(noTree, 'watched'), 3))
    .toEqual({ phase: 'starting', means: null, reason: null, directories: 0, rescans: 0, pending_files: 3 })
  expect(watchingRecord(createWatching(noTree, 'not watched'), 0)).toBeNull()
})
