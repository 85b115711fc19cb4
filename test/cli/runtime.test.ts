/** What the commands about the runtime ask and print, as golden text, against answers of a small program. */

import { expect, test } from 'vitest'
import { failure, FailureError } from '../../src/base/failure.ts'
import { runCli } from '../../src/cli/program.ts'
import { gapsOf, renderGaps } from '../../src/cli/render/basis.ts'
import { saidBy } from '../../src/cli/render/events.ts'
import { makeWorld, run, type Ran, type World, type WorldOptions } from './fake.ts'
import { answerOf, CALL, COMPLETE, EVENTS, GAP, HOTSPOTS, INSIGHTS, NODE, RETURN, RUNTIME, SEND, T0, WITH_GAPS } from './runtime-fake.ts'

function ask(line: string, more: WorldOptions = {}): Promise<Ran> {
  return run(line, { ...more, handlers: { ...RUNTIME, ...more.handlers } })
}

async function asked(line: string, more: WorldOptions = {}): Promise<World['calls']> {
  const world = makeWorld({ ...more, handlers: { ...RUNTIME, ...more.handlers } })
  expect(await runCli(line.split(' '), world.ports)).toBe(0)
  return world.calls
}

function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('')
}

const MISSING = 'events are missing among these: too many calls (150 events)'

test('events: the newest last, terms as Elixir prints them, and what is missing', async () => {
  expect(await ask('events')).toEqual({
    code: 0,
    out: lines(
      'TIME (UTC)       TYPE       PID      WHAT                                                         TOOK  EVENT',
      '08:01:00.000001  call       0.113.0  Shop.Cart.add(%{id: 7, items: []}, {:ok, "tea"})                   1:1',
      '08:01:00.000002  return     0.113.0  Shop.Cart.add/2 gave :ok                                  12.3 µs  1:2',
      '08:01:00.000003  exception  0.113.0  Shop.Cart.add/2 raised ** (ArgumentError) argument error  2.00 ms  1:3',
      '08:01:00.000004  send       0.113.0  to 0.114.0: {:add, 1}                                              1:4',
      '08:01:00.000005  gap                 events are missing, too many calls: 120 call, 30 return            1:5',
    ),
    err: `note: ${MISSING}\n`,
  })
})

test('events of several nodes say of which; a place that is cut keeps its line; an event is known without its node', async () => {
  const several = { query_events: () => answerOf({ events: [{ ...RETURN, node: 'b@h', event_id: 'b@h:2:7' }, CALL], cursor: null, completeness: COMPLETE, plan: null }) }
  expect((await ask('events', { handlers: several })).out.split('\n').map((line) => [line.split(/\s+/)[2], line.split(/\s+/).at(-1)])).toEqual([['TYPE', 'EVENT'], [NODE, '1:1'], ['b@h', '2:7'], [undefined, '']])
  expect((await asked('event 2:7'))[0]).toEqual({ method: 'get_event_by_id', args: { event_id: '2:7' } })
  expect((await ask('--no-color cover Shop.Cart', { columns: 44 })).out).toContain('art.ex:70\n')
})

test('events that were cut: how to go on; --cursor goes on', async () => {
  const cut = await ask('events --limit 2')
  expect(cut.out.split('\n').slice(1, 3).map((line) => line.split(/\s+/)[1])).toEqual(['send', 'gap'])
  expect(cut.err).toContain('the latest 2 shown; all with --all, those before with --cursor c1\n')
  expect((await asked('events --limit 2 --cursor c1'))[0]?.args).toMatchObject({ cursor: 'c1', order: 'desc', limit: 2 })
})

