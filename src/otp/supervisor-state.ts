/**
 * The state of a supervisor, the messages it takes and the effects it asks for, with the small helpers that its step and its
 * requests share. States are never changed in place: a Draft is the private copy of one step. Its arrays are replaced, but for the list of
 * children, which is copied at the first change and then changed in place: there may be thousands of them.
 */

import type { Result } from '../base/result.ts'
import type { ChildSpec, ChildSpecInput, SpecError, SupervisorFlags } from './child-spec.ts'
import type { ExitReason } from './exit-reason.ts'

/** One life of one child: `life * LIFE + slot`. Slots count the children of a supervisor and lives those of a child. */
export type ChildRef = number

const LIFE = 2 ** 32

/** `starting` and `stopping` are `running` to OTP's callers; they are told apart for the tree view. */
export type ChildStatus = 'stopped' | 'restarting' | 'starting' | 'running' | 'stopping'

export type Child<Start> = {
  readonly spec: ChildSpec<Start>
  /** The extra arguments of a dynamic child (simple_one_for_one). */
  readonly args: unknown
  readonly status: ChildStatus
  /** The life under way, or the last one. */
  readonly ref: ChildRef
  readonly restarts: number
  /** Attempts of the restart that keeps failing; 0 otherwise. */
  readonly nFailed: number
  readonly lastExit: ExitReason | undefined
}

export type SupervisorState<Start = unknown> = {
  readonly flags: SupervisorFlags
  readonly template: ChildSpec<Start> | undefined
  /** In start order, which is that of their slots. */
  readonly children: readonly Child<Start>[]
  /** Seconds of the restarts that still count, newest first. */
  readonly restartsAt: readonly number[]
  readonly operation: Operation | undefined
  readonly deferred: readonly SupervisorMsg<Start>[]
  readonly ended: ExitReason | undefined
  readonly lastSlot: number
}

/** Names the caller of a request, for the shell to answer. */
export type RequestId = number

export type SupervisorRequest<Start> =
  | { readonly type: 'start_child'; readonly spec: ChildSpecInput<Start> }
  | { readonly type: 'start_dynamic'; readonly args: unknown }
  | { readonly type: 'restart_child'; readonly id: string }
  | { readonly type: 'terminate_child'; readonly id: string }
  | { readonly type: 'terminate_dynamic'; readonly ref: ChildRef }
  | { readonly type: 'delete_child'; readonly id: string }
  | { readonly type: 'which_children' }
  | { readonly type: 'count_children' }
  | { readonly type: 'get_childspec'; readonly id: string }

export type RequestError<Start> =
  | { readonly error: 'already_started'; readonly ref: ChildRef }
  | { readonly error: 'already_present' | 'running' | 'restarting' | 'not_found' | 'simple_one_for_one' | 'not_simple_one_for_one' | 'shutting_down' }
  | { readonly error: 'start_failed'; readonly reason: ExitReason; readonly spec?: ChildSpec<Start> }
  | SpecError

export type ChildSummary = {
  /** Absent for dynamic children. */
  readonly id: string | undefined
  readonly child: ChildRef | 'undefined' | 'restarting'
  readonly type: ChildSpec['type']
}

export type SupervisorReply<Start> = Result<
  | { readonly type: 'ok' }
  /** `ref` is absent when the start was ignored. */
  | { readonly type: 'child'; readonly ref: ChildRef | undefined }
  | { readonly type: 'children'; readonly children: readonly ChildSummary[] }
  | { readonly type: 'counts'; readonly specs: number; readonly active: number; readonly supervisors: number; readonly workers: number }
  | { readonly type: 'spec'; readonly spec: ChildSpec<Start> },
  RequestError<Start>
>

export type SupervisorMsg<Start> =
  | { readonly type: 'started'; readonly ref: ChildRef }
  | { readonly type: 'ignored'; readonly ref: ChildRef }
  /**
   * The start of `ref` failed, or its life ended: the supervisor tells the two apart by what it was waiting for.
   * One that is lost went with its thread: its restart does not count, since that of the thread does.
   */
  | { readonly type: 'gone'; readonly ref: ChildRef; readonly reason: ExitReason; readonly isLost?: true }
  | { readonly type: 'fault'; readonly ref: ChildRef; readonly reason: ExitReason }
  | { readonly type: 'kill_due'; readonly refs: readonly ChildRef[] }
  | { readonly type: 'retry'; readonly ref: ChildRef }
  | { readonly type: 'request'; readonly from: RequestId; readonly request: SupervisorRequest<Start> }
  /** From above: end all children, then end with this reason. */
  | { readonly type: 'shutdown'; readonly reason: ExitReason }

export type SupervisorEffect<Start> =
  | { readonly type: 'start'; readonly ref: ChildRef; readonly spec: ChildSpec<Start>; readonly args: unknown }
  | { readonly type: 'stop'; readonly ref: ChildRef; readonly reason: ExitReason }
  | { readonly type: 'kill'; readonly ref: ChildRef }
  /** Sends `kill_due` after `ms`. */
  | { readonly type: 'arm_kill'; readonly refs: readonly ChildRef[]; readonly ms: number }
  /** Sends `retry` behind what is already waiting, after `ms`. */
  | { readonly type: 'retry'; readonly ref: ChildRef; readonly ms: number }
  | { readonly type: 'reply'; readonly to: RequestId; readonly reply: SupervisorReply<Start> }
  | { readonly type: 'up' }
  | { readonly type: 'report'; readonly report: SupervisorReport }
  | { readonly type: 'exit'; readonly reason: ExitReason }

