/**
 * Writes realistic Elixir projects of any size, to measure with.
 *
 * Invariant: the same number of modules and the same seed give the same files, byte for byte. `modules` counts the
 * files with a module under lib and test; mix.exs, the configuration and nested modules come on top.
 * Deliberately absent: dependencies. A generated project compiles and passes its tests with Elixir alone.
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { planProject } from './generate/plan.ts'
import { renderModule } from './generate/render.ts'
import { surroundings } from './generate/templates.ts'

export type GenerateOptions = { readonly modules: number; readonly seed: number; readonly outDir: string }
export type GeneratedProject = {
  readonly modules: number
  readonly files: number
  readonly lines: number
  readonly bytes: number
  readonly medianLines: number
  readonly longestLines: number
}
export type Generated = { readonly ok: true; readonly project: GeneratedProject } | { readonly ok: false; readonly problem: string }

export const MOST_MODULES = 50_000
const USAGE = 'generate --modules N --seed S --out DIR'

/** Writes a project into `outDir`, which must be empty or not be there yet. */
export function generateProject(options: GenerateOptions): Generated {
  const { modules, seed, outDir } = options
  if (!Number.isInteger(modules) || modules < 1 || modules > MOST_MODULES) return { ok: false, problem: `modules must be an integer from 1 to ${MOST_MODULES}` }
  if (!Number.isInteger(seed)) return { ok: false, problem: 'seed must be an integer' }
  mkdirSync(outDir, { recursive: true })
  if (readdirSync(outDir).length > 0) return { ok: false, problem: `${outDir} is not empty` }
  return { ok: true, project: writeProject(options) }
}

/** The same from the command line's arguments. */
export function generateFromArguments(args: readonly string[]): Generated {
  const { values } = parseArgs({ args: [...args], strict: false, options: { modules: { type: 'string' }, seed: { type: 'string' }, out: { type: 'string' } } })
  if (typeof values.out !== 'string' || values.out === '') return { ok: false, problem: `usage: ${USAGE}` }
  return generateProject({ modules: Number(values.modules ?? 100), seed: Number(values.seed ?? 1), outDir: values.out })
}

function writeProject({ modules, seed, outDir }: GenerateOptions): GeneratedProject {
  const project = planProject({ modules, seed })
  const made = new Set<string>()
  let bytes = 0
  let files = 0
  const write = (path: string, text: string): void => {
    const file = join(outDir, path)
    const folder = dirname(file)
    if (!made.has(folder)) {
      mkdirSync(folder, { recursive: true })
      made.add(folder)
    }
    writeFileSync(file, text)
    bytes += Buffer.byteLength(text)
    files += 1
  }
  const lengths: number[] = []
  for (let index = 0; index < modules; index += 1) {
    const text = renderModule(project, index)
    lengths.push(text.split('\n').length - 1)
    write(project.plan(index).path, text)
  }
  for (const [path, text] of Object.entries(surroundings(modules))) write(path, text)
  const sorted = lengths.toSorted((a, b) => a - b)
  const lines = lengths.reduce((sum, n) => sum + n, 0)
  return { modules, files, bytes, lines, medianLines: sorted[sorted.length >> 1] ?? 0, longestLines: sorted.at(-1) ?? 0 }
}