test('events: every filter as the daemon takes it', async () => {
  const [call] = await asked(`events --type call,exception --mfa Shop.Cart.add/2 --pid 0.113.0 --node ${NODE} --correlation c7 --slower-than 5ms --since 2026-11-21T08:00:00Z --until 1795248060000000000 --explain`)
  expect(call).toEqual({ method: 'query_events', args: {
    event_type: ['call', 'exception'], module: 'Shop.Cart', function: 'add', arity: 2, pid: '0.113.0', node: NODE, correlation_id: 'c7', min_duration_ns: 5_000_000,
    since: '2026-11-21T08:00:00Z', until: 1_795_248_060_000_000_000n, order: 'desc', explain: true, limit: 200,
  } })
  expect((await asked('events --mfa Shop.Cart.add'))[0]?.args).toMatchObject({ module: 'Shop.Cart', function: 'add' })
  expect((await asked('events --since 5m'))[0]?.args['since']).toMatch(/^2026-11-21T07:56:0\d\.\d{3}Z$/)
})

test('events at a place are found whatever its id was; with more filters they are queried', async () => {
  expect((await asked('events --at Shop.Cart.add/2'))[0]).toMatchObject({ method: 'get_correlated_events', args: { node_id: 'Shop.Cart.add/2' } })
  expect((await asked('events --at Shop.Cart.add/2 --type call'))[0]).toMatchObject({ method: 'query_events', args: { node_id: 'Shop.Cart.add/2', event_type: ['call'] } })
})

test.each([
  ['events --type cal', 'there is no type of events "cal"\n  did you mean call?'],
  ['events --since whenever', '"whenever" is no time\n  write e.g. 5m (ago)'],
  ['events --slower-than fast', '"fast" is no span of time\n  write e.g. 500us, 5ms or 2s'],
  ['event x', '"x" is no event\n  the last column of `events` names them'],
  ['why 7', '"7" is no event'],
  ['events --follow --limit 3', '--limit does not go with --follow\n  --follow shows what comes in until Ctrl-C'],
  ['events --mfa Shop.Cart.add/2 --module Shop', '--mfa names module and function already'],
  ['events --mfa Shop.Cart', 'Shop.Cart is no function\n  write e.g. MyApp.Cart.add_item/2'],
])('%s', async (line, message) => {
  const ran = await ask(line)
  expect(ran).toMatchObject({ code: 2, out: '' })
  expect(ran.err).toContain(`error: ${message}`)
})

test('no events: whether nothing fits or nothing was recorded, and what to do', async () => {
  const none = { query_events: () => answerOf({ events: [], cursor: null, completeness: COMPLETE, plan: null }) }
  expect(await ask('events --type gap', { handlers: none })).toEqual({ code: 0, out: 'no such events\n', err: '' })
  const empty = { ...none, get_event_stats: () => ({ total_events: 0 }) }
  expect((await ask('events', { handlers: empty })).err).toBe('nothing was recorded yet; `record` traces the project on the nodes that are connected\n')
  expect((await ask('events', { handlers: { ...empty, list_nodes: () => ({ nodes: [], listening: [] }) } })).err)
    .toBe('nothing was recorded yet, and no node is connected; `run -- mix run` starts a program that tells what it does\n')
})

test('events --all in pages, with one header; --json is one value, the newest last', async () => {
  const pages: WorldOptions = { handlers: { query_events: ({ cursor }) => answerOf({ events: cursor === undefined ? [CALL] : [RETURN], cursor: cursor === undefined ? 'c1' : null, completeness: COMPLETE, plan: null }) } }
  const all = await ask('events --all', pages)
  expect(all.out.split('\n').map((line) => line.split(/\s+/)[1] ?? '')).toEqual(['(UTC)', 'call', 'return', ''])
  const json = JSON.parse((await ask('--json events')).out) as { value: { events: { event_id: string; timestamp_ns: string }[] } }
  expect(json.value.events.map((one) => one.event_id)).toEqual(EVENTS.map((one) => one.event_id))
  expect(json.value.events[0]?.timestamp_ns).toBe(String(CALL.timestamp_ns))
})

test('events --follow shows each once, those that come late too', async () => {
  let times = 0
  const late = { ...CALL, event_id: `${NODE}:1:0`, timestamp_ns: BigInt(CALL.timestamp_ns) - 500n }
  const ran = await ask('--json events --follow --since 2026-11-21T08:00:00Z', { pauses: 3, handlers: {
    query_events: () => {
      times += 1
      return answerOf({ events: times === 1 ? [CALL] : times === 2 ? [late, CALL, RETURN] : [late, CALL, RETURN], cursor: null, completeness: COMPLETE, plan: null })
    },
  } })
  expect(ran).toMatchObject({ code: 0, err: '' })
  expect(ran.out.trim().split('\n').map((line) => (JSON.parse(line) as { event_id: string }).event_id)).toEqual([CALL.event_id, late.event_id, RETURN.event_id])
})

