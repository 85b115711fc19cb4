/**
 * Random scripts for supervisors, as data: a tree with the behaviour of each worker, and what is done to it. Printed as
 * Erlang terms for the oracle (`toErlang`), played on ours by `play-script.ts`. Ids are unique in a script and belong to one
 * supervisor, so a crash is known by its id alone. Waits are none or longer than the period: phases cannot matter.
 */

import * as fc from 'fast-check'

import type { AutoShutdown, Restart, Strategy } from '../../src/otp/child-spec.ts'

export const PERIOD_S = 2
const WAIT_MS = (PERIOD_S + 2) * 1000

export type Flags = { readonly strategy: Strategy; readonly intensity: number; readonly auto: AutoShutdown }
export type Behaviour = { readonly starts: readonly ('ok' | 'fail' | 'ignore')[]; readonly onStop: 'obey' | 'boom' | 'linger' }
export type Worker = { readonly id: string; readonly restart: Restart; readonly shutdown: number | 'brutal_kill'; readonly significant: boolean; readonly behaviour: Behaviour }
export type Nested = { readonly id: string; readonly restart: Restart; readonly shutdown: 'infinity'; readonly significant: boolean; readonly flags: Flags; readonly children: readonly Worker[] }
export type ScriptChild = Worker | Nested
export type Reason = 'normal' | 'shutdown' | 'done' | 'killed' | 'boom'

export type Ask =
  | { readonly type: 'start'; readonly child: Worker }
  | { readonly type: 'start_dynamic' | 'restart' | 'terminate' | 'terminate_dynamic' | 'delete'; readonly id: string }
  | { readonly type: 'which' | 'which_sorted' | 'count' }
export type Crash = { readonly type: 'crash'; readonly id: string; readonly reason: Reason }
export type Op =
  | Crash
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'ask'; readonly sup: string; readonly ask: Ask }
  /** All of them wait in the supervisor's mailbox before it takes the first. */
  | { readonly type: 'burst'; readonly sup: string; readonly ops: readonly (Crash | Ask)[] }

export type Script = { readonly flags: Flags; readonly children: readonly ScriptChild[]; readonly ops: readonly Op[] }

const REASONS: readonly Reason[] = ['normal', 'shutdown', 'done', 'killed', 'boom', 'boom', 'boom']

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  starts: fc.array(fc.constantFrom('ok', 'ok', 'ok', 'fail', 'ignore'), { maxLength: 4 }).map((more) => [...more, 'ok'] as const),
  onStop: fc.constantFrom('obey', 'obey', 'obey', 'boom', 'linger'),
})
/** The first start nearly always works: a tree that never comes up proves little. */
const calm = behaviour.chain((b) => fc.boolean().map((isCalm): Behaviour => (isCalm ? b : { ...b, starts: ['ok', ...b.starts] })))

const flagsOf = (strategies: readonly Strategy[]): fc.Arbitrary<Flags> => fc.record({
  strategy: fc.constantFrom(...strategies),
  intensity: fc.constantFrom(0, 1, 1, 2, 3, 5),
  auto: fc.constantFrom('never', 'never', 'any_significant', 'all_significant'),
})
const plainFlags = flagsOf(['one_for_one', 'one_for_all', 'rest_for_one'])

const worker = (id: string, auto: AutoShutdown, from: fc.Arbitrary<Behaviour> = calm): fc.Arbitrary<Worker> =>
  fc.record({
    restart: fc.constantFrom('permanent', 'permanent', 'transient', 'temporary'),
    isBrutal: fc.nat(3).map((n) => n === 0),
    wantsSignificant: fc.boolean(),
    behaviour: from,
  }).map(({ restart, isBrutal, wantsSignificant, behaviour: b }): Worker => ({
    id, restart, behaviour: b,
    // A short deadline only where it must pass: nobody else may miss it on a busy machine.
    shutdown: isBrutal ? 'brutal_kill' : b.onStop === 'linger' ? 20 : 5000,
    significant: wantsSignificant && auto !== 'never' && restart !== 'permanent',
  }))

const nested: fc.Arbitrary<Nested> = plainFlags.chain((flags) =>
  fc.tuple(worker('x', flags.auto), worker('y', flags.auto), fc.constantFrom<Restart>('permanent', 'transient', 'temporary'))
    .map(([x, y, restart]): Nested => ({ id: 's', restart, shutdown: 'infinity', significant: false, flags, children: [x, y] })))

const crash = (ids: readonly string[]): fc.Arbitrary<Crash> =>
  fc.record({ type: fc.constant('crash'), id: fc.constantFrom(...ids), reason: fc.constantFrom(...REASONS) })

const named = (ids: readonly string[], auto: AutoShutdown): fc.Arbitrary<Ask> => fc.oneof(
  fc.record({ type: fc.constantFrom('restart', 'terminate', 'terminate', 'delete'), id: fc.constantFrom(...ids) }),
  fc.constantFrom(...ids).chain((id) => worker(id, auto, behaviour)).map((child) => ({ type: 'start' as const, child })),
  fc.constant({ type: 'which' as const }),
)

const wait: fc.Arbitrary<Op> = fc.constant({ type: 'wait', ms: WAIT_MS })

/** At most two waits in a script, so that a run takes a bounded time. */
function opsOf(acts: fc.Arbitrary<Op>): fc.Arbitrary<readonly Op[]> {
  const some = (maxLength: number): fc.Arbitrary<Op[]> => fc.array(acts, { minLength: 1, maxLength })
  return fc.oneof(
    { weight: 2, arbitrary: some(14) },
    { weight: 1, arbitrary: fc.tuple(some(7), wait, some(7)).map(([a, w, b]) => [...a, w, ...b]) },
    { weight: 1, arbitrary: fc.tuple(some(4), wait, some(4), wait, some(4)).map(([a, w, b, v, c]) => [...a, w, ...b, v, ...c]) },
  )
}

