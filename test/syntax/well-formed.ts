/**
 * The promises of a flat tree, whatever the source: it is a tree in preorder, and every offset is inside the source.
 */

import { expect } from 'vitest'
import { afterSubtree, Kind, kindName, ROOT } from '../../src/syntax/tree.ts'
import type { Tree } from '../../src/syntax/tree.ts'

/** Fails with the first node that breaks a promise. */
export function expectWellFormed(tree: Tree): void {
  const size = tree.source.length
  const ends: number[] = []
  let fault = ''
  for (let n = 0; n < tree.length && fault === ''; n++) {
    while (ends.length > 0 && n >= (ends.at(-1) ?? 0)) ends.pop()
    const end = afterSubtree(tree, n)
    const [from = 0, to = 0, at = 0] = [tree.start[n], tree.end[n], tree.at[n]]
    if (end <= n || end > (ends.at(-1) ?? tree.length)) fault = 'its subtree leaves its parent'
    if (from > to || to > size) fault = `it spans ${from} to ${to} of ${size} bytes`
    if (at !== 0xffffffff && at > size) fault = `it is at ${at} of ${size} bytes`
    if (fault !== '') fault = `${kindName(tree.kind[n] ?? 0)} ${n}: ${fault}`
    ends.push(end)
  }
  expect(fault).toBe('')
  expect(tree.kind[ROOT]).toBe(Kind.File)
  expect(tree.extent[ROOT]).toBe(tree.length)
}