test('events --follow: the columns stay what they are, and are named anew where a second node joins', async () => {
  const of = (node: string, n: number) => ({ ...SEND, node, event_id: `${node}:1:${n}`, timestamp_ns: T0 + BigInt(n) })
  const polls = [[of('a', 1)], [of('b', 2)], [of('a', 3)]]
  const ran = await ask('events --follow --since 2026-11-21T08:00:00Z', { pauses: 3, handlers: {
    query_events: () => answerOf({ events: polls.shift() ?? [], cursor: null, completeness: COMPLETE, plan: null }),
  } })
  const row = (node: string, n: number) => `08:01:00.000000  send  ${node}0.113.0  to 0.114.0: {:add, 1}        1:${n}`
  expect(ran.out).toBe(lines(
    'TIME (UTC)       TYPE  PID      WHAT                   TOOK  EVENT', row('', 1), 'TIME (UTC)       TYPE  NODE  PID      WHAT                   TOOK  EVENT', row('b     ', 2), row('a     ', 3)))
})

test('events --follow begins after the newest event, whatever this clock says', async () => {
  const world = makeWorld({ handlers: { ...RUNTIME, get_event_stats: () => ({ newest_ns: 41n }) } })
  expect(await runCli(['events', '--follow', '--type', 'call'], world.ports)).toBe(0)
  expect(world.calls[1]).toMatchObject({ method: 'query_events', args: { since: 42n, order: 'asc', event_type: ['call'] } })
})

test('event: one in full', async () => {
  expect((await ask(`event ${NODE}:1:1`)).out).toBe(lines(
    'call  Shop.Cart.add(%{id: 7, items: []}, {:ok, "tea"})',
    `event        ${NODE}:1:1`,
    'time         2026-11-21T08:01:00.000001Z',
    `process      0.113.0 on ${NODE}, started 2026-11-21T08:00:00Z`,
    'function     Shop.Cart.add/2',
    'called from  Shop.Order.place/1, lib/shop/order.ex:9',
    'place        Shop.Order.place/1#1/Cart.add, the one call of that name at that line in the version that runs',
    'args         [%{id: 7, items: []}, {:ok, "tea"}]',
  ))
  const gone = await ask('event x:1:1', { handlers: { get_event_by_id: () => { throw new FailureError(failure('not_found', 'there is no event "x:1:1"', { hint: 'old events are deleted' })) } } })
  expect(gone).toEqual({ code: 3, out: '', err: 'error: there is no event "x:1:1"\n  old events are deleted\n' })
})

test('event: what was raised, what an exit came from, and what is not said by the message', async () => {
  const whole = async (payload: unknown, type: 'exception' | 'exit') => (await ask(`event ${NODE}:1:1`, { handlers: { get_event_by_id: () => answerOf({ ...CALL, event_type: type, caller: null, evidence: 'none', payload }) } })).out.split('\n')
  const struct = { __struct__: { $atom: 'Shop.Full' }, ':__exception__': true, ':message': 'it is full', ':by': 3 }
  expect(await whole({ class: { $atom: 'error' }, value: struct }, 'exception')).toEqual(expect.arrayContaining(['exception  Shop.Cart.add/2 raised ** (Shop.Full) it is full', 'raised    ** (Shop.Full) it is full', 'value     %Shop.Full{by: 3, message: "it is full"}']))
  expect((await whole({ class: { $atom: 'error' }, value: { $atom: 'badarith' } }, 'exception')).filter((line) => line.startsWith('value'))).toEqual([])
  const stack = [{ $tuple: [{ $atom: 'Shop.Cart' }, { $atom: 'add' }, 2, []] }, { $tuple: [{ $atom: 'proc_lib' }, { $atom: 'init_p' }, 3, []] }]
  expect(await whole({ reason: { $tuple: [{ $atom: 'badarith' }, stack] } }, 'exit')).toEqual(expect.arrayContaining([
    'exit  ended: ** (ArithmeticError) bad argument in arithmetic expression', 'reason    ** (ArithmeticError) bad argument in arithmetic expression', 'stack     Shop.Cart.add/2, :proc_lib.init_p/3',
  ]))
})

