/** Names of calls, as a node reports them, and the places they come from. What is reported for which program was seen on OTP 25. */

import { expect, test } from 'vitest'
import { resolve } from '../../src/correlate/resolve.ts'
import type { Resolution } from '../../src/correlate/resolution.ts'
import type { Situation } from '../../src/event/names.ts'
import type { EventFunction } from '../../src/model/event.ts'
import { parseMfa } from '../../src/model/names.ts'
import { indexed } from './support/indexed.ts'

const SOURCE = `defmodule Shop.Cart do
  alias Shop.Price, as: P
  require Logger

  def run(x) do
    P.of(x)
    a = P.of(1) + P.of(2)
    x
    |> P.of()
    |> P.round()
    Enum.map([1], fn y -> P.of(y) end)
    if x > 1, do: P.sum(1, 2), else: P.sum(3, 4)
    Logger.info("done")
    tail(a)
    log(x)
    loop(3)
    apply(P, :of, [x])
    def0()
    P.last(x)
  end

  def filled do
    def0()
    def0(1, 2)
    :ok
  end

  def tail(x), do: tail2(x)
  defp tail2(x), do: P.of(x)
  defmacrop log(x), do: quote(do: P.trace(unquote(x)))
  def def0(a \\\\ 1, b \\\\ P.of(5)), do: a + b
  def loop(0), do: 0
  def loop(n), do: loop(n - 1)
  defdelegate total(x), to: P, as: :of
end

defmodule Shop.Price do
  def of(x), do: x
  def round(x), do: x
  def sum(a, b), do: a + b
  def last(x), do: x
  def trace(x), do: x
end
`
const index = indexed(SOURCE)
const RUN = 'Shop.Cart.run/1'
const alone: Situation = { via: null, nth: 0 }

function names(mfa: string): EventFunction {
  const parsed = parseMfa(mfa)
  return { module: parsed?.module ?? '', function: parsed?.name ?? '', arity: parsed?.arity ?? 0 }
}

function place(callee: string, caller: string | EventFunction | null, line: number, situation?: Situation, within = index): Resolution {
  const from = caller === null ? null : { ...(typeof caller === 'string' ? names(caller) : caller), file: 'lib/a.ex', line }
  const codes = from === null ? [] : within.versionsOf(from.module)
  return resolve(within, { mfa: names(callee), caller: from }, { fit: { codes, certainty: 'sure' }, table: null }, situation)
}

const shown = ({ nodeId, evidence, method }: Resolution) => `${evidence} (${method}) ${nodeId}`

test.each<[what: string, callee: string, line: number, expected: string]>([
  ['the one call of that name at that line', 'Shop.Price.of/1', 6, `exact (site) ${RUN}#1/P.of`],
  ['a step of a pipe at the line of the next', 'Shop.Price.of/1', 10, `exact (site) ${RUN}#1/|>/P.of`],
  ['apply with a list', 'Shop.Price.of/1', 17, `exact (site) ${RUN}#1/apply`],
  ['what a macro of the module expands to', 'Shop.Price.trace/1', 15, `line (expansion) ${RUN}#1/log`],
  ['what a macro of elsewhere expands to', 'Shop.Price.trace/1', 13, `line (expansion) ${RUN}#1/Logger.info`],
  ['a generated arity', 'Shop.Cart.def0/0', 18, `exact (site) ${RUN}#1/def0`],
  ['all arguments, from what defaults generated', 'Shop.Cart.def0/2', 18, 'function (function) Shop.Cart.def0/2'],
  ['a call two functions on, in tail position', 'Shop.Price.of/1', 14, 'line (tail call) Shop.Cart.tail2/1#1/P.of'],
  ['the only call of that name, at another line', 'Shop.Price.round/1', 19, `line (only call) ${RUN}#1/|>/P.round`],
  ['no such call: the function that was called', 'Shop.Price.trace/1', 6, 'function (function) Shop.Price.trace/1'],
  ['unknown to the project: the function that called', ':lists.map/2', 6, `function (function) ${RUN}`],
])('%s', (_, callee, line, expected) => {
  expect(shown(place(callee, RUN, line, alone))).toBe(expected)
})

test('what defaults generated is no other call that is written with all arguments', () => {
  expect(shown(place('Shop.Cart.def0/2', 'Shop.Cart.filled/0', 23))).toBe('function (function) Shop.Cart.def0/2')
  expect(shown(place('Shop.Cart.def0/2', 'Shop.Cart.filled/0', 24, alone))).toBe('exact (site) Shop.Cart.filled/0#1/def0:2')
})

