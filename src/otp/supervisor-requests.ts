/**
 * OTP's calls on a supervisor: start_child, restart_child, terminate_child, delete_child, which_children, count_children,
 * get_childspec, with OTP's answers. Those that start or stop something begin an operation and are answered at its end.
 */

import { fail, ok } from '../base/result.ts'
import { checkChildSpec } from './child-spec.ts'
import type { ChildSpecInput } from './child-spec.ts'
import { begin, findById, findByRef, isAlive, isKnown, isSimple, newChild, remove, update } from './supervisor-state.ts'
import type { Child, ChildRef, Draft, RequestId, SupervisorReply, SupervisorRequest } from './supervisor-state.ts'

type Reply<Start> = SupervisorReply<Start>

const DONE = ok({ type: 'ok' } as const)

export function handleRequest<Start>(draft: Draft<Start>, from: RequestId, request: SupervisorRequest<Start>): void {
  const reply = answer(draft, from, request)
  if (reply !== undefined) draft.effects.push({ type: 'reply', to: from, reply })
}

/** The answer, or undefined when it comes at the end of the operation that was begun. */
function answer<Start>(draft: Draft<Start>, from: RequestId, request: SupervisorRequest<Start>): Reply<Start> | undefined {
  switch (request.type) {
    case 'start_child':
      return startChild(draft, from, request.spec)
    case 'start_dynamic':
      return startDynamic(draft, from, request.args)
    case 'terminate_dynamic':
      return terminateDynamic(draft, from, request.ref)
    case 'which_children':
      return ok({ type: 'children', children: draft.children.map((child) => summary(draft, child)).toReversed() })
    case 'count_children':
      return ok({ type: 'counts', ...counts(draft) })
    case 'get_childspec':
      return getSpec(draft, request.id)
    case 'restart_child':
    case 'terminate_child':
    case 'delete_child':
      return onNamedChild(draft, from, request)
  }
}

function startChild<Start>(draft: Draft<Start>, from: RequestId, input: ChildSpecInput<Start>): Reply<Start> | undefined {
  if (isSimple(draft)) return fail({ error: 'simple_one_for_one' })
  const spec = checkChildSpec(input, draft.flags.autoShutdown)
  if (!spec.ok) return spec
  const present = findById(draft, spec.value.id)
  if (present !== undefined) {
    return fail(isAlive(present) ? { error: 'already_started', ref: present.ref } : { error: 'already_present' })
  }
  begin(draft, { type: 'start_child', from, isNew: true }, { toStart: [newChild(draft, spec.value, undefined).ref] })
  return undefined
}

function startDynamic<Start>(draft: Draft<Start>, from: RequestId, args: unknown): Reply<Start> | undefined {
  if (draft.template === undefined) return fail({ error: 'not_simple_one_for_one' })
  begin(draft, { type: 'start_child', from, isNew: true }, { toStart: [newChild(draft, draft.template, args).ref] })
  return undefined
}

/** By ref, as OTP does by pid: a life that is over is `ok`, one that never was is `not_found`. */
function terminateDynamic<Start>(draft: Draft<Start>, from: RequestId, ref: ChildRef): Reply<Start> | undefined {
  if (!isSimple(draft) || !isKnown(draft, ref)) return fail({ error: 'not_found' })
  const child = findByRef(draft, ref)
  if (child === undefined) return DONE
  if (isAlive(child)) {
    begin(draft, { type: 'terminate_child', from }, { toStop: [ref] })
    return undefined
  }
  remove(draft, child)
  return DONE
}

function onNamedChild<Start>(
  draft: Draft<Start>, from: RequestId, request: { readonly type: 'restart_child' | 'terminate_child' | 'delete_child'; readonly id: string },
): Reply<Start> | undefined {
  if (isSimple(draft)) return fail({ error: 'simple_one_for_one' })
  const child = findById(draft, request.id)
  if (child === undefined) return fail({ error: 'not_found' })
  if (request.type === 'terminate_child') return terminateChild(draft, from, child)
  if (child.status === 'restarting') return fail({ error: 'restarting' })
  if (isAlive(child)) return fail({ error: 'running' })
  if (request.type === 'delete_child') {
    remove(draft, child)
    return DONE
  }
  begin(draft, { type: 'start_child', from, isNew: false }, { toStart: [child.ref] })
  return undefined
}

/** Also ends a restart that keeps failing: the retry then finds nothing to do. */
function terminateChild<Start>(draft: Draft<Start>, from: RequestId, child: Child<Start>): Reply<Start> | undefined {
  if (isAlive(child)) {
    begin(draft, { type: 'terminate_child', from }, { toStop: [child.ref] })
    return undefined
  }
  update(draft, child, { status: 'stopped', nFailed: 0 })
  return DONE
}

function summary<Start>(draft: Draft<Start>, child: Child<Start>): { id: string | undefined; child: ChildRef | 'undefined' | 'restarting'; type: 'worker' | 'supervisor' } {
  const shown = child.status === 'restarting' ? 'restarting' : 'undefined'
  return { id: isSimple(draft) ? undefined : child.spec.id, child: isAlive(child) ? child.ref : shown, type: child.spec.type }
}

function counts<Start>(draft: Draft<Start>): { specs: number; active: number; supervisors: number; workers: number } {
  const supervisors = draft.children.filter((child) => child.spec.type === 'supervisor').length
  return {
    specs: isSimple(draft) ? 1 : draft.children.length,
    active: draft.children.filter(isAlive).length,
    supervisors,
    workers: draft.children.length - supervisors,
  }
}

function getSpec<Start>(draft: Draft<Start>, id: string): Reply<Start> {
  const spec = draft.template?.id === id ? draft.template : findById(draft, id)?.spec
  return spec === undefined ? fail({ error: 'not_found' }) : ok({ type: 'spec', spec })
}
