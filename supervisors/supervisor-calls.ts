/**
 * OTP's calls on the supervisors of the live tree, as clients make them: supervisors and children go by their full names,
 * and OTP's errors come as typed failures; one more refuses to end what the daemon cannot do without. Also what starts
 * children on demand.
 */

import { failure, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { formatReason } from '../src/otp/exit-reason.ts'
import type { Tree } from '../src/otp/node/tree.ts'
import type { NodeSpec, NodeStart } from '../src/otp/node/tree-spec.ts'
import type { SupervisorReply, SupervisorRequest } from '../src/otp/supervisor-state.ts'
import type { Args, Reply } from '../src/wire/methods.ts'
import { nearestName } from '../src/wire/nearest-name.ts'
import { LASTING, ROOT } from './placement.ts'

export type Supervised = { readonly tree: Tree; readonly root: NodeSpec }
type SupervisorMethod = 'which_children' | 'count_children' | 'get_childspec' | 'start_child' | 'restart_child' | 'terminate_child' | 'delete_child'
type Answer<M extends SupervisorMethod> = Promise<Result<Reply<`supervisor.${M}`>, Failure>>

/** One handler for each method of the wire that begins with `supervisor.`. */
export function supervisorCalls(supervised: () => Supervised): { readonly [M in SupervisorMethod as `supervisor.${M}`]: (args: Args<`supervisor.${M}`>) => Answer<M> } {
  const done = async (request: Promise<Result<SupervisorReply<NodeStart>, Failure>>): Promise<Result<{ ok: true }, Failure>> => {
    const replied = await request
    return replied.ok ? accepted(replied.value, () => ({ ok: true })) : replied
  }
  const onChild = (type: 'restart_child' | 'terminate_child' | 'delete_child') => ({ supervisor, child }: Args<'supervisor.restart_child'>) =>
    type !== 'restart_child' && isLasting(supervised(), supervisor, child) ? Promise.resolve(fail(lasting(child))) : done(ask(supervised(), supervisor, { type, id: child }))
  return {
    'supervisor.which_children': async ({ supervisor }) => {
      const replied = await ask(supervised(), supervisor, { type: 'which_children' })
      return replied.ok ? accepted(replied.value, (reply) => ({
        children: (reply.type === 'children' ? reply.children : []).map(({ id, child, type }) => ({ id: id ?? null, child: typeof child === 'number' ? 'running' : child, type })),
      })) : replied
    },
    'supervisor.count_children': async ({ supervisor }) => {
      const replied = await ask(supervised(), supervisor, { type: 'count_children' })
      return replied.ok ? accepted(replied.value, (reply) => {
        const { specs, active, supervisors, workers } = reply.type === 'counts' ? reply : { specs: 0, active: 0, supervisors: 0, workers: 0 }
        return { specs, active, supervisors, workers }
      }) : replied
    },
    'supervisor.get_childspec': async ({ supervisor, child }) => {
      const replied = await ask(supervised(), supervisor, { type: 'get_childspec', id: child })
      if (!replied.ok) return replied
      if (!replied.value.ok || replied.value.value.type !== 'spec') return refused(replied.value)
      const { id, start, restart, shutdown, type, significant } = replied.value.value.spec
      return ok({ id, kind: start.kind, restart, shutdown, type, significant })
    },
    'supervisor.start_child': ({ supervisor, child }) => {
      const spec = findSupervisor(supervised().root, supervisor)?.children.find(({ id }) => id === child)
      if (spec === undefined) return Promise.resolve(fail(noChild(supervisor, child)))
      return done(ask(supervised(), supervisor, { type: 'start_child', spec }))
    },
    'supervisor.restart_child': onChild('restart_child'),
    'supervisor.terminate_child': onChild('terminate_child'),
    'supervisor.delete_child': onChild('delete_child'),
  }
}

/**
 * Starts a child that has ended: by its spec where the supervisor has forgotten it, as it does temporary ones. One that
 * runs and goes on running is left to it; one that is about to end is waited for.
 */
export async function startOnDemand({ tree, root }: Supervised, name: string): Promise<Result<null, Failure>> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const found = findParent(root, name)
    if (found === undefined) return fail(noChild(ROOT, name))
    const replied = await tree.request(found.path, found.spec.restart === 'temporary' ? { type: 'start_child', spec: found.spec } : { type: 'restart_child', id: name })
    if (!replied.ok) return replied
    if (replied.value.ok) return ok(null)
    const { error } = replied.value.error
    if (error !== 'running' && error !== 'already_started') return refused(replied.value)
    if (await isStillRunning(tree, name)) return ok(null)
  }
  return fail(failure('busy', `${name} ends again and again`))
}