function actsOn(sup: string, ids: readonly string[], auto: AutoShutdown): fc.Arbitrary<Op> {
  const ask = named(ids, auto)
  return fc.oneof(
    { weight: 4, arbitrary: crash(ids) },
    { weight: 3, arbitrary: ask.map((one): Op => ({ type: 'ask', sup, ask: one })) },
    { weight: 1, arbitrary: fc.constant<Op>({ type: 'ask', sup, ask: { type: 'count' } }) },
    { weight: 2, arbitrary: fc.array(fc.oneof(crash(ids), ask), { minLength: 2, maxLength: 4 }).map((ops): Op => ({ type: 'burst', sup, ops })) },
  )
}

const plainScript: fc.Arbitrary<Script> = plainFlags.chain((flags) =>
  fc.record({
    flags: fc.constant(flags),
    children: fc.tuple(worker('a', flags.auto), worker('b', flags.auto), worker('c', flags.auto), nested, fc.nat(3), fc.integer({ min: 1, max: 4 }))
      .map(([a, b, c, s, at, n]) => (n === 4 ? [a, b, c].toSpliced(at, 0, s as never) : [a, b, c].slice(0, n)) as ScriptChild[]),
    ops: opsOf(fc.oneof(
      { weight: 3, arbitrary: actsOn('root', ['a', 'b', 'c', 'd'], flags.auto) },
      { weight: 1, arbitrary: actsOn('s', ['x', 'y'], 'never') },
      { weight: 1, arbitrary: fc.constantFrom('restart', 'terminate', 'delete').map((type): Op => ({ type: 'ask', sup: 'root', ask: { type: type as 'restart', id: 's' } })) },
    )),
  }))

const DYNAMIC = ['d1', 'd2', 'd3', 'd4', 'd5']

const dynamicAsk: fc.Arbitrary<Ask> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constantFrom('start_dynamic', 'start_dynamic', 'terminate_dynamic'), id: fc.constantFrom(...DYNAMIC) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('restart', 'terminate', 'delete'), id: fc.constantFrom('w', 'd1') }) },
  { weight: 1, arbitrary: fc.constantFrom<Ask>({ type: 'which_sorted' }, { type: 'count' }) },
)

/** OTP 25 keeps a dynamic child whose restart is ignored, newer ones drop it, as we do: no script has one. */
const dynamicBehaviour = behaviour.map(({ starts: [first = 'ok', ...more], onStop }): Behaviour =>
  ({ starts: [first, ...more.map((answer) => (answer === 'ignore' ? 'ok' : answer))], onStop }))

/** A dynamic child is known by its argument; each argument is started at most once. */
const dynamicScript: fc.Arbitrary<Script> = flagsOf(['simple_one_for_one']).chain((flags) =>
  fc.record({
    flags: fc.constant<Flags>({ ...flags, auto: 'never' }),
    children: worker('w', 'never', dynamicBehaviour).map((w) => [w]),
    ops: opsOf(fc.oneof({ weight: 2, arbitrary: crash(DYNAMIC) }, { weight: 4, arbitrary: dynamicAsk.map((ask): Op => ({ type: 'ask', sup: 'root', ask })) })),
  }))
  .map((script) => ({ ...script, ops: onceEach(script.ops) }))

function onceEach(ops: readonly Op[]): readonly Op[] {
  const seen = new Set<string>()
  return ops.filter((op) => {
    if (op.type !== 'ask' || op.ask.type !== 'start_dynamic') return true
    const isNew = !seen.has(op.ask.id)
    seen.add(op.ask.id)
    return isNew
  })
}

export const script: fc.Arbitrary<Script> = fc.oneof({ weight: 4, arbitrary: plainScript }, { weight: 1, arbitrary: dynamicScript })

// Printing

export function toErlang(n: number, { flags, children, ops }: Script): string {
  return `{${n}, {${flagsTerm(flags)}, ${list(children, childTerm)}, ${list(ops, opTerm)}}}.`
}

function flagsTerm({ strategy, intensity, auto }: Flags): string {
  return `{${strategy}, ${intensity}, ${PERIOD_S}, ${auto}}`
}

function childTerm(child: ScriptChild): string {
  const { id, restart, shutdown, significant } = child
  const start = 'behaviour' in child
    ? `{${list(child.behaviour.starts, String)}, ${child.behaviour.onStop}}`
    : `{sup, ${flagsTerm(child.flags)}, ${list(child.children, childTerm)}}`
  return `{${id}, ${restart}, ${shutdown}, ${significant}, ${start}}`
}

function opTerm(op: Op): string {
  switch (op.type) {
    case 'wait':
      return `{wait, ${op.ms}}`
    case 'crash':
      return crashTerm(op)
    case 'ask':
      return `{ask, ${op.sup}, ${askTerm(op.ask)}}`
    case 'burst':
      return `{burst, ${op.sup}, ${list(op.ops, (one) => (one.type === 'crash' ? crashTerm(one) : `{ask, ${askTerm(one)}}`))}}`
  }
}

function crashTerm({ id, reason }: Crash): string {
  return `{crash, ${id}, ${reason === 'done' ? '{shutdown, done}' : reason}}`
}

function askTerm(ask: Ask): string {
  if (ask.type === 'start') return `{start, ${childTerm(ask.child)}}`
  return 'id' in ask ? `{${ask.type}, ${ask.id}}` : ask.type
}

function list<T>(items: readonly T[], print: (item: T) => string): string {
  return `[${items.map((item) => print(item)).join(', ')}]`
}
