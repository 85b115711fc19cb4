/** What a batch is made of, and when the sync thread leaves it to an import. */

import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { prepareBatch } from '../../../src/project/sync/prepare-batch.ts'
import type { Snapshot } from '../../../src/store/contract.ts'
import { makeTree } from '../support.ts'

const EMPTY = { findFile: () => undefined, filesBelow: () => [] } as Partial<Snapshot> as Snapshot

test('a path that nothing can be found out about is left to an import', () => {
  const root = makeTree({ 'lib/a.ex': 'defmodule A do\nend\n' })
  mkdirSync(join(root, 'lib'), { recursive: true })
  symlinkSync('loop', join(root, 'lib/loop'))
  const prepared = (...paths: string[]) => prepareBatch({ root, maxFileBytes: 1 << 20 }, EMPTY, paths)
  expect(prepared('lib/a.ex', 'lib/none.ex')).toMatchObject({ type: 'batch', batch: { changes: [{ outcome: { kind: 'parsed', path: 'lib/a.ex' } }] } })
  expect(prepared('lib/a.ex', 'lib/loop/b.ex')).toEqual({ type: 'too_many' })
})
