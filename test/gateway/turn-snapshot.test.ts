import { expect, test } from 'vitest'
import { turnSnapshot } from '../../src/gateway/turn-snapshot.ts'
import type { Reader, Snapshot } from '../../src/store/contract.ts'

test('one snapshot serves a turn, is released at its end, and the next turn gets another', () => {
  const log: string[] = []
  let n = 0
  const begin = (): Snapshot => {
    const id = ++n
    log.push(`begin ${id}`)
    return { epoch: id, release: () => log.push(`release ${id}`) } as unknown as Snapshot
  }
  const ends: (() => void)[] = []
  const turn = turnSnapshot({ begin } as unknown as Reader, (run) => ends.push(run))
  expect(turn.current().epoch).toBe(1)
  expect(turn.current().epoch).toBe(1)
  ends.shift()?.()
  expect(turn.current().epoch).toBe(2)
  expect(ends).toHaveLength(1)
  expect(log).toEqual(['begin 1', 'release 1', 'begin 2'])
})
