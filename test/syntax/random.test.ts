/**
 * Random Elixir, printed from a grammar, and random damage to the fixtures, compared live with Elixir where it is installed;
 * damaged sources must never make the parser throw, hang or break its tree.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestLine } from '../../src/syntax/digest.ts'
import { createReader } from '../../src/syntax/parse.ts'
import { print } from '../../src/syntax/print.ts'
import { quoted } from '../../src/syntax/quoted.ts'
import { program } from '../support/elixir-grammar.ts'
import { askElixir, comparable, hasElixir } from './elixir-oracle.ts'
import { expectWellFormed } from './well-formed.ts'

const seed = process.env['FC_SEED'] === undefined ? Date.now() & 0x7fffffff : Number(process.env['FC_SEED'])
const encoder = new TextEncoder()

const fixtures = join(import.meta.dirname, 'fixtures')
const sources = readdirSync(fixtures)
  .filter((name) => name.endsWith('.ex'))
  .map((name) => readFileSync(join(fixtures, name), 'utf8'))

const tokensOf = (text: string): string[] => text.match(/\w+[?!]?|\s+|"""|->|<-|\|>|<<|>>|::|=>|\.\.|[^\s\w]/gu) ?? []

const intruders = [
  '(', ')', '[', ']', '{', '}', 'do', 'end', 'fn', '->', ',', ';', '\n', ' ', 'not', 'in', 'when', '|', '=>', '::', '<-',
  '\\\\', '..', '//', '&', '@', '^', '!', '-', '.', '"', '\'', '~s', '%', '%{', '<<', '>>', '#{', 'a:', '"b":', '?a', '1',
  'Foo', 'foo(', 'else', 'after', ':a', 'nil', '...', '|>', '"""\n', '\r\n', 'é', '\0', '\u202e', 'foo [', '.(', '.{',
]

type Damage = { readonly at: number; readonly other: number; readonly how: number }

function damage(tokens: readonly string[], { at, other, how }: Damage): string[] {
  const i = at % Math.max(1, tokens.length)
  const j = other % Math.max(1, tokens.length)
  const token = tokens[i] ?? ''
  if (how === 0) return tokens.toSpliced(i, 1)
  if (how === 1) return tokens.toSpliced(i, 0, token)
  if (how === 2) return tokens.with(i, tokens[j] ?? '').with(j, token)
  return tokens.toSpliced(i, 0, intruders[other % intruders.length] ?? '')
}

/** Some lines of a fixture with up to three tokens deleted, doubled, swapped or put in. */
const damaged: fc.Arbitrary<string> = fc
  .record({
    source: fc.constantFrom(...sources),
    from: fc.nat(400),
    lines: fc.integer({ min: 1, max: 14 }),
    damages: fc.array(fc.record({ at: fc.nat(), other: fc.nat(), how: fc.nat(3) }), { minLength: 1, maxLength: 3 }),
  })
  .map(({ source, from, lines, damages }) => {
    const all = source.split('\n')
    const start = from % all.length
    const tokens = tokensOf(all.slice(start, start + lines).join('\n'))
    return damages.reduce((so, one) => (so.length === 0 ? so : damage(so, one)), tokens).join('')
  })
  .filter((text) => text.length < 2000)

/** Sigils with longer names are newer than 1.14, so there is nothing to compare with. */
const isNewer = (text: string): boolean => /~[A-Z][A-Z0-9]/.test(text)

function compare(texts: readonly string[]): void {
  const comparedTexts = texts.filter((text) => !isNewer(text))
  const compared = comparedTexts.map((text) => encoder.encode(text))
  const theirs = askElixir(compared).map(comparable)
  const ours = compared.map((source) => comparable(digestLine('', source).slice(1)))
  const different = comparedTexts.filter((_, i) => ours[i] !== theirs[i])
  expect(different, `seed ${seed}`).toEqual([])
  expect(theirs.filter((line) => line !== 'error').length).toBeGreaterThan(0)
}

test.runIf(hasElixir)('random programs read as Elixir reads them', () => {
  compare(fc.sample(program(), { seed, numRuns: 1500 }))
})

test.runIf(hasElixir)('damaged fixtures are accepted and rejected as by Elixir', () => {
  compare(fc.sample(damaged, { seed, numRuns: 2500 }))
})

test('damaged sources give a well-formed tree, and each of its forms', () => {
  const read = createReader()
  fc.assert(
    fc.property(damaged, (text) => {
      const tree = read(encoder.encode(text))
      expectWellFormed(tree)
      expect(print(quoted(tree)).length).toBeGreaterThan(0)
    }),
    { seed, numRuns: 4000 },
  )
})

test('random bytes give a well-formed tree', () => {
  const read = createReader()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const tree = read(bytes)
      expectWellFormed(tree)
      quoted(tree)
    }),
    { seed, numRuns: 3000 },
  )
})
