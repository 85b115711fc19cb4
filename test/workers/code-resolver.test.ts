/** The code as whoever stores a batch asks for it: one snapshot for all that is asked at once, and none held beyond that. */

import { expect, test } from 'vitest'
import type { SiteNames } from '../../src/event/names.ts'
import { createCodeResolver } from '../../workers/code-resolver.ts'
import { openStore } from '../store/opened.ts'

const SOURCE = { node: 'n@h', startNs: 1n }
const site = (name: string, module = 'A'): SiteNames => ({ mfa: { module, function: name, arity: 0 }, caller: null })

test('what is asked at once is answered from one snapshot, and what is asked later from a later one', async () => {
  const { reader } = openStore()
  const resolver = createCodeResolver(reader)
  const ask = (): void => {
    for (const name of ['f', 'g', 'h']) resolver.resolve(site(name), SOURCE, undefined)
  }
  ask()
  expect(reader.metrics()).toMatchObject({ begun: 1, openSnapshots: 1 })
  await Promise.resolve()
  expect(reader.metrics().openSnapshots).toBe(0)
  ask()
  expect(reader.metrics().begun).toBe(2)
})

test('where the store is gone an event has no place, and the next batch asks again', async () => {
  const { reader } = openStore()
  const resolver = createCodeResolver(reader)
  resolver.resolve(site('f'), SOURCE, undefined)
  // As where a snapshot was held for too long.
  reader.expire(-1)
  expect(resolver.resolve(site('f', 'B'), SOURCE, undefined)).toEqual({ nodeId: null, evidence: 'none' })
  expect(resolver.resolve(site('f', 'B'), SOURCE, undefined)).toMatchObject({ evidence: 'none', isAny: true })
  expect(reader.metrics()).toMatchObject({ begun: 2, expired: 1 })
  await Promise.resolve()
  expect(reader.metrics().openSnapshots).toBe(0)
})
