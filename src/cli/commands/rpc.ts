/**
 * rpc: any method of the daemon, by hand. Arguments are one JSON object, or `key=value` pairs whose values are JSON where
 * the method expects more than a text. The answer is always JSON. Without a method it lists them.
 */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { isMethod, METHODS, type Method } from '../../wire/methods.ts'
import { renderJson } from '../../wire/json.ts'
import { nearestName } from '../../wire/nearest-name.ts'
import { print, report, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { renderTable } from '../render/table.ts'

export async function rpc(context: Context, method: string | undefined, words: readonly string[]): Promise<ExitCode> {
  if (method === undefined) return listMethods(context)
  if (!isMethod(method)) {
    const near = nearestName(method, Object.keys(METHODS))
    return report(context, failure('unknown_method', `there is no method ${method}`, {
      hint: near === undefined ? `all methods: ${context.ports.command} rpc` : `did you mean ${near}?`,
    }))
  }
  const args = readArguments(method, words)
  if (!args.ok) return report(context, args.error)
  return withDaemon(context, async (connection) => {
    // The daemon validates; what the user wrote goes there as it stands.
    const answer = await connection.call(method, args.value)
    if (!answer.ok) return answer
    context.ports.stdout.write(`${renderJson(answer.value, { indent: 2 })}\n`)
    return ok(EXIT.ok)
  })
}

export function readArguments(method: Method, words: readonly string[]): Result<Record<string, unknown>, Failure> {
  const [first = ''] = words
  if (first.trimStart().startsWith('{')) {
    const parsed = parseJson(words.join(' '))
    if (typeof parsed === 'object' && parsed !== null) return ok(parsed as Record<string, unknown>)
    return fail(failure('invalid_argument', `the arguments are no JSON object: ${words.join(' ')}`, { hint: "quote it for the shell: rpc METHOD '{\"key\": \"value\"}'" }))
  }
  const pairs: [string, unknown][] = []
  for (const word of words) {
    const at = word.indexOf('=')
    if (at <= 0) return fail(failure('invalid_argument', `${JSON.stringify(word)} is no argument`, { hint: 'write key=value, or one JSON object' }))
    const key = word.slice(0, at)
    pairs.push([key, readValue(method, key, word.slice(at + 1))])
  }
  return ok(Object.fromEntries(pairs))
}

/** A text stays a text where the method accepts it as one: `prefix=42` means "42". */
function readValue(method: Method, key: string, text: string): unknown {
  const shape = METHODS[method].args.shape as Record<string, { safeParse: (value: unknown) => { success: boolean } } | undefined>
  if (Object.hasOwn(shape, key) && shape[key]?.safeParse(text).success === true) return text
  const parsed = parseJson(text)
  return parsed === undefined ? text : parsed
}

/** Undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function listMethods(context: Context): ExitCode {
  const rows = Object.entries(METHODS).map(([name, spec]) => ({
    method: name, args: Object.keys(spec.args.shape).join(', '), summary: spec.summary,
  }))
  print(context, { methods: rows }, () => renderTable<(typeof rows)[number]>([
    { title: 'METHOD', cell: (row) => row.method, paint: context.view.style.bold },
    { title: 'ARGUMENTS', cell: (row) => row.args, flexible: true },
    { title: 'WHAT IT DOES', cell: (row) => row.summary, flexible: true },
  ], rows, context.view))
  return EXIT.ok
}
