/**
 * Any end at any step: what was committed is there once, in order, and nothing that was not sent is there. The agent's side is
 * played too: after each end it sends again from the number that the store says is durable.
 */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { commit, durableOf, ingest, tick } from '../../src/event/event-store.ts'
import { seed } from './batches.ts'
import { Ended, memoryDisk, type MemoryDisk } from './memory-disk.ts'
import { incoming, nameOf, namesIn, numbered, type Opened, openStore, sessionOf } from './stores.ts'

const SESSIONS = [1, 2]
type Act = { readonly kind: 'send'; readonly session: number; readonly n: number } | { readonly kind: 'commit' | 'idle' | 'read' }

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), session: fc.constantFrom(...SESSIONS), n: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'commit' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'idle' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'read' as const }) },
)
const life = fc.record({ acts: fc.array(act, { minLength: 1, maxLength: 25 }), end: fc.integer({ min: 0, max: 60 }), share: fc.double({ min: 0, max: 1, noNaN: true }), kept: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })) })

/** What the agents know: sizes of the batches of each session, by number from 1, and how many were acknowledged. */
type Agents = { readonly sizes: Map<number, number[]>; readonly acknowledged: Map<number, number> }

function play(opened: Opened, agents: Agents, acts: readonly Act[]): void {
  for (const each of acts) {
    if (each.kind === 'send') {
      const sizes = agents.sizes.get(each.session) ?? []
      sizes.push(each.n)
      agents.sizes.set(each.session, sizes)
      expect(ingest(opened.store, incoming(each.session, numbered(each.session, sizes.length, each.n)))).toEqual({ ok: true, value: 'stored' })
    } else if (each.kind === 'commit') {
      expect(commit(opened.store)).toEqual({ ok: true, value: 'durable' })
      for (const session of SESSIONS) agents.acknowledged.set(session, durableOf(opened.store, sessionOf(session)))
    } else if (each.kind === 'idle') {
      opened.clock.nowMs += 2000
      tick(opened.store)
    } else {
      namesIn(opened)
    }
  }
}

/** The agents connect again: what is not durable is sent again. Then everything is there, once. */
function resume(opened: Opened, agents: Agents): void {
  for (const session of SESSIONS) {
    const sizes = agents.sizes.get(session) ?? []
    const durable = durableOf(opened.store, sessionOf(session))
    expect(durable).toBeGreaterThanOrEqual(agents.acknowledged.get(session) ?? 0)
    expect(durable).toBeLessThanOrEqual(sizes.length)
    for (let no = durable + 1; no <= sizes.length; no++) expect(ingest(opened.store, incoming(session, numbered(session, no, sizes[no - 1] ?? 0)))).toEqual({ ok: true, value: 'stored' })
    if (durable > 0) expect(ingest(opened.store, incoming(session, numbered(session, durable, 1)))).toEqual({ ok: true, value: 'duplicate' })
  }
  expect(commit(opened.store).ok).toBe(true)
  for (const session of SESSIONS) agents.acknowledged.set(session, durableOf(opened.store, sessionOf(session)))
}

function checkAll(opened: Opened, agents: Agents): void {
  const found = namesIn(opened)
  for (const session of SESSIONS) {
    const expected = (agents.sizes.get(session) ?? []).flatMap((n, idx) => Array.from({ length: n }, (_, event) => nameOf(session, idx + 1, event)))
    expect(found.filter((name) => name.startsWith(`${session}/`))).toEqual(expected)
  }
}

/** Runs until the disk ends; true when it did. */
function endsIn(step: () => void): boolean {
  try {
    step()
    return false
  } catch (caught) {
    if (!(caught instanceof Ended)) throw caught
    return true
  }
}

test('an end of the process or of the power at any step loses nothing that was committed and doubles nothing', () => {
  let nEnds = 0
  fc.assert(fc.property(fc.array(life, { minLength: 1, maxLength: 4 }), (lives) => {
    const agents: Agents = { sizes: new Map(), acknowledged: new Map() }
    let disk: MemoryDisk = memoryDisk()
    for (const { acts, end, share, kept } of lives) {
      disk.endAt(end, share)
      if (endsIn(() => {
        const opened = openStore(disk)
        resume(opened, agents)
        checkAll(opened, agents)
        play(opened, agents, acts)
      })) nEnds += 1
      disk = disk.after(kept)
    }
    const opened = openStore(disk)
    expect(opened.recovered.setAside).toEqual([])
    resume(opened, agents)
    checkAll(opened, agents)
    expect(opened.reader.problems()).toEqual([])
  }), { ...seed, numRuns: 120 })
  expect(nEnds).toBeGreaterThan(50)
})

test('every single step of a life that fills blocks and files can be its last', () => {
  const acts: Act[] = Array.from({ length: 24 }, (_, idx) => (idx % 4 === 3 ? { kind: 'commit' } : { kind: 'send', session: 1, n: 7 }))
  const config = { idleMs: 1000, maxFileBytes: 1500, warmMs: 60_000 }
  for (let end = 0; ; end++) {
    const disk = memoryDisk()
    const agents: Agents = { sizes: new Map(), acknowledged: new Map() }
    disk.endAt(end, (end % 4) / 3)
    const ended = endsIn(() => play(openStore(disk, { config }), agents, acts))
    // The next process ends in the middle of recovering, and the one after it recovers.
    const second = disk.after((end % 5) / 4)
    second.endAt(end % 7, 0.5)
    endsIn(() => openStore(second, { config }))
    const opened = openStore(second.after(1), { config })
    resume(opened, agents)
    checkAll(opened, agents)
    if (!ended) {
      expect(end).toBeGreaterThan(40)
      return
    }
  }
})
