/**
 * Which directory is the project: the one that was named, else the nearest above the working directory that holds a
 * mix.exs; an umbrella's own directory when that one is among its apps. The answer is a real path, without links, so
 * that one project has one daemon however it is reached.
 */

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'

export const MIX_FILE = 'mix.exs'

export type ProjectRoot = {
  readonly root: string
  /** Whether it is a mix project, or just a directory that was named. */
  readonly layout: 'mix' | 'plain'
}

/** `named` is a path from a user (`start PATH`, `--project`), relative to `from`; it may be a mix.exs itself. */
export function findProjectRoot({ from, named }: { readonly from: string; readonly named?: string | undefined }): Result<ProjectRoot, Failure> {
  return named === undefined ? walkUp(resolve(from)) : namedRoot(resolve(from, named))
}

function namedRoot(path: string): Result<ProjectRoot, Failure> {
  try {
    const real = realpathSync(path)
    const root = basename(real) === MIX_FILE && statSync(real).isFile() ? dirname(real) : real
    if (!statSync(root).isDirectory()) return fail(notAProject(`${path} is not a directory`))
    return ok({ root, layout: existsSync(join(root, MIX_FILE)) ? 'mix' : 'plain' })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
    return fail(notAProject(code === 'ENOENT' ? `there is no ${path}` : `${path} cannot be opened (${code})`))
  }
}

function walkUp(from: string): Result<ProjectRoot, Failure> {
  for (let directory = from; ; directory = dirname(directory)) {
    if (existsSync(join(directory, MIX_FILE))) return namedRoot(umbrellaOf(directory) ?? directory)
    if (directory === dirname(directory)) return fail(notAProject(`no ${MIX_FILE} in ${from} or any directory above it`))
  }
}

/** The umbrella that a project directory is an app of: the directory two above, when its mix.exs sets `apps_path`. */
function umbrellaOf(directory: string): string | undefined {
  const candidate = dirname(dirname(directory))
  try {
    return readFileSync(join(candidate, MIX_FILE), 'utf8').includes('apps_path:') ? candidate : undefined
  } catch {
    return undefined // no readable mix.exs there: not an umbrella
  }
}

function notAProject(message: string): Failure {
  return failure('not_found', message, { hint: 'name the project: --project PATH, or run the command inside a mix project' })
}
