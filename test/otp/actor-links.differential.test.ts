/**
 * Links, exits and monitors of actors against Erlang's own processes: the same random scripts on both, compared op by op in
 * what each hears and who ends by what. `OTP_SCRIPTS=5000` plays more, `FC_SEED` repeats a run. Absent on purpose: exits sent to
 * oneself (an actor has `stop`).
 */

import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { must } from '../../src/base/assert.ts'
import { createSimulatedClock } from '../../src/base/clock.ts'
import { createActorSystem } from '../../src/otp/actor-system.ts'
import type { Actor, ActorEffect, ActorMsg, ExitMsg, Pid } from '../../src/otp/actor.ts'
import { formatReason, KILLED, NORMAL, SHUTDOWN } from '../../src/otp/exit-reason.ts'
import type { ExitReason } from '../../src/otp/exit-reason.ts'

const ORACLE = join(import.meta.dirname, 'oracle', 'links.escript')
const hasErlang = spawnSync('escript', ['--version'], { stdio: 'ignore' }).error === undefined
const nScripts = Number(process.env['OTP_SCRIPTS'] ?? 300)
const seed = Number(process.env['FC_SEED'] ?? Date.now() % 2 ** 31)

const IDS = ['a', 'b', 'c', 'd'] as const
type Id = (typeof IDS)[number]

/** As Erlang writes what it sends; to be killed is to hear `killed`. */
const REASONS: Readonly<Record<string, ExitReason>> = { normal: NORMAL, shutdown: SHUTDOWN, '{exit_code, 1}': { kind: 'exit_code', code: 1 }, kill: KILLED }

type Act =
  | { readonly type: 'link' | 'unlink' | 'monitor' | 'demonitor'; readonly target: Id }
  | { readonly type: 'exit'; readonly target: Id; readonly reason: string }
  | { readonly type: 'stop'; readonly reason: string }
type Script = { readonly traps: Readonly<Record<Id, boolean>>; readonly ops: readonly { readonly who: Id; readonly acts: readonly Act[] }[] }

/** What an exit does to others has happened at once here, and later in Erlang: nobody does anything else in the same breath but end. */
const actsOf = (who: Id): fc.Arbitrary<readonly Act[]> => {
  const target = fc.constantFrom(...IDS.filter((id) => id !== who))
  const reason = fc.constantFrom(...Object.keys(REASONS))
  const tie: fc.Arbitrary<Act> = fc.record({ type: fc.constantFrom('link', 'link', 'link', 'monitor', 'monitor', 'unlink', 'demonitor'), target })
  const stop: fc.Arbitrary<Act> = reason.map((one) => ({ type: 'stop', reason: one === 'kill' ? 'shutdown' : one }))
  return fc.oneof(
    { weight: 6, arbitrary: tie.map((one) => [one]) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('exit' as const), target, reason }).map((one) => [one]) },
    { weight: 1, arbitrary: stop.map((one) => [one]) },
    { weight: 1, arbitrary: fc.tuple(tie, stop) },
  )
}

const script: fc.Arbitrary<Script> = fc.record({
  traps: fc.record({ a: fc.boolean(), b: fc.boolean(), c: fc.boolean(), d: fc.boolean() }),
  ops: fc.array(fc.constantFrom(...IDS).chain((who) => fc.record({ who: fc.constant(who), acts: actsOf(who) })), { minLength: 4, maxLength: 20 }),
})

