/**
 * What four clients do while faults fall, and what they must see: every write that was acknowledged is there with its
 * content, until the same client writes again, every event too; nothing is there twice; facts of files are those of the files; neither the
 * epoch nor the version of a module goes back; every call settles in its time. Whatever else they see is a violation.
 *
 * Each client writes modules of its own, one call at a time, and repeats a write that may have been lost with the same
 * `request_id` until it is answered, so there is never doubt about what must be there. The first one edits a file and
 * imports as well. Absent on purpose: faults (run-chaos.ts).
 */

import { renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from '../../src/client/client.ts'
import { must } from '../../src/base/assert.ts'
import type { Failure } from '../../src/base/failure.ts'
import type { Result } from '../../src/base/result.ts'
import type { ArgsInput, Method, Reply } from '../../src/wire/methods.ts'
import type { Sandbox } from '../daemon/running-daemon.ts'
import type { Random } from '../simulation/random.ts'

export const N_FILES = 40
const KEYS_PER_CLIENT = 6
/** Longer than any fault lasts: a call that takes it has been forgotten. */
const CALL_MS = 30_000
const IMPORT_MS = 90_000
const SLACK_MS = 5000
const PAUSE_MS = 20
/** What may be answered while things are down. */
const PASSING: readonly string[] = ['unavailable', 'busy', 'insufficient_memory']
const MOVING = 'lib/moving.ex'

export type Model = {
  readonly box: Sandbox
  readonly violations: string[]
  readonly counts: Record<'answered' | 'failed' | 'writes' | 'repeats' | 'imports' | 'quarantined', number>
  /** Called after each call. */
  readonly onSettled: () => void
  /** Static facts as they were before any fault. */
  readonly baseline: Map<string, string>
  /** Of the file that is edited: what was written last, and what an import has acknowledged. */
  readonly moving: { written: number; imported: number }
  isOver: boolean
}

export type Writer = {
  readonly model: Model
  readonly client: Client
  readonly id: number
  readonly random: Random
  /** What must be there: the text of each module, undefined where there is none. */
  readonly modules: Map<string, string | undefined>
  readonly versions: Map<string, number>
  epoch: number
  nWrites: number
  /** Events: that were to be stored, and that were acknowledged. */
  readonly events: { asked: number; stored: number }
}

export function createModel(box: Sandbox, onSettled: () => void): Model {
  return {
    box, onSettled, violations: [], counts: { answered: 0, failed: 0, writes: 0, repeats: 0, imports: 0, quarantined: 0 },
    baseline: new Map(), moving: { written: 0, imported: 0 }, isOver: false,
  }
}

export function createWriter(model: Model, client: Client, id: number, random: Random): Writer {
  const names = Array.from({ length: KEYS_PER_CLIENT }, (_, key) => `Chaos.Client${id}.Key${key}`)
  return { model, client, id, random, modules: new Map(names.map((name) => [name, undefined])), versions: new Map(), epoch: 0, nWrites: 0, events: { asked: 0, stored: 0 } }
}

export function projectFiles(): Record<string, string> {
  const files = Object.fromEntries(Array.from({ length: N_FILES }, (_, i) => [`lib/m${i}.ex`, staticSource(i)]))
  return { 'mix.exs': 'defmodule P.MixProject do\nend\n', [MOVING]: movingSource(0), ...files }
}

function staticSource(i: number): string {
  return `defmodule M${i} do\n  @moduledoc "number ${i}"\n  def f(x), do: M${(i + 1) % N_FILES}.f(x)\n  def g(x), do: Enum.map(x, &f/1)\nend\n`
}

function movingSource(generation: number): string {
  return `defmodule Moving do\n  @moduledoc "${generation}"\nend\n`
}

/** Remembers the facts of the files, once they have been imported. */
export async function takeBaseline({ model, client }: Writer): Promise<void> {
  for (let i = 0; i < N_FILES; i++) {
    const read = await client.call('get_module', { module_name: `M${i}` })
    model.baseline.set(`M${i}`, read.ok ? factsOf(read.value.value) : `not there: ${read.error.message}`)
  }
}

/** Without what tells when they were written. */
function factsOf(module: Record<string, unknown>): string {
  return JSON.stringify({ ...module, version: 0, last_updated: '' })
}

/** One client until the end of the run. */
export async function live(writer: Writer): Promise<void> {
  const { model, random } = writer
  while (!model.isOver) {
    if (writer.id === 0 && random.chance(0.05)) await editAndImport(writer)
    else if (random.chance(0.4)) await writeSomething(writer)
    else await readSomething(writer)
  }
}

// Calls

function violated({ model, id }: Writer, what: string): void {
  model.violations.push(`client ${id}: ${what}`)
}

async function call<M extends Method>(writer: Writer, method: M, args: ArgsInput<M>, timeoutMs = CALL_MS): Promise<Result<Reply<M>, Failure>> {
  const { model, client } = writer
  const startedMs = performance.now()
  const answer = await client.call(method, args, { timeoutMs })
  const tookMs = performance.now() - startedMs
  if (tookMs > timeoutMs + SLACK_MS) violated(writer, `${method} settled after ${Math.round(tookMs)} ms`)
  if (answer.ok) {
    model.counts.answered += 1
    seeEpoch(writer, method, answer.value)
  } else {
    model.counts.failed += 1
    if (answer.error.message.includes('no connection to the daemon within')) violated(writer, `${method}: ${answer.error.message}`)
  }
  model.onSettled()
  return answer
}

function seeEpoch(writer: Writer, method: string, reply: unknown): void {
  const { epoch } = reply as { readonly epoch?: number }
  if (epoch === undefined) return
  if (epoch < writer.epoch) violated(writer, `${method} answered from epoch ${epoch} after ${writer.epoch}`)
  writer.epoch = Math.max(writer.epoch, epoch)
}

/** Until it is answered for good: repeats carry the same `request_id`. `nTries` tells whether the answer may be a repeat's. */
async function insist<M extends Method>(writer: Writer, method: M, args: ArgsInput<M>): Promise<{ readonly answer: Result<Reply<M>, Failure>; readonly nTries: number }> {
  writer.nWrites += 1
  writer.model.counts.writes += 1
  const whole = { ...args, request_id: `client-${writer.id}-${writer.nWrites}` }
  for (let nTries = 1; ; nTries++) {
    const answer = await call(writer, method, whole)
    if (answer.ok || !PASSING.includes(answer.error.code)) return { answer, nTries }
    writer.model.counts.repeats += 1
    await pause()
  }
}

/** As any client would: one that asks again at once takes the time that the daemon needs to recover. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
}

// Writes

async function writeSomething(writer: Writer): Promise<void> {
  const { random, modules } = writer
  const name = random.pick([...modules.keys()])
  const text = `client ${writer.id} write ${writer.nWrites + 1}`
  const present = modules.get(name) !== undefined
  const kind = random.below(10)
  if (present && kind < 2) return remove(writer, name)
  if (present && kind < 5) return change(writer, name, text)
  if (kind < 7) return storeMany(writer, text)
  const { answer } = await insist(writer, 'store_module', { module: { module_name: name, moduledoc: text } })
  if (!answer.ok) return violated(writer, `store_module was refused: ${answer.error.code} ${answer.error.message}`)
  modules.set(name, text)
  await expectThere(writer, name)
}

async function remove(writer: Writer, name: string): Promise<void> {
  const { answer, nTries } = await insist(writer, 'delete_module', { module_name: name })
  const wasDone = !answer.ok && nTries > 1 && answer.error.code === 'not_found'
  if (!answer.ok && !wasDone) return violated(writer, `delete_module was refused: ${answer.error.code} ${answer.error.message}`)
  writer.modules.set(name, undefined)
  await expectThere(writer, name)
}

/** Only on the version that was seen last: a repeat that comes too late must not be carried out. */
async function change(writer: Writer, name: string, text: string): Promise<void> {
  await expectThere(writer, name)
  const { answer, nTries } = await insist(writer, 'update_module', { module_name: name, expected_version: must(writer.versions.get(name), 'a version that was seen'), patch: { moduledoc: text } })
  const wasDone = !answer.ok && nTries > 1 && answer.error.code === 'conflict'
  if (!answer.ok && !wasDone) return violated(writer, `update_module was refused: ${answer.error.code} ${answer.error.message}`)
  writer.modules.set(name, text)
  await expectThere(writer, name)
}

async function storeMany(writer: Writer, text: string): Promise<void> {
  const names = [...writer.modules.keys()].slice(0, 3)
  const { answer } = await insist(writer, 'batch_store', { items: names.map((name) => ({ operation: 'store_module', module: { module_name: name, moduledoc: text } })) })
  if (!answer.ok) return violated(writer, `batch_store was refused: ${answer.error.code} ${answer.error.message}`)
  for (const name of names) writer.modules.set(name, text)
  for (const name of names) await expectThere(writer, name)
}

// Reads

async function readSomething(writer: Writer): Promise<void> {
  const { random, modules } = writer
  switch (random.below(6)) {
    case 5: return expectEvents(writer)
    case 0: return void await expectFile(writer, `M${random.below(N_FILES)}`)
    case 1: return expectMoving(writer)
    case 2: return expectList(writer)
    case 3: return expectCallers(writer, random.below(N_FILES))
    default: return void await expectThere(writer, random.pick([...modules.keys()]))
  }
}

/** Every event that was acknowledged; one that was not may be there, too. */
async function expectEvents(writer: Writer): Promise<void> {
  const { id, events, random } = writer
  const source = `chaos-${id}`
  if (random.chance(0.5)) {
    events.asked += 1
    const done = await call(writer, 'store_event', { event: { event_type: 'annotation' }, source, request_id: `event-${id}-${events.asked}` })
    if (done.ok) events.stored += 1
    else if (!PASSING.includes(done.error.code)) violated(writer, `store_event was refused: ${done.error.code} ${done.error.message}`)
  }
  const counted = await call(writer, 'count_events', { node: source })
  if (!counted.ok) return PASSING.includes(counted.error.code) ? pause() : violated(writer, `count_events was refused: ${counted.error.code} ${counted.error.message}`)
  const { total } = counted.value.value
  if (total < events.stored) violated(writer, `${total} events are there, and ${events.stored} were acknowledged`)
}

/** False when there was no answer. */
export async function expectThere(writer: Writer, name: string): Promise<boolean> {
  const expected = writer.modules.get(name)
  const read = await call(writer, 'get_module', { module_name: name })
  if (!read.ok && PASSING.includes(read.error.code)) {
    await pause()
    return writer.model.isOver ? false : expectThere(writer, name)
  }
  const found = read.ok ? read.value.value.moduledoc.text : read.error.code === 'not_found' ? undefined : `${read.error.code} ${read.error.message}`
  if (found !== expected) violated(writer, `${name} is ${JSON.stringify(found)} and not ${JSON.stringify(expected)}`)
  if (read.ok) seeVersion(writer, name, read.value.value.version)
  return true
}

function seeVersion(writer: Writer, name: string, version: number): void {
  const last = writer.versions.get(name) ?? 0
  if (version < last) violated(writer, `version of ${name} went from ${last} to ${version}`)
  writer.versions.set(name, version)
}

export async function expectFile(writer: Writer, name: string): Promise<boolean> {
  const { model } = writer
  const read = await call(writer, 'get_module', { module_name: name })
  if (!read.ok && PASSING.includes(read.error.code)) {
    await pause()
    return false
  }
  const found = read.ok ? factsOf(read.value.value) : `${read.error.code} ${read.error.message}`
  if (found === model.baseline.get(name)) return true
  if (!read.ok && read.error.code === 'not_found' && await isQuarantined(writer, `lib/${name.toLowerCase()}.ex`)) return true
  violated(writer, `facts of ${name} were ${model.baseline.get(name)} and are ${found}`)
  return true
}

/** A file that is said to have ended two threads is left out, and the list of problems says so. */
async function isQuarantined(writer: Writer, path: string): Promise<boolean> {
  const listed = await call(writer, 'list_problems', { path })
  const is = !listed.ok || listed.value.value.problems.some(({ message }) => message.includes('gave it up'))
  if (is) writer.model.counts.quarantined += 1
  return is
}

async function expectMoving(writer: Writer): Promise<void> {
  const { moving } = writer.model
  const from = moving.imported
  const read = await call(writer, 'get_module', { module_name: 'Moving' })
  if (!read.ok) {
    if (!PASSING.includes(read.error.code) && !await isQuarantined(writer, MOVING)) violated(writer, `Moving: ${read.error.code} ${read.error.message}`)
    return
  }
  const found = Number(read.value.value.moduledoc.text)
  if (found < from || found > moving.written) violated(writer, `Moving is generation ${found}, not ${from} to ${moving.written}`)
}

export async function expectList(writer: Writer): Promise<void> {
  const { id, modules } = writer
  const read = await call(writer, 'list_modules', { prefix: `Chaos.Client${id}.`, limit: 1000 })
  if (!read.ok) return PASSING.includes(read.error.code) ? undefined : violated(writer, `list_modules: ${read.error.code} ${read.error.message}`)
  const found = read.value.value.modules.map(({ module_name: name }) => name)
  const expected = [...modules].filter(([, text]) => text !== undefined).map(([name]) => name)
  if (found.toSorted().join() !== expected.toSorted().join()) violated(writer, `there are ${found.join()} and not ${expected.join()}`)
}

async function expectCallers(writer: Writer, i: number): Promise<void> {
  const read = await call(writer, 'get_callers', { mfa: `M${i}.f/1` })
  if (!read.ok) {
    if (!PASSING.includes(read.error.code) && !await isQuarantined(writer, `lib/m${i}.ex`)) violated(writer, `get_callers: ${read.error.code} ${read.error.message}`)
    return
  }
  const found = read.value.value.callers.map(({ caller }) => caller).toSorted().join()
  const expected = [`M${(i + N_FILES - 1) % N_FILES}.f/1`, `M${i}.g/1`].toSorted().join()
  if (found !== expected && writer.model.counts.quarantined === 0) violated(writer, `M${i}.f/1 is called by ${found} and not by ${expected}`)
}

// Imports

/** A new text of one file, and an import that must have seen it once it is acknowledged. */
export async function editAndImport(writer: Writer): Promise<boolean> {
  const { model, random } = writer
  const { moving, box } = model
  moving.written += 1
  // At once, as editors do: a file that is being written may be seen empty.
  box.write(`${MOVING}~`, movingSource(moving.written))
  renameSync(join(box.root, `${MOVING}~`), join(box.root, MOVING))
  const imported = await call(writer, 'import_project', { force: random.chance(0.3) }, IMPORT_MS)
  if (!imported.ok) {
    if (!PASSING.includes(imported.error.code)) violated(writer, `import_project: ${imported.error.code} ${imported.error.message}`)
    await pause()
    return false
  }
  model.counts.imports += 1
  if (imported.value.value.unreadable > 0) {
    model.counts.quarantined += imported.value.value.unreadable
    refresh(model)
    return false
  }
  moving.imported = moving.written
  await expectMoving(writer)
  return true
}

/** Files that changed are tried again, whatever was held against them. */
function refresh({ box }: Model): void {
  for (const [path, text] of Object.entries(projectFiles())) if (path !== MOVING) box.write(path, text)
}