test('of two calls of a name at a line the first to be evaluated is reported first', () => {
  expect(shown(place('Shop.Price.of/1', RUN, 7, alone))).toBe(`line (nth at the line) ${RUN}#1/=/+/P.of`)
  expect(shown(place('Shop.Price.of/1', RUN, 7, { via: null, nth: 1 }))).toBe(`line (nth at the line) ${RUN}#1/=/+/P.of:2`)
  expect(place('Shop.Price.of/1', RUN, 7)).toMatchObject({ evidence: 'ambiguous', nodeId: `${RUN}#1/=/+`, candidates: [`${RUN}#1/=/+/P.of`, `${RUN}#1/=/+/P.of:2`] })
})

test.each<[what: string, body: string, nth: number, expected: string]>([
  ['a chain leaves none out', 'g() || P.of(1) || P.of(2)', 1, 'line (nth at the line) A.f/1#1/||/P.of'],
  ['what is beside a choice may be first', '{g() || P.of(1), P.of(2)}', 0, 'ambiguous (several) A.f/1#1/tuple'],
  ['of two ways one is gone', 'case x do\n0 -> P.of(1); 1 -> P.of(2) end', 0, 'ambiguous (several) A.f/1#1/case'],
])('of several at a line: %s', (_, body, nth, expected) => {
  const within = indexed(`defmodule A do def f(x) do\n${body}\n:ok end end`)
  expect(shown(place('P.of/1', 'A.f/1', body.includes('\n') ? 3 : 2, { via: null, nth }, within))).toBe(expected)
})

test.each<[what: string, body: string, evidence: string]>([
  ['a parameter is set up again', 'P.of(x)\nP.of(x)', 'exact'],
  ['what was returned may be there already', 'y = P.of(x)\nP.of(y)', 'line'],
  ['a sum may be next, where nobody wants the one before', '_ = P.of(x) + x\nP.of(x + 1)', 'line'],
  ['a literal is set up', '_ = P.of(x) + x\nP.of(1)', 'exact'],
  ['of two arguments one is', '_ = P.of(x) + x\nP.sum(1, 2)\nP.of(x + 1)', 'exact'],
])('after a call of the same function: %s', (_, body, evidence) => {
  const within = indexed(`defmodule A do def f(x) do\n${body}\n:ok end end`)
  expect(place('P.of/1', 'A.f/1', 1 + body.split('\n').length, alone, within).evidence).toBe(evidence)
})

const BRANCHES = 'defmodule A do def f(x) do\ncase P.sum(x, 1) do\n0 -> P.last(x); P.of(1); 1 -> P.of(2) end\n:ok end end'
/** Made last was this call, in `A.f/1`, or none. */
function inOrder(made: string | null, line: number, via: EventFunction | null = null, caller = 'A.f/1'): Situation {
  return { via, nth: 0, after: made === null ? null : { mfa: names(made), caller: { ...names(caller), file: 'lib/a.ex', line } } }
}

test.each<[what: string, after: Situation, expected: string]>([
  ['the branch that goes on', inOrder('P.last/1', 3), 'line (next in order) A.f/1#1/case/clause/P.of'],
  ['that another function was not called proves nothing', inOrder('P.sum/2', 2), 'ambiguous (several) A.f/1#1/case'],
  ['a call that is written nowhere tells nothing', inOrder('P.round/1', 3), 'ambiguous (several) A.f/1#1/case'],
  ['nor does one of another function', inOrder('P.last/1', 3, null, 'A.g/1'), 'ambiguous (several) A.f/1#1/case'],
  ['nor that none was made', inOrder(null, 0), 'ambiguous (several) A.f/1#1/case'],
])('of two branches at a line the last call tells: %s', (_, situation, expected) => {
  expect(shown(place('P.of/1', 'A.f/1', 3, situation, indexed(BRANCHES)))).toBe(expected)
})

test('of several calls in tail position the last call of what they are in tells', () => {
  const within = indexed('defmodule A do\ndef f(0), do: P.of(0)\ndef f(x) do\ny = P.of(x)\nP.of(y)\nend\nend')
  const through = (situation: Situation) => shown(place('P.of/1', 'B.run/0', 9, situation, within))
  const via = names('A.f/1')
  expect(through(inOrder(null, 0, via))).toBe('line (next in order) A.f/1#1/P.of')
  expect(through(inOrder('P.of/1', 4, via))).toBe('line (next in order) A.f/1#2/P.of')
  expect(through({ via, nth: 0 })).toBe('ambiguous (several) A.f/1')
})

test('the last call is asked for where it may tell more, and makes nothing exact', () => {
  const within = indexed(BRANCHES)
  expect(place('P.of/1', 'A.f/1', 3, alone, within)).toMatchObject({ evidence: 'ambiguous', isUnsettled: true })
  expect(place('P.last/1', 'A.f/1', 3, alone, within)).toMatchObject({ evidence: 'exact', isUnsettled: false })
  expect(place('P.last/1', 'A.f/1', 3, inOrder('P.sum/2', 2), within)).toEqual(place('P.last/1', 'A.f/1', 3, alone, within))
  expect(place('P.of/1', 'A.f/1', 3, inOrder('P.last/1', 3), within)).toMatchObject({ evidence: 'line', isUnsettled: false, candidates: [] })
})

