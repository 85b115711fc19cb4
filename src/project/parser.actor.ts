/**
 * Parsing.Parser: the way into the parser pool, and the guard of two circuits. `parse` opens when the pool fails again and
 * again: its work is refused at once, until one task has shown that it works again. `import` opens when imports do, whatever
 * they fail of: an import that takes its thread down each time is not begun for ever.
 *
 *   prepare, parse   circuit `parse` admits -> task of the pool -> its end counts -> reply
 *   discover         begins an import: circuit `import` admits, too, and whoever imports is watched
 *   imported (cast)  the import has ended; so it has when whoever imported is gone
 *   timer `resume`   circuit `import` admits a trial again: an import that was cut short is taken up
 *
 * Both circuits say so to the port `circuits` when they change. A file that does not parse, or is quarantined, is no failure
 * of the pool; nor is one that is busy. Absent on purpose: threads and files; what waits for a thread waits in the pool.
 */

import type { Failure, FailureCode } from '../base/failure.ts'
import { fail, ok } from '../base/result.ts'
import type { Actor, ActorEffect, ActorMsg, ReplyTo, Stepped } from '../otp/actor.ts'
import { admit, createCircuit, isCircuitOpen, settle, viewOf, type Circuit, type CircuitView, type Pass, type Verdict } from '../otp/circuit-breaker.ts'
import { isOrderly } from '../otp/exit-reason.ts'
import { BATCH_PROCESSOR } from './batch-processor.actor.ts'
import type { DiscoverOptions } from './discover.ts'
import type { WantedFile } from './parse-files.ts'

export const PARSER = 'ElixirScope.AST.Parsing.Parser'

/**
 * Kinds of work that share the parser threads: tasks of an import, and of one file: the only one that has changed, or one of a
 * task that failed, which may well hang; and those of a verification.
 */
export const PARSER_LANES = ['batch', 'single', 'verify'] as const

export type ParseTask = {
  /** The number under which the outcomes are expected. */
  readonly task: number
  readonly root: string
  readonly files: readonly WantedFile[]
  readonly maxFileBytes: number
}

export type ParserWork =
  /** -> null. Does nothing: a thread that starts for it is there when files come. */
  | { readonly type: 'prepare' }
  /** -> Discovery. Begins an import. */
  | { readonly type: 'discover'; readonly options: DiscoverOptions }
  /** -> null; the outcomes go straight to whoever expects them. */
  | { readonly type: 'parse'; readonly task: ParseTask }

export type ParserBody =
  | ParserWork
  /** To be cast after each import, however it ended. */
  | { readonly type: 'imported'; readonly error: Failure | undefined }

/** ParserWork -> what the task answers. */
export const PARSER_POOL_PORT = 'parser.pool'
/** CircuitReport -> nothing. */
export const CIRCUITS_PORT = 'circuits'
/** Has an import that was cut short taken up, if there is one. */
export const RESUME_PORT = 'import.resume'

export type CircuitReport = { readonly view: CircuitView; readonly event: 'started' | 'changed' | 'refused' }

type Circuits = { readonly parse: Circuit; readonly import: Circuit }
type CircuitName = keyof Circuits
type UnderWay = { readonly from: ReplyTo; readonly pass: Pass }

export type ParserState = {
  readonly circuits: Circuits
  /** Tasks of the pool, by tag. */
  readonly underWay: Map<string, UnderWay>
  /** The pass of the import under way. */
  readonly importPass: Pass | undefined
  readonly nAsked: number
}

/** Failures of what a circuit guards. A file that its task fails of, a full queue, a full disk, a stop are none. */
const FAILURES: Readonly<Record<CircuitName, readonly FailureCode[]>> = {
  parse: ['unavailable', 'timeout'],
  import: ['unavailable', 'timeout', 'internal', 'damaged'],
}

const REPORTED = 'reported'
const IMPORTER = 'importer'
const RESUME = 'resume'
/** Timers may be this early. */
const TIMER_GRAIN_MS = 2
/** Calls taken at a time; more are in the pool, which bounds them by lane. */
const MAX_WAITING = 4096

export const parserActor: Actor<ParserState, ParserBody> = {
  mailbox: { capacity: MAX_WAITING, overflow: 'shed' },
  init: () => {
    const circuits = { parse: createCircuit('parse'), import: createCircuit('import') }
    const state: ParserState = { circuits, underWay: new Map(), importPass: undefined, nAsked: 0 }
    return { type: 'ok', state, effects: [report(circuits.parse, 'started'), report(circuits.import, 'started')] }
  },
  step(state, msg, nowMs) {
    switch (msg.type) {
      case 'call':
        return msg.body.type === 'imported' ? [state, [{ type: 'reply', to: msg.from, result: ok(null) }]] : ask(state, msg.from, msg.body, nowMs)
      case 'cast':
        return msg.body.type === 'imported' ? imported(state, verdictOf('import', msg.body.error), nowMs) : [state, []]
      case 'answer':
        return answered(state, msg, nowMs)
      case 'down':
        // After an orderly end its word of the import is still to come.
        return isOrderly(msg.reason) || msg.reason.kind === 'noproc' ? [state, []] : imported(state, 'failure', nowMs)
      case 'timer':
        return [state, [{ type: 'run', port: RESUME_PORT, operation: null, tag: REPORTED }]]
    }
  },
}

