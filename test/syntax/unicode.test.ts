/**
 * The tables of characters are those of the Elixir and OTP that the syntax follows.
 */

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from '../../src/syntax/parse.ts'
import { readCluster } from '../../src/syntax/unicode.ts'
import { hasElixir } from './elixir-oracle.ts'

const encoder = new TextEncoder()
const otp = spawnSync('erl', ['-noshell', '-eval', 'io:put_chars(erlang:system_info(otp_release)), halt().'], { encoding: 'utf8' })

test.runIf(hasElixir && otp.stdout === '25')('unicode-tables.ts is what tables.exs prints', () => {
  const { stdout } = spawnSync('elixir', [join(import.meta.dirname, 'tables.exs')], { encoding: 'utf8' })
  const table = join(import.meta.dirname, '..', '..', 'src', 'syntax', 'unicode-tables.ts')
  expect(readFileSync(table, 'utf8')).toBe(stdout)
})

const graphemes: readonly (readonly [what: string, text: string, characters: number])[] = [
  ['a letter', 'ab', 1],
  ['a combining mark', 'e\u0301x', 2],
  ['a family', '👨‍👩‍👧x', 5],
  ['a flag', '🇦🇹🇩🇪', 2],
  ['a syllable', '각\u11a8x', 2],
  ['a prepended mark', '\u0600ax', 2],
  ['a joiner without a second pictograph', '😀\u200d\u0301', 2],
]

test.each(graphemes)('%s', (_, text, characters) => {
  const source = encoder.encode(`${text}\0\0\0\0\0\0\0\0`)
  const cluster = { end: 0, characters: 0, first: 0 }
  readCluster(source, 0, source.length - 8, cluster)
  expect(cluster.characters).toBe(characters)
})

const names: readonly (readonly [name: string, accepted: boolean])[] = [
  ['größe', true],
  ['привет', true],
  ['日本語a', true],
  ['adмin', false],
  ['foo_λ', true],
  ['ａ', false],
  ['a·b', true],
]

test.each(names)('the name %s: %s', (name, accepted) => {
  expect(parse(encoder.encode(name)).problems.length === 0).toBe(accepted)
})
