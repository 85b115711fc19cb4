/** What a daemon says of how files are followed before the FileWatcher has said anything, and without one. */

import { expect, test } from 'vitest'
import { unreachable } from '../../src/base/assert.ts'
import { createWatching, watchingRecord } from '../../supervisors/watching.ts'

const noTree = (): never => unreachable('nobody is asked' as never)

test('a watcher that was not asked yet is starting; without one there is nothing to say', () => {
  expect(watchingRecord(createWatching(noTree, 'watched'), 3))
    .toEqual({ phase: 'starting', means: null, reason: null, directories: 0, rescans: 0, pending_files: 3 })
  expect(watchingRecord(createWatching(noTree, 'not watched'), 0)).toBeNull()
})