test('trace: figures with what they rest on, callers, callees, errors, the latest', async () => {
  expect((await ask('trace Shop.Cart.add/2')).out).toBe(lines(
    'Shop.Cart.add/2  function',
    '880 calls from 2026-11-21 08:01:00 to 08:02:00 UTC (1 min 0 s); sums over whole blocks; quantiles within 0.8 %',
    'nothing is known to be missing in this window',
    '',
    'calls      880: 870 returned, 6 raised, 4 not seen to end',
    'took       p50 12.3 µs, p95 80.0 µs, p99 1.20 ms, longest 2.00 ms; 45.0 ms in all, of 876 calls that ended',
    'own time   30.0 ms in all, without the traced calls within',
    'last seen  2026-11-21 08:01:59 UTC',
    '',
    'CALLED BY           CALLS  PLACE',
    'Shop.Order.place/1    880  Shop.Order.place/1#1/Cart.add',
    '',
    'CALLS             CALLS  PLACE',
    'Shop.Money.sum/1    880  several, or not known',
    '',
    'RAISED                             TIMES',
    '** (ArgumentError) argument error      6',
    '',
    'the latest 2 events',
    'TIME (UTC)       TYPE       PID      WHAT                                                         TOOK  EVENT',
    `08:01:00.000002  return     0.113.0  Shop.Cart.add/2 gave :ok                                  12.3 µs  1:2`,
    `08:01:00.000003  exception  0.113.0  Shop.Cart.add/2 raised ** (ArgumentError) argument error  2.00 ms  1:3`,
  ))
})

test('trace: how much is missing and why; a function that was not seen', async () => {
  const lost = { ...COMPLETE, complete: false, lost: [{ since_ns: COMPLETE.since_ns, until_ns: COMPLETE.since_ns + 1_000_000_000n, events: 7, why: 'a file of events ends before events that it held' }] }
  const cut = await ask('trace Shop.Cart', { handlers: { get_runtime_insights: () => answerOf({ ...INSIGHTS, of: 'Shop.Cart', kind: 'module', n: 3, completeness: lost }) } })
  expect(cut.out).toMatch(/^7 events from .* UTC \(1.00 s\) were stored and are lost: a file of events ends before events that it held$/m)
  const gaps = await ask('trace Shop.Cart', { handlers: { get_runtime_insights: () => answerOf({ ...INSIGHTS, of: 'Shop.Cart', kind: 'module', n: 3, completeness: WITH_GAPS }), count_events: () => answerOf({ groups: [], total: 880, completeness: WITH_GAPS }) } })
  expect(gaps.out).toContain('12 % of the calls in this window were not recorded: too many calls (150 events)\n')
  const none = { ...INSIGHTS, n: 0, figures: { calls: 0, returns: 0, exceptions: 0, duration_ns: null, own_ns: null } }
  expect((await ask('trace Shop.Cart.add/2', { handlers: { get_runtime_insights: () => answerOf(none) } })).out).toBe(lines(
    'no call of Shop.Cart.add/2 was seen from 2026-11-21 08:01:00 to 08:02:00 UTC (1 min 0 s)', 'nothing is known to be missing in this window',
    'either it did not run, or it was not traced: `nodes` tells the plan that each follows'))
  expect((await asked('trace Shop.Cart.total')).find((call) => call.method === 'get_runtime_insights')?.args).toEqual({ of: 'Shop.Cart.total/1' })
  expect((await ask('trace Shop.Cart.add')).err).toContain('Shop.Cart.add has several arities\n  which one: Shop.Cart.add/2, Shop.Cart.add/3?')
})

