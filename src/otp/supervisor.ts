/**
 * OTP's supervisor as a pure step: (state, message, now) -> (state, effects). It decides which child starts, stops and is
 * killed when; the shell (`supervision.ts`) runs the effects on real children and reports what became of them.
 *
 * In OTP a supervisor blocks while it starts or stops a child. Here that is an *operation*: a list of children to stop, a
 * list to start, and what to do then. While one is under way everything else waits in `deferred`, as it would in a mailbox,
 * with one exception: a shutdown ends the operation at once.
 *
 *   idle --init | exit | request | retry--> operation --last step done--> idle
 *   operation --shutdown | intensity passed--> ending --last child gone--> ended
 *   operation --start failed in a restart--> idle, with the child `restarting` and a retry under way
 *
 * A child's `ref` names one life of it: news of an earlier life is ignored. Seconds are whole and monotonic, as OTP counts
 * them. Deviations: `fault` (a part of a child died and was replaced by the child itself) counts as a restart; the restart of a
 * child that was lost with its thread does not; retries may wait (`backoff`; OTP's delay is 0).
 */

import { must } from '../base/assert.ts'
import { fail, ok } from '../base/result.ts'
import type { ChildSpec, SupervisorFlags } from './child-spec.ts'
import { isOrderly, SHUTDOWN } from './exit-reason.ts'
import type { ExitReason } from './exit-reason.ts'
import { handleRequest } from './supervisor-requests.ts'
import { begin, findByRef, forget, isAlive, isSimple, newChild, nextLife, remove, update } from './supervisor-state.ts'
import type {
  Child, Draft, Operation, RequestError, RequestId, SupervisorEffect, SupervisorMsg, SupervisorReply,
  SupervisorReport, SupervisorState,
} from './supervisor-state.ts'

type Stepped<Start> = readonly [SupervisorState<Start>, readonly SupervisorEffect<Start>[]]

/** Begins to start the children of checked specs (`checkChildSpecs`), in order. `up` or `exit` is the outcome. */
export function initSupervisor<Start>(flags: SupervisorFlags, specs: readonly ChildSpec<Start>[], nowMs: number): Stepped<Start> {
  const isDynamic = flags.strategy === 'simple_one_for_one'
  const draft: Draft<Start> = {
    flags, template: isDynamic ? specs[0] : undefined, children: [], restartsAt: [], operation: undefined, deferred: [],
    ended: undefined, lastSlot: 0, effects: [], own: undefined,
  }
  if (!isDynamic) for (const spec of specs) newChild(draft, spec, undefined)
  begin(draft, { type: 'init' }, { toStart: draft.children.map(({ ref }) => ref) })
  return finish(draft, nowMs)
}

export function stepSupervisor<Start>(state: SupervisorState<Start>, msg: SupervisorMsg<Start>, nowMs: number): Stepped<Start> {
  if (state.ended !== undefined) return [state, []]
  const draft: Draft<Start> = { ...state, effects: [], own: undefined }
  handle(draft, msg, nowMs)
  return finish(draft, nowMs)
}

/** Goes on with the operation and with what has waited for its end, as far as possible without news. */
function finish<Start>(draft: Draft<Start>, nowMs: number): Stepped<Start> {
  for (;;) {
    advance(draft)
    const [first, ...rest] = draft.deferred
    if (draft.operation !== undefined || first === undefined || draft.ended !== undefined) break
    draft.deferred = rest
    handle(draft, first, nowMs)
  }
  const { effects, own: _own, ...state } = draft
  return [state, effects]
}

function handle<Start>(draft: Draft<Start>, msg: SupervisorMsg<Start>, nowMs: number): void {
  const { operation } = draft
  switch (msg.type) {
    case 'shutdown':
      if (operation?.next.type !== 'end') end(draft, msg.reason)
      return
    case 'kill_due':
      for (const ref of msg.refs) if (findByRef(draft, ref)?.status === 'stopping') draft.effects.push({ type: 'kill', ref })
      return
    case 'started':
    case 'ignored':
    case 'gone':
      return hearOf(draft, msg, nowMs)
  }
  if (operation !== undefined) {
    if (operation.next.type === 'end' && msg.type === 'request') refuse(draft, msg.from)
    else draft.deferred = [...draft.deferred, msg]
    return
  }
  if (msg.type === 'request') return handleRequest(draft, msg.from, msg.request)
  const child = findByRef(draft, msg.ref)
  if (child === undefined) return
  if (msg.type === 'fault') return countFault(draft, child, msg.reason, nowMs)
  if (child.status === 'restarting') restart(draft, child, nowMs)
}

// News of children

type News = Extract<SupervisorMsg<never>, { readonly type: 'started' | 'ignored' | 'gone' }>
type Gone = Extract<News, { readonly type: 'gone' }>

