/**
 * What a path on the command line means: a file as the shell sees it from the working directory, else one as the
 * project names it. `FILE:LINE` and `FILE:LINE:COLUMN`, as editors and compilers print places, mean the file. Pure.
 */

import { relative, resolve } from 'node:path'
import { failure, type Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'

/** `lib/cart.ex:12:3` → `lib/cart.ex` */
export function withoutPlace(text: string): string {
  return text.replace(/(?<=.)(?::\d+){1,2}$/, '')
}

/** Paths relative to the project that may be meant, likeliest first; never empty. */
export function projectPathsOf(text: string, { cwd, root }: { readonly cwd: string; readonly root: string }): string[] {
  const path = withoutPlace(text)
  const fromHere = relative(root, resolve(cwd, path))
  const asNamed = relative(root, resolve(root, path))
  const inside = [...new Set([fromHere, asNamed])].filter((one) => one !== '' && one !== '..' && !one.startsWith('../'))
  return inside.length > 0 ? inside : [path]
}

/** Asks with one path after the other until one is known. The failure names what the user wrote. */
export async function withFirstKnown<T>(
  text: string, paths: readonly string[], ask: (path: string) => Promise<Result<T, Failure>>,
): Promise<Result<T, Failure>> {
  for (const path of paths) {
    const asked = await ask(path)
    if (asked.ok || asked.error.code !== 'not_found') return asked
  }
  return { ok: false, error: failure('not_found', `no file ${withoutPlace(text)} in the project`, {
    hint: 'give it relative to the working directory or to the project; a new file is known after: import', details: { suggestions: [] },
  }) }
}
