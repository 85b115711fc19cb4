import { expect, test } from 'vitest'
import { createCorrelator } from '../../src/correlate/correlator.ts'
import { fitVersions, moved, type ClauseLines, type Observation } from '../../src/correlate/fit.ts'
import { indexed } from './support/indexed.ts'

const FIRST = `defmodule A do
  def f(0), do: 0

  def f(x) do
    B.g(x)
    B.h(x)
    B.i(x)
    :ok
  end
end
`
const MOVED = FIRST.replace('  def f(0)', '  # a remark\n\n  def f(0)')
const WITHIN = FIRST.replace('    B.g(x)', '    # a remark\n    B.g(x)')
const TABLE: ClauseLines = [['f', 1, [2, 4]], ['__info__', 1, [1]]]
const seen = (name: string, line: number): Observation => ({ caller: 'f/1', line, callee: { module: 'B', name, arity: 1 } })
const versionsFor = (texts: readonly string[], table: ClauseLines | null, observed: readonly Observation[]) => {
  const { codes, certainty } = fitVersions(indexed(...texts).versionsOf('A'), table, observed)
  return `${codes.map(({ version }) => version).join(' ')} ${certainty}`
}

test.each<[string, readonly string[], ClauseLines | null, readonly Observation[], string]>([
  ['the lines of clauses tell', [MOVED, FIRST], TABLE, [], '1 sure'],
  ['within a function they do not: both stand', [WITHIN, FIRST], TABLE, [], '2 1 sure'],
  ['a call that was seen does', [WITHIN, FIRST], TABLE, [seen('g', 5)], '1 sure'],
  ['it is the newer that runs', [WITHIN, FIRST], TABLE, [seen('g', 6)], '2 sure'],
  ['no version has these lines', [MOVED], TABLE, [], '1 none fits'],
  ['a stripped beam is in doubt', [FIRST], null, [], '1 in doubt'],
  ['until calls were seen', [MOVED, FIRST], null, [seen('g', 5), seen('h', 6), seen('i', 7)], '1 sure'],
  ['of which one is not enough', [MOVED, FIRST], null, [seen('h', 6)], '1 in doubt'],
  ['a stripped beam of a version that is not kept', [MOVED], null, [seen('g', 5), seen('h', 6), seen('i', 7)], '1 none fits'],
  ['a line outside the function', [FIRST], null, [seen('g', 12)], '1 none fits'],
])('%s', (_, texts, table, observed, expected) => {
  expect(versionsFor(texts, table, observed)).toBe(expected)
})

test('a function that moved as a whole says by how much', () => {
  const fn = indexed(MOVED).versionsOf('A')[0]?.functions.get('f/1')
  expect(fn && moved(fn, TABLE)).toBe(-2)
  expect(fn && moved(fn, [['f', 1, [2, 5]]])).toBeUndefined()
  expect(fn && moved(fn, [])).toBeUndefined()
})

const source = { node: 'shop@host', startNs: 1n }
const call = (name: string, line: number) => ({ mfa: { module: 'B', function: name, arity: 1 }, caller: { module: 'A', function: 'f', arity: 1, file: 'lib/a.ex', line } })

test('recompiled and not reloaded: the code that runs is that of before, until a load says otherwise', () => {
  const correlator = createCorrelator()
  const module = { module: 'A', md5: 'x', file: 'lib/a.ex' }
  const index = indexed(MOVED, FIRST)
  correlator.loaded(source, { ...module, lines: TABLE })
  expect(correlator.resolve(index, call('h', 6), source, { via: null, nth: 0 })).toMatchObject({ nodeId: 'A.f/1#2/B.h', evidence: 'exact', version: { number: 1 } })
  correlator.loaded(source, { ...module, lines: [['f', 1, [4, 6]]] })
  expect(correlator.resolve(index, call('h', 8), source, { via: null, nth: 0 })).toMatchObject({ nodeId: 'A.f/1#2/B.h', evidence: 'exact', version: { number: 2 } })
  expect(correlator.fitOf(index, 'A', { ...source, startNs: 2n }).certainty).toBe('in doubt')
})

test('without debug info nothing is exact before enough was seen', () => {
  const correlator = createCorrelator()
  const index = indexed(FIRST)
  const evidence = () => correlator.resolve(index, call('h', 6), source, { via: null, nth: 0 }).evidence
  expect(evidence()).toBe('line')
  for (const [name, line] of [['g', 5], ['i', 7]] as const) correlator.resolve(index, call(name, line), source)
  expect(evidence()).toBe('exact')
})

test('code whose version is not kept: by its only call, or where its function went', () => {
  const correlator = createCorrelator()
  const index = indexed(MOVED.replace('B.i(x)', 'B.g(x + 1)'))
  correlator.loaded(source, { module: 'A', md5: 'x', file: 'lib/a.ex', lines: TABLE })
  expect(correlator.resolve(index, call('h', 6), source)).toMatchObject({ nodeId: 'A.f/1#2/B.h', evidence: 'line', method: 'only call' })
  expect(correlator.resolve(index, call('g', 5), source)).toMatchObject({ nodeId: 'A.f/1#2/B.g', evidence: 'line', method: 'site, version in doubt' })
})
