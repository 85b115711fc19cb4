/**
 * OTP's supervisor as a table of statements about it, each row named by its number in the list the product follows. The
 * last test holds the table to account: every number from 1 to 84 is a row, or stands below with the reason why not.
 */

import { expect, test } from 'vitest'

import { checkChildSpec, checkChildSpecs, checkFlags, DEFAULT_FLAGS } from '../../src/otp/child-spec.ts'
import type { ChildSpecInput, Strategy, SupervisorFlagsInput } from '../../src/otp/child-spec.ts'
import { KILLED, NORMAL, SHUTDOWN } from '../../src/otp/exit-reason.ts'
import type { ExitReason } from '../../src/otp/exit-reason.ts'
import { BOOM, child, sup, world } from './supervisor-world.ts'
import type { World } from './supervisor-world.ts'

const SHUTDOWN_TERM: ExitReason = { kind: 'shutdown', term: 'done' }
/** The ref of a child's n-th life; slots count from 1. */
const life = (slot: number, n: number): number => n * 2 ** 32 + slot
const abc = [child('a'), child('b'), child('c')]

/** A running supervisor whose start is no longer news. */
function up(flags: SupervisorFlagsInput, children: Parameters<typeof world>[1]): World {
  const w = world({ intensity: 5, ...flags }, children)
  w.news()
  return w
}

const error = (input: object): unknown => {
  const spec = checkChildSpec(input as ChildSpecInput, 'any_significant')
  return spec.ok ? 'ok' : spec.error
}
const flagError = (input: object): unknown => {
  const flags = checkFlags(input)
  return flags.ok ? 'ok' : flags.error.error
}

type Row = readonly [numbers: readonly number[], title: string, check: () => void | Promise<void>]