/** Whoever was refused has tried nothing. */
function verdictOf(circuit: CircuitName, error: Failure | undefined): Verdict {
  if (error === undefined) return 'success'
  if (isCircuitOpen(error) || error.details?.['cancelled'] === true) return 'undecided'
  return FAILURES[circuit].includes(error.code) ? 'failure' : 'undecided'
}

// Work for the pool

function ask(given: ParserState, from: ReplyTo, work: ParserWork, nowMs: number): Stepped<ParserState> {
  const [begun, effects, refused] = work.type === 'discover' ? beginImport(given, nowMs) : [given, [], undefined]
  if (refused !== undefined) return [begun, [...effects, ...refuse(begun.circuits.import, from, refused)]]
  const [circuit, admission] = admit(begun.circuits.parse, nowMs)
  const state = withCircuit(begun, 'parse', circuit)
  const all = [...effects, ...reportIfChanged(begun.circuits.parse, circuit)]
  if ('refused' in admission) return [state, [...all, ...refuse(circuit, from, admission.refused)]]
  const tag = String(state.nAsked + 1)
  state.underWay.set(tag, { from, pass: admission.pass })
  return [{ ...state, nAsked: state.nAsked + 1 }, [...all, { type: 'run', port: PARSER_POOL_PORT, operation: work, tag }]]
}

function answered(state: ParserState, { tag, result }: Extract<ActorMsg<ParserBody>, { type: 'answer' }>, nowMs: number): Stepped<ParserState> {
  const asked = state.underWay.get(tag)
  if (asked === undefined) return [state, []]
  state.underWay.delete(tag)
  const circuit = settle(state.circuits.parse, asked.pass, verdictOf('parse', result.ok ? undefined : result.error), nowMs)
  return [withCircuit(state, 'parse', circuit), [{ type: 'reply', to: asked.from, result }, ...reportIfChanged(state.circuits.parse, circuit)]]
}

function refuse(circuit: Circuit, to: ReplyTo, refused: Failure): readonly ActorEffect[] {
  return [{ type: 'reply', to, result: fail(refused) }, report(circuit, 'refused')]
}

// Imports

type Begun = readonly [state: ParserState, effects: readonly ActorEffect[], refused: Failure | undefined]

function beginImport(given: ParserState, nowMs: number): Begun {
  // One runs at a time: one that has not told its end is of the past.
  const [before, effects] = imported(given, 'undecided', nowMs)
  const [circuit, admission] = admit(before.circuits.import, nowMs)
  const state = withCircuit(before, 'import', circuit)
  const all = [...effects, ...reportIfChanged(before.circuits.import, circuit)]
  if ('refused' in admission) return [state, all, admission.refused]
  return [{ ...state, importPass: admission.pass }, [...all, { type: 'monitor', target: BATCH_PROCESSOR, tag: IMPORTER }], undefined]
}

function imported(state: ParserState, verdict: Verdict, nowMs: number): Stepped<ParserState> {
  if (state.importPass === undefined) return [state, []]
  const circuit = settle(state.circuits.import, state.importPass, verdict, nowMs)
  const { retryAtMs = 0 } = viewOf(circuit)
  const resume: readonly ActorEffect[] = retryAtMs > nowMs ? [{ type: 'after', name: RESUME, ms: Math.ceil(retryAtMs - nowMs) + TIMER_GRAIN_MS }] : []
  return [
    { ...withCircuit(state, 'import', circuit), importPass: undefined },
    [{ type: 'demonitor', tag: IMPORTER }, ...reportIfChanged(state.circuits.import, circuit), ...resume],
  ]
}

// Circuits

function withCircuit(state: ParserState, name: CircuitName, circuit: Circuit): ParserState {
  return { ...state, circuits: { ...state.circuits, [name]: circuit } }
}

function reportIfChanged(before: Circuit, after: Circuit): readonly ActorEffect[] {
  const [{ state: from }, view] = [viewOf(before), viewOf(after)]
  if (from === view.state) return []
  const log: ActorEffect = { type: 'log', level: view.state === 'open' ? 'warn' : 'info', message: `circuit ${view.name} is ${view.state}`, fields: { from, failures: view.nFailures } }
  return [log, report(after, 'changed')]
}

function report(circuit: Circuit, event: CircuitReport['event']): ActorEffect {
  return { type: 'run', port: CIRCUITS_PORT, operation: { view: viewOf(circuit), event } satisfies CircuitReport, tag: REPORTED }
}
