/**
 * One run: a daemon under heart, four clients that know what they must see, and faults dealt by a seed, one after so many
 * answered calls. Faults overlap; a node suffers its next one only when it has recovered from the last. A watcher looks at
 * the live tree until each fault is over: the node runs in a new life, or another one has replaced its thread in a pool.
 * The last faults leave the process alone, so that what leaks is seen. Ends with the tree whole, everything that was
 * acknowledged in place, before and after one more kill of the process, and a store that is sound.
 *
 * The seed settles order and kind of the faults and what the clients do; when threads come to their turns is the machine's.
 */

import type { Client } from '../../src/client/client.ts'
import { must } from '../../src/base/assert.ts'
import { verifyPath } from '../../src/store/verify.ts'
import { placesOf, TREE } from '../../supervisors/placement.ts'
import type { TreeNode } from '../../src/wire/records.ts'
import type { Sandbox } from '../daemon/running-daemon.ts'
import { createRandom, type Random } from '../simulation/random.ts'
import { createModel, createWriter, editAndImport, expectFile, expectList, expectThere, live, N_FILES, takeBaseline, type Model, type Writer } from './model.ts'
import { dealer, endsProcess, type Pair } from './pairs.ts'
import { holdings, type UnderHeart } from './under-heart.ts'

export type ChaosReport = {
  readonly violations: readonly string[]
  readonly counts: Model['counts']
  readonly nFaults: number
  /** Faults of which nothing was seen. */
  readonly unseen: readonly string[]
  /** Milliseconds from each fault to the recovery of the node, by `node cause`. */
  readonly recoveries: ReadonlyMap<string, readonly number[]>
  readonly nLives: number
}

type View = { readonly pid: number; readonly tree: TreeNode; readonly sentMs: number; readonly gotMs: number }
type Fault = { readonly pair: Pair; readonly before: View; readonly sinceMs: number; wholeMs: number | undefined }

type Run = {
  readonly model: Model
  readonly daemon: UnderHeart
  readonly random: Random
  readonly injector: Client
  readonly watcher: Client
  /** By node. */
  readonly outstanding: Map<string, Fault>
  readonly recoveries: Map<string, number[]>
  readonly unseen: string[]
  readonly pids: Set<number>
  view: View
  nFaults: number
  ticks: { left: number; due: () => void }
}

const N_CLIENTS = 4
const MAX_OUTSTANDING = 6
/** Answered calls from one fault to the next. */
const GAP = { least: 10, spread: 60 }
/** The share of faults, at the end, that leave the process alone. */
const CALM_SHARE = 0.3
/** A fault of which nothing is to be seen for so long, in a tree that is whole, has met nobody. */
const UNSEEN_MS = 6000
/** Nothing takes longer to be whole again. */
const STUCK_MS = 60_000
const MAX_TRIES = 60
/** libuv's own threads come when they are first needed; a few files are open at any moment. */
const SLACK = { threads: 6, files: 12 }

export type ChaosOptions = { readonly seed: number; readonly nFaults: number; readonly log: (line: string) => void }

/** The project is that of `projectFiles`. The daemon is stopped at the end. */
export async function runChaos(box: Sandbox, daemon: UnderHeart, { seed, nFaults, log }: ChaosOptions): Promise<ChaosReport> {
  const random = createRandom(seed)
  const model = createModel(box, () => tick(run))
  const writers: Writer[] = []
  for (let id = 0; id < N_CLIENTS; id++) writers.push(createWriter(model, await daemon.connect(random), id, createRandom(seed + 1 + id)))
  const [injector, watcher] = [await daemon.connect(random), await daemon.connect(random)]
  const first = must(writers[0], 'a first client')
  const run: Run = {
    model, daemon, random, injector, watcher, outstanding: new Map(), recoveries: new Map(), unseen: [], pids: new Set(),
    view: await mustLook(watcher), nFaults: 0, ticks: { left: 0, due: () => undefined },
  }
  const idle = holdings(run.view.pid)
  if (!await editAndImport(first)) throw new Error(`the first import failed: ${model.violations.join()}`)
  await takeBaseline(first)
  const living = writers.map(live)
  const watching = watch(run)
  await faults(run, nFaults, log)
  await settled(run)
  model.isOver = true
  await Promise.all([...living, watching])
  await checkAll(run, writers)
  if (idle !== undefined) await checkLeaks(run, idle)
  process.kill(run.view.pid, 'SIGKILL')
  await checkAll(run, writers)
  const sound = verifyPath(box.paths.database)
  if (!sound.ok || sound.value.length > 0) model.violations.push(`the store: ${JSON.stringify(sound)}`)
  const code = await daemon.stop()
  if (code !== 0) model.violations.push(`heart ended with ${code}`)
  return { violations: model.violations, counts: model.counts, nFaults: run.nFaults, unseen: run.unseen, recoveries: run.recoveries, nLives: run.pids.size }
}

