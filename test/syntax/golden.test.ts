/**
 * Every fixture against Elixir: digests made by Elixir 1.14 are committed in fixtures/golden.txt, and checked against the
 * installed Elixir where there is one. UPDATE_GOLDENS=1 writes them anew. Syntax newer than 1.14 is in fixtures/newer, whose
 * goldens are printed forms that a person reviewed.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { digestLine } from '../../src/syntax/digest.ts'
import { parse } from '../../src/syntax/parse.ts'
import { print } from '../../src/syntax/print.ts'
import { quoted } from '../../src/syntax/quoted.ts'
import { askElixir, comparable, hasElixir } from './elixir-oracle.ts'

const fixtures = join(import.meta.dirname, 'fixtures')
const goldens = join(fixtures, 'golden.txt')

const isSource = (name: string): boolean => name.endsWith('.ex')
const sources = [
  ...readdirSync(fixtures).filter(isSource),
  ...readdirSync(join(fixtures, 'rejected')).filter(isSource).map((name) => `rejected/${name}`),
].sort()
const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(fixtures, name)))

const readGoldens = (): Map<string, string> =>
  new Map(readFileSync(goldens, 'utf8').trimEnd().split('\n').map((line) => {
    const [name = '', ...rest] = line.split('\t')
    return [name, rest.join('\t')]
  }))

/** A digest line without its path. */
const ours = (name: string): string => digestLine('', read(name)).slice(1)

test.runIf(hasElixir && process.env['UPDATE_GOLDENS'] === '1')('goldens are written anew', () => {
  const lines = askElixir(sources.map(read))
  writeFileSync(goldens, sources.map((name, i) => `${name}\t${lines[i] ?? ''}\n`).join(''))
  expect(lines).toHaveLength(sources.length)
})

describe('each fixture reads as Elixir 1.14 reads it', () => {
  const expected = readGoldens()
  test.each(sources)('%s', (name) => {
    expect(expected.has(name)).toBe(true)
    expect(comparable(ours(name))).toBe(comparable(expected.get(name) ?? ''))
  })
})

test.runIf(hasElixir)('the goldens are what the installed Elixir says', () => {
  const expected = readGoldens()
  expect(askElixir(sources.map(read)).map(comparable)).toEqual(sources.map((name) => comparable(expected.get(name) ?? '')))
})

describe('newer syntax', () => {
  const newer = join(fixtures, 'newer')
  test.each(readdirSync(newer).filter(isSource))('%s', async (name) => {
    const tree = parse(new Uint8Array(readFileSync(join(newer, name))))
    expect(tree.problems).toEqual([])
    await expect(`${print(quoted(tree))}\n`).toMatchFileSnapshot(join(newer, name.replace('.ex', '.txt')))
  })
})
