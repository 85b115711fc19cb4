/**
 * What every command works with: the ports, how to print, and which project is meant; and the three things that every
 * command does: find the project, ask its daemon, print an answer or a failure. With `--json` standard output holds one
 * JSON value and nothing else, a failure included (`{"error": …}`); messages for people go to standard error.
 */

import { failure, type Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import { renderJson } from '../wire/json.ts'
import { EXIT, exitCodeOf, type ExitCode } from './exit.ts'
import type { CliPorts, Connection } from './ports.ts'
import { shellQuote } from './render/found.ts'
import type { View } from './render/lists.ts'
import { COLOURED, PLAIN } from './render/style.ts'
import { harmless } from './render/text.ts'

export type GlobalOptions = {
  readonly json?: boolean
  readonly project?: string
  readonly wait?: boolean
  /** False after --no-color. */
  readonly color?: boolean
}

/** A command, chosen and with its arguments. */
export type Action = (context: Context) => Promise<ExitCode>

export type Context = {
  readonly ports: CliPorts
  readonly format: 'json' | 'text'
  /** For standard output. */
  readonly view: View
  /** For standard error. */
  readonly messages: View
  /** `settled`: questions are asked when every change saved before is in. */
  readonly freshness: 'latest' | 'settled'
  /** From --project. */
  readonly project: string | undefined
}

const LEAST_WIDTH = 40
const USUAL_WIDTH = 80

export function makeContext(ports: CliPorts, options: GlobalOptions): Context {
  const plain = options.color === false || (ports.env['NO_COLOR'] ?? '') !== '' || ports.env['TERM'] === 'dumb'
  const viewOf = (sink: CliPorts['stdout']): View => ({
    // A terminal that does not know its size says 0.
    width: sink.isTTY ? Math.max(LEAST_WIDTH, sink.columns || USUAL_WIDTH) : Infinity,
    style: plain || !sink.isTTY ? PLAIN : COLOURED,
  })
  return {
    ports,
    format: options.json === true ? 'json' : 'text',
    view: viewOf(ports.stdout),
    messages: viewOf(ports.stderr),
    freshness: options.wait === true ? 'settled' : 'latest',
    project: options.project,
  }
}

/** Prints an answer: as it came with --json, else as the lines made of it, with a note where it may not be up to date. */
export function print(context: Context, answer: unknown, lines: () => readonly string[]): void {
  const text = context.format === 'json' ? renderJson(answer, { indent: 2 }) : lines().join('\n')
  if (text !== '') context.ports.stdout.write(`${text}\n`)
  const note = context.format === 'json' ? undefined : reservation(answer as Partial<Freshness> | null)
  if (note !== undefined) say(context, context.messages.style.yellow(`note: ${note}`))
}

type Freshness = { readonly complete: boolean; readonly verified: boolean; readonly stale: boolean }

/** What an answer about the project says against itself. */
function reservation(answer: Partial<Freshness> | null): string | undefined {
  if (answer?.complete === false) return 'not everything is in yet, or could not be read; `status` tells'
  if (answer?.verified === false) return 'not compared with the files yet; `import` does that now'
  if (answer?.stale === true) return 'files have changed since; --wait answers when they are in'
  return undefined
}

/** A message for a person, on standard error. */
export function say(context: Context, text: string): void {
  context.ports.stderr.write(`${text}\n`)
}

/** Reports failures and gives the exit code of the first. */
export function report(context: Context, failures: Failure | readonly Failure[]): ExitCode {
  const all = Array.isArray(failures) ? failures as readonly Failure[] : [failures as Failure]
  const [first] = all
  if (first === undefined) return EXIT.failure
  if (context.format === 'json') {
    context.ports.stdout.write(`${renderJson(all.length === 1 ? { error: first } : { error: first, errors: all }, { indent: 2 })}\n`)
    return exitCodeOf(first.code)
  }
  const { style } = context.messages
  for (const one of all) {
    say(context, `${style.red('error:')} ${harmless(one.message)}`)
    if (one.hint !== undefined) say(context, `  ${harmless(one.hint)}`)
  }
  return exitCodeOf(first.code)
}

/** Runs `use` with a connection to the daemon of the project that is meant, and closes it afterwards. */
export async function withDaemon(
  context: Context, use: (connection: Connection, projectRoot: string) => Promise<Result<ExitCode, Failure>>,
): Promise<ExitCode> {
  const project = context.ports.findProject(context.project)
  if (!project.ok) return report(context, project.error)
  const connected = await context.ports.connect(project.value.root)
  if (!connected.ok) return report(context, whenNotRunning(context, connected.error, project.value.root))
  try {
    const settled = await settle(context, connected.value)
    const used = settled.ok ? await use(connected.value, project.value.root) : settled
    return used.ok ? used.value : report(context, used.error)
  } finally {
    await connected.value.close()
  }
}

async function settle(context: Context, connection: Connection): Promise<Result<unknown, Failure>> {
  return context.freshness === 'settled' ? connection.call('hello', { wait: true }) : ok(null)
}

/** The failure to connect, with the command that starts the daemon. */
function whenNotRunning(context: Context, error: Failure, root: string): Failure {
  if (error.code !== 'unavailable') return error
  const start = startCommand(context, root)
  return failure('unavailable', `no daemon is running for ${root}`, {
    hint: `start it with: ${start}`,
    details: { ...error.details, project_root: root, start_command: start, cause: error.message },
  })
}

function startCommand(context: Context, root: string): string {
  return isHere(context, root) ? `${context.ports.command} start` : `${context.ports.command} start ${shellQuote(root)}`
}

/** What to type before a subcommand so that it means this project: with --project where the place does not tell. */
export function commandFor(context: Context, root: string): string {
  if (isHere(context, root)) return context.ports.command
  const { cwd } = context.ports
  const inside = cwd === '/' ? undefined : root.startsWith(`${cwd}/`) ? root.slice(cwd.length + 1) : undefined
  return `${context.ports.command} --project ${shellQuote(inside ?? root)}`
}

function isHere(context: Context, root: string): boolean {
  const here = context.ports.findProject(undefined)
  return here.ok && here.value.root === root
}

