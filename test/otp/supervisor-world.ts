/**
 * A supervisor over children that only exist on paper, under a simulated clock. Everything that happens to a child is a line
 * of the trace: `start a`, `stop a`, `kill a`, `a: reason` for an end, `root up`, `root: reason`. How a child behaves is
 * data: what its n-th start answers, and what it does when it is told to stop.
 */

import { must } from '../../src/base/assert.ts'
import { createSimulatedClock } from '../../src/base/clock.ts'
import type { SimulatedClock } from '../../src/base/clock.ts'
import type { ChildSpecInput, SupervisorFlagsInput } from '../../src/otp/child-spec.ts'
import { formatReason, KILLED } from '../../src/otp/exit-reason.ts'
import type { ExitReason } from '../../src/otp/exit-reason.ts'
import type { ChildEvent, RunningChild, StartContext, TreeNode } from '../../src/otp/starter.ts'
import { startSupervisor } from '../../src/otp/supervision.ts'
import type { Household, SupervisorStart } from '../../src/otp/supervision.ts'
import type { SupervisorReply, SupervisorRequest } from '../../src/otp/supervisor-state.ts'

export type Paper = {
  readonly kind: 'paper'
  /** By life, from the first; the last one goes on. Default `ok`. `later`: settled by the test. */
  readonly starts?: readonly ('ok' | 'fail' | 'ignore' | 'later')[]
  /** Default `obey`: ends with the reason given. `linger`: only a kill ends it. */
  readonly onStop?: 'obey' | 'linger' | ExitReason
}
export type PaperStart = Paper | SupervisorStart<PaperStart>
export type PaperSpec = ChildSpecInput<PaperStart>

export const BOOM: ExitReason = { kind: 'exit_code', code: 1 }

type Actual = { readonly report: (event: ChildEvent) => void; isUp: boolean }

export type World = {
  readonly trace: readonly string[]
  /** The trace and what the test itself did to children. */
  readonly history: readonly string[]
  readonly clock: SimulatedClock
  readonly root: RunningChild
  /** The trace since the last call. */
  news(): string
  /** Ends a living child, by the last part of its path. */
  crash(id: string, reason?: ExitReason): string
  /** Has a living child report an event that does not end it. */
  hint(id: string, event: ChildEvent): string
  /** Settles a start that answered `later`. */
  settle(id: string, event: ChildEvent): string
  /** Lets time pass; retries without delay are due after 0. */
  pass(ms: number): string
  ask(request: SupervisorRequest<PaperStart>, path?: string): Promise<SupervisorReply<PaperStart>>
  /** Whether a supervisor runs there. */
  has(path: string): boolean
  /** `id: state` of the direct children, in start order. */
  states(): string
  epochOf(id: string): number
  isLiving(id: string): boolean
  /** Its start has answered `later` and is not settled. */
  isStarting(id: string): boolean
}

export function child(id: string, more: Omit<PaperSpec, 'id' | 'start'> & Omit<Paper, 'kind'> = {}): PaperSpec {
  const { starts, onStop, ...spec } = more
  return { id, ...spec, start: { kind: 'paper', ...(starts === undefined ? {} : { starts }), ...(onStop === undefined ? {} : { onStop }) } }
}

export function sup(id: string, flags: SupervisorFlagsInput, children: readonly PaperSpec[], more: Omit<PaperSpec, 'id' | 'start'> = {}): PaperSpec {
  return { id, type: 'supervisor', ...more, start: { kind: 'supervisor', flags, children } }
}

export function world(flags: SupervisorFlagsInput, children: readonly PaperSpec[]): World {
  const clock = createSimulatedClock(0)
  const trace: string[] = []
  const history: string[] = []
  const note = (line: string): void => {
    trace.push(line)
    history.push(line)
  }
  const living = new Map<string, Actual>()
  const epochs = new Map<string, number>()
  let nSeen = 0

  const startPaper = (start: Paper, context: StartContext): RunningChild => {
    const { id, epoch } = context
    const answer = start.starts?.[epoch - 1] ?? start.starts?.at(-1) ?? 'ok'
    note(`start ${id}${context.args === undefined ? '' : ` ${JSON.stringify(context.args)}`}${answer === 'ok' || answer === 'later' ? '' : ` ${answer}`}`)
    epochs.set(id, epoch)
    const key = context.args === undefined ? id : `${id}-${JSON.stringify(context.args)}`
    const actual: Actual = { report: (event) => context.report(event), isUp: answer === 'ok' }
    living.set(key, actual)
    const end = (reason: ExitReason): void => {
      if (living.get(key) !== actual) return
      living.delete(key)
      note(`${key}: ${formatReason(reason)}`)
      actual.report({ type: 'exit', reason })
    }
    if (answer === 'ok') actual.report({ type: 'started' })
    if (answer === 'ignore') actual.report({ type: 'ignored' })
    if (answer === 'fail') actual.report({ type: 'start_failed', reason: BOOM })
    if (answer === 'ignore' || answer === 'fail') living.delete(key)
    return {
      stop(reason) {
        note(`stop ${key}`)
        if (start.onStop === 'linger') return
        end(start.onStop === undefined || start.onStop === 'obey' ? reason : start.onStop)
      },
      kill() {
        note(`kill ${key}`)
        end(KILLED)
      },
      info: () => ({}),
    }
  }
  const household: Household<PaperStart> = {
    supervisors: new Map(),
    starterOf: () => (start, context) => (start.kind === 'paper' ? startPaper(start, context) : startSupervisor(start, context, household)),
  }
  const root = startSupervisor<PaperStart>({ kind: 'supervisor', flags, children }, {
    id: 'root', path: 'root', epoch: 1, args: undefined, clock, log: () => undefined,
    report: (event) => note('reason' in event ? `root: ${formatReason(event.reason)}` : 'root up'),
  }, household)
  const news = (): string => {
    const fresh = trace.slice(nSeen)
    nSeen = trace.length
    return fresh.join(', ')
  }
  return {
    trace, history, clock, root, news,
    isLiving: (id) => living.get(id)?.isUp === true,
    isStarting: (id) => living.get(id)?.isUp === false,
    crash(id, reason = BOOM) {
      const actual = must(living.get(id), `a living ${id}`)
      living.delete(id)
      history.push(`${id}: crashed`)
      actual.report({ type: 'exit', reason })
      return news()
    },
    hint(id, event) {
      must(living.get(id), `a living ${id}`).report(event)
      return news()
    },
    settle(id, event) {
      const actual = must(living.get(id), `a starting ${id}`)
      if (event.type === 'started') actual.isUp = true
      else {
        living.delete(id)
        history.push(`${id}: not started`)
      }
      actual.report(event)
      return news()
    },
    pass(ms) {
      clock.advance(ms)
      return news()
    },
    ask: (request, path = 'root') => must(household.supervisors.get(path), `a supervisor at ${path}`).request(request),
    has: (path) => household.supervisors.has(path),
    states: () => (root.info().children ?? []).map((node: TreeNode) => `${node.id}: ${node.state}`).join(', '),
    epochOf: (id) => epochs.get(id) ?? 0,
  }
}