/** What OTP logs. */
export type SupervisorReport =
  | { readonly type: 'child_terminated' | 'start_error' | 'shutdown_error' | 'child_fault'; readonly id: string; readonly reason: ExitReason }
  | { readonly type: 'reached_max_restart_intensity'; readonly id: string }

/** What an operation is for. */
type Next =
  | { readonly type: 'init' }
  | { readonly type: 'restart' }
  | { readonly type: 'start_child'; readonly from: RequestId; readonly isNew: boolean }
  | { readonly type: 'terminate_child'; readonly from: RequestId }
  | { readonly type: 'end'; readonly reason: ExitReason }

export type Operation = {
  /** Refs to stop, in that order, the first `stopAt` of them done. Those that have ended by then are passed over. */
  readonly toStop: readonly ChildRef[]
  readonly stopAt: number
  /** Refs (of earlier lives) of the children to start, in that order, the first `startAt` of them done. */
  readonly toStart: readonly ChildRef[]
  readonly startAt: number
  /** Children told to stop that have not ended yet. */
  readonly nStopping: number
  readonly starting: ChildRef | undefined
  readonly next: Next
}

/** The working copy of one step. */
export type Draft<Start> = { -readonly [Key in keyof SupervisorState<Start>]: SupervisorState<Start>[Key] } & {
  readonly effects: SupervisorEffect<Start>[]
  /** The draft's own copy of `children`, once it has one; then both are the same array. */
  own: Child<Start>[] | undefined
}

export function newChild<Start>(draft: Draft<Start>, spec: ChildSpec<Start>, args: unknown): Child<Start> {
  draft.lastSlot += 1
  const child: Child<Start> = { spec, args, status: 'stopped', ref: draft.lastSlot, restarts: 0, nFailed: 0, lastExit: undefined }
  ownChildren(draft).push(child)
  return child
}

function ownChildren<Start>(draft: Draft<Start>): Child<Start>[] {
  if (draft.own !== undefined) return draft.own
  const own = draft.children.slice()
  draft.children = own
  draft.own = own
  return own
}

export function findByRef<Start>(draft: Draft<Start>, ref: ChildRef): Child<Start> | undefined {
  const child = draft.children[indexOf(draft, ref)]
  return child?.ref === ref ? child : undefined
}

/** The ref of a child's next life. */
export function nextLife(ref: ChildRef): ChildRef {
  return ref + LIFE
}

/** Which child, whatever its life. */
export function slotOf(ref: ChildRef): number {
  return ref % LIFE
}

/** Whether there ever was a child with the slot of this ref. */
export function isKnown<Start>(draft: Draft<Start>, ref: ChildRef): boolean {
  return slotOf(ref) <= draft.lastSlot
}

export function findById<Start>(draft: Draft<Start>, id: string): Child<Start> | undefined {
  return draft.children.find((child) => child.spec.id === id)
}

export function update<Start>(draft: Draft<Start>, child: Child<Start>, change: Partial<Child<Start>>): Child<Start> {
  const changed = { ...child, ...change }
  ownChildren(draft)[indexOf(draft, child.ref)] = changed
  return changed
}

export function remove<Start>(draft: Draft<Start>, child: Child<Start>): void {
  ownChildren(draft).splice(indexOf(draft, child.ref), 1)
}

/** Forgets a child that is to live no more: a temporary or dynamic one altogether, of any other the spec stays. */
export function forget<Start>(draft: Draft<Start>, child: Child<Start>, lastExit: ExitReason | undefined): void {
  if (child.spec.restart === 'temporary' || isSimple(draft)) remove(draft, child)
  else update(draft, child, { status: 'stopped', nFailed: 0, lastExit })
}

export function isSimple<Start>(draft: Draft<Start>): boolean {
  return draft.flags.strategy === 'simple_one_for_one'
}

/** Whether OTP would show a pid for it. */
export function isAlive<Start>(child: Child<Start>): boolean {
  return child.status === 'running' || child.status === 'starting' || child.status === 'stopping'
}

export function begin<Start>(
  draft: Draft<Start>, next: Next, work: { toStop?: readonly ChildRef[]; toStart?: readonly ChildRef[]; nStopping?: number },
): void {
  draft.operation = { toStop: work.toStop ?? [], stopAt: 0, toStart: work.toStart ?? [], startAt: 0, nStopping: work.nStopping ?? 0, starting: undefined, next }
}

/** Where the child with the slot of this ref stands, or would stand. */
function indexOf<Start>({ children }: Draft<Start>, ref: ChildRef): number {
  const slot = slotOf(ref)
  let [low, high] = [0, children.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (((children[middle]?.ref ?? 0) % LIFE) < slot) low = middle + 1
    else high = middle
  }
  return low
}
