/**
 * Generated projects: the same seed gives the same bytes, the sizes are as promised, and Elixir compiles what is
 * written without a warning (a call of a function that does not exist would be one).
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generateFromArguments, generateProject, type GeneratedProject } from '../../bench/generate.ts'
import { planProject } from '../../bench/generate/plan.ts'

const hasMix = spawnSync('mix', ['--version']).status === 0

let scratch = ''
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'generate-'))
})
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

function generate(name: string, modules: number, seed: number): { dir: string; project: GeneratedProject } {
  const dir = join(scratch, name)
  const result = generateProject({ modules, seed, outDir: dir })
  if (!result.ok) throw new Error(result.problem)
  return { dir, project: result.project }
}

function filesOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile())
    .toSorted()
}

function fingerprint(dir: string): string {
  const hash = createHash('sha256')
  for (const path of filesOf(dir)) hash.update(relative(dir, path)).update('\0').update(readFileSync(path)).update('\0')
  return hash.digest('hex')
}

test('the same seed gives the same bytes, another seed gives others', () => {
  const first = fingerprint(generate('first', 50, 7).dir)
  expect(fingerprint(generate('again', 50, 7).dir)).toBe(first)
  expect(fingerprint(generate('other', 50, 8).dir)).not.toBe(first)
})

test('as many modules as asked for, each in a file of its own', () => {
  for (const modules of [1, 2, 3, 18, 40]) {
    const { dir, project } = generate(`count-${modules}`, modules, 1)
    const sources = filesOf(dir).filter((path) => /^def(module|protocol) /m.test(readFileSync(path, 'utf8')) && !path.endsWith('mix.exs'))
    expect({ modules: project.modules, sources: sources.length }).toEqual({ modules, sources: modules })
  }
})

test('names and paths stay different in the largest project', () => {
  const project = planProject({ modules: 50_000, seed: 1 })
  const plans = Array.from({ length: 50_000 }, (_, index) => project.plan(index))
  expect(new Set(plans.map((plan) => plan.name)).size).toBe(50_000)
  expect(new Set(plans.map((plan) => plan.path)).size).toBe(50_000)
})

test('most modules are small and a few are very long', () => {
  const { project } = generate('sizes', 2_000, 5)
  expect(project.medianLines).toBeGreaterThan(60)
  expect(project.medianLines).toBeLessThan(100)
  expect(project.longestLines).toBeGreaterThan(800)
  expect(project.longestLines).toBeLessThan(3_000)
})

test('arguments that make no sense are named', () => {
  const dir = join(scratch, 'refused')
  expect(generateFromArguments([])).toEqual({ ok: false, problem: 'usage: generate --modules N --seed S --out DIR' })
  expect(generateFromArguments(['--modules', '0', '--out', dir])).toEqual({ ok: false, problem: 'modules must be an integer from 1 to 50000' })
  expect(generateFromArguments(['--seed', 'x', '--out', dir])).toEqual({ ok: false, problem: 'seed must be an integer' })
})

test('a folder with something in it is left alone', () => {
  const dir = mkdtempSync(join(scratch, 'taken-'))
  writeFileSync(join(dir, 'mine.ex'), 'mine')
  expect(generateFromArguments(['--modules', '3', '--out', dir])).toEqual({ ok: false, problem: `${dir} is not empty` })
  expect(readdirSync(dir)).toEqual(['mine.ex'])
})

test.skipIf(!hasMix)('Elixir compiles a project without warnings, and its tests pass (skipped without mix)', () => {
  const { dir } = generate('compiled', 60, 11)
  const mix = (mixEnv: string, ...args: string[]) => spawnSync('mix', args, { cwd: dir, encoding: 'utf8', env: { ...process.env, MIX_ENV: mixEnv } })
  const compiled = mix('dev', 'compile', '--warnings-as-errors')
  expect({ status: compiled.status, output: compiled.stderr }).toEqual({ status: 0, output: '' })
  expect(mix('test', 'test').stdout).toMatch(/\d+ tests, 0 failures/)
})
