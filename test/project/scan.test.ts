/** One line per case: what is on disk against what is held -> what becomes of it. Every path comes to exactly one end. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Discovery, FoundFile } from '../../src/project/discover.ts'
import { compare, type Comparison } from '../../src/project/scan.ts'
import type { FileState } from '../../src/store/contract.ts'

const onDisk = (path: string, size: number, changedNs: bigint): FoundFile => ({ path, size, changedNs })
const heldAs = (size: number, changedNs: bigint, readable = true): FileState => ({ sourceHash: 'hash', size, changedNs, readable })
const found = (changes: Partial<Discovery>): Discovery => ({ files: [], unreadable: [], problems: [], skipped: [], nSkipped: 0, layout: 'mix', ...changes })
const NOTHING: Comparison = { wanted: [], unchanged: 0, unreadable: [], removed: [], hidden: [] }

const UNCHANGED = { ...NOTHING, unchanged: 1 }
const wanted = (size: number, changedNs: bigint, knownHash: string | null): Comparison => ({ ...NOTHING, wanted: [{ path: 'a', size, changedNs, knownHash }] })
test.each<[string, FoundFile, FileState | undefined, 'changed' | 'everything', Comparison]>([
  ['new', onDisk('a', 1, 1n), undefined, 'changed', wanted(1, 1n, null)],
  ['was unreadable', onDisk('a', 1, 1n), heldAs(1, 1n, false), 'changed', wanted(1, 1n, null)],
  ['same size and time', onDisk('a', 1, 1n), heldAs(1, 1n), 'changed', UNCHANGED],
  ['other size', onDisk('a', 2, 1n), heldAs(1, 1n), 'changed', wanted(2, 1n, 'hash')],
  ['later', onDisk('a', 1, 2n), heldAs(1, 1n), 'changed', wanted(1, 2n, 'hash')],
  ['earlier', onDisk('a', 1, 0n), heldAs(1, 1n), 'changed', wanted(1, 0n, 'hash')],
  ['everything', onDisk('a', 1, 1n), heldAs(1, 1n), 'everything', wanted(1, 1n, null)],
])('%s', (_, file, state, mode, expected) => {
  expect(compare(found({ files: [file] }), new Map(state ? [['a', state]] : []), mode)).toEqual(expected)
})

test('what is gone is removed, unless something hides it', () => {
  const held = new Map(['gone', 'lib/x', 'lib/locked/a', 'lib/locked2', 'big'].map((path) => [path, heldAs(1, 1n)]))
  const problem = { path: 'lib/locked', code: 'unreadable_directory', message: '' } as const
  const big = { ...onDisk('big', 9, 1n), problem: { path: 'big', code: 'file_too_large', message: '' } } as const
  expect(compare(found({ problems: [problem], unreadable: [big] }), held, 'changed')).toEqual({
    ...NOTHING, unreadable: [big], removed: ['gone', 'lib/locked2', 'lib/x'], hidden: ['lib/locked/a'],
  })
  const cutShort = { path: '', code: 'too_many_files', message: '' } as const
  expect(compare(found({ problems: [cutShort] }), held, 'changed')).toMatchObject({ removed: [], hidden: { length: 5 } })
})

test('every path comes to exactly one end', () => {
  const path = fc.constantFrom('a', 'b', 'c/d', 'c/e', 'f')
  const small = fc.integer({ min: 0, max: 2 })
  const files = fc.uniqueArray(fc.record({ path, size: small, changedNs: small.map(BigInt) }), { selector: (file) => file.path })
  const states = fc.dictionary(path, fc.record({ size: small, changedNs: small.map(BigInt), sourceHash: fc.constant('h'), readable: fc.boolean() }))
  const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }
  fc.assert(fc.property(files, states, fc.constantFrom('changed', 'everything'), (there, held, mode) => {
    const known = new Map(Object.entries(held))
    const outcome = compare(found({ files: there }), known, mode)
    const ends = [...outcome.wanted.map((file) => file.path), ...outcome.removed, ...outcome.hidden]
    const paths = new Set([...there.map((file) => file.path), ...known.keys()])
    expect(new Set(ends).size).toBe(ends.length)
    expect(ends.length + outcome.unchanged).toBe(paths.size)
  }), seed)
})
