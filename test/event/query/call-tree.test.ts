/** Call trees, written as lines: what was called, how it ended, `?` for an event that was not seen. */

import { expect, test } from 'vitest'
import fc from 'fast-check'
import type { EventType } from '../../../src/model/event.ts'
import { type CallTree, type CallTreeQuery, type Frame, callTree } from '../../../src/event/query/call-tree.ts'
import { finish } from '../../../src/event/query/run.ts'
import { openLearnt, queriesOn } from '../../../src/event/query/scan.ts'
import { event, memoryBlocks } from './memory-blocks.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }
const PROCESS = { node: 'shop@host', startNs: 7n, pid: '0.100.0' }
const LIMITS = { process: PROCESS, maxDepth: 50, maxFrames: 1000, maxEvents: 10_000 }

const check = (program: string, expected: string, query: Partial<CallTreeQuery> = {}): void => {
  expect(printed(treeOf(program, query))).toBe(expected)
}

/** `+f` a call, `-f` its return, `!f` an exception, `-f:20` a return after 20 ns; one a nanosecond from 100 on. */
function treeOf(program: string, query: Partial<CallTreeQuery>): CallTree {
  const types: Record<string, EventType> = { '+': 'call', '-': 'return', '!': 'exception', '#': 'gap' }
  const blocks = memoryBlocks(3)
  for (const [idx, word] of program.split(' ').filter((word) => word !== '').entries()) {
    const [fn = '', took] = word.slice(1).split(':')
    blocks.append([
      event(types[word[0] ?? ''] ?? 'send', BigInt(100 + idx), { mfa: { module: 'M', function: fn, arity: 0 }, durationNs: took === undefined ? null : Number(took) }),
      event('call', BigInt(100 + idx), { pid: '0.5.0', mfa: { module: 'Other', function: fn, arity: 0 } }),
    ])
  }
  return finish(callTree(queriesOn(blocks, openLearnt(), 2), { ...LIMITS, ...query }))
}

function printed({ roots, leftOut, gaps, cutAtNs }: CallTree): string {
  return [...roots.map(line), ...(leftOut > 0 ? [`…${leftOut}`] : []), ...(gaps > 0 ? [`gaps ${gaps}`] : []), ...(cutAtNs === null ? [] : [`cut at ${cutAtNs}`])].join(' ')
}

function line({ mfa, callId, endId, end, children, leftOut }: Frame): string {
  const inside = [...children.map(line), ...(leftOut > 0 ? [`…${leftOut}`] : [])].join(' ')
  return `${callId === null ? '?' : ''}${mfa?.function}${inside === '' ? '' : `(${inside})`}${end === 'exception' ? '!' : endId === null ? '?' : ''}`
}

test('calls stand within the call that was open', () => check('+a +b -b +c +d -d -c -a +e -e', 'a(b c(d)) e'))
test('an exception leaves its function', () => check('+a +b !b -a', 'a(b!)'))
test('exceptions that pass through several functions leave each', () => check('+a +b +c !c !b !a', 'a(b(c!)!)!'))
test('recursion closes the innermost', () => check('+a +a +a -a -a -a', 'a(a(a))'))
test('what is not back by the end of the range is unseen', () => check('+a +b -b', 'a(b)?'))
test('a return closes what above it never came back', () => check('+a +b +c -a +d -d', 'a(b(c?)?) d'))
test('a return whose call came before the range takes in what stands at the top', () => check('+b -b -a +c -c', '?a(b) c'))
test('its duration says how much it takes in', () => check('+a -a +b -b -c:2 +d -d', 'a ?c(b) d'))
test('a lost call within an open one is a leaf where nothing says how long it took', () => check('+a +b -b -x -a', 'a(b ?x)'))
test('so is a second return of one call', () => check('+b +a -a -a -b', 'b(a ?a)'))
test('with a duration it takes in what it called', () => check('+a +q -q +b -b -x:2 -a', 'a(q ?x(b))'))
test('a call that began within the one that returned is closed by it', () => check('+a +b -x:3', '?x(a(b?)?)'))
test('frames beyond the depth are counted where they happened', () => check('+a +b +c +d -d -c +c -c -b -a +e -e', 'a(b(…3)) e', { maxDepth: 2 }))
test('frames beyond the number are counted where they happened', () => check('+a +b -b +c -c -a +d -d', 'a(b …1) …1', { maxFrames: 2 }))
test('depth is bounded for returns without calls too', () => check('-a -b -c -d', '?b(?a) ?c ?d', { maxDepth: 1 }))
test('after so many events it is cut, and says where', () => check('+a +b -b +c', 'a(b)? cut at 103', { maxEvents: 3 }))
test('gaps in the range are told', () => check('+a #x -a', 'a gaps 1'))
test('the range is since, inclusive, until, exclusive', () => check('+a -a +b -b +c -c', 'b', { sinceNs: 102n, untilNs: 104n }))
test('another process of the same pid is another', () => check('+a -a', '', { process: { ...PROCESS, startNs: 8n } }))

/** A tree of calls as nested arrays; its program has every call and return. */
type Calls = readonly Calls[]
const { calls } = fc.letrec<{ calls: Calls }>((tie) => ({ calls: fc.oneof({ depthSize: 'medium' }, fc.constant([]), fc.array(tie('calls'), { minLength: 1, maxLength: 4 })) }))

test('a program whose calls all return reads back as it was', () => {
  const program = (trees: Calls, depth: number): string => trees.map((tree) => ` +f${depth % 3} ${program(tree, depth + 1)} -f${depth % 3}`).join(' ')
  const expected = (trees: Calls, depth: number): string => trees.map((tree) => `f${depth % 3}${tree.length === 0 ? '' : `(${expected(tree, depth + 1)})`}`).join(' ')
  fc.assert(fc.property(calls, (trees) => check(program(trees, 0), expected(trees, 0))), { numRuns: 100, ...seed })
})
