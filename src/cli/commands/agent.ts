/**
 * run, attach: programs that are watched. `run` starts one with the agent in it; `attach` brings the agent into a node that runs
 * and takes it away again. Both start the daemon where none runs.
 */

import { join } from 'node:path'
import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { planForAgent } from '../../capture/kept.ts'
import { planOf, type CapturePlan, type PlanWishes } from '../capture-plan.ts'
import { commandFor, report, say, withDaemon, type Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import type { AgentFiles, Connection } from '../ports.ts'
import { spanOf } from '../render/moments.ts'
import { formatCount, plural } from '../render/text.ts'
import { ensureRunning } from './daemon.ts'
import { planFailure } from './plans.ts'
import { summary } from './record.ts'

export type AgentFlags = PlanWishes & {
  /** A stored plan in place of one for the project. */
  readonly plan?: string
}
export type AttachFlags = AgentFlags & { readonly cookieFile?: string; readonly cookieStdin?: boolean; readonly durationMs?: number }

/** The cookie named here is none: without it `erl` would write one to the user's home. */
const ATTACH = ['erl', '-noshell', '-hidden', '-start_epmd', 'false', '-setcookie', 'none', '-s', 'Elixir.ElixirScopeAgent.Attach', 'main', '-extra'] as const

/** What is on its way when a node ends has arrived by then. */
const SETTLE_MS = 500

export async function run(context: Context, program: readonly string[], flags: AgentFlags): Promise<ExitCode> {
  const ready = await prepared(context, flags)
  if (!ready.ok) return ready.error
  const { files, root } = ready.value
  const from = context.ports.now()
  const ran = await whileDeaf(context, () => context.ports.programs.run(program, { ...context.ports.env, ...environment(context, files, program) }))
  if (!ran.ok) return report(context, ran.error)
  await tellRecorded(context, root, from)
  return ran.value
}

/** Ctrl-C is the program's business meanwhile. */
async function whileDeaf<T>(context: Context, use: () => Promise<T>): Promise<T> {
  const release = context.ports.onInterrupt(() => undefined)
  try {
    return await use()
  } finally {
    release()
  }
}

/** Names the agent's beams to `LOAD`: a variable in small letters, so that it can be an atom without quotes there. */
const EBIN = 'elixir_scope_agent'
/** A release loads no code by itself, and `-s` of a module that is not there ends the node. ERL_AFLAGS holds no quotes and no spaces. */
const LOAD = `[code:load_abs(filename:join(os:getenv(atom_to_list(${EBIN})),filename:rootname(F)))||F<-element(2,file:list_dir(os:getenv(atom_to_list(${EBIN}))))].`

/** Every `erl` takes more arguments from ERL_AFLAGS, and code paths from ERL_LIBS. */
function environment(context: Context, { libs, socket, planFile }: AgentFiles, program: readonly string[]): Record<string, string> {
  return {
    ERL_LIBS: [libs, ...givenIn(context, 'ERL_LIBS')].join(':'),
    [EBIN]: join(libs, 'elixir_scope_agent', 'ebin'),
    ERL_AFLAGS: [`-eval ${LOAD} -s Elixir.ElixirScopeAgent.Boot start`, ...givenIn(context, 'ERL_AFLAGS')].join(' '),
    ELIXIR_SCOPE_SOCKET: socket, ELIXIR_SCOPE_PLAN: planFile, ELIXIR_SCOPE_PRELOAD: '1',
    ...(program.includes('test') ? { ELIXIR_SCOPE_TESTS: '1' } : {}),
  }
}

function givenIn({ ports: { env } }: Context, name: string): string[] {
  const value = env[name]
  return value === undefined || value === '' ? [] : [value]
}

/** On standard error, since standard output was the program's; that nothing came is worth a word too. */
async function tellRecorded(context: Context, root: string, fromMs: number): Promise<void> {
  const settling = context.ports.pause(SETTLE_MS)
  await settling.over
  const since = new Date(fromMs).toISOString()
  const connected = await context.ports.connect(root)
  if (!connected.ok) {
    say(context, 'elixir-scope: the daemon is gone; what it had acknowledged is kept')
    return
  }
  try {
    const counted = await connected.value.call('count_events', { since, by: 'node' })
    if (!counted.ok) say(context, `elixir-scope: ${counted.error.message}`)
    else if (counted.value.value.total === 0) say(context, 'elixir-scope: nothing was recorded: did the program start Elixir, and run code of the project?')
    else {
      const { groups, total, completeness } = counted.value.value
      const missing = completeness.complete ? '' : completeness.dropped > 0 ? `, and ${formatCount(completeness.dropped)} more that were not recorded` : '; others were not recorded, how many is not known'
      say(context, `elixir-scope: ${plural(total, 'event')} of ${groups.map(({ key }) => key).join(', ')}${missing}; see: ${commandFor(context, root)} hot --since ${since}`)
    }
  } finally {
    await connected.value.close()
  }
}

export async function attach(context: Context, node: string, flags: AttachFlags): Promise<ExitCode> {
  if (!/^[^@\s]+@[^@\s]+$/.test(node)) return report(context, failure('invalid_argument', `${JSON.stringify(node)} is no whole name of a node`, { hint: 'write name@host, as `node()` says there; it must run with --sname or --name' }))
  const cookie = await cookieOf(context, flags)
  if (!cookie.ok) return report(context, cookie.error)
  const ready = await prepared(context, flags)
  if (!ready.ok) return ready.error
  const { files, root } = ready.value
  const from = context.ports.now()
  const state: { failure: Failure | undefined; attached: (() => void) | undefined } = { failure: undefined, attached: undefined }
  const attached = new Promise<void>((resolve) => {
    state.attached = resolve
  })
  const companion = context.ports.programs.accompany(
    [...ATTACH, node, '--socket', files.socket, '--plan', files.planFile, ...cookie.value.args],
    { env: { ...context.ports.env, ERL_LIBS: [files.libs, ...givenIn(context, 'ERL_LIBS')].join(':') }, input: cookie.value.input, hear: (line) => {
      if (line.startsWith('attached ')) state.attached?.()
      else if (line.startsWith('failed ')) state.failure = attachFailure(node, line)
    } },
  )
  if (!companion.ok) return report(context, companion.error)
  const interrupted = Promise.withResolvers<'over'>()
  const release = context.ports.onInterrupt(() => interrupted.resolve('over'))
  const ended = companion.value.ended.then((code) => ({ code }))
  try {
    const first = await Promise.race([attached.then(() => 'attached' as const), ended, interrupted.promise])
    if (first === 'attached') {
      say(context, `attached to ${node}${flags.durationMs === undefined ? '' : ` for ${spanOf(flags.durationMs * 1e6)}`}; Ctrl-C takes the agent away again`)
      const pause = flags.durationMs === undefined ? undefined : context.ports.pause(flags.durationMs)
      await Promise.race([interrupted.promise, ended, ...(pause === undefined ? [] : [pause.over])])
      pause?.cancel()
    }
    companion.value.finish()
    const { code } = await ended
    if (state.failure !== undefined) return report(context, state.failure)
    if (code !== 0) return report(context, failure('internal', `the program that attaches ended with exit code ${code}`, { hint: 'is `erl` in PATH? The agent, if it was there, has ended with it' }))
  } finally {
    release()
  }
  say(context, `detached from ${node}; nothing of the agent is left there`)
  return withDaemon({ ...context, project: root }, async (connection) => {
    const shown = await summary(context, connection, { since: new Date(from).toISOString(), until: new Date(context.ports.now()).toISOString() }, commandFor(context, root))
    return shown.ok ? ok(EXIT.ok) : shown
  })
}

/** The cookie never stands among arguments, where every user of the machine could read it. */
async function cookieOf(context: Context, { cookieFile, cookieStdin }: AttachFlags): Promise<Result<{ readonly args: readonly string[]; readonly input: string }, Failure>> {
  if (cookieStdin === true) {
    const [line = ''] = (await context.ports.readStdin()).split('\n')
    return line.trim() === '' ? fail(failure('invalid_argument', 'no cookie on standard input', { hint: 'e.g. elixir-scope attach NODE --cookie-stdin < file' })) : ok({ args: ['--cookie-stdin'], input: `${line.trim()}\n` })
  }
  const file = cookieFile ?? join(context.ports.env['HOME'] ?? '', '.erlang.cookie')
  const read = context.ports.readFile(file)
  if (read.ok) return ok({ args: ['--cookie-file', file], input: '' })
  return fail(failure('invalid_argument', cookieFile === undefined ? `no cookie: ${read.error.message}` : read.error.message, { hint: 'name the file that holds the cookie of the node with --cookie-file, or give it with --cookie-stdin' }))
}

const ATTACH_FAILURES: Readonly<Record<string, { readonly code: Failure['code']; readonly hint: string }>> = {
  usage: { code: 'invalid_argument', hint: 'see --help' },
  connect: { code: 'unavailable', hint: 'is the name whole (name@host, as `node()` says there), does the node run with --sname or --name, and is the cookie its own?' },
  version: { code: 'unsupported', hint: 'the node must run OTP 25 or newer' },
  busy: { code: 'busy', hint: 'another attach or `run` watches that node; `nodes` shows it' },
  load: { code: 'unsupported', hint: 'the node refused the code; its log may say why' },
  ended: { code: 'internal', hint: 'the log of the node may say why' },
}

/** `failed CODE WHY` */
function attachFailure(node: string, line: string): Failure {
  const [, code = '', why = ''] = /^failed (\w+) (.*)$/s.exec(line) ?? []
  const known = ATTACH_FAILURES[code]
  return failure(known?.code ?? 'internal', why.includes(node) || why === '' ? why || line : `${node}: ${why}`, { hint: known?.hint ?? 'see docs/RUNTIME.md' })
}

/** A daemon that runs, a plan, and the agent with both. Failures are told here; the error is the exit code. */
async function prepared(context: Context, flags: AgentFlags): Promise<Result<{ readonly root: string; readonly files: AgentFiles }, ExitCode>> {
  const running = await ensureRunning(context)
  if (!running.ok) return running
  const root = running.value
  const found: { plan?: Meant } = {}
  const asked = await withDaemon({ ...context, project: root }, async (connection) => {
    const plan = await planMeant(context, connection, flags)
    if (plan.ok) found.plan = plan.value
    return plan.ok ? ok(EXIT.ok) : plan
  })
  if (found.plan === undefined) return fail(asked)
  const files = await context.ports.programs.agentFiles(root, planForAgent(found.plan.name, found.plan.plan, found.plan.own), (otp) => say(context, `compiling the agent for OTP ${otp}; this happens once`))
  return files.ok ? ok({ root, files: files.value }) : fail(report(context, files.error))
}

/** `own`: what a point for every module of the project stands for. */
type Meant = { readonly name: string; readonly plan: CapturePlan; readonly own: readonly string[] }

async function planMeant(context: Context, connection: Connection, { plan, ...wishes }: AgentFlags): Promise<Result<Meant, Failure>> {
  const made = await planOf(connection, wishes, undefined)
  if (!made.ok) return made
  const own = [...new Set(made.value.points.map(({ module }) => module.split('.')[0] ?? module))]
  if (plan !== undefined) {
    const stored = await connection.call('get_instrumentation_plan', { name: plan })
    return stored.ok ? ok({ name: plan, plan: stored.value.plan, own }) : fail(planFailure(stored.error))
  }
  const listed = await connection.call('list_instrumentation_plans', {})
  if (!listed.ok) return listed
  const everywhere = listed.value.plans.find((stored) => stored.active_on.includes('*'))
  if (everywhere !== undefined) {
    say(context, `every node follows the plan ${everywhere.name}, so this one does; to trace the whole project: ${context.ports.command} plan deactivate`)
    return ok({ ...everywhere, own })
  }
  return ok({ name: 'run', plan: made.value, own })
}
