/**
 * Counts how often correlation is right about programs that ran under trace and whose calls are known (`simulate.ts`).
 * A case says which versions of the sources are known, whether the beams have debug info, and whether calls come paired.
 * `scoreWritten` takes the same events the whole way, through batches and blocks.
 */

import { analyseSource } from '../../../src/analysis/analyse.ts'
import type { ModuleCode, StaticIndex } from '../../../src/correlate/code.ts'
import { createCorrelator, type Correlator } from '../../../src/correlate/correlator.ts'
import type { ClauseLines } from '../../../src/correlate/fit.ts'
import type { Method, Resolution } from '../../../src/correlate/resolution.ts'
import { moduleCode, readModules, type Read } from '../../../src/correlate/static-index.ts'
import type { EventSource, Evidence } from '../../../src/model/event.ts'
import { createRandom, generateProgram, reviseProgram, type Program } from './program.ts'
import { printProgram, type Printed } from './print.ts'
import { pairUp, trace, type Row, type Seen } from './trace.ts'
import { written } from './written.ts'
import { simulate, type Expected, type Simulation } from './simulate.ts'

const ARGUMENT = 7
const MOST_CALLS = 1500

type TracedCall = Seen & { readonly expected: Expected }

type Made = { readonly program: Program; readonly simulation: Simulation; readonly ran: Printed; readonly moved: Printed; readonly revised: Printed; readonly untouched: (module: string, name: string) => boolean }
export type Run = { readonly made: readonly Made[]; readonly calls: readonly TracedCall[]; readonly rows: readonly Row[]; readonly lines: ReadonlyMap<string, ClauseLines>; readonly misaligned: number }

/** Generates, compiles and traces programs. Throws when one does not compile. */
export function runPrograms(seed: number, count: number): Run {
  const random = createRandom(seed)
  const made: Made[] = []
  for (let idx = 0; made.length < count; idx++) {
    const program = generateProgram(random, `P${idx}`)
    const simulation = simulate(program, ARGUMENT, MOST_CALLS)
    if (simulation === undefined) continue
    const { revised, changed } = reviseProgram(random, program)
    made.push({
      program, simulation, ran: printProgram(program), moved: printProgram(program, random), revised: printProgram(revised, random),
      untouched: (module, name) => changed.module.name !== module || changed.name !== name,
    })
  }
  const { rows, lines } = trace(new Map(made.flatMap(({ ran }) => [...ran.files])), ARGUMENT, made.map(({ program }) => prefixOf(program)))
  return { made, rows, lines, ...align(made, rows) }
}

const prefixOf = (program: Program) => program.entry.module.name.split('.')[0] ?? ''

/** Joins what each process was seen to call with what it was bound to call. */
function align(made: readonly Made[], rows: readonly Row[]): { calls: TracedCall[]; misaligned: number } {
  const byPrefix = new Map(made.map((one) => [prefixOf(one.program), one]))
  const calls: TracedCall[] = []
  let misaligned = 0
  for (const [, of] of Map.groupBy(rows, ([pid]) => pid)) {
    const simulation = byPrefix.get(of[0]?.[3].split('.')[0] ?? '')?.simulation
    const seen = pairUp(of)
    const expected = (of[0]?.[1] === -1 ? simulation?.server : simulation?.main) ?? []
    const isSame = seen.length === expected.length && seen.every(({ names: { mfa } }, idx) => {
      const one = expected[idx]
      return one !== undefined && mfa?.module === one.module && mfa.function === one.name && mfa.arity === one.arity
    })
    if (!isSame) misaligned++
    else for (const [idx, one] of seen.entries()) calls.push({ ...one, expected: expected[idx] as Expected })
  }
  return { calls, misaligned }
}

/** `versions`, the newest first: what ran, the same with lines moved, and with one function rewritten as well. */
export type Case = { readonly versions: readonly ('ran' | 'moved' | 'revised')[]; readonly beams: 'with lines' | 'stripped'; readonly calls: 'paired' | 'alone' }
export type Tally = { right: number; n: number }
export type Score = {
  /** Of all calls: the node is in the right function, or is the function that was called where evidence says so. */
  readonly function: Tally
  /** Of calls that the program makes and whose line is known: the node is the call. */
  readonly site: Tally
  readonly byMethod: Map<Method, Tally>
  /** What was found wrongly, and how often. */
  readonly wrong: Map<string, number>
}

export function score(run: Run, { versions, beams, calls }: Case): Score {
  const facts = factsOfAll(run)
  const index = indexOf(facts, versions)
  const source = { node: 'n', startNs: 0n }
  const correlator = knowing(run, source, beams)
  // What a block holds first is resolved with what was observed until then: give it a first pass, as the blocks before would.
  const result: Score = { function: { right: 0, n: 0 }, site: { right: 0, n: 0 }, byMethod: new Map(), wrong: new Map() }
  const truth = truths(run, facts.ran)
  const untouched = (one: TracedCall) => !versions.includes('revised') || versions.includes('ran') || run.made.every(({ untouched: is, program }) => prefixOf(program) !== one.expected.module.split('.')[0] || is(truth(one)?.module ?? '', truth(one)?.name ?? ''))
  const sites = new Map<string, Resolution>()
  const resolveOnce = (one: TracedCall): Resolution => {
    const situation = calls === 'paired' ? one.situation : undefined
    const key = JSON.stringify([one.names, situation])
    const found = sites.get(key) ?? correlator.resolve(index, one.names, source, situation)
    sites.set(key, found)
    return found
  }
  for (const one of run.calls) resolveOnce(one)
  sites.clear()
  for (const one of run.calls) {
    const true_ = truth(one)
    if (true_ === undefined || !untouched(one)) continue
    const found = resolveOnce(one)
    const isSite = found.nodeId === true_.node
    const isFunction = functionOf(found.nodeId) === functionOf(true_.node) || (found.method === 'function' && found.nodeId === `${one.expected.module}.${one.expected.name}/${arityOf(facts.ran, one.expected)}`)
    count(result.function, isFunction)
    const tally = result.byMethod.get(found.method) ?? { right: 0, n: 0 }
    result.byMethod.set(found.method, tally)
    if (found.method === 'several') count(tally, found.candidates.includes(true_.node))
    else count(tally, found.method === 'function' ? isFunction : isSite)
    const isWritten = one.expected.from !== null && (one.names.caller?.line ?? 0) !== 0
    if (isWritten) count(result.site, isSite)
    if (isFunction && (isSite || !isWritten)) continue
    const what = `${isFunction ? 'place' : 'function'}: ${found.method} ${found.nodeId} is ${true_.node}: ${JSON.stringify(one.names)} in ${JSON.stringify(one.situation)}`
    result.wrong.set(what, (result.wrong.get(what) ?? 0) + 1)
  }
  return result
}