// Faults

async function faults(run: Run, nFaults: number, log: (line: string) => void): Promise<void> {
  const { deal, again } = dealer(run.random)
  while (run.nFaults < nFaults) {
    const pair = run.nFaults < nFaults * (1 - CALM_SHARE) ? deal() : dealCalm(deal)
    await afterCalls(run, GAP.least + run.random.below(GAP.spread))
    while (run.outstanding.size >= MAX_OUTSTANDING || run.outstanding.has(keyOf(pair))) await afterCalls(run, 1)
    if (run.model.violations.length > 20) return
    if (await cause(run, pair)) run.nFaults += 1
    else again(pair)
    if (run.nFaults % 100 === 0) log(`${run.nFaults} faults, ${run.model.counts.answered} calls answered, ${run.pids.size} lives, ${run.model.violations.length} violations`)
  }
}

/** The next that leaves the process alone. */
function dealCalm(deal: () => Pair): Pair {
  for (;;) {
    const pair = deal()
    if (!endsProcess(pair)) return pair
  }
}

function keyOf(pair: Pair): string {
  return endsProcess(pair) && pair.cause !== 'array' ? 'process' : pair.node
}

/** False when the node did not run. */
async function cause(run: Run, pair: Pair): Promise<boolean> {
  const before = run.view
  const fault: Fault = { pair, before, sinceMs: performance.now(), wholeMs: undefined }
  if (pair.by === 'signal') {
    return signal(before.pid, pair.cause) && begun(run, fault)
  }
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (pair.rests && tries % 10 === 0) wake(run, pair.node)
    const injected = await run.injector.call('chaos.inject', { node: pair.node, cause: pair.cause })
    // An answer that was lost leaves open whether the fault was caused.
    if (injected.ok || injected.error.details?.['request_id'] !== undefined) return begun(run, fault)
    if (!['unavailable', 'not_found', 'busy'].includes(injected.error.code)) run.model.violations.push(`${pair.node} ${pair.cause}: ${injected.error.code} ${injected.error.message}`)
    // One that rests may be gone again after the next call.
    if (!pair.rests) await afterCalls(run, 1)
  }
  return false
}

/** False when it has just ended by itself. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

function begun(run: Run, fault: Fault): true {
  run.outstanding.set(keyOf(fault.pair), fault)
  return true
}

/** Gives a node that runs only when there is something to do something to do. */
function wake({ injector }: Run, node: string): void {
  const parent = placesOf(TREE).find((place) => place.kind === 'supervisor' && place.children.some(({ name }) => name === node))
  void injector.call('import_project', { force: true })
  void injector.call('profile', { seconds: 0.2, thread: 'main' })
  void injector.call('supervisor.start_child', { supervisor: must(parent, 'its supervisor').name, child: node })
}

function tick({ ticks }: Run): void {
  ticks.left -= 1
  if (ticks.left <= 0) ticks.due()
}

function afterCalls(run: Run, n: number): Promise<void> {
  return new Promise((resolve) => {
    run.ticks = { left: n, due: resolve }
  })
}

// Recovery

async function settled(run: Run): Promise<void> {
  while (run.outstanding.size > 0) await afterCalls(run, 1)
}

async function watch(run: Run): Promise<void> {
  let wholeMs = performance.now()
  while (!run.model.isOver) {
    const view = await look(run.watcher)
    if (view !== undefined) {
      run.view = view
      run.pids.add(view.pid)
      if (missing(view.tree).length === 0) wholeMs = performance.now()
      for (const [key, fault] of run.outstanding) if (isOver(run, fault, view)) run.outstanding.delete(key)
    }
    if (performance.now() - wholeMs < STUCK_MS) continue
    run.model.violations.push(`not whole after ${STUCK_MS} ms: ${view === undefined ? 'no answer' : missing(view.tree).join(', ')}`)
    run.outstanding.clear()
    wholeMs = performance.now()
  }
}