function hearOf<Start>(draft: Draft<Start>, msg: News, nowMs: number): void {
  const { operation } = draft
  const child = findByRef(draft, msg.ref)
  if (child === undefined || !isAlive(child)) return
  if (operation?.starting === msg.ref) return startSettled(draft, operation, child, msg)
  if (msg.type === 'started' || msg.type === 'ignored') return
  if (operation === undefined) return childExited(draft, child, msg, nowMs)
  if (child.status === 'stopping' || operation.toStop.includes(msg.ref)) return stopSettled(draft, operation, child, msg.reason)
  draft.deferred = [...draft.deferred, msg]
}

function startSettled<Start>(draft: Draft<Start>, operation: Operation, child: Child<Start>, news: News): void {
  draft.operation = { ...operation, starting: undefined }
  const { next } = operation
  if (news.type === 'gone') return startFailed(draft, operation, child, news.reason)
  if (news.type === 'ignored') forget(draft, child, undefined)
  else update(draft, child, { status: 'running', nFailed: 0, restarts: child.restarts + (next.type === 'restart' ? 1 : 0) })
  if (next.type === 'start_child') {
    reply(draft, next.from, ok({ type: 'child', ref: news.type === 'ignored' ? undefined : child.ref }))
  }
}

function startFailed<Start>(draft: Draft<Start>, { next }: Operation, child: Child<Start>, reason: ExitReason): void {
  report(draft, { type: 'start_error', id: child.spec.id, reason })
  if (next.type === 'restart') {
    const nFailed = child.nFailed + 1
    update(draft, child, { status: 'restarting', nFailed, lastExit: reason })
    draft.operation = undefined
    draft.effects.push({ type: 'retry', ref: child.ref, ms: backoffMs(draft.flags, nFailed) })
    return
  }
  update(draft, child, { status: 'stopped', lastExit: reason })
  if (next.type === 'init') {
    return end(draft, { kind: 'shutdown', term: { kind: 'failed_to_start_child', id: child.spec.id, reason } })
  }
  if (next.type !== 'start_child') return
  const spec = isSimple(draft) ? {} : { spec: child.spec }
  if (next.isNew) remove(draft, must(findByRef(draft, child.ref), 'the child that failed'))
  reply(draft, next.from, fail({ error: 'start_failed', reason, ...(next.isNew ? spec : {}) }))
}

function stopSettled<Start>(draft: Draft<Start>, operation: Operation, child: Child<Start>, reason: ExitReason): void {
  if (child.status === 'stopping') draft.operation = { ...operation, nStopping: operation.nStopping - 1 }
  const isExpected = isOrderly(reason) || (reason.kind === 'killed' && child.spec.shutdown === 'brutal_kill')
  if (!isExpected) report(draft, { type: 'shutdown_error', id: child.spec.id, reason })
  forget(draft, child, reason)
}

function childExited<Start>(draft: Draft<Start>, child: Child<Start>, { reason, isLost }: Gone, nowMs: number): void {
  const { restart: type, id } = child.spec
  const isRestarted = type === 'permanent' || (type === 'transient' && !isOrderly(reason))
  if (isRestarted || !isOrderly(reason)) report(draft, { type: 'child_terminated', id, reason })
  if (isRestarted) {
    const stopped = update(draft, child, { status: 'stopped', lastExit: reason })
    return isLost === true ? restartAffected(draft, stopped) : restart(draft, stopped, nowMs)
  }
  forget(draft, child, reason)
  const { autoShutdown } = draft.flags
  if (!child.spec.significant || autoShutdown === 'never') return
  const isLast = !draft.children.some((other) => other.spec.significant && other.status !== 'stopped')
  if (autoShutdown === 'any_significant' || isLast) end(draft, SHUTDOWN)
}

// Restarts

function restart<Start>(draft: Draft<Start>, child: Child<Start>, nowMs: number): void {
  if (!countRestart(draft, child, nowMs)) {
    forget(draft, child, child.lastExit)
    return end(draft, SHUTDOWN)
  }
  restartAffected(draft, update(draft, child, { status: 'stopped' }))
}

function restartAffected<Start>(draft: Draft<Start>, child: Child<Start>): void {
  const affected = affectedBy(draft, child)
  const toStop = affected.filter((other) => other.ref !== child.ref && isAlive(other)).map(({ ref }) => ref).toReversed()
  const toStart = affected.filter((other) => other.spec.restart !== 'temporary').map(({ ref }) => ref)
  for (const other of affected) if (other.status === 'restarting') update(draft, other, { status: 'stopped' })
  begin(draft, { type: 'restart' }, { toStop, toStart })
}

/** The children that stop and start with this one, itself among them, in start order. */
function affectedBy<Start>(draft: Draft<Start>, child: Child<Start>): readonly Child<Start>[] {
  switch (draft.flags.strategy) {
    case 'one_for_all':
      return draft.children
    case 'rest_for_one':
      return draft.children.slice(draft.children.findIndex(({ ref }) => ref === child.ref))
    case 'one_for_one':
    case 'simple_one_for_one':
      return [child]
  }
}

