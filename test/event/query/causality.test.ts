/** Messages and causes, from programs written as words: `1>2` process 1 sends to 2, `2<1` 2 receives it, `1*3` 1 spawns 3, `3^1` 3 starts, `2.` something else. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CausesQuery, causesOf, effectsOf, messagesBetween } from '../../../src/event/query/causality.ts'
import { finish } from '../../../src/event/query/run.ts'
import { type Queries, openLearnt, queriesOn } from '../../../src/event/query/scan.ts'
import type { EventRecord, EventType } from '../../../src/model/event.ts'
import { type MemoryBlocks, event, memoryBlocks } from './memory-blocks.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }
const TYPES: Record<string, EventType> = { '>': 'send', '<': 'receive', '*': 'spawn', '^': 'spawned', '.': 'call', '#': 'gap' }
const ALL = { sinceNs: 0n, untilNs: 10_000n, limit: 1000, maxEvents: 10_000 }

/** A word may end in `/id`, a correlation id, and begin with `b:`, another node, where the processes of the first are `9.n`, or `c:`, the first started anew. */
function store(program: string): { blocks: MemoryBlocks; queries: Queries } {
  const blocks = memoryBlocks(4)
  for (const [idx, word] of program.split(' ').entries()) {
    const [, node = '', pid = '', what = '', peer = '', corr] = /^([bc]:)?([\d]+)([><*^.#])([\d.]*)(?:\/(\w+))?$/.exec(word) ?? []
    const peerPid = peer === '' ? null : peer.includes('.') ? `${peer}.0` : `0.${peer}.0`
    blocks.append([event(TYPES[what] ?? 'exit', BigInt(idx), { source: { node: node === 'b:' ? 'b@h' : 'a@h', startNs: node === 'c:' ? 2n : 1n }, pid: `0.${pid}.0`, peer: peerPid, correlationId: corr ?? null })])
  }
  return { blocks, queries: queriesOn(blocks, openLearnt(), 3) }
}

const at = (event: EventRecord) => String(event.timestampNs)
const SIGN = { correlation: '=', order: '~', process: '.' }

function checkMessages(program: string, expected: string, query: Partial<typeof ALL> & { pid?: string } = {}): void {
  const { messages, lone, gaps, cutAtNs } = finish(messagesBetween(store(program).queries, { ...ALL, ...query }))
  const pairs = messages.map(({ send, receive, by, latencyNs }) => {
    expect(latencyNs).toBe(Number(receive.timestampNs - send.timestampNs))
    return `${at(send)}${SIGN[by]}${at(receive)}`
  })
  const rest = [[lone.sends, 'sends'], [lone.receives, 'receives'], [gaps, 'gaps']].filter(([n]) => n !== 0).map(([n, what]) => `${n} ${what}`)
  expect([...pairs, ...rest, ...(cutAtNs === null ? [] : [`cut at ${cutAtNs}`])].join(' ')).toBe(expected)
}

test('the nth send from one to another is the nth receive', () => checkMessages('1>2 1>2 2<1 2<1', '0~2 1~3'))
test('messages of other pairs do not mix', () => checkMessages('1>2 3>2 2<3 2<1 2>1 1<2', '1~2 0~3 4~5'))
test('a correlation id goes before the order', () => checkMessages('1>2/x 1>2/y 2<1/y 2<1/x', '1=2 0=3'))
test('within one correlation id the order holds', () => checkMessages('1>2/x 1>2/x 2<1/x 2<1/x', '0=2 1=3'))
test('across nodes a correlation id pairs, whatever the first number of a pid', () => checkMessages('1>9.2/x b:2<9.1/x', '0=1'))
test('across nodes the clocks may disagree', () => checkMessages('b:2<9.1/x 1>9.2/x', '1=0'))
test('across nodes without a correlation id nothing is paired', () => checkMessages('1>2 b:2<1', '1 sends 1 receives'))
test('a node that was started anew has other processes', () => checkMessages('1>2 c:2<1', '1 sends 1 receives'))
test('a receive without a send before it stays alone', () => checkMessages('2<1 1>2 2<1', '1~2 1 receives'))
test('a send that is never received stays alone', () => checkMessages('1>2', '1 sends'))
test('gaps are told', () => checkMessages('1>2 1#2 2<1', '0~2 1 gaps'))
test('a pid can be asked for', () => checkMessages('1>2 3>4 2<1 4<3', '1~3', { pid: '0.3.0' }))
test('the range holds', () => checkMessages('1>2 2<1 1>2 2<1 1>2', '2~3', { sinceNs: 2n, untilNs: 4n }))
test('a full list says where it was cut', () => checkMessages('1>2 2<1 1>2 2<1', '0~1 cut at 2', { limit: 1 }))

test('however messages of many pairs interleave, each receive finds its send', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ from: fc.integer({ min: 1, max: 3 }), to: fc.integer({ min: 1, max: 3 }), deliver: fc.nat({ max: 3 }) }), { minLength: 1, maxLength: 60 }), (steps) => {
      const words: string[] = []
      const inFlight = new Map<string, number[]>()
      const expected: string[] = []
      for (const { from, to, deliver } of steps) {
        const key = `${from} ${to}`
        inFlight.set(key, [...(inFlight.get(key) ?? []), words.push(`${from}>${to}`) - 1])
        for (const [pair, sends] of [...inFlight].slice(0, deliver)) {
          const sent = sends.shift()
          const [sender, receiver] = pair.split(' ')
          if (sent !== undefined) expected.push(`${sent}~${words.push(`${receiver}<${sender}`) - 1}`)
        }
      }
      const waiting = [...inFlight.values()].flat().length
      checkMessages(words.join(' '), [...expected, ...(waiting === 0 ? [] : [`${waiting} sends`])].join(' '))
    }),
    { numRuns: 100, ...seed },
  )
})