test('gaps: what a busy node did not send is one reason, whatever the figures', () => {
  const ladder = (reason: string, unknown?: readonly string[]) => ({ event_type: 'degraded' as const, payload: { gap: { reason, dropped: {}, ...(unknown === undefined ? {} : { unknown }) } } })
  const step = 'the ladder: no arguments -> no messages, 14214 events wait'
  const gaps = gapsOf([ladder(step, ['send']), ladder('the ladder: no messages -> no arguments, 99 events wait', ['send']), { ...GAP, payload: { gap: { reason: 'the ladder', dropped: { call: 7 } } } }])
  expect(gaps).toEqual([{ reason: 'the node was too busy, so the agent sent less', times: 3, events: 7, calls: 7 }])
  expect(gapsOf([ladder('the ladder: full -> no arguments, 14214 events wait')])).toEqual([])
  const said = (reason: string) => saidBy({ ...GAP, event_type: 'degraded', payload: ladder(reason).payload })
  expect([said(step), said('the ladder: silent -> no messages, 3 events wait'), said('the ladder: no arguments -> full, 0 events wait')]).toEqual([
    'the node was too busy, so the agent sent no messages', 'the node was less busy again, so the agent sent more', 'the node was less busy again, so the agent sent everything',
  ])
})

test('gaps: by reason, the most first, the number where there are many', () => {
  expect(renderGaps(WITH_GAPS, gapsOf([GAP, GAP, { event_type: 'gap', payload: { gap: { reason: { $atom: 'reload' }, dropped: {} } } }]), 0)).toEqual(
    ['15 % of the events in this window were not recorded: too many calls (300 events, 2 times); reload (how many is not known)'])
  const many = Array.from({ length: 8 }, (_, at) => ({ event_type: 'gap' as const, payload: { gap: { reason: `r${at}`, dropped: { call: 8 - at } } } }))
  expect(renderGaps(WITH_GAPS, gapsOf(many), 0)[0]).toMatch(/r0 \(8 events\); .*r4 \(4 events\); and for 3 more reasons$/)
  expect(renderGaps({ ...WITH_GAPS, dropped: 0 }, [], 0)).toEqual(['events are missing in this window: 1 gap'])
})

test('hot: by what is asked for; the rest is told', async () => {
  const ran = await ask('hot Shop --by calls --limit 2', { handlers: { get_hotspots: () => answerOf({ ...HOTSPOTS, total: 60 }) } })
  expect(ran.out).toBe(lines(
    'FUNCTION                    OWN     TOOK  CALLS      P50      P95  RAISED  COMPLEXITY',
    'Shop.Cart.add/2         30.0 ms  45.0 ms    880  12.3 µs  80.0 µs       6          12',
    'Shop.Cart.__struct__/0                        2                         0',
    '', '880 calls from 2026-11-21 08:01:00 to 08:02:00 UTC (1 min 0 s); sums over whole blocks; quantiles within 0.8 %', 'nothing is known to be missing in this window',
  ))
  expect(ran.err).toBe('2 of 60 functions shown, by calls; more with --limit\n')
  expect((await asked('hot Shop --by calls --limit 2'))[0]?.args).toEqual({ by: 'calls', limit: 2, module_prefix: 'Shop' })
  expect(await ask('hot --limit 1001')).toMatchObject({ code: 2 })
})

test('cover: what nobody wrote does not count; with a prefix the functions are named', async () => {
  const ran = await ask('cover Shop.C')
  expect(ran.out).toBe(lines(
    'MODULE     FUNCTIONS  EXECUTED  NEVER  UNTESTED  NOT TRACED', 'Shop.Cart          3         1      1         1           1', '',
    'NEVER EXECUTED     COMPLEXITY  PLACE', 'Shop.Cart.total/1           2  lib/shop/cart.ex:70', '',
    'EXECUTED, BUT BY NO TEST  COMPLEXITY  PLACE', 'Shop.Cart.add/2                    2  lib/shop/cart.ex:70', '',
    'of 3 functions, 1 were executed (33.3 %), 1 of them by no test that was traced;',
    '1 never were, though their module was traced; of 1 nothing is known: their modules were not traced',
    'from 2026-11-21 08:01:00 to 08:02:00 UTC (1 min 0 s)', 'nothing is known to be missing in this window',
    'no test was traced in this window: `run -- mix test` tells which functions tests reach',
  ))
})

