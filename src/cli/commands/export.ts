/** export: the whole repository as lines of JSON (NDJSON), to a file or standard output, page by page. */

import { FailureError, type Failure } from '../../base/failure.ts'
import { ok, type Result } from '../../base/result.ts'
import type { Reply } from '../../wire/methods.ts'
import { say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { eachPage } from '../pages.ts'
import type { Connection } from '../ports.ts'
import { plural } from '../render/text.ts'

export function exportData(context: Context, file: string | undefined): Promise<ExitCode> {
  return withDaemon(context, (connection) => file === undefined || file === '-'
    ? toStdout(context, connection)
    : toFile(context, connection, file))
}

async function toStdout(context: Context, connection: Connection): Promise<Result<ExitCode, Failure>> {
  const read = await eachPage(connection, 'export_data', {}, (page) => {
    for (const line of page.value.lines) context.ports.stdout.write(`${line}\n`)
    return 'more'
  })
  return read.ok ? ok(EXIT.ok) : read
}

async function toFile(context: Context, connection: Connection, file: string): Promise<Result<ExitCode, Failure>> {
  const count = { lines: 0 }
  const written = await context.ports.writeFile(file, pagesOf(connection, count))
  if (!written.ok) return written
  say(context, `${plural(count.lines, 'line')} written to ${file}`)
  return ok(EXIT.ok)
}

/** Throws a FailureError where the daemon fails: an iterator has no other way to say so. */
async function* pagesOf(connection: Connection, count: { lines: number }): AsyncGenerator<string> {
  let cursor: string | null = null
  do {
    const page: Result<Reply<'export_data'>, Failure> = await connection.call('export_data', { limit: 1000, ...(cursor === null ? {} : { cursor }) })
    if (!page.ok) throw new FailureError(page.error)
    const { lines } = page.value.value
    const next: string | null = page.value.value.cursor
    count.lines += lines.length
    yield lines.map((line) => `${line}\n`).join('')
    cursor = next === cursor ? null : next
  } while (cursor !== null)
}
