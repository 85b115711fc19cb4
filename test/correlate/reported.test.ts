/**
 * Which line a call is reported at follows from what the compiler makes of the code after it, and it leaves out what nobody
 * needs. Small functions that run under trace on a real BEAM: no call of theirs may be called exact that is another.
 */

import { spawnSync } from 'node:child_process'
import { beforeAll, expect, test } from 'vitest'
import { createCorrelator, type Correlator } from '../../src/correlate/correlator.ts'
import { indexed } from './support/indexed.ts'
import { pairUp, trace, type Seen } from './support/trace.ts'

const SOURCE = `defmodule T.M1 do
  def two(x, _), do: x
  def none, do: 4
end

defmodule T.M0 do
  import T.M1

  def main(a) do
    for one <- [:unneeded, :nested, :captured], do: apply(__MODULE__, one, [a])
    :ok
  end

  def unneeded(a) do
    _ = five(5) - (a
    |> five()
    |> five())
    five(a + a)
    :ok
  end

  def nested(a) do
    two(a, none())
    two("b", none())
    two("c", none())
    :ok
  end

  def captured(a), do: Enum.map([[a, a]], &walk/1)
  def walk([a | rest]), do: [walk(a) | Enum.map(rest, &walk/1)]
  def walk(a), do: a

  def five(_), do: 5
end
`
const hasElixir = spawnSync('elixir', ['--version']).status === 0
const index = indexed(SOURCE)
const source = { node: 'n', startNs: 0n }
let correlator: Correlator
let calls: readonly Seen[] = []

beforeAll(() => {
  if (!hasElixir) return
  const { rows, lines } = trace(new Map([['lib/t.ex', SOURCE]]), 7, ['T'])
  correlator = createCorrelator()
  for (const [module, table] of lines) correlator.loaded(source, { module, md5: '', file: '', lines: table })
  calls = pairUp(rows)
}, 60_000)

test.skipIf(!hasElixir).each<[what: string, from: string, places: readonly string[]]>([
  ['a difference that nobody needs', 'unneeded', ['=/-/five', '=/-/|>/five', '=/-/|>/five:2', 'five']],
  ['a call without arguments as an argument', 'nested', ['two/none', 'two', 'two:2/none', 'two:2', 'two:3/none', 'two:3']],
])('%s', (_, from, places) => {
  const found = calls.filter(({ names }) => names.caller?.function === from).map(({ names, situation }) => correlator.resolve(index, names, source, situation))
  const truth = places.map((place) => `T.M0.${from}/1#1/${place}`)
  expect(found).toHaveLength(truth.length)
  expect(found.flatMap(({ evidence, nodeId }, idx) => (evidence === 'exact' && nodeId !== truth[idx] ? [`${nodeId} is ${truth[idx]}`] : []))).toEqual([])
})

test.skipIf(!hasElixir)('what others call for a function that captured it, from where they called this one, is in no tail position', () => {
  const walks = calls.filter(({ names }) => names.mfa?.function === 'walk').map(({ names, situation }) => correlator.resolve(index, names, source, situation))
  expect(walks.map(({ nodeId, evidence }) => `${evidence} ${nodeId}`)).toEqual(['function T.M0.walk/1', 'exact T.M0.walk/1#1/list/|/walk', 'function T.M0.walk/1'])
})