test('top: rates of the last seconds, the node itself named; a daemon that is away is waited for', async () => {
  const ran = await ask('top --window 10s')
  expect(ran.out).toBe(lines(
    '08:01:05 UTC, the last 10.0 s; Ctrl-C ends',
    'FUNCTION                  OWN  CALLS/S      P50      P95  RAISED/S', 'Shop.Cart.add/2         0.3 %       88  12.3 µs  80.0 µs       0.6', 'Shop.Cart.__struct__/0             0.2                           0', '',
    'PROCESS          EVENTS/S  SHARE', '0.113.0               0.4   80 %', 'the node itself       0.1   20 %', '', 'nothing is known to be missing in this window', '',
  ))
  const none = { ...RUNTIME, list_nodes: () => ({ nodes: [], listening: ['/run/x.agent'] }), get_hotspots: () => answerOf({ ...HOTSPOTS, functions: [], total: 0 }), count_events: () => answerOf({ groups: [], total: 0, completeness: COMPLETE }) }
  expect((await ask('top', { handlers: none })).out).toBe(lines(
    '08:01:05 UTC, the last 5.00 s; Ctrl-C ends', 'no node is connected, so nothing new comes in; to connect one: elixir-scope run -- mix run, or elixir-scope attach NODE', ''))
  expect((await ask('--json top', { handlers: none })).out).toContain('"nodes":[],"functions":[]')
  const away = await ask('top', { handlers: { get_hotspots: () => { throw new FailureError(failure('timeout', 'no answer in 5 s')) } } })
  expect(away).toMatchObject({ code: 0, out: '08:01:05 UTC  no answer: no answer in 5 s; trying again\n' })
  const off = () => { throw new FailureError(failure('unavailable', 'nothing is captured: capture.enabled is off', { hint: 'set capture.enabled to true' })) }
  const without = await ask('--no-color top', { pauses: 3, columns: 80, handlers: { get_hotspots: off, count_events: off, list_nodes: off } })
  expect(without).toEqual({ code: 4, out: '', err: 'error: nothing is captured: capture.enabled is off\n  set capture.enabled to true\n' })
})

test('calls: a tree with times and places, and what it leaves out', async () => {
  expect((await ask('calls 0.113.0')).out).toBe(lines(
    'Shop.Order.place/1  40.0 µs, own 20.0 µs', '├─ Shop.Cart.add/2  12.3 µs, raised, at lib/shop/cart.ex:14', '└─ … 3 more calls, left out', '… 1 more call, left out',
    '1 return without a call that was seen: those calls began before the window, or in a gap', '', 'nothing is known to be missing in this window'))
  expect((await asked('calls 0.113.0 --depth 3 --limit 50 --since 1m'))[0]?.args).toMatchObject({ pid: '0.113.0', max_depth: 3, max_calls: 50 })
})

test('calls: of several processes that had the pid, which is shown and how to see the others', async () => {
  const others = [{ node: NODE, node_start_ns: T0 + 123_456_789n, events: 3 }]
  const answer = RUNTIME['get_call_tree']?.({})
  const tree = (answer as { readonly value: object }).value
  const shown = await ask('calls 0.113.0', { handlers: { get_call_tree: () => answerOf({ ...tree, others }) } })
  const typed = `elixir-scope calls 0.113.0 --node ${NODE} --started 2026-11-21T08:01:00.123456789Z`
  expect(shown.err).toBe(`this is 0.113.0 of ${NODE}, started 2026-11-21 08:00:00 UTC; there are others that had this pid:\n  ${typed}  (3 events)\n`)
  expect((await asked(typed.replace('elixir-scope ', '')))[0]?.args).toEqual({ pid: '0.113.0', node: NODE, node_start: '2026-11-21T08:01:00.123456789Z' })
  const several = () => { throw new FailureError(failure('invalid_argument', '0.113.0 is a process of several nodes: a, b', { hint: 'say which one: node', details: { processes: others } })) }
  expect(await ask('calls 0.113.0', { handlers: { get_call_tree: several } })).toEqual({ code: 2, out: '', err: `error: 0.113.0 is a process of several nodes: a, b\n  which one:\n  ${typed}  (3 events)\n` })
})

