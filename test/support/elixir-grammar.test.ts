/**
 * The generator of random Elixir is worth its name only while Elixir accepts most of what it prints.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { array, assert, nat, property, sample } from 'fast-check'
import { expect, test } from 'vitest'
import { program, programFrom } from './elixir-grammar.ts'

const elixir = spawnSync('elixir', ['--version']).status === 0
const SEED = Number(process.env['FC_SEED'] ?? 20_261_121)
const SAMPLES = 500

const COUNT_ACCEPTED = `
accepted =
  Enum.count(Path.wildcard(hd(System.argv()) <> "/*.ex"), fn file ->
    try do
      match?({:ok, _}, Code.string_to_quoted(File.read!(file), emit_warnings: false))
    rescue
      _ -> false
    end
  end)

IO.puts(accepted)
`

test('no choices give the simplest program', () => {
  expect(programFrom([])).toBe('a\n')
})

test('the same choices give the same program', () => {
  assert(
    property(array(nat({ max: 0xffff })), (numbers) => {
      expect(programFrom(numbers)).toBe(programFrom([...numbers]))
    }),
    { seed: SEED },
  )
})

test('programs differ from each other', () => {
  const programs = sample(program(), { numRuns: 200, seed: SEED })
  expect(new Set(programs).size).toBeGreaterThan(190)
})

test.skipIf(!elixir)('Elixir accepts more than nine in ten (skipped without elixir)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'grammar-'))
  try {
    for (const [i, text] of sample(program(), { numRuns: SAMPLES, seed: SEED }).entries()) writeFileSync(join(dir, `${i}.ex`), text)
    const run = spawnSync('elixir', ['-e', COUNT_ACCEPTED, dir], { encoding: 'utf8' })
    expect(run.status).toBe(0)
    expect(Number(run.stdout.trim().split('\n').at(-1))).toBeGreaterThan(SAMPLES * 0.9)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
