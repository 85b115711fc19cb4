import { expect, test } from 'vitest'
import { readVersionMap, rootOf, type VersionMap } from '../../src/model/version-map.ts'

test.each([
  ['A.f/1', 'A.f/1'],
  ['A.f/1#2', 'A.f/1#2'],
  ['A.f/1#2/case/clause:2', 'A.f/1#2'],
  ['A.B@2.f/1#1/%2F:2', 'A.B@2.f/1#1'],
  ['A."test a/b #1"/1#1/=', 'A."test a/b #1"/1#1'],
  ['A#body/@doc:2/string', 'A#body'],
  ['A#body/%2F:2', 'A#body'],
  ['A#body/f%2F1', 'A#body/f%2F1'],
  ['A#body/f%2F1:2/head/x', 'A#body/f%2F1:2'],
  ['no id', 'no id'],
])('the root of %s is %s', (id, root) => {
  expect(rootOf(id)).toBe(root)
})

const map: VersionMap = [
  { old: 'A.f/1#1', new: 'A.f/1#1', covers: 'node' },
  { old: 'A.f/1#1/head', new: 'A.f/1#1/head', covers: 'subtree' },
  { old: 'A.f/1#1/g', new: 'A.f/1#1/if/g', covers: 'subtree' },
  { old: 'A.f/1#1/h', new: null, covers: 'subtree' },
  { old: null, new: 'A.f/1#1/if', covers: 'node' },
  { old: null, new: 'A.f/1#1/if/a', covers: 'subtree' },
  { old: 'A.old/0', new: 'A.now/0', covers: 'node' },
  { old: 'A.old/0#1', new: 'A.now/0#1', covers: 'subtree' },
]

test.each([
  ['A.f/1#1', 'A.f/1#1'],
  ['A.f/1#1/head/x', 'A.f/1#1/head/x'],
  ['A.f/1#1/g', 'A.f/1#1/if/g'],
  ['A.f/1#1/g/x:2', 'A.f/1#1/if/g/x:2'],
  ['A.old/0', 'A.now/0'],
  ['A.old/0#1/x', 'A.now/0#1/x'],
  // Roots that the map does not name.
  ['A.f/1', 'A.f/1'],
  ['A.f/1#2/g', 'A.f/1#2/g'],
  ['A#body/@doc', 'A#body/@doc'],
])('%s became %s, and back', (old, now) => {
  const { forward, back } = readVersionMap(map)
  expect(forward(old)).toBe(now)
  expect(back(now)).toBe(old)
})

test('broken and new nodes lead nowhere, nor does what is below them', () => {
  const { forward, back } = readVersionMap(map)
  expect(['A.f/1#1/h', 'A.f/1#1/h/x', 'A.f/1#1/unknown'].map(forward)).toEqual([undefined, undefined, undefined])
  expect(['A.f/1#1/if', 'A.f/1#1/if/a', 'A.f/1#1/if/a/b', 'A.f/1#1/g'].map(back)).toEqual([undefined, undefined, undefined, undefined])
})
