/**
 * ast: what a file's text is to Elixir, without a daemon. Prints the quoted form readably, or with `--digest` one line a
 * file with the hashes of its structure and positions. `-` is source text on standard input, or with `--digest` a list of
 * paths, one a line.
 */

import { renderJson } from '../../wire/json.ts'
import { report, say, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { harmless } from '../render/text.ts'

export async function ast(context: Context, files: readonly string[], output: 'quoted' | 'digest'): Promise<ExitCode> {
  return output === 'digest' ? digest(context, files) : quoted(context, files)
}

async function quoted(context: Context, files: readonly string[]): Promise<ExitCode> {
  let worst: ExitCode = EXIT.ok
  for (const file of files) {
    const source = file === '-' ? new TextEncoder().encode(await context.ports.readStdin()) : readSource(context, file)
    if (typeof source === 'number') {
      worst = Math.max(worst, source)
      continue
    }
    const { text, problems } = await context.ports.syntax.print(source)
    if (context.format === 'json') context.ports.stdout.write(`${renderJson({ path: file, quoted: text, problems }, { indent: 2 })}\n`)
    else context.ports.stdout.write(`${text}\n`)
    if (problems.length === 0) continue
    worst = Math.max(worst, EXIT.failure)
    if (context.format === 'text') for (const problem of problems) say(context, `${file}:${harmless(problem)}`)
  }
  return worst
}

async function digest(context: Context, files: readonly string[]): Promise<ExitCode> {
  let worst: ExitCode = EXIT.ok
  const listed = files.includes('-') ? (await context.ports.readStdin()).split('\n').filter((line) => line !== '') : []
  for (const file of files.flatMap((name) => name === '-' ? listed : [name])) {
    const source = readSource(context, file)
    if (typeof source === 'number') {
      worst = Math.max(worst, source)
      continue
    }
    const line = await context.ports.syntax.digestLine(file, source)
    context.ports.stdout.write(`${context.format === 'json' ? renderJson(digestRecord(file, line)) : line}\n`)
  }
  return worst
}

/** One JSON object a line: lists of files are long. */
function digestRecord(path: string, line: string): Record<string, string> {
  const [structure = '', positions = ''] = line.slice(path.length + 1).split('\t')
  return structure === 'error' ? { path, error: positions } : { path, structure, positions }
}

function readSource(context: Context, file: string): Uint8Array | ExitCode {
  const read = context.ports.readFile(file)
  return read.ok ? read.value : report(context, read.error)
}