/** How often each evidence that stands in blocks was right, and the place, where a line is known. */
export function scoreWritten(run: Run, { versions, beams }: Omit<Case, 'calls'>): { readonly site: Tally; readonly byEvidence: ReadonlyMap<Evidence, Tally> } {
  const facts = factsOfAll(run)
  const index = indexOf(facts, versions)
  const source = { node: 'n', startNs: 0n }
  const correlator = knowing(run, source, beams)
  const truth = truths(run, facts.ran)
  const expected = new Map(run.calls.map((one) => [one.row, one]))
  const site: Tally = { right: 0, n: 0 }
  const byEvidence = new Map<Evidence, Tally>()
  for (const { row, found } of written(run.rows, (names, of, situation) => {
    const { nodeId, evidence, isAny, isUnsettled } = correlator.resolve(index, names, of, situation)
    return { nodeId, evidence, isAny, isUnsettled }
  })) {
    const one = expected.get(row)
    const true_ = one === undefined ? undefined : truth(one)
    if (one === undefined || true_ === undefined || one.expected.from === null || (one.names.caller?.line ?? 0) === 0) continue
    const isSite = found?.nodeId === true_.node
    count(site, isSite)
    const evidence = found?.evidence ?? 'none'
    const tally = byEvidence.get(evidence) ?? { right: 0, n: 0 }
    byEvidence.set(evidence, tally)
    count(tally, isSite)
  }
  return { site, byEvidence }
}

function count(tally: Tally, right: boolean): void {
  tally.n++
  if (right) tally.right++
}

const functionOf = (node: string | null) => node?.replace(/#.*$/s, '') ?? null

type Facts = Readonly<Record<'ran' | 'moved' | 'revised', Map<string, Read>>>

function factsOfAll(run: Run): Facts {
  return { ran: factsOf(run, 'ran'), moved: factsOf(run, 'moved'), revised: factsOf(run, 'revised') }
}

function indexOf(facts: Facts, versions: Case['versions']): StaticIndex {
  const codes = new Map<string, readonly ModuleCode[]>()
  return {
    versionsOf(module) {
      if (!codes.has(module)) codes.set(module, versions.flatMap((version, idx) => {
        const known = facts[version].get(module)
        return known === undefined ? [] : [moduleCode(known, { key: module, path: 'lib', number: versions.length - idx })]
      }))
      return codes.get(module) ?? []
    },
  }
}

/** A correlator that was told what the node runs. */
function knowing(run: Run, source: EventSource, beams: Case['beams']): Correlator {
  const correlator = createCorrelator()
  for (const [module, lines] of run.lines) correlator.loaded(source, { module, md5: '', file: '', lines: beams === 'stripped' ? null : lines })
  return correlator
}

function factsOf(run: Run, version: 'ran' | 'moved' | 'revised'): Map<string, Read> {
  return new Map(run.made.flatMap((one) => Array.from(one[version].files, ([file, text]) => readModules(analyseSource, file, Buffer.from(text))).flat()).map((read) => [read.facts.name, read]))
}

function functionNamed(facts: ReadonlyMap<string, Read>, { module, name, arity }: Pick<Expected, 'module' | 'name' | 'arity'>) {
  return facts.get(module)?.facts.functions.find((fn) => fn.name === name && arity <= fn.arity && arity >= fn.arity - fn.defaults)
}

const arityOf = (facts: ReadonlyMap<string, Read>, mfa: Expected) => functionNamed(facts, mfa)?.arity

/** The node of each call that is written, and the function that has it; of others the function that is called. */
function truths(run: Run, facts: ReadonlyMap<string, Read>): (call: TracedCall) => { readonly node: string; readonly module: string; readonly name: string } | undefined {
  const spots = new Map(run.made.flatMap(({ ran }) => [...ran.spots]))
  const known = new Map<object, { node: string; module: string; name: string }>()
  return ({ expected }) => {
    if (expected.from === null) {
      const fn = functionNamed(facts, expected)
      return fn === undefined ? { node: `${expected.module}.${expected.name}/${expected.arity}`, ...expected } : { node: `${expected.module}.${fn.name}/${fn.arity}`, ...expected }
    }
    const cached = known.get(expected.from)
    if (cached !== undefined) return cached
    const spot = spots.get(expected.from)
    for (const fn of facts.get(spot?.module ?? '')?.facts.functions ?? []) {
      const call = fn.calls.find((one) => one.line === spot?.line && (one.column === spot.column || one.kind === 'delegate'))
      if (spot === undefined || call === undefined) continue
      const found = { node: call.node, module: spot.module, name: fn.name }
      known.set(expected.from, found)
      return found
    }
    throw new Error(`no call is known at ${JSON.stringify(spot)}`)
  }
}
