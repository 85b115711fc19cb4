import { expect, test } from 'vitest'
import { sourceFunction } from '../../src/correlate/beam-names.ts'

test.each([
  ['request', 2, 'request/2 function'],
  ['-request/2-fun-0-', 1, 'request/2 within'],
  ['-request/2-lc$^0/1-0-', 1, 'request/2 within'],
  ['-ok?/3-fun-12-', 0, 'ok?/3 within'],
  ['-request/2-after$^0/0-0-', 0, 'request/2 within'],
  ['-fun.request/2-', 2, 'request/2 function'],
  ['-inlined-request/2-', 2, 'request/2 function'],
  ['MACRO-unless', 3, 'unless/2 macro'],
  ['-MACRO-unless/3-fun-0-', 1, 'unless/2 within'],
  ['-', 2, '-/2 function'],
  ['--', 2, '--/2 function'],
])('%s/%i comes from %s', (name, arity, expected) => {
  const source = sourceFunction(name, arity)
  expect(`${source.name}/${source.arity} ${source.part}`).toBe(expected)
})
