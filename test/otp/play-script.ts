/**
 * Plays a script of `supervisor-scripts.ts` on our supervisor under a simulated clock and prints it as the oracle does: one
 * `answer; events; living` per step. Every end and every request passes through a gate, which a burst keeps shut until all of
 * it waits, as a suspended supervisor's mailbox would. Events of workers that are no more are not events.
 */

import { createSimulatedClock } from '../../src/base/clock.ts'
import type { SimulatedClock } from '../../src/base/clock.ts'
import type { ChildSpecInput, SupervisorFlagsInput } from '../../src/otp/child-spec.ts'
import { formatReason, KILLED, NORMAL, SHUTDOWN } from '../../src/otp/exit-reason.ts'
import type { ExitReason } from '../../src/otp/exit-reason.ts'
import type { RunningChild, StartContext } from '../../src/otp/starter.ts'
import { startSupervisor } from '../../src/otp/supervision.ts'
import type { Household, SupervisorHandle, SupervisorStart } from '../../src/otp/supervision.ts'
import type { RequestError, SupervisorReply, SupervisorRequest } from '../../src/otp/supervisor-state.ts'
import { PERIOD_S } from './supervisor-scripts.ts'
import type { Ask, Behaviour, Crash, Flags, Op, Reason, Script, ScriptChild } from './supervisor-scripts.ts'

type WorkerStart = { readonly kind: 'worker'; readonly behaviour: Behaviour }
type Start = WorkerStart | SupervisorStart<Start>

const BOOM: ExitReason = { kind: 'exit_code', code: 1 }
const REASONS: Readonly<Record<Reason, ExitReason>> = {
  normal: NORMAL, shutdown: SHUTDOWN, done: { kind: 'shutdown', term: 'done' }, killed: KILLED, boom: BOOM,
}

type Stage = {
  readonly clock: SimulatedClock
  readonly household: Household<Start>
  readonly living: Map<string, (reason: ExitReason) => void>
  readonly refs: Map<string, number>
  readonly lives: Map<string, number>
  readonly events: string[]
  /** Reports held back while a burst gathers. */
  gate: (() => void)[] | undefined
}

export async function playScript({ flags, children, ops }: Script): Promise<string[]> {
  const stage: Stage = {
    clock: createSimulatedClock(), household: { supervisors: new Map(), starterOf: () => starterOf(stage) },
    living: new Map(), refs: new Map(), lives: new Map(), events: [], gate: undefined,
  }
  let started = 'up'
  const root = startSupervisor<Start>({ kind: 'supervisor', flags: flagsOf(flags), children: children.map(specOf) }, {
    id: 'root', path: 'root', epoch: 1, args: undefined, clock: stage.clock, log: () => undefined,
    report(event) {
      if (event.type === 'start_failed') started = term(event.reason)
      if (event.type === 'exit') stage.events.push(`root: ${term(event.reason)}`)
    },
  }, stage.household)
  settle(stage)
  const steps = [step(stage, started)]
  for (const op of ops) steps.push(step(stage, await run(stage, op)))
  root.stop(SHUTDOWN)
  settle(stage)
  steps.push(step(stage, ''))
  return steps
}

function step(stage: Stage, answer: string): string {
  const living = [...stage.living.keys()].sort().join(' ')
  return `${answer}; ${stage.events.splice(0).join(', ')}; ${living}`
}

/** Every deadline and retry is due: nothing else is waited for. */
function settle({ clock }: Stage): void {
  while (clock.runNext());
}

function flagsOf({ strategy, intensity, auto }: Flags): SupervisorFlagsInput {
  return { strategy, intensity, period: PERIOD_S, autoShutdown: auto }
}

function specOf(child: ScriptChild): ChildSpecInput<Start> {
  const { id, restart, shutdown, significant } = child
  const isWorker = 'behaviour' in child
  const start: Start = isWorker
    ? { kind: 'worker', behaviour: child.behaviour }
    : { kind: 'supervisor', flags: flagsOf(child.flags), children: child.children.map(specOf) }
  return { id, restart, shutdown, significant, type: isWorker ? 'worker' : 'supervisor', start }
}

// Children

function starterOf(stage: Stage): (start: Start, context: StartContext) => RunningChild {
  return (start, context) => {
    if (start.kind === 'worker') return startWorker(stage, start.behaviour, context)
    stage.events.push(`start ${context.id}`)
    return startSupervisor(start, context, stage.household)
  }
}

function startWorker(stage: Stage, { starts, onStop }: Behaviour, context: StartContext): RunningChild {
  const id = typeof context.args === 'string' ? context.args : context.id
  const life = (stage.lives.get(id) ?? 0) + 1
  stage.lives.set(id, life)
  const answer = starts[Math.min(life, starts.length) - 1] ?? 'ok'
  stage.events.push(`start ${id}${answer === 'ok' ? '' : ` ${answer}`}`)
  let isAlive = answer === 'ok'
  const end = (reason: ExitReason): void => {
    if (!isAlive) return
    isAlive = false
    stage.living.delete(id)
    const report = (): void => context.report({ type: 'exit', reason })
    if (stage.gate === undefined) report()
    else stage.gate.push(report)
  }
  if (answer === 'fail') context.report({ type: 'start_failed', reason: BOOM })
  if (answer === 'ignore') context.report({ type: 'ignored' })
  if (isAlive) {
    stage.living.set(id, end)
    context.report({ type: 'started' })
  }
  return {
    stop(reason) {
      if (!isAlive || onStop === 'linger') return
      stage.events.push(`stop ${id}`)
      end(onStop === 'boom' ? BOOM : reason)
    },
    kill: () => end(KILLED),
    info: () => ({}),
  }
}