function play({ traps, ops }: Script): string[] {
  const clock = createSimulatedClock()
  const system = createActorSystem({ clock, log: () => undefined, ports: {}, defer: () => undefined })
  const heard: string[] = []
  const pids = new Map<string, Pid>()
  const nameOf = (pid: Pid): string => must([...pids].find(([, other]) => other === pid), 'a name')[0]
  for (const id of IDS) {
    const actor: Actor<null, readonly ActorEffect[]> = {
      mailbox: { capacity: 8, overflow: 'shed' },
      init: () => ({ type: 'ok', state: null }),
      step(_state, msg: ActorMsg<readonly ActorEffect[]> | ExitMsg) {
        if (msg.type === 'exit') heard.push(`${id} hears exit of ${nameOf(msg.from)}: ${formatReason(msg.reason)}`)
        if (msg.type === 'down') heard.push(`${id} hears down of ${msg.tag}: ${formatReason(msg.reason)}`)
        return [null, msg.type === 'cast' ? msg.body : []]
      },
    }
    const spawned = system.spawn({ actor: traps[id] ? { ...actor, trapsExits: true } : actor, onExit: (reason) => heard.push(`${id} ended: ${formatReason(reason)}`) })
    pids.set(id, spawned.type === 'ok' ? spawned.pid : -1)
  }
  const pidOf = (id: Id): Pid => must(pids.get(id), 'a pid')
  const effectOf = (act: Act): ActorEffect => {
    if (act.type === 'stop') return { type: 'stop', reason: must(REASONS[act.reason], 'a reason') }
    if (act.type === 'exit') return { type: 'exit', target: pidOf(act.target), reason: must(REASONS[act.reason], 'a reason') }
    if (act.type === 'demonitor') return { type: 'demonitor', tag: act.target }
    return act.type === 'monitor' ? { type: 'monitor', target: pidOf(act.target), tag: act.target } : { type: act.type, target: pidOf(act.target) }
  }
  return ops.map(({ who, acts }) => {
    system.cast(pidOf(who), acts.map(effectOf))
    while (system.runReady(1000) > 0);
    return withoutLastWords(heard.splice(0).sort())
  })
}

/** Whether news comes before the end of who ends as well is chance in Erlang. */
function withoutLastWords(heard: readonly string[]): string {
  return heard.filter((text) => !text.includes(' hears ') || !heard.some((other) => other.startsWith(`${text.slice(0, 1)} ended`))).join('; ')
}

function toErlang(n: number, { traps, ops }: Script): string {
  const act = (one: Act): string => `{${[one.type, ...('target' in one ? [one.target] : []), ...('reason' in one ? [one.reason] : [])].join(', ')}}`
  const acts = ([first, second]: readonly Act[]): string => (first === undefined ? '' : second === undefined ? act(first) : `{both, ${act(first)}, ${act(second)}}`)
  return `{${n}, {[${IDS.map((id) => `{${id}, ${traps[id]}}`).join(', ')}], [${ops.map((op) => `{${op.who}, ${acts(op.acts)}}`).join(', ')}]}}.`
}

async function askOracle(scripts: readonly Script[]): Promise<string[][]> {
  const folder = mkdtempSync(join(tmpdir(), 'otp-oracle-'))
  try {
    const file = join(folder, 'scripts')
    writeFileSync(file, scripts.map((one, n) => toErlang(n, one)).join('\n'))
    const { stdout } = await promisify(execFile)('escript', [ORACLE, file], { maxBuffer: 2 ** 30, timeout: 100_000 })
    return stdout.split('\n').slice(0, scripts.length).map((line) => line.slice(line.indexOf('\t') + 1).split(' | ').map((step) => withoutLastWords(step.split('; '))))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test.skipIf(!hasErlang)(`ours and Erlang's hear the same (${hasErlang ? `seed ${seed}` : 'skipped: no escript on this machine'})`, async () => {
  const scripts = fc.sample(script, { seed, numRuns: nScripts })
  const theirs = await askOracle(scripts)
  const differing = scripts.flatMap((one, n) => {
    const [mine, other] = [play(one), theirs[n] ?? []]
    const at = mine.findIndex((step, i) => step !== other[i])
    return at < 0 ? [] : [`script ${n} of seed ${seed}, op ${at}: ${JSON.stringify(one.ops[at])}\n  ours     ${mine[at]}\n  Erlang's ${other[at]}\n${toErlang(n, one)}`]
  })
  expect(theirs.flat().filter((step) => step !== '').length).toBeGreaterThan(nScripts)
  expect(differing.slice(0, 5).join('\n\n'), `${differing.length} of ${nScripts} scripts differ, seed ${seed}`).toBe('')
}, 110_000)
