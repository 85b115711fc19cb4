/**
 * The shell around the pure supervisor: takes messages one at a time, runs the effects on real children through the starter
 * of each kind, keeps deadlines and retries on the clock, and shows the live tree. Supervisors nest: one is a child of
 * another like any other kind. It touches no thread and no timer by itself, so it runs under a simulated clock as it stands.
 */

import type { Timer } from '../base/clock.ts'
import { failure } from '../base/failure.ts'
import { checkChildSpecs, checkFlags } from './child-spec.ts'
import type { ChildSpec, ChildSpecInput, SpecError, SupervisorFlags, SupervisorFlagsInput } from './child-spec.ts'
import { fail, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'
import { formatReason, KILLED, NOCONNECTION } from './exit-reason.ts'
import type { ExitReason } from './exit-reason.ts'
import type { ChildEvent, ChildState, RunningChild, StartContext, Starter, TreeNode } from './starter.ts'
import { initSupervisor, stepSupervisor } from './supervisor.ts'
import { slotOf } from './supervisor-state.ts'
import type {
  Child, ChildRef, RequestId, SupervisorEffect, SupervisorMsg, SupervisorReply, SupervisorReport, SupervisorRequest,
  SupervisorState,
} from './supervisor-state.ts'

export interface SupervisorStart<Start> {
  readonly kind: 'supervisor'
  readonly flags: SupervisorFlagsInput
  readonly children: readonly ChildSpecInput<Start>[]
}

type AnyStart = { readonly kind: string }

/** How each kind of child but `supervisor` is started, and where running supervisors are found by path. */
export type Household<Start> = {
  starterOf(start: Start): Starter<Start>
  readonly supervisors: Map<string, SupervisorHandle<Start>>
}

export type SupervisorHandle<Start> = {
  request(request: SupervisorRequest<Start>): Promise<SupervisorReply<Start>>
}

type Life = { readonly ref: ChildRef; readonly running: RunningChild; startedAt: number | undefined }

type Shell<Start extends AnyStart> = {
  readonly context: StartContext
  readonly household: Household<Start>
  state: SupervisorState<Start>
  readonly lives: Map<ChildRef, Life>
  readonly epochs: Map<string, number>
  readonly inbox: SupervisorMsg<Start>[]
  readonly callers: Map<RequestId, (reply: SupervisorReply<Start>) => void>
  readonly timers: Set<{ readonly timer: Timer; readonly refs: Set<ChildRef> }>
  lastRequest: RequestId
  busy: boolean
  wasUp: boolean
  killed: boolean
  closed: boolean
}

export function startSupervisor<Start extends AnyStart>(
  start: SupervisorStart<Start>, context: StartContext, household: Household<Start>,
): RunningChild {
  const checked = checkStart(start)
  if (!checked.ok) return neverStarted(context, checked.error)
  const [state, effects] = initSupervisor(checked.value.flags, checked.value.specs, context.clock.nowMs())
  const shell: Shell<Start> = {
    context, household, state, lives: new Map(), epochs: new Map(), inbox: [], callers: new Map(), timers: new Set(),
    lastRequest: 0, busy: true, wasUp: false, killed: false, closed: false,
  }
  household.supervisors.set(context.path, { request: (request) => ask(shell, request) })
  run(shell, effects)
  shell.busy = false
  work(shell)
  return {
    stop: (reason) => post(shell, { type: 'shutdown', reason }),
    kill: () => kill(shell),
    info: () => ({ strategy: shell.state.flags.strategy, children: shell.state.children.map((child) => view(shell, child)) }),
  }
}

function checkStart<Start>(
  start: SupervisorStart<Start>,
): Result<{ readonly flags: SupervisorFlags; readonly specs: readonly ChildSpec<Start>[] }, SpecError> {
  const flags = checkFlags(start.flags)
  if (!flags.ok) return flags
  const specs = checkChildSpecs(start.children, flags.value)
  return specs.ok ? ok({ flags: flags.value, specs: specs.value }) : specs
}

function neverStarted(context: StartContext, error: SpecError): RunningChild {
  const why = failure('invalid_argument', `bad specification of ${context.path}: ${error.error} ${JSON.stringify(error.value) ?? ''}`.trimEnd())
  context.report({ type: 'start_failed', reason: { kind: 'failed', failure: why } })
  return { stop: () => undefined, kill: () => undefined, info: () => ({}) }
}

// Messages

function post<Start extends AnyStart>(shell: Shell<Start>, msg: SupervisorMsg<Start>): void {
  shell.inbox.push(msg)
  work(shell)
}

/** Takes what has arrived. What arrives meanwhile is taken after it, never in between. */
function work<Start extends AnyStart>(shell: Shell<Start>): void {
  if (shell.busy) return
  shell.busy = true
  for (let msg = shell.inbox.shift(); msg !== undefined; msg = shell.inbox.shift()) {
    if (shell.killed) continue
    const [state, effects] = stepSupervisor(shell.state, msg, shell.context.clock.nowMs())
    shell.state = state
    run(shell, effects)
  }
  shell.busy = false
}

function ask<Start extends AnyStart>(shell: Shell<Start>, request: SupervisorRequest<Start>): Promise<SupervisorReply<Start>> {
  return new Promise((resolve) => {
    if (shell.state.ended !== undefined || shell.killed) return resolve(fail({ error: 'shutting_down' }))
    shell.lastRequest += 1
    shell.callers.set(shell.lastRequest, resolve)
    post(shell, { type: 'request', from: shell.lastRequest, request })
  })
}

// Effects

function run<Start extends AnyStart>(shell: Shell<Start>, effects: readonly SupervisorEffect<Start>[]): void {
  for (const effect of effects) runOne(shell, effect)
}

function runOne<Start extends AnyStart>(shell: Shell<Start>, effect: SupervisorEffect<Start>): void {
  switch (effect.type) {
    case 'start':
      return startChild(shell, effect.ref, effect.spec, effect.args)
    case 'stop':
      return shell.lives.get(effect.ref)?.running.stop(effect.reason)
    case 'kill':
      return shell.lives.get(effect.ref)?.running.kill()
    case 'arm_kill':
      return arm(shell, effect.ms, effect.refs, { type: 'kill_due', refs: effect.refs })
    case 'retry':
      return arm(shell, effect.ms, [effect.ref], { type: 'retry', ref: effect.ref })
    case 'reply':
      shell.callers.get(effect.to)?.(effect.reply)
      shell.callers.delete(effect.to)
      return
    case 'up':
      shell.wasUp = true
      return shell.context.report({ type: 'started' })
    case 'report':
      return logReport(shell.context, effect.report)
    case 'exit':
      return close(shell, effect.reason)
  }
}

function startChild<Start extends AnyStart>(shell: Shell<Start>, ref: ChildRef, spec: ChildSpec<Start>, args: unknown): void {
  const { clock, log, path } = shell.context
  const epoch = (shell.epochs.get(spec.id) ?? 0) + 1
  shell.epochs.set(spec.id, epoch)
  const early: ChildEvent[] = []
  let report = (event: ChildEvent): void => void early.push(event)
  const context: StartContext = {
    id: spec.id, path: `${path}/${spec.id}`, epoch, args, clock, log, report: (event) => report(event),
  }
  const running = shell.household.starterOf(spec.start)(spec.start, context)
  const life: Life = { ref, running, startedAt: undefined }
  shell.lives.set(ref, life)
  report = (event) => hear(shell, life, event)
  for (const event of early) hear(shell, life, event)
}

function hear<Start extends AnyStart>(shell: Shell<Start>, life: Life, event: ChildEvent): void {
  const { ref } = life
  if (shell.lives.get(ref) !== life) return
  if (event.type === 'started') {
    life.startedAt = shell.context.clock.wallMs()
    return post(shell, { type: 'started', ref })
  }
  if (event.type === 'fault') return post(shell, { type: 'fault', ref, reason: event.reason })
  shell.lives.delete(ref)
  disarm(shell, ref)
  if (event.type === 'ignored') post(shell, { type: 'ignored', ref })
  else if (event.type === 'lost') post(shell, { type: 'gone', ref, reason: NOCONNECTION, isLost: true })
  else post(shell, { type: 'gone', ref, reason: event.reason })
  if (shell.killed && shell.lives.size === 0) close(shell, KILLED)
}

function arm<Start extends AnyStart>(shell: Shell<Start>, ms: number, refs: readonly ChildRef[], msg: SupervisorMsg<Start>): void {
  const entry = {
    refs: new Set(refs),
    timer: shell.context.clock.after(ms, () => {
      shell.timers.delete(entry)
      post(shell, msg)
    }),
  }
  shell.timers.add(entry)
}

/** A deadline for children that are all gone would only keep the process alive. */
function disarm<Start extends AnyStart>(shell: Shell<Start>, ref: ChildRef): void {
  for (const entry of shell.timers) {
    if (!entry.refs.delete(ref) || entry.refs.size > 0) continue
    entry.timer.cancel()
    shell.timers.delete(entry)
  }
}

/** As in OTP, whoever kills a supervisor kills its children; it is gone when the last of them is. */
function kill<Start extends AnyStart>(shell: Shell<Start>): void {
  if (shell.killed || shell.state.ended !== undefined) return
  shell.killed = true
  for (const { running } of shell.lives.values()) running.kill()
  if (shell.lives.size === 0) close(shell, KILLED)
}

function close<Start extends AnyStart>(shell: Shell<Start>, reason: ExitReason): void {
  if (shell.closed) return
  shell.closed = true
  for (const { timer } of shell.timers) timer.cancel()
  shell.timers.clear()
  for (const resolve of shell.callers.values()) resolve(fail({ error: 'shutting_down' }))
  shell.callers.clear()
  shell.household.supervisors.delete(shell.context.path)
  shell.context.report({ type: shell.wasUp ? 'exit' : 'start_failed', reason })
}

function logReport({ log, path }: StartContext, report: SupervisorReport): void {
  const child = `${path}/${report.id}`
  if (report.type === 'reached_max_restart_intensity') return log('error', 'too many restarts, giving up', { supervisor: path, child })
  log(report.type === 'start_error' ? 'error' : 'warn', report.type.replaceAll('_', ' '), { child, reason: formatReason(report.reason) })
}

// The live tree

function view<Start extends AnyStart>(shell: Shell<Start>, child: Child<Start>): TreeNode {
  const life = shell.lives.get(child.ref)
  const { spec, restarts, lastExit } = child
  return {
    id: shell.state.template === undefined ? spec.id : `${spec.id}#${slotOf(child.ref)}`,
    kind: spec.start.kind,
    state: child.status satisfies ChildState,
    restart: spec.restart,
    restarts,
    ...(life?.startedAt === undefined ? {} : { startedAt: life.startedAt }),
    ...(lastExit === undefined ? {} : { lastExit: formatReason(lastExit) }),
    ...life?.running.info(),
  }
}

/** The node of a running child that has no supervisor above it. */
export function rootView(id: string, state: ChildState, running: RunningChild | undefined, startedAt: number | undefined): TreeNode {
  const node: TreeNode = { id, kind: 'supervisor', state, restart: 'permanent', restarts: 0, ...running?.info() }
  return startedAt === undefined ? node : { ...node, startedAt }
}