/** Starts a child of a `simple_one_for_one` supervisor. */
export async function startDynamic(supervised: Supervised, supervisor: string, args: unknown): Promise<Result<null, Failure>> {
  const replied = await ask(supervised, supervisor, { type: 'start_dynamic', args })
  return replied.ok ? accepted(replied.value, () => null) : replied
}

const MAX_ATTEMPTS = 3
/** An end that is under way takes less. */
const ENDING_MS = 1000

function isStillRunning(tree: Tree, name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = tree.clock.after(ENDING_MS, () => {
      endMonitor()
      resolve(true)
    })
    const endMonitor = tree.actors.monitor(name, () => {
      timer.cancel()
      resolve(false)
    })
  })
}

async function ask({ tree, root }: Supervised, supervisor: string, request: SupervisorRequest<NodeStart>): Promise<Result<SupervisorReply<NodeStart>, Failure>> {
  const path = findSupervisor(root, supervisor)?.path
  if (path === undefined) return fail(noSupervisor(root, supervisor))
  return tree.request(path, request)
}

type Found = { readonly path: string; readonly children: readonly NodeSpec[] }

function supervisorsOf({ id = '', start }: NodeSpec, above = ''): readonly (Found & { readonly name: string })[] {
  if (start?.kind !== 'supervisor') return []
  const path = `${above}${id}`
  return [{ name: id, path, children: start.children }, ...start.children.flatMap((child) => supervisorsOf(child, `${path}/`))]
}

function findSupervisor(root: NodeSpec, name: string): Found | undefined {
  return supervisorsOf(root).find((supervisor) => supervisor.name === name)
}

function findParent(root: NodeSpec, name: string): { readonly path: string; readonly spec: NodeSpec } | undefined {
  for (const { path, children } of supervisorsOf(root)) {
    const spec = children.find(({ id }) => id === name)
    if (spec !== undefined) return { path, spec }
  }
  return undefined
}

function accepted<T>(reply: SupervisorReply<NodeStart>, show: (value: Extract<SupervisorReply<NodeStart>, { ok: true }>['value']) => T): Result<T, Failure> {
  return reply.ok ? ok(show(reply.value)) : refused(reply)
}

function refused(reply: SupervisorReply<NodeStart>): { readonly ok: false; readonly error: Failure } {
  if (reply.ok) return fail(failure('internal', `an unexpected answer of a supervisor: ${reply.value.type}`))
  const { error } = reply.error
  const why = 'reason' in reply.error ? `: ${formatReason(reply.error.reason)}` : ''
  const code = error === 'not_found' ? 'not_found' : error === 'shutting_down' ? 'unavailable' : 'conflict'
  return fail(failure(code, `the supervisor answers ${error}${why}`, { hint: HINTS[error] ?? '`elixir-scope tree` shows how things stand', details: { error } }))
}

const HINTS: Readonly<Record<string, string>> = {
  running: 'terminate it first',
  not_found: '`elixir-scope tree` shows the children of each supervisor',
  already_started: 'it runs: there is nothing to start',
  already_present: 'it has ended and its specification is kept: restart it',
  restarting: 'it is being restarted: wait, or terminate it',
}

function noSupervisor(root: NodeSpec, name: string): Failure {
  const names = supervisorsOf(root).map((supervisor) => supervisor.name)
  const near = nearestName(name, names)
  return failure('not_found', `there is no supervisor ${JSON.stringify(name)}`, {
    hint: near === undefined ? `there are ${names.join(', ')}` : `did you mean ${near}?`,
  })
}

function isLasting({ root }: Supervised, supervisor: string, child: string): boolean {
  return LASTING.includes(supervisor) && findSupervisor(root, supervisor)?.children.some(({ id }) => id === child) === true
}

function lasting(child: string): Failure {
  return failure('conflict', `the daemon cannot do without ${child}`, {
    hint: '`elixir-scope restart` starts everything anew', details: { error: 'lasting' },
  })
}

function noChild(supervisor: string, child: string): Failure {
  return failure('not_found', `${supervisor} has no child ${JSON.stringify(child)}`, { hint: '`elixir-scope tree` shows the children of each supervisor' })
}
