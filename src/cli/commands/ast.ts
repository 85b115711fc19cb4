/**
 * ast: what a file's text is to Elixir, without a daemon. Prints the quoted form readably, or with `--digest` one line a
 * file with the hashes of its structure and positions. `-` is source text on standard input, or with `--digest` a list of
 * paths, one a line.
 */

import { isAbsolute, join } from 'node:path'
import type { Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { renderJson } from '../../wire/json.ts'
import { report, say, type Context } from '../context.ts'
import { EXIT, exitCodeOf, type ExitCode } from '../exit.ts'
import { withoutPlace } from '../file-names.ts'
import { harmless } from '../render/text.ts'

export async function ast(context: Context, files: readonly string[], output: 'quoted' | 'digest'): Promise<ExitCode> {
  return output === 'digest' ? digest(context, files) : quoted(context, files)
}

type Quoted = { readonly path: string; readonly quoted: string; readonly problems: readonly string[] }

async function quoted(context: Context, files: readonly string[]): Promise<ExitCode> {
  let worst: ExitCode = EXIT.ok
  const records: (Quoted | { readonly path: string; readonly error: Failure })[] = []
  for (const file of files) {
    const source = file === '-' ? ok(new TextEncoder().encode(await context.ports.readStdin())) : readSource(context, file)
    if (!source.ok) {
      // One JSON value holds everything: among several files a failure is one of its items.
      const collects = context.format === 'json' && files.length > 1
      if (collects) records.push({ path: file, error: source.error })
      worst = Math.max(worst, collects ? exitCodeOf(source.error.code) : report(context, source.error))
      continue
    }
    const { text, problems } = await context.ports.syntax.print(source.value)
    if (problems.length > 0) worst = Math.max(worst, EXIT.failure)
    if (context.format === 'json') {
      records.push({ path: file, quoted: text, problems })
      continue
    }
    context.ports.stdout.write(`${text}\n`)
    for (const problem of problems) say(context, `${withoutPlace(file)}:${harmless(problem)}`)
  }
  if (records.length > 0) context.ports.stdout.write(`${renderJson(files.length === 1 ? records[0] : records, { indent: 2 })}\n`)
  return worst
}

async function digest(context: Context, files: readonly string[]): Promise<ExitCode> {
  let worst: ExitCode = EXIT.ok
  const listed = files.includes('-') ? (await context.ports.readStdin()).split('\n').filter((line) => line !== '') : []
  for (const file of files.flatMap((name) => name === '-' ? listed : [name])) {
    const source = readSource(context, file)
    if (!source.ok) {
      worst = Math.max(worst, report(context, source.error))
      continue
    }
    const line = await context.ports.syntax.digestLine(file, source.value)
    context.ports.stdout.write(`${context.format === 'json' ? renderJson(digestRecord(file, line)) : line}\n`)
  }
  return worst
}

/** One JSON object a line: lists of files are long. */
function digestRecord(path: string, line: string): Record<string, string> {
  const [structure = '', positions = ''] = line.slice(path.length + 1).split('\t')
  return structure === 'error' ? { path, error: positions } : { path, structure, positions }
}

function readSource(context: Context, file: string): Result<Uint8Array, Failure> {
  const read = context.ports.readFile(file)
  if (read.ok || read.error.code !== 'not_found') return read
  for (const path of elsewhere(context, file)) {
    const there = context.ports.readFile(path)
    if (there.ok) return there
  }
  return fail({ ...read.error, hint: 'give it relative to the working directory or to the project' })
}

/** What else a path that is not there may mean: the file of a place in it, a file as the project names it. */
function elsewhere({ ports, project }: Context, file: string): string[] {
  const found = ports.findProject(project)
  const path = withoutPlace(file)
  return [path, ...(found.ok && !isAbsolute(path) ? [join(found.value.root, path)] : [])]
}