function checkCauses(program: string, ofEvent: number, expected: string, query: Partial<CausesQuery> = {}): void {
  const { blocks, queries } = store(program)
  const id = blocks.stored.find((event) => event.timestampNs === BigInt(ofEvent))?.id ?? ''
  const found = finish(causesOf(queries, { id, maxSteps: 20, windowNs: 1000n, maxEvents: 10_000, ...query }))
  expect(`${found?.causes.map(({ event, link, by }) => `${link}${SIGN[by]}${at(event)}`).join(' ')} ${found?.end}`).toBe(expected)
}

test('a request and its answer lead back to who asked', () => checkCauses('1. 1>2 2<1 2. 2>1 1<2 1.', 6, 'earlier.5 sent~4 earlier.2 sent~1 beginning'))
test('a process was caused by its parent', () => checkCauses('1. 1*3 3^1 3.', 3, 'earlier.2 spawned.1 beginning'))
test('though the parent says so later', () => checkCauses('3^1 3. 1*3', 1, 'earlier.0 spawned.2 beginning'))
test('the send of the very receive, not the last one', () => checkCauses('1>2 1>2 2<1 2. 2<1', 3, 'earlier.2 sent~0 beginning'))
test('nor the first', () => checkCauses('1>2 1>2 2<1 2<1 2.', 4, 'earlier.3 sent~1 beginning'))
test('across nodes by correlation id', () => checkCauses('1>9.2/x b:2<9.1/x b:2.', 2, 'earlier.1 sent=0 beginning'))
test('a send that is out of the window is not guessed', () => checkCauses('1>2 5. 5. 5. 2<1', 4, ' unpaired', { windowNs: 2n }))
test('steps are bounded', () => checkCauses('1>2 2<1 2>1 1<2 1.', 4, 'earlier.3 sent~2 max_steps', { maxSteps: 2 }))
test('an event that is not there has no causes', () => checkCauses('1.', 7, 'undefined undefined'))

function checkEffects(program: string, ofEvent: number, expected: string, limit = 10): void {
  const { blocks, queries } = store(program)
  const id = blocks.stored.find((event) => event.timestampNs === BigInt(ofEvent))?.id ?? ''
  const found = finish(effectsOf(queries, { id, limit, windowNs: 1000n, maxEvents: 10_000 }))
  const lines = found?.effects.map(({ event, link, reached, by }) => `${link} ${at(event)}${reached === null || by === null ? '?' : `${SIGN[by]}${at(reached)}`}`)
  expect([...(lines ?? ['nothing']), ...(found?.isCut === true ? ['…'] : [])].join(', ')).toBe(expected)
}

test('what a process sends and spawns until it receives again is the effect', () =>
  checkEffects('1>2 2<1 2>3 2*4 2>1 4^2 1<2 2<9 2>3 3<2', 1, 'sent 2~9, spawned 3.5, sent 4~6'))
test('a send reaches its receive, also when others came before', () => checkEffects('1>2 1>2 2<1 2<1', 1, 'sent 1~3'))
test('what never arrived says so', () => checkEffects('1. 1>2 1*3', 0, 'sent 1?, spawned 2?'))
test('effects are bounded', () => checkEffects('1. 1>2 1>2', 0, 'sent 1?, …', 1))
test('an event that is not there has no effects', () => checkEffects('1.', 7, 'nothing'))
