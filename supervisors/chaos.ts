/**
 * Faults on purpose, as a run that tests recovery asks for them over the socket: at any node of the live tree, or in main
 * itself. Refused outside the profile `chaos`. The fault comes a turn after the answer, so that the answer is on its way.
 */

import type { ProfileName } from '../config/schema.ts'
import { failure, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import { suffer } from '../src/otp/node/faults.ts'
import { MAIN } from '../src/otp/node/wiring.ts'
import { FAULTS, type TreeNode } from '../src/otp/starter.ts'
import type { Args, Reply } from '../src/wire/methods.ts'
import type { Supervised } from './supervisor-calls.ts'

type Cause = Args<'chaos.inject'>['cause']

/** What can happen to a node, by its kind. Whatever lives in main ends by a throw of its own or by force. */
export const CAUSES: Readonly<Record<'main' | 'supervisor' | 'thread' | 'pool' | 'actor', readonly Cause[]>> = {
  // An orderly exit of the whole process is an end that somebody wished for.
  main: FAULTS.filter((fault) => fault !== 'exit_0'),
  supervisor: ['kill'],
  thread: [...FAULTS, 'kill'],
  pool: [...FAULTS, 'kill'],
  actor: ['throw', 'kill'],
}

export function chaosCalls(profile: ProfileName, supervised: () => Pick<Supervised, 'tree'>) {
  const inject = ({ node, cause }: Args<'chaos.inject'>): Result<Reply<'chaos.inject'>, Failure> => {
    if (profile !== 'chaos') return fail(failure('unsupported', 'faults are caused only in the profile chaos', { hint: 'start the daemon with --profile chaos' }))
    const { tree } = supervised()
    const found = node === MAIN ? { path: MAIN, kind: 'main', state: 'running' } as const : find(tree.view(), node)
    if (found === undefined) return fail(failure('not_found', `there is no node ${JSON.stringify(node)} in the tree`, { hint: '`elixir-scope tree` shows the nodes' }))
    const { path, kind, state } = found
    const causes = CAUSES[kind as keyof typeof CAUSES]
    if (!causes.includes(cause)) return fail(failure('invalid_argument', `no ${cause} can happen to ${node}`, { hint: `there are ${causes.join(', ')}` }))
    if (state !== 'running') return fail(failure('unavailable', `${node} is ${state}`, { hint: 'try again in a moment' }))
    setImmediate(() => {
      if (cause === 'kill') tree.kill(path)
      else if (node === MAIN) suffer(cause)
      else tree.inject(path, cause)
    })
    return ok({ ok: true })
  }
  return { 'chaos.inject': inject }
}

function find(node: TreeNode, name: string, above = ''): { readonly path: string; readonly kind: string; readonly state: string } | undefined {
  // Dynamic children are numbered; the last one goes by the name alone.
  const id = node.id.split('#', 1).join('')
  const path = `${above}${id}`
  if (id === name) return { path, kind: node.kind, state: node.state }
  for (const child of node.children ?? []) {
    const found = find(child, name, `${path}/`)
    if (found !== undefined) return found
  }
  return undefined
}