// Operations

async function run(stage: Stage, op: Op): Promise<string> {
  switch (op.type) {
    case 'wait':
      stage.clock.advance(op.ms)
      return ''
    case 'crash':
      crash(stage, op)
      settle(stage)
      return ''
    case 'ask':
      return answered(stage, ask(stage, stage.household.supervisors.get(pathOf(op.sup)), op.ask))
    case 'burst':
      return burst(stage, op.sup, op.ops)
  }
}

function crash(stage: Stage, { id, reason }: Crash): void {
  stage.living.get(id)?.(REASONS[reason])
}

/** All of it waits before the first of it is taken; what is taken may wait for what comes after it. */
async function burst(stage: Stage, sup: string, ops: readonly (Crash | Ask)[]): Promise<string> {
  const supervisor = stage.household.supervisors.get(pathOf(sup))
  if (supervisor === undefined) return ''
  const gate: (() => void)[] = []
  const answers: Promise<string>[] = []
  stage.gate = gate
  for (const op of ops) {
    if (op.type === 'crash') {
      crash(stage, op)
      answers.push(Promise.resolve(''))
    } else {
      answers.push(new Promise((resolve) => gate.push(() => void ask(stage, supervisor, op).then(resolve))))
    }
  }
  stage.gate = undefined
  for (const pass of gate) pass()
  return answered(stage, Promise.all(answers).then((all) => all.join(' ')))
}

async function answered(stage: Stage, answer: Promise<string>): Promise<string> {
  const seen = { isSettled: false }
  void answer.then(() => (seen.isSettled = true))
  while (!seen.isSettled) {
    settle(stage)
    await Promise.resolve()
  }
  return answer
}

function pathOf(sup: string): string {
  return sup === 'root' ? 'root' : `root/${sup}`
}

async function ask(stage: Stage, supervisor: SupervisorHandle<Start> | undefined, what: Ask): Promise<string> {
  if (supervisor === undefined) return 'gone'
  if (what.type === 'terminate_dynamic' && !stage.refs.has(what.id)) return 'nobody'
  if (what.type === 'terminate_dynamic') await followLife(stage, supervisor, what.id)
  const reply = await supervisor.request(requestOf(stage, what))
  if (what.type === 'start_dynamic' && reply.ok && reply.value.type === 'child' && reply.value.ref !== undefined) stage.refs.set(what.id, reply.value.ref)
  return show(reply, what.type === 'which_sorted')
}

/** The oracle names a dynamic child by the pid of its life under way; a ref keeps its slot through all lives. */
async function followLife({ refs }: Stage, supervisor: SupervisorHandle<Start>, id: string): Promise<void> {
  const reply = await supervisor.request({ type: 'which_children' })
  if (!reply.ok || reply.value.type !== 'children') return
  for (const { child } of reply.value.children) {
    if (typeof child === 'number' && child % 2 ** 32 === (refs.get(id) ?? 0) % 2 ** 32) refs.set(id, child)
  }
}

function requestOf(stage: Stage, what: Ask): SupervisorRequest<Start> {
  switch (what.type) {
    case 'start':
      return { type: 'start_child', spec: specOf(what.child) }
    case 'start_dynamic':
      return { type: 'start_dynamic', args: what.id }
    case 'terminate_dynamic':
      return { type: 'terminate_dynamic', ref: stage.refs.get(what.id) ?? 0 }
    case 'restart':
    case 'terminate':
    case 'delete':
      return { type: `${what.type}_child`, id: what.id }
    case 'which':
    case 'which_sorted':
      return { type: 'which_children' }
    case 'count':
      return { type: 'count_children' }
  }
}

function show(reply: SupervisorReply<Start>, isSorted: boolean): string {
  if (!reply.ok) return showError(reply.error)
  const { value } = reply
  if (value.type === 'counts') return `${value.specs} ${value.active} ${value.supervisors} ${value.workers}`
  if (value.type === 'child') return value.ref === undefined ? 'ignored' : 'ok'
  if (value.type !== 'children') return 'ok'
  const lines = value.children.map(({ id, child, type }) => `${id ?? 'undefined'}:${typeof child === 'number' ? 'pid' : child}:${type}`)
  return (isSorted ? lines.sort() : lines).join(' ')
}

function showError(error: RequestError<Start>): string {
  if (error.error === 'shutting_down') return 'gone'
  return error.error === 'start_failed' ? `failed ${term(error.reason)}` : error.error
}

/** A reason as Erlang prints it. */
function term(reason: ExitReason): string {
  return formatReason(reason).replaceAll(' ', '').replaceAll('{exit_code,1}', 'boom').replaceAll('"done"', 'done')
}
