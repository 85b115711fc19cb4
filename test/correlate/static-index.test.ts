import { expect, test } from 'vitest'
import { analyseSource } from '../../src/analysis/analyse.ts'
import { createStaticCache } from '../../src/correlate/static-index.ts'
import type { Snapshot } from '../../src/store/contract.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { DISK, openStore, write, type Opened } from '../store/opened.ts'

const FIRST = 'defmodule A do\n  def f(x, y \\\\ 1) do\n    log(x)\n    B.g(y)\n  end\n\n  def log(x), do: x\nend\n'
const SECOND = FIRST.replace('    log(x)\n', '    B.g(0)\n    log(x)\n')

function put({ writer }: Opened, path: string, text: string): void {
  const source = Buffer.from(text)
  write(writer, (transaction) => transaction.applyFile(encodeFileFacts(analyseSource(path, source), source), DISK))
}

function counting(): { readonly analyse: typeof analyseSource; readonly analysed: string[] } {
  const analysed: string[] = []
  return { analysed, analyse: (path, source) => (analysed.push(path), analyseSource(path, source)) }
}

test('every kept version of a module, the newest first, with functions by every arity', () => {
  const store = openStore()
  put(store, 'lib/a.ex', FIRST)
  put(store, 'lib/a.ex', SECOND)
  const cache = createStaticCache(analyseSource)
  store.reader.snapshot((snapshot) => {
    const versions = cache.at(snapshot).versionsOf('A')
    expect(versions.map(({ version, path }) => [version, path])).toEqual([[2, 'lib/a.ex'], [1, 'lib/a.ex']])
    expect(versions.map(({ functions }) => functions.get('f/1')?.calls.map(({ node, line, isTail }) => [node, line, isTail]))).toEqual([
      [['A.f/2#1/B.g', 3, false], ['A.f/2#1/log', 4, false], ['A.f/2#1/B.g:2', 5, true]],
      [['A.f/2#1/log', 3, false], ['A.f/2#1/B.g', 4, true]],
    ])
    expect(cache.at(snapshot).versionsOf('Unknown')).toEqual([])
  })
})

test('a new epoch analyses what changed alone; what went stays known by its versions', () => {
  const store = openStore()
  const { analyse, analysed } = counting()
  const cache = createStaticCache(analyse)
  const numbers = (module: string) => store.reader.snapshot((snapshot: Snapshot) => cache.at(snapshot).versionsOf(module).map(({ version }) => version))
  put(store, 'lib/a.ex', FIRST)
  put(store, 'lib/b.ex', 'defmodule B do\n  def g(x), do: x\nend\n')
  expect([numbers('A'), numbers('B'), numbers('A'), analysed]).toEqual([[1], [1], [1], ['lib/a.ex', 'lib/b.ex']])
  put(store, 'lib/a.ex', SECOND)
  expect([numbers('A'), numbers('B'), analysed.length]).toEqual([[2, 1], [1], 3])
  write(store.writer, (transaction) => transaction.removeFiles(['lib/a.ex']))
  expect([numbers('A'), analysed.length]).toEqual([[2, 1], 3])
})

test('definitions of one name stand side by side, each with the ids of the store', () => {
  const store = openStore()
  put(store, 'lib/a.ex', 'defmodule A do\n  def f(x), do: B.g(x)\nend\ndefmodule A do\n  def f(x), do: B.h(x)\nend\n')
  store.reader.snapshot((snapshot) => {
    const calls = createStaticCache(analyseSource).at(snapshot).versionsOf('A').map(({ module, functions }) => [module, functions.get('f/1')?.node, functions.get('f/1')?.calls[0]?.node])
    expect(calls).toEqual([['A', 'A.f/1', 'A.f/1#1/B.g'], ['A', 'A@2.f/1', 'A@2.f/1#1/B.h']])
  })
})

test('no more is held than the limit, the least recently asked goes', () => {
  const store = openStore()
  const { analyse, analysed } = counting()
  const cache = createStaticCache(analyse, 12)
  for (const name of ['A', 'B', 'C', 'D']) put(store, `lib/${name}.ex`, `defmodule ${name} do\n  def f(x) do\n    g(x)\n    h(x)\n  end\nend\n`)
  store.reader.snapshot((snapshot) => {
    for (const name of ['A', 'B', 'C', 'D']) cache.at(snapshot).versionsOf(name)
  })
  expect([cache.size() <= 12, analysed.length]).toEqual([true, 4])
})