test('of two branches at a line nobody knows which', () => {
  expect(place('Shop.Price.sum/2', RUN, 12, alone)).toMatchObject({ evidence: 'ambiguous', nodeId: `${RUN}#1/if`, candidates: [`${RUN}#1/if/P.sum`, `${RUN}#1/if/else/P.sum`] })
})

test('a loop is reported from where it was entered: what has not returned tells the calls apart', () => {
  const loop = names('Shop.Cart.loop/1')
  expect(shown(place('Shop.Cart.loop/1', RUN, 16, alone))).toBe(`exact (site) ${RUN}#1/loop`)
  expect(shown(place('Shop.Cart.loop/1', RUN, 16, { via: loop, nth: 0 }))).toBe('line (tail call) Shop.Cart.loop/1#2/loop')
  expect(place('Shop.Cart.loop/1', RUN, 16)).toMatchObject({ evidence: 'ambiguous', nodeId: null, candidates: [`${RUN}#1/loop`, 'Shop.Cart.loop/1#2/loop'] })
})

test('tail calls through what has not returned, also from callers that the project does not know', () => {
  const through = (via: string, callee: string) => shown(place(callee, ':gen_server.try_handle_call/4', 721, { via: names(via), nth: 0 }))
  expect(through('Shop.Cart.tail/1', 'Shop.Cart.tail2/1')).toBe('line (tail call) Shop.Cart.tail/1#1/tail2')
  expect(through('Shop.Cart.tail/1', 'Shop.Price.of/1')).toBe('line (tail call) Shop.Cart.tail2/1#1/P.of')
  expect(through(RUN, 'Shop.Price.last/1')).toBe(`line (tail call) ${RUN}#1/P.last`)
  expect(through('Shop.Cart.total/1', 'Shop.Price.of/1')).toMatch(/^line \(tail call\) Shop\.Cart\.total\/1#1/)
  expect(through('Shop.Cart.def0/0', 'Shop.Cart.def0/2')).toBe('function (function) Shop.Cart.def0/2')
})

test('funs: their calls are those of the function around them; they are called by no name', () => {
  const fun: EventFunction = { module: 'Shop.Cart', function: '-run/1-fun-0-', arity: 1 }
  expect(shown(place('Shop.Price.of/1', fun, 11, alone))).toBe(`exact (site) ${RUN}#1/Enum.map/fn/clause/P.of`)
  const called = resolve(index, { mfa: fun, caller: null }, { fit: { codes: [], certainty: 'sure' }, table: null })
  expect(shown(called)).toBe(`function (function) ${RUN}`)
})

test('a call without caller or line, and one that nobody knows', () => {
  expect(shown(place('Shop.Price.of/1', null, 0))).toBe('function (function) Shop.Price.of/1')
  expect(shown(place('Shop.Price.round/1', RUN, 0, alone))).toBe(`line (only call) ${RUN}#1/|>/P.round`)
  expect(shown(place('Shop.Price.of/1', RUN, 0, alone))).toBe('function (function) Shop.Price.of/1')
  expect(shown(place(':lists.map/2', ':lists.foreach/2', 3))).toBe('none (unknown) null')
})

test('versions that both fit make a place ambiguous where they differ, and not where they agree', () => {
  const old = 'defmodule A do\n  def f(x) do\n    B.g(x)\n    B.h(x)\n    :ok\n  end\nend\n'
  const both = indexed(old.replace('B.g(x)', '{B.g(x)}'), old)
  expect(place('B.g/1', 'A.f/1', 3, alone, both)).toMatchObject({ evidence: 'ambiguous', candidates: ['A.f/1#1/tuple/B.g', 'A.f/1#1/B.g'] })
  expect(shown(place('B.h/1', 'A.f/1', 4, alone, both))).toBe('exact (site) A.f/1#1/B.h')
})

test('where versions agree on a place it is as sure as the least sure of them, and the same for any call only where it is in each', () => {
  const ran = 'defmodule A do\n  def f(x) do\n    x\n    |> B.g()\n    |> B.g()\n    :ok\n  end\nend\n'
  const both = indexed(ran.replace('x\n    |>', 'x\n    # a remark\n    |>'), ran)
  expect(place('B.g/1', 'A.f/1', 5, alone, both)).toMatchObject({ nodeId: 'A.f/1#1/|>/B.g', evidence: 'line', isAny: false })
  expect(place('B.g/1', 'A.f/1', 5, { via: null, nth: 1 }, both)).toMatchObject({ evidence: 'ambiguous', candidates: ['A.f/1#1/|>/B.g', 'A.f/1#1/|>/B.g:2'] })
})