function isOver(run: Run, fault: Fault, view: View): boolean {
  const { pair, before } = fault
  const label = `${pair.node} ${pair.cause}`
  const isWhole = missing(view.tree).length === 0
  const isNewLife = view.pid !== before.pid
  if (isNewLife ? isWhole : keyOf(pair) !== 'process' && hasRecovered(pair, before, view)) {
    run.recoveries.set(label, [...run.recoveries.get(label) ?? [], performance.now() - fault.sinceMs])
    return true
  }
  fault.wholeMs = isWhole ? fault.wholeMs ?? performance.now() : undefined
  if (fault.wholeMs === undefined || performance.now() - Math.max(fault.wholeMs, fault.sinceMs) < UNSEEN_MS) return false
  run.unseen.push(label)
  return true
}

/** A later life than the one seen before the fault, or a restart more. A node that ends in order when it is done is over, too. */
function hasRecovered({ node: name, cause }: Pair, before: View, now: View): boolean {
  const [then, node] = [find(before.tree, name), find(now.tree, name)]
  // A thread of a pool dies unseen; the pool goes on.
  if (node?.kind === 'pool' && cause !== 'kill') return missing(now.tree).length === 0
  if (node === undefined || node.state !== 'running') return then?.restart !== 'permanent'
  if (then === undefined || then.uptime_ms === null || node.uptime_ms === null) return true
  return node.restarts !== then.restarts || now.sentMs - node.uptime_ms > before.gotMs - then.uptime_ms
}

async function look(client: Client): Promise<View | undefined> {
  const sentMs = performance.now()
  const [status, tree] = await Promise.all([client.call('daemon_status', {}), client.call('supervision_tree', {})])
  return status.ok && tree.ok ? { pid: status.value.pid, tree: tree.value, sentMs, gotMs: performance.now() } : undefined
}

async function seen(run: Run): Promise<boolean> {
  const view = await look(run.watcher)
  run.view = view ?? run.view
  return view !== undefined
}

async function mustLook(client: Client): Promise<View> {
  return must(await look(client), 'a daemon that answers')
}

function find(node: TreeNode, name: string): TreeNode | undefined {
  if (node.name === name) return node
  for (const child of node.children) {
    const found = find(child, name)
    if (found !== undefined) return found
  }
  return undefined
}

/** Nodes that must run and do not. */
function missing(tree: TreeNode): string[] {
  return placesOf(TREE).filter((place) => place.kind === 'supervisor' || place.restart === 'permanent').map(({ name }) => name)
    .filter((name) => find(tree, name)?.state !== 'running')
}

// The end

async function checkAll(run: Run, writers: readonly Writer[]): Promise<void> {
  const { model } = run
  for (const writer of writers) {
    for (const name of writer.modules.keys()) while (!await expectThere(writer, name)) continue
    await expectList(writer)
  }
  const first = must(writers[0], 'a first client')
  for (let tries = 0; !await editAndImport(first); tries++) {
    if (tries > 2000) return void model.violations.push('no import succeeded at the end')
  }
  for (let i = 0; i < N_FILES; i++) while (!await expectFile(first, `M${i}`)) continue
  while (!await seen(run)) continue
  if (missing(run.view.tree).length > 0) model.violations.push(`at the end these do not run: ${missing(run.view.tree).join(', ')}`)
}

/** Idle threads of the pool go after a while: looks until they have, or far longer than that. */
async function checkLeaks(run: Run, idle: { readonly threads: number; readonly files: number }): Promise<void> {
  const startedMs = performance.now()
  for (;;) {
    const now = holdings(run.view.pid) ?? { threads: Infinity, files: Infinity }
    if (now.threads <= idle.threads + SLACK.threads && now.files <= idle.files + SLACK.files) return
    if (performance.now() - startedMs > 15_000) return void run.model.violations.push(`leaks: ${JSON.stringify(now)}, and at first ${JSON.stringify(idle)}`)
    await run.watcher.call('hello', {})
  }
}