/** False when the intensity is passed. OTP counts in whole seconds, both ends of the period included. */
function countRestart<Start>(draft: Draft<Start>, child: Child<Start>, nowMs: number): boolean {
  const second = Math.floor(nowMs / 1000)
  const since = second - draft.flags.period
  draft.restartsAt = [second, ...draft.restartsAt.filter((at) => at >= since)]
  if (draft.restartsAt.length <= draft.flags.intensity) return true
  report(draft, { type: 'reached_max_restart_intensity', id: child.spec.id })
  return false
}

function countFault<Start>(draft: Draft<Start>, child: Child<Start>, reason: ExitReason, nowMs: number): void {
  report(draft, { type: 'child_fault', id: child.spec.id, reason })
  if (!countRestart(draft, child, nowMs)) end(draft, SHUTDOWN)
}

function backoffMs({ backoff }: SupervisorFlags, nFailed: number): number {
  return Math.min(backoff.maxMs, backoff.initialMs * 2 ** (nFailed - 1))
}

// Operations

/** Stops everything in reverse order, then ends with `reason`. What was under way is dropped. */
function end<Start>(draft: Draft<Start>, reason: ExitReason): void {
  const { operation } = draft
  if (operation !== undefined && 'from' in operation.next) refuse(draft, operation.next.from)
  for (const msg of draft.deferred) {
    if (msg.type === 'request') refuse(draft, msg.from)
    const child = msg.type === 'gone' ? findByRef(draft, msg.ref) : undefined
    if (child !== undefined && msg.type === 'gone') forget(draft, child, msg.reason)
  }
  draft.deferred = []
  const toStop = draft.children.filter((child) => isAlive(child) && child.status !== 'stopping').map(({ ref }) => ref).toReversed()
  begin(draft, { type: 'end', reason }, { toStop, nStopping: operation?.nStopping ?? 0 })
}

/** Takes the next steps of the operation until it has to wait for news, or is done. */
function advance<Start>(draft: Draft<Start>): void {
  for (let op = draft.operation; op !== undefined; op = draft.operation) {
    if (op.nStopping > 0 || op.starting !== undefined) return
    takeDeferredEnds(draft, op)
    if (op.stopAt < op.toStop.length) stopSome(draft, op)
    else if (op.startAt < op.toStart.length) startOne(draft, op)
    else complete(draft, op)
  }
}

/** One at a time; dynamic children all at once, with one deadline. */
function stopSome<Start>(draft: Draft<Start>, op: Operation): void {
  const stopAt = isSimple(draft) ? op.toStop.length : op.stopAt + 1
  const children = op.toStop.slice(op.stopAt, stopAt).flatMap((ref) => findByRef(draft, ref) ?? []).filter(isAlive)
  draft.operation = { ...op, stopAt, nStopping: children.length }
  const shutdown = children[0]?.spec.shutdown
  // The deadline first: a child may end while it is told to, and then disarms it.
  if (typeof shutdown === 'number') draft.effects.push({ type: 'arm_kill', refs: children.map(({ ref }) => ref), ms: shutdown })
  for (const child of children) {
    const { ref } = update(draft, child, { status: 'stopping' })
    draft.effects.push(shutdown === 'brutal_kill' ? { type: 'kill', ref } : { type: 'stop', ref, reason: SHUTDOWN })
  }
}

/** Children to stop whose end has been waiting to be heard are stopped already. */
function takeDeferredEnds<Start>(draft: Draft<Start>, op: Operation): void {
  for (const msg of draft.deferred) {
    if (msg.type !== 'gone' || !op.toStop.includes(msg.ref)) continue
    draft.deferred = draft.deferred.filter((other) => other !== msg)
    stopSettled(draft, must(draft.operation, 'the operation'), must(findByRef(draft, msg.ref), 'the child'), msg.reason)
  }
}

function startOne<Start>(draft: Draft<Start>, op: Operation): void {
  const child = findByRef(draft, must(op.toStart[op.startAt], 'a child to start'))
  draft.operation = { ...op, startAt: op.startAt + 1 }
  if (child === undefined) return
  const ref = nextLife(child.ref)
  update(draft, child, { status: 'starting', ref })
  draft.operation = { ...draft.operation, starting: ref }
  draft.effects.push({ type: 'start', ref, spec: child.spec, args: child.args })
}

function complete<Start>(draft: Draft<Start>, { next }: Operation): void {
  draft.operation = undefined
  if (next.type === 'init') draft.effects.push({ type: 'up' })
  if (next.type === 'terminate_child') reply(draft, next.from, ok({ type: 'ok' }))
  if (next.type !== 'end') return
  draft.ended = next.reason
  draft.effects.push({ type: 'exit', reason: next.reason })
}

function reply<Start>(draft: Draft<Start>, to: RequestId, value: SupervisorReply<Start>): void {
  draft.effects.push({ type: 'reply', to, reply: value })
}

function refuse<Start>(draft: Draft<Start>, to: RequestId): void {
  const error: RequestError<Start> = { error: 'shutting_down' }
  reply(draft, to, fail(error))
}

function report<Start>(draft: Draft<Start>, value: SupervisorReport): void {
  draft.effects.push({ type: 'report', report: value })
}
