/** What a correlator makes of what a node has loaded. */

import { expect, test } from 'vitest'
import { createCorrelator } from '../../src/correlate/correlator.ts'
import { indexed } from './support/indexed.ts'

test('the call that was made last tells where lines are those of the version that runs, and nowhere else', () => {
  const index = indexed('defmodule A do\ndef f(0), do: P.of(0)\ndef f(x) do\ny = P.of(x)\nP.of(y)\nend\nend')
  const source = { node: 'n', startNs: 0n }
  const mfa = { module: 'P', function: 'of', arity: 1 }
  const via = { module: 'A', function: 'f', arity: 1 }
  const places = [[2, 3], [12, 13]].map((lines) => {
    const correlator = createCorrelator()
    correlator.loaded(source, { module: 'A', md5: '', file: '', lines: [['f', 1, lines]] })
    const names = { mfa, caller: { module: 'B', function: 'run', arity: 0, file: 'lib/b.ex', line: 9 } }
    return correlator.resolve(index, names, source, { via, nth: 0, after: { mfa, caller: { ...via, file: 'lib/a.ex', line: 4 } } }).nodeId
  })
  expect(places).toEqual(['A.f/1#2/P.of', 'A.f/1'])
})