test('what is not there: the names that are', async () => {
  const missing = (): never => { throw new FailureError(failure('not_found', 'no event of the process 0.9.0 in this window', { hint: 'count_events by pid' })) }
  expect(await ask('calls 0.9.0', { handlers: { get_call_tree: missing } })).toEqual({ code: 3, out: '', err: 'error: no event of the process 0.9.0 in this window\n  those with most events: 0.113.0\n' })
  expect(await ask('cover Nope')).toMatchObject({ code: 3, out: '', err: 'error: no module begins with Nope\n  the command `modules` lists all modules\n' })
  const none = { get_hotspots: () => answerOf({ ...HOTSPOTS, functions: [], total: 0 }) }
  expect((await ask('hot Shop.In', { handlers: none })).out).toBe('no call of a module that begins with Shop.In was seen\nnothing is known to be missing in this window\n')
})

test('messages, why, points, nodes', async () => {
  expect((await ask('messages 0.113.0')).out).toBe(lines(
    'SENT (UTC)       FROM     TO        WAITED  PAIRED BY  SEND  PLACE', '08:01:00.000000  0.113.0  0.114.0  9.81 µs  order      1:4',
    'and 1 send and 0 receives whose other half was not traced', '', 'nothing is known to be missing in this window'))
  expect((await ask(`why ${NODE}:1:2`)).out).toBe(lines(
    'BECAUSE        TIME (UTC)       TYPE    PID      WHAT                                              EVENT',
    `               08:01:00.000002  return  0.113.0  Shop.Cart.add/2 gave :ok                          1:2`,
    `called within  08:01:00.000001  call    0.113.0  Shop.Cart.add(%{id: 7, items: []}, {:ok, "tea"})  1:1`,
    'that is where it begins, 1 back'))
  expect((await ask('points Shop.Cart')).out).toBe(lines(
    'PLACE                KIND            WHAT                      KEPT PLAN  SEEN     MEAN  LAST (UTC)              COSTS  POINT',
    'lib/shop/cart.ex:12  function entry  calls of Shop.Cart.add/2  money       880  51.0 µs  2026-11-21 08:01:00  ~1.16 µs  p1'))
  expect((await ask('nodes')).out).toBe(lines(
    'NODE            STATE      PLAN  EVENTS  GAPS  MODULES  OTP  ELIXIR  PROCESS  DIRECTORY',
    `${NODE}  connected  run    1,971     2       38  25   1.14.0      812  /home/ann/shop`,
    'old@127.0.0.1   gone              1,971     0       38  25   1.14.0      812  /home/ann/shop',
    `${NODE} does not trace Enum: an application of Elixir is not traced as a whole`, '', 'listening on  /run/user/1000/es/1a2b.agent'))
  expect((await ask('nodes', { handlers: { list_nodes: () => ({ nodes: [], listening: [] }) } })).out).toBe(lines(
    'no node has connected since the daemon started', '', 'listening on  nothing: capture.enabled is off', 'to connect one: elixir-scope run -- mix run, or elixir-scope attach NODE'))
})

test('completion: values of options that the daemon knows', async () => {
  expect((await ask('__complete -- events --type exc')).out).toBe('exception\n')
  expect((await ask('__complete -- record --node shop')).out).toBe(`${NODE}\n`)
  expect((await ask('__complete -- plan act')).out).toBe('activate\n')
  expect((await ask('__complete -- plan show ', { handlers: { list_instrumentation_plans: () => ({ plans: [{ name: 'money' }] }) } })).out).toBe('money\n')
  expect((await ask('__complete -- trace Shop.Cart.to')).out).toBe('Shop.Cart.total/1\n')
})