const start: readonly Row[] = [
  [[1], 'children start in order, each acknowledged before the next', () => {
    const w = world({}, [child('a', { starts: ['later'] }), child('b')])
    expect(w.news()).toBe('start a')
    expect(w.settle('a', { type: 'started' })).toBe('start b, root up')
  }],
  [[4, 5], 'a failing start stops the started ones in reverse; nothing is retried', () => {
    const w = world({ intensity: 5 }, [child('a'), child('b'), child('c', { starts: ['fail'] }), child('d')])
    expect(w.news()).toBe('start a, start b, start c fail, stop b, b: shutdown, stop a, a: shutdown, root: {shutdown, {failed_to_start_child, c, {exit_code, 1}}}')
    expect(w.clock.nTimers()).toBe(0)
  }],
  [[8, 9], 'an ignored start keeps the spec, unless temporary', () => {
    const w = world({}, [child('a', { starts: ['ignore'] }), child('b', { starts: ['ignore'], restart: 'temporary' }), child('c')])
    expect(w.states()).toBe('a: stopped, c: running')
  }],
  [[10], 'a dynamic child whose start is ignored is not kept', async () => {
    const w = up({ strategy: 'simple_one_for_one' }, [child('w', { starts: ['ignore'] })])
    expect(await w.ask({ type: 'start_dynamic', args: 1 })).toEqual({ ok: true, value: { type: 'child', ref: undefined } })
    expect(w.states()).toBe('')
  }],
  [[11], 'simple_one_for_one starts nothing and needs exactly one spec', () => {
    expect(world({ strategy: 'simple_one_for_one' }, [child('w')]).news()).toBe('root up')
    expect(world({ strategy: 'simple_one_for_one' }, abc).news()).toMatch(/^root: \{failed, invalid_argument, ".*bad_start_spec/)
  }],
]

const validation: readonly Row[] = [
  [[12], 'defaults', () => {
    expect(DEFAULT_FLAGS).toMatchObject({ strategy: 'one_for_one', intensity: 1, period: 5, autoShutdown: 'never' })
    expect(checkChildSpec({ id: 'a', start: 1 }, 'never')).toMatchObject({ value: { restart: 'permanent', type: 'worker', shutdown: 5000, significant: false } })
    expect(checkChildSpec({ id: 'a', start: 1, type: 'supervisor' }, 'never')).toMatchObject({ value: { shutdown: 'infinity' } })
  }],
  [[13], 'missing parts', () => {
    expect(error({ start: 1 })).toEqual({ error: 'missing_id' })
    expect(error({ id: 'a' })).toEqual({ error: 'missing_start' })
    expect(error(7 as never)).toMatchObject({ error: 'invalid_child_spec' })
  }],
  [[14], 'invalid parts', () => {
    expect(error({ id: 'a', start: 1, restart: 'always' })).toEqual({ error: 'invalid_restart_type', value: 'always' })
    expect(error({ id: 'a', start: 1, shutdown: -1 })).toEqual({ error: 'invalid_shutdown', value: -1 })
    expect(error({ id: 'a', start: 1, type: 'thread' })).toEqual({ error: 'invalid_child_type', value: 'thread' })
    expect(error({ id: 'a', start: 1, significant: 1 })).toEqual({ error: 'invalid_significant', value: 1 })
  }],
  [[15], 'every shutdown for every type', () => {
    for (const type of ['worker', 'supervisor']) {
      for (const shutdown of [0, 10, 'infinity', 'brutal_kill']) expect(error({ id: 'a', start: 1, type, shutdown })).toBe('ok')
    }
  }],
  [[16], 'duplicate ids', () => {
    expect(checkChildSpecs([{ id: 'a', start: 1 }, { id: 'a', start: 2 }], DEFAULT_FLAGS)).toEqual({ ok: false, error: { error: 'duplicate_child_name', value: 'a' } })
  }],
  [[17], 'wrapped at the start of a supervisor, plain from start_child', async () => {
    expect(world({}, [{ id: 'a' }]).news()).toBe('root: {failed, invalid_argument, "bad specification of root: missing_start"}')
    expect(await up({}, []).ask({ type: 'start_child', spec: { id: 'a' } })).toEqual({ ok: false, error: { error: 'missing_start' } })
  }],
  [[18], 'flags', () => {
    expect(flagError({ strategy: 'two_for_one' })).toBe('invalid_strategy')
    for (const intensity of [-1, 0.5, Infinity]) expect(flagError({ intensity })).toBe('invalid_intensity')
    for (const period of [0, -1, Infinity]) expect(flagError({ period })).toBe('invalid_period')
    expect(flagError({ autoShutdown: 'always' })).toBe('invalid_auto_shutdown')
    expect(flagError({ intensity: 0 })).toBe('ok')
  }],
  [[19], 'unknown keys are ignored', () => {
    expect(error({ id: 'a', start: 1, colour: 'red' })).toBe('ok')
    expect(flagError({ colour: 'red' })).toBe('ok')
  }],
  [[20], 'significant with never or permanent', () => {
    expect(checkChildSpec({ id: 'a', start: 1, restart: 'transient', significant: true }, 'never')).toMatchObject({ error: { error: 'bad_combination' } })
    expect(error({ id: 'a', start: 1, restart: 'permanent', significant: true })).toMatchObject({ error: 'bad_combination' })
    expect(error({ id: 'a', start: 1, restart: 'transient', significant: true })).toBe('ok')
  }],
  [[21], 'auto_shutdown with simple_one_for_one', () => {
    expect(flagError({ strategy: 'simple_one_for_one', autoShutdown: 'any_significant' })).toBe('bad_combination')
  }],
]

const reasons: readonly Row[] = [
  [[22], 'permanent restarts on every reason', () => {
    for (const reason of [NORMAL, SHUTDOWN, SHUTDOWN_TERM, KILLED, BOOM]) expect(up({}, [child('a')]).crash('a', reason)).toBe('start a')
  }],
  [[23, 24], 'transient restarts unless the end is orderly; killed is not', () => {
    const after = (reason: ExitReason): string => up({}, [child('a', { restart: 'transient' })]).crash('a', reason)
    for (const reason of [NORMAL, SHUTDOWN, SHUTDOWN_TERM]) expect(after(reason)).toBe('')
    for (const reason of [KILLED, BOOM]) expect(after(reason)).toBe('start a')
  }],
  [[25], 'a finished transient keeps its spec', () => {
    const w = up({}, [child('a', { restart: 'transient' })])
    w.crash('a', NORMAL)
    expect(w.states()).toBe('a: stopped')
  }],
  [[26, 27], 'temporary never restarts; nothing of it is kept', () => {
    for (const reason of [NORMAL, SHUTDOWN, BOOM]) {
      const w = up({}, [child('a', { restart: 'temporary' })])
      expect(w.crash('a', reason)).toBe('')
      expect(w.states()).toBe('')
    }
  }],
  [[28], 'normal ends of permanent children count, of others not', () => {
    expect(up({ intensity: 0 }, [child('a')]).crash('a', NORMAL)).toBe('root: shutdown')
    expect(up({ intensity: 0 }, [child('a', { restart: 'transient' })]).crash('a', NORMAL)).toBe('')
    expect(up({ intensity: 0 }, [child('a', { restart: 'temporary' })]).crash('a', BOOM)).toBe('')
  }],
  [[29], 'ends without restart leave siblings alone under every strategy', () => {
    for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
      expect(up({ strategy }, [child('a', { restart: 'temporary' }), child('b')]).crash('a')).toBe('')
      expect(up({ strategy }, [child('a', { restart: 'transient' }), child('b')]).crash('a', NORMAL)).toBe('')
    }
  }],
]

const strategies: readonly Row[] = [
  [[30], 'one_for_one', () => expect(up({}, abc).crash('b')).toBe('start b')],
  [[31], 'one_for_all', () => expect(up({ strategy: 'one_for_all' }, abc).crash('b')).toBe('stop c, c: shutdown, stop a, a: shutdown, start a, start b, start c')],
  [[32], 'rest_for_one', () => expect(up({ strategy: 'rest_for_one' }, [...abc, child('d')]).crash('b')).toBe('stop d, d: shutdown, stop c, c: shutdown, start b, start c, start d')],
  [[33], 'temporary bystanders are stopped for good', () => {
    const w = up({ strategy: 'one_for_all' }, [child('a'), child('b', { restart: 'temporary' })])
    expect(w.crash('a')).toBe('stop b, b: shutdown, start a')
    expect(w.states()).toBe('a: running')
  }],
  [[34], 'transient bystanders are started again', () => {
    expect(up({ strategy: 'one_for_all' }, [child('a'), child('b', { restart: 'transient' })]).crash('a')).toBe('stop b, b: shutdown, start a, start b')
  }],
  [[35], 'so is every stopped child in the affected set', async () => {
    const w = up({ strategy: 'rest_for_one' }, [child('a'), child('b', { restart: 'transient' }), child('c')])
    w.crash('b', NORMAL)
    await w.ask({ type: 'terminate_child', id: 'c' })
    w.news()
    expect(w.crash('a')).toBe('start a, start b, start c')
  }],
  [[36], 'one crash is one count, however many restart', () => {
    const w = up({ strategy: 'one_for_all', intensity: 1 }, abc)
    w.crash('a')
    expect(w.crash('a')).toMatch(/root: shutdown$/)
    expect(w.epochOf('c')).toBe(2)
  }],
  [[37], 'dynamic children restart with their arguments', async () => {
    const w = up({ strategy: 'simple_one_for_one' }, [child('w')])
    await w.ask({ type: 'start_dynamic', args: 7 })
    w.news()
    expect(w.crash('w-7')).toBe('start w 7')
  }],
  [[38], 'a restart that is ignored keeps the spec; a dynamic child is dropped', async () => {
    const w = up({}, [child('a', { starts: ['ok', 'ignore'] })])
    expect(w.crash('a')).toBe('start a ignore')
    expect(w.states()).toBe('a: stopped')
    const dynamic = up({ strategy: 'simple_one_for_one' }, [child('w', { starts: ['ok', 'ignore'] })])
    await dynamic.ask({ type: 'start_dynamic', args: 1 })
    dynamic.crash('w-1')
    expect(dynamic.states()).toBe('')
  }],
]

const failing: readonly Row[] = [
  [[39, 45], 'a failing restart is retried by message; calls are answered in between', async () => {
    const w = up({}, [child('a', { starts: ['ok', 'fail', 'fail', 'ok'] })])
    expect(w.crash('a')).toBe('start a fail')
    expect(w.states()).toBe('a: restarting')
    expect(await w.ask({ type: 'count_children' })).toMatchObject({ ok: true, value: { active: 0, specs: 1 } })
    expect(w.pass(0)).toBe('start a fail, start a')
  }],
  [[40], 'every attempt costs one count', () => {
    const w = up({ intensity: 3 }, [child('a', { starts: ['ok', 'fail'] })])
    w.crash('a')
    expect(w.pass(0)).toBe('start a fail, start a fail, root: shutdown')
    expect(w.epochOf('a')).toBe(4)
  }],
  [[41], 'no delay, unless back-off is asked for', () => {
    const w = up({ backoff: { initialMs: 100, maxMs: 300 } }, [child('a', { starts: ['ok', 'fail', 'fail', 'fail', 'ok'] })])
    w.crash('a')
    expect([w.pass(99), w.pass(1), w.pass(199), w.pass(1), w.pass(299), w.pass(1)]).toEqual(['', 'start a fail', '', 'start a fail', '', 'start a'])
  }],
  [[42], 'one_for_all: a sibling that fails stops the restarted ones, all start again', () => {
    const w = up({ strategy: 'one_for_all' }, [child('a'), child('b', { starts: ['ok', 'fail', 'ok'] }), child('c')])
    expect(w.crash('a')).toBe('stop c, c: shutdown, stop b, b: shutdown, start a, start b fail')
    expect(w.pass(0)).toBe('stop a, a: shutdown, start a, start b, start c')
  }],
  [[43, 44], 'rest_for_one: the retry begins at the failing child; those after it are down meanwhile', () => {
    const w = up({ strategy: 'rest_for_one' }, [child('a'), child('b', { starts: ['ok', 'fail', 'ok'] }), child('c')])
    w.crash('a')
    expect(w.states()).toBe('a: running, b: restarting, c: stopped')
    expect(w.pass(0)).toBe('start b, start c')
  }],
  [[46], 'terminate_child cancels the retry', async () => {
    const w = up({}, [child('a', { starts: ['ok', 'fail'] })])
    w.crash('a')
    expect(await w.ask({ type: 'terminate_child', id: 'a' })).toEqual({ ok: true, value: { type: 'ok' } })
    expect(w.pass(0)).toBe('')
    expect(w.states()).toBe('a: stopped')
  }],
]

/** Crashes `a` at these times, in ms; answers at which of them the supervisor gave up. */
function gaveUpAt(flags: SupervisorFlagsInput, timesMs: readonly number[]): number | undefined {
  const w = up(flags, [child('a')])
  for (const at of timesMs) {
    w.pass(at - w.clock.nowMs())
    if (w.crash('a').endsWith('root: shutdown')) return at
  }
  return undefined
}

const intensity: readonly Row[] = [
  [[47], 'more than MaxR restarts within the period', () => {
    expect(gaveUpAt({ intensity: 2, period: 5 }, [0, 1000, 2000])).toBe(2000)
    expect(gaveUpAt({ intensity: 2, period: 5 }, [0, 3000, 6000, 9000, 12_000])).toBeUndefined()
  }],
  [[48], 'one window for all children', () => {
    const w = up({ intensity: 1 }, abc)
    w.crash('a')
    expect(w.crash('b')).toMatch(/root: shutdown$/)
  }],
  [[49], 'whole seconds, both ends included: the real window depends on the phase', () => {
    expect(gaveUpAt({ intensity: 1, period: 1 }, [0, 1990])).toBe(1990)
    expect(gaveUpAt({ intensity: 1, period: 1 }, [900, 2700])).toBeUndefined()
    expect(gaveUpAt({ intensity: 1, period: 1 }, [900, 1990])).toBe(1990)
  }],
  [[50], 'an intensity of 0', () => expect(gaveUpAt({ intensity: 0 }, [0])).toBe(0)],
  [[51], 'starts by hand never count', async () => {
    const w = up({ intensity: 0 }, [child('a')])
    for (let n = 0; n < 3; n++) {
      await w.ask({ type: 'terminate_child', id: 'a' })
      await w.ask({ type: 'restart_child', id: 'a' })
    }
    expect(w.states()).toBe('a: running')
  }],
  [[52], 'giving up: the rest is stopped in reverse, the reason is shutdown', () => {
    const w = up({ intensity: 0 }, abc)
    expect(w.crash('b')).toBe('stop c, c: shutdown, stop a, a: shutdown, root: shutdown')
  }],
  [[53], 'a transient supervisor that gave up is not restarted, a permanent one is', () => {
    const tree = (restart: 'transient' | 'permanent'): World => up({}, [sup('s', { intensity: 0 }, [child('a')], { restart })])
    const transient = tree('transient')
    expect([transient.crash('a'), transient.states()]).toEqual(['', 's: stopped'])
    expect(tree('permanent').crash('a')).toBe('start a')
  }],
  [[54], 'a restarted supervisor has its static children, not those added', async () => {
    const w = up({}, [sup('s', { intensity: 0 }, [child('a')])])
    await w.ask({ type: 'start_child', spec: child('added') }, 'root/s')
    w.news()
    expect(w.crash('a')).toBe('stop added, added: shutdown, start a')
  }],
  [[55], 'totals multiply over levels', () => {
    const w = up({ intensity: 1 }, [sup('s', { intensity: 1 }, [child('a')])])
    for (let n = 0; n < 3; n++) expect(w.crash('a')).toBe('start a')
    expect(w.crash('a')).toBe('root: shutdown')
  }],
]

const termination: readonly Row[] = [
  [[56], 'reverse order, one at a time', () => {
    const w = up({}, [child('a'), child('b', { onStop: 'linger' }), child('c')])
    w.root.stop(SHUTDOWN)
    expect(w.news()).toBe('stop c, c: shutdown, stop b')
    expect(w.crash('b', SHUTDOWN)).toBe('stop a, a: shutdown, root: shutdown')
  }],
  [[57], 'asked, waited for, then killed', () => {
    const w = up({}, [child('a', { onStop: 'linger', shutdown: 100 })])
    w.root.stop(SHUTDOWN)
    expect([w.pass(99), w.pass(1)]).toEqual(['stop a', 'kill a, a: killed, root: shutdown'])
    const quick = up({}, [child('a')])
    quick.root.stop(SHUTDOWN)
    expect(quick.clock.nTimers()).toBe(0)
  }],
  [[58], 'brutal_kill', () => {
    const w = up({}, [child('a', { shutdown: 'brutal_kill' })])
    w.root.stop(SHUTDOWN)
    expect(w.news()).toBe('kill a, a: killed, root: shutdown')
  }],
  [[59], 'infinity', () => {
    const w = up({}, [child('a', { onStop: 'linger', shutdown: 'infinity' })])
    w.root.stop(SHUTDOWN)
    expect(w.pass(1e9)).toBe('stop a')
    expect(w.clock.nTimers()).toBe(0)
  }],
  [[61], 'dynamic children all at once, with one deadline', async () => {
    const w = up({ strategy: 'simple_one_for_one' }, [child('w', { onStop: 'linger', shutdown: 50 })])
    for (const args of [1, 2]) await w.ask({ type: 'start_dynamic', args })
    w.news()
    w.root.stop(SHUTDOWN)
    expect([w.news(), w.pass(50)]).toEqual(['stop w-2, stop w-1', 'kill w-2, w-2: killed, kill w-1, w-1: killed, root: shutdown'])
  }],
  [[62], 'a child that dies otherwise meanwhile does not hold the end up', () => {
    const w = up({}, [child('a'), child('b', { onStop: BOOM })])
    w.root.stop(SHUTDOWN)
    expect(w.news()).toBe('stop b, b: {exit_code, 1}, stop a, a: shutdown, root: shutdown')
    const race = up({}, [child('a'), child('b', { onStop: 'linger' })])
    race.root.stop(SHUTDOWN)
    race.news()
    expect(race.crash('a')).toBe('')
    expect(race.crash('b', SHUTDOWN)).toBe('root: shutdown')
  }],
  [[64], 'ended from above with the reason given', () => {
    const w = up({}, [child('a')])
    w.root.stop(SHUTDOWN_TERM)
    expect(w.news()).toBe('stop a, a: shutdown, root: {shutdown, "done"}')
  }],
  [[65], 'killing a supervisor kills its children, its parent starts it again', () => {
    const w = up({}, [sup('s', {}, [child('a'), child('b')], { shutdown: 'brutal_kill' }), child('z', { restart: 'temporary' })])
    void w.ask({ type: 'terminate_child', id: 's' })
    expect(w.news()).toBe('kill a, a: killed, kill b, b: killed')
    const deep = up({}, [sup('s', { intensity: 0 }, [child('a')])])
    deep.root.kill()
    expect(deep.news()).toBe('kill a, a: killed, root: killed')
  }],
]

const api: readonly Row[] = [
  [[66], 'start_child on an existing id', async () => {
    const w = up({}, [child('a'), child('r', { starts: ['ok', 'fail'] })])
    expect(await w.ask({ type: 'start_child', spec: child('a') })).toEqual({ ok: false, error: { error: 'already_started', ref: life(1, 1) } })
    await w.ask({ type: 'terminate_child', id: 'a' })
    w.crash('r')
    for (const id of ['a', 'r']) expect(await w.ask({ type: 'start_child', spec: child(id) })).toEqual({ ok: false, error: { error: 'already_present' } })
  }],
  [[67], 'a failing start_child is not kept', async () => {
    const w = up({}, [])
    expect(await w.ask({ type: 'start_child', spec: child('a', { starts: ['fail'] }) })).toMatchObject({ ok: false, error: { error: 'start_failed', reason: BOOM, spec: { id: 'a' } } })
    expect(w.states()).toBe('')
    const simple = up({ strategy: 'simple_one_for_one' }, [child('w', { starts: ['fail'] })])
    expect(await simple.ask({ type: 'start_dynamic', args: 1 })).toEqual({ ok: false, error: { error: 'start_failed', reason: BOOM } })
  }],
  [[69], 'terminate_child: idempotent, keeps the spec, triggers nothing', async () => {
    const w = up({ intensity: 0, autoShutdown: 'any_significant' }, [child('a'), child('s', { restart: 'transient', significant: true })])
    for (const id of ['a', 'a', 's']) expect(await w.ask({ type: 'terminate_child', id })).toEqual({ ok: true, value: { type: 'ok' } })
    expect(w.states()).toBe('a: stopped, s: stopped')
    expect(await w.ask({ type: 'terminate_child', id: 'x' })).toEqual({ ok: false, error: { error: 'not_found' } })
  }],
  [[70, 71], 'by life: for dynamic children only', async () => {
    expect(await up({}, abc).ask({ type: 'terminate_dynamic', ref: life(1, 1) })).toEqual({ ok: false, error: { error: 'not_found' } })
    const w = up({ strategy: 'simple_one_for_one' }, [child('w')])
    await w.ask({ type: 'start_dynamic', args: 1 })
    expect(await w.ask({ type: 'terminate_child', id: 'w' })).toEqual({ ok: false, error: { error: 'simple_one_for_one' } })
    for (let n = 0; n < 2; n++) expect(await w.ask({ type: 'terminate_dynamic', ref: life(1, 1) })).toEqual({ ok: true, value: { type: 'ok' } })
    expect(await w.ask({ type: 'terminate_dynamic', ref: 99 })).toEqual({ ok: false, error: { error: 'not_found' } })
  }],
  [[72, 73], 'restart_child and delete_child want a stopped child', async () => {
    const w = up({}, [child('a', { starts: ['ok', 'fail', 'ok'] }), child('r', { starts: ['ok', 'fail'] })])
    for (const type of ['restart_child', 'delete_child'] as const) {
      expect(await w.ask({ type, id: 'a' })).toEqual({ ok: false, error: { error: 'running' } })
      expect(await w.ask({ type, id: 'x' })).toEqual({ ok: false, error: { error: 'not_found' } })
      expect(await up({ strategy: 'simple_one_for_one' }, [child('w')]).ask({ type, id: 'w' })).toEqual({ ok: false, error: { error: 'simple_one_for_one' } })
    }
    await w.ask({ type: 'terminate_child', id: 'a' })
    expect(await w.ask({ type: 'restart_child', id: 'a' })).toEqual({ ok: false, error: { error: 'start_failed', reason: BOOM } })
    expect(w.states()).toBe('a: stopped, r: running')
    expect(await w.ask({ type: 'restart_child', id: 'a' })).toMatchObject({ ok: true, value: { type: 'child' } })
    w.crash('r')
    for (const type of ['restart_child', 'delete_child'] as const) expect(await w.ask({ type, id: 'r' })).toEqual({ ok: false, error: { error: 'restarting' } })
    await w.ask({ type: 'terminate_child', id: 'r' })
    expect(await w.ask({ type: 'delete_child', id: 'r' })).toEqual({ ok: true, value: { type: 'ok' } })
    expect(w.states()).toBe('a: running')
  }],
  [[74], 'which_children: newest first', async () => {
    const w = up({}, [child('a'), sup('s', {}, []), child('r', { starts: ['ok', 'fail'] }), child('i', { starts: ['ignore'] })])
    w.crash('r')
    expect(await w.ask({ type: 'which_children' })).toEqual({ ok: true, value: { type: 'children', children: [
      { id: 'i', child: 'undefined', type: 'worker' }, { id: 'r', child: 'restarting', type: 'worker' },
      { id: 's', child: life(2, 1), type: 'supervisor' }, { id: 'a', child: life(1, 1), type: 'worker' },
    ] } })
  }],
  [[75], 'count_children', async () => {
    const w = up({}, [child('a'), sup('s', {}, []), child('r', { starts: ['ok', 'fail'] })])
    w.crash('r')
    expect(await w.ask({ type: 'count_children' })).toEqual({ ok: true, value: { type: 'counts', specs: 3, active: 2, supervisors: 1, workers: 2 } })
    const simple = up({ strategy: 'simple_one_for_one' }, [child('w')])
    for (const args of [1, 2]) await simple.ask({ type: 'start_dynamic', args })
    expect(await simple.ask({ type: 'count_children' })).toEqual({ ok: true, value: { type: 'counts', specs: 1, active: 2, supervisors: 0, workers: 2 } })
  }],
  [[76], 'get_childspec: the filled spec', async () => {
    const w = up({}, [child('a')])
    expect(await w.ask({ type: 'get_childspec', id: 'a' })).toMatchObject({ ok: true, value: { spec: { id: 'a', restart: 'permanent', shutdown: 5000 } } })
    expect(await w.ask({ type: 'get_childspec', id: 'x' })).toEqual({ ok: false, error: { error: 'not_found' } })
  }],
  [[77], 'a supervisor that is gone answers so', async () => {
    const w = up({ intensity: 0 }, [child('a'), child('slow', { onStop: 'linger' })])
    w.crash('a')
    expect(await w.ask({ type: 'which_children' })).toEqual({ ok: false, error: { error: 'shutting_down' } })
  }],
]

const significant = (id: string, restart: 'transient' | 'temporary' = 'temporary'): ReturnType<typeof child> => child(id, { restart, significant: true })

const autoShutdown: readonly Row[] = [
  [[79], 'any_significant: the end of one ends all', () => {
    const w = up({ autoShutdown: 'any_significant' }, [child('a'), significant('s'), significant('t')])
    expect(w.crash('s')).toBe('stop t, t: shutdown, stop a, a: shutdown, root: shutdown')
  }],
  [[80, 83], 'a transient only by an orderly end; an abnormal one is restarted', () => {
    const w = up({ autoShutdown: 'any_significant' }, [significant('s', 'transient')])
    expect(w.crash('s')).toBe('start s')
    expect(w.crash('s', NORMAL)).toBe('root: shutdown')
  }],
  [[81], 'all_significant: the end of the last one', () => {
    const w = up({ autoShutdown: 'all_significant' }, [child('a'), significant('s'), significant('t', 'transient')])
    expect(w.crash('t', NORMAL)).toBe('')
    expect(w.crash('s')).toBe('stop a, a: shutdown, root: shutdown')
  }],
  [[82], 'ends caused by siblings or by hand do not trigger it', async () => {
    const w = up({ autoShutdown: 'all_significant', strategy: 'one_for_all' }, [child('a'), significant('s')])
    expect(w.crash('a')).toBe('stop s, s: shutdown, start a')
    const byHand = up({ autoShutdown: 'all_significant' }, [child('a'), significant('s')])
    await byHand.ask({ type: 'terminate_child', id: 's' })
    expect(byHand.states()).toBe('a: running')
  }],
  [[84], 'it escalates only through a significant supervisor', () => {
    const tree = (isSignificant: boolean): World => up({ autoShutdown: 'any_significant' }, [
      sup('s', { autoShutdown: 'any_significant' }, [significant('x')], { restart: 'transient', significant: isSignificant }),
    ])
    expect(tree(true).crash('x')).toBe('root: shutdown')
    expect(tree(false).crash('x')).toBe('')
  }],
]

const NOT_APPLICABLE: Readonly<Record<number, string>> = {
  2: 'a supervisor is data, not a callback: it cannot ignore its own start',
  3: 'a supervisor is data: what a bad value is, rows 13 to 18 say',
  6: 'starters report their outcome by type: there is no other return',
  7: 'starts have no extra info',
  60: 'a warning of the manual, not a behaviour',
  63: 'an end is reported by the starter itself; nothing can unlink',
  68: 'a start has no already_started of its own: names are checked by the actor system',
  78: 'measured by the bench, not asserted by time',
}

const rows = [...start, ...validation, ...reasons, ...strategies, ...failing, ...intensity, ...termination, ...api, ...autoShutdown]

test.each(rows.map(([numbers, title, check]) => ({ name: `${numbers.join(', ')}: ${title}`, check })))('$name', async ({ check }) => {
  expect.hasAssertions()
  await check()
})

test('every statement is a row or has a reason why not', () => {
  const covered = new Set([...rows.flatMap(([numbers]) => numbers), ...Object.keys(NOT_APPLICABLE).map(Number)])
  expect(Array.from({ length: 84 }, (_, n) => n + 1).filter((n) => !covered.has(n))).toEqual([])
})

test.each(['one_for_one', 'one_for_all', 'rest_for_one'] as Strategy[])('%s: a shutdown in the middle of a restart stops what is up and starts no more', (strategy) => {
  const w = up({ strategy }, [child('a'), child('b', { starts: ['ok', 'later'], onStop: 'linger', shutdown: 10 }), child('c')])
  w.crash('b')
  w.news()
  w.root.stop(SHUTDOWN)
  const others = strategy === 'one_for_one' ? 'stop c, c: shutdown, ' : ''
  expect(w.news()).toBe(`${others}stop b`)
  expect(w.pass(10)).toBe('kill b, b: killed, stop a, a: shutdown, root: shutdown')
})

test('a child lost with its thread is started again without a count, as its strategy says', () => {
  const w = up({ intensity: 0, strategy: 'rest_for_one' }, abc)
  for (let n = 0; n < 3; n++) expect(w.hint('b', { type: 'lost' })).toBe('stop c, c: shutdown, start b, start c')
  expect(w.crash('a')).toMatch(/root: shutdown$/)
  const temporary = up({ intensity: 0 }, [child('a', { restart: 'temporary' })])
  expect([temporary.hint('a', { type: 'lost' }), temporary.states()]).toEqual(['', ''])
})

test('a fault counts as a restart and restarts nothing', () => {
  const w = up({ intensity: 2 }, [child('a'), child('b')])
  for (let n = 0; n < 2; n++) expect(w.hint('a', { type: 'fault', reason: BOOM })).toBe('')
  expect(w.states()).toBe('a: running, b: running')
  expect(w.hint('a', { type: 'fault', reason: BOOM })).toBe('stop b, b: shutdown, stop a, a: shutdown, root: shutdown')
})
