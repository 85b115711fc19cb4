/**
 * The Synchronizer: keeps the set of files that changed and are not in the store yet, and has them brought in, a batch at a
 * time. What is not known by name (an overflow, more than it holds) is found by comparing all files with the disk.
 *
 * Its modes, idle, preparing, updating, rescanning and pausing, are those of `sync-machine.ts`. A pause is longer each time.
 *
 * Invariants: a path is pending from the moment it is reported until a transaction that saw it has been committed; a batch
 * that failed is pending again as a whole. A `settle` is answered when all that was reported before it is in, however much
 * is reported after it. Pending work survives nothing: whoever starts again has everything compared.
 */

import { failure } from '../../base/failure.ts'
import type { Failure } from '../../base/failure.ts'
import { fail, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Actor, ActorEffect, ActorMsg, ReplyTo, Stepped } from '../../otp/actor.ts'
import { FILE_WATCHER, type ChangedMessage } from '../watch/protocol.ts'
import { INCREMENTAL_UPDATER, SYNC_PORTS } from './protocol.ts'
import type { IncrementalUpdaterBody, PrepareOperation, Prepared, Settled, SynchronizerBody, SynchronizerStatus, UpdateBatch, Updated } from './protocol.ts'
import { modeOf, syncAfter, syncStart } from './sync-machine.ts'
import type { SyncEvent, SyncState } from './sync-machine.ts'

/** `asked`: the FileWatcher has been asked whether everything has been reported. `due`: all reported up to this number is waited for. */
type Waiter = { readonly from: ReplyTo; readonly due: number | undefined }

export type SynchronizerState = {
  readonly mode: SyncState
  /** Path -> the first report of it that is not in the store, counting reports; in that order. */
  readonly dirty: ReadonlyMap<string, number>
  /** The first report that only a comparison of all files answers for. */
  readonly rescanOwed: number | undefined
  /** What is being brought in. */
  readonly work: { readonly dirty: ReadonlyMap<string, number>; readonly rescan: number | undefined } | undefined
  readonly nReported: number
  readonly waiters: ReadonlyMap<string, Waiter>
  readonly nAsked: number
  readonly epoch: number
  readonly nBatches: number
  readonly nRescans: number
  readonly nFailed: number
  readonly lastFailure: Failure | undefined
}

/** More than this many pending paths are not kept by name. */
export const MAX_DIRTY = 20_000
/** Paths of one batch. More are not worth the sync thread's while: an import has all parser threads, and stores them in one step. */
export const MAX_BATCH = 64
export const MAX_WAITERS = 1000
export const FIRST_PAUSE_MS = 100
export const MAX_PAUSE_MS = 10_000
const UPDATE_MS = 60_000
const BARRIER_MS = 30_000

const WORK = 'work'
const PAUSE = 'pause'

type Msg = ActorMsg<SynchronizerBody>

export const synchronizerActor: Actor<SynchronizerState, SynchronizerBody, undefined> = {
  mailbox: { capacity: 4096, overflow: 'shed' },
  init() {
    const state: SynchronizerState = {
      mode: syncStart(), dirty: new Map(), rescanOwed: undefined, work: undefined, nReported: 0, waiters: new Map(), nAsked: 0, epoch: 0, nBatches: 0, nRescans: 0,
      nFailed: 0, lastFailure: undefined,
    }
    return { type: 'ok', state, effects: [{ type: 'cast', to: FILE_WATCHER, body: { type: 'rescan' } }] }
  },
  step(state, msg) {
    switch (msg.type) {
      case 'cast':
        return msg.body.type === 'changed' ? goOn(take(state, msg.body)) : [state, []]
      case 'call':
        return onCall(state, msg)
      case 'timer':
        return goOn(move(state, 'time_up'))
      case 'answer':
        return msg.tag === WORK ? onWork(state, msg.result) : onBarrier(state, msg.tag, msg.result)
      case 'down':
        return [state, []]
    }
  },
}

function move(state: SynchronizerState, event: SyncEvent['type']): SynchronizerState {
  return { ...state, mode: syncAfter(state.mode, event) }
}

// What is reported

function take(state: SynchronizerState, { paths, overflow, reason }: ChangedMessage): SynchronizerState {
  // What it asked for at its start, it was told of by the watcher's own opening.
  if (reason === 'asked' && (state.nRescans > 0 || state.rescanOwed !== undefined)) return state
  const nReported = state.nReported + 1
  const isTooMuch = overflow === true || state.dirty.size + paths.length > MAX_DIRTY
  // A comparison of all files sees whatever was named before it.
  if (isTooMuch) return { ...state, nReported, dirty: new Map(), rescanOwed: Math.min(state.rescanOwed ?? nReported, ...state.dirty.values()) }
  return { ...state, nReported, dirty: together(state.dirty, new Map(paths.map((path) => [path, nReported]))) }
}

/** A path that is in both has been pending since the earlier report. */
function together(earlier: ReadonlyMap<string, number>, later: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const all = new Map(earlier)
  for (const [path, at] of later) if (!all.has(path)) all.set(path, at)
  return all
}

// Bringing in

function goOn(state: SynchronizerState): Stepped<SynchronizerState> {
  const [settled, replies] = settle(state)
  const [next, effects] = modeOf(settled.mode) === 'idle' ? begin(settled) : [settled, []]
  return [next, [...replies, ...effects, report(next)]]
}

function begin(state: SynchronizerState): Stepped<SynchronizerState> {
  if (state.rescanOwed !== undefined) return rescan(move(state, 'unnamed'), state.rescanOwed)
  if (state.dirty.size === 0) return [state, []]
  if (state.dirty.size > MAX_BATCH) return rescan(move(state, 'too_many'), oldestPending(state))
  const operation: PrepareOperation = { paths: [...state.dirty.keys()] }
  return [
    { ...move(state, 'named'), dirty: new Map(), work: { dirty: state.dirty, rescan: undefined } },
    [{ type: 'run', port: SYNC_PORTS.prepare, operation, tag: WORK }],
  ]
}

/** It answers for all that is pending. */
function rescan(state: SynchronizerState, since: number): Stepped<SynchronizerState> {
  const work = { dirty: together(state.work?.dirty ?? new Map(), state.dirty), rescan: since }
  return [{ ...state, work, dirty: new Map(), rescanOwed: undefined, nRescans: state.nRescans + 1 }, [{ type: 'run', port: SYNC_PORTS.rescan, operation: 'import', tag: WORK }]]
}

function onWork(state: SynchronizerState, result: Result<unknown, Failure>): Stepped<SynchronizerState> {
  if (!result.ok) return failed(state, result.error)
  const mode = modeOf(state.mode)
  if (mode === 'preparing') {
    const prepared = result.value as Prepared
    return prepared.type === 'batch' ? update(move(state, 'read'), prepared.batch) : rescan(move(state, 'too_many'), oldestPending(state))
  }
  const { epoch } = result.value as Updated
  const nBatches = mode === 'updating' ? state.nBatches + 1 : state.nBatches
  return goOn({ ...move(state, 'stored'), work: undefined, nFailed: 0, epoch: Math.max(epoch, state.epoch), nBatches })
}

function update(state: SynchronizerState, batch: UpdateBatch): Stepped<SynchronizerState> {
  const body: IncrementalUpdaterBody = { type: 'update', batch }
  return [state, [{ type: 'call', to: INCREMENTAL_UPDATER, body, tag: WORK, timeoutMs: UPDATE_MS }]]
}

/** Everything that was under way is pending again: it may or may not have been applied, and doing it twice is harmless. */
function failed(state: SynchronizerState, error: Failure): Stepped<SynchronizerState> {
  const { work } = state
  const dirty = together(work?.dirty ?? new Map(), state.dirty)
  const again = { ...state, dirty, work: undefined, rescanOwed: work?.rescan ?? state.rescanOwed, lastFailure: error }
  // The file was changed while it was read: the newer content is read at once.
  if (error.code === 'conflict' && modeOf(state.mode) === 'updating') return goOn(move(again, 'changed_meanwhile'))
  const ms = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(state.nFailed, 20))
  const log: ActorEffect[] = state.nFailed === 0 && error.code !== 'busy'
    ? [{ type: 'log', level: 'warn', message: `changed files are not in the store yet: ${error.message}`, fields: { code: error.code, nPending: dirty.size } }] : []
  const [next, effects] = goOn({ ...move(again, 'failed'), nFailed: state.nFailed + 1 })
  return [next, [...log, ...effects, { type: 'after', name: PAUSE, ms }]]
}

function report(state: SynchronizerState): ActorEffect {
  return { type: 'run', port: SYNC_PORTS.report, operation: { nPending: pendingOf(state) }, tag: 'reported' }
}

function pendingOf({ dirty, work, rescanOwed }: SynchronizerState): number {
  return dirty.size + (work?.dirty.size ?? 0) + (rescanOwed === undefined && work?.rescan === undefined ? 0 : 1)
}

// Waiting for it

type Call = Extract<Msg, { type: 'call' }>

function onCall(state: SynchronizerState, { from, body }: Call): Stepped<SynchronizerState> {
  if (body.type === 'status') return [state, [{ type: 'reply', to: from, result: ok(statusOf(state)) }]]
  if (body.type !== 'settle') return [state, []]
  if (state.waiters.size >= MAX_WAITERS) return [state, [{ type: 'reply', to: from, result: fail(failure('busy', 'too many wait for changed files', { hint: 'ask without waiting' })) }]]
  const nAsked = state.nAsked + 1
  const tag = `settle ${nAsked}`
  const waiters = new Map(state.waiters).set(tag, { from, due: undefined })
  return [{ ...state, nAsked, waiters }, [{ type: 'call', to: FILE_WATCHER, body: { type: 'barrier' }, tag, timeoutMs: BARRIER_MS }]]
}

/** What the FileWatcher had to report arrived before its answer did. */
function onBarrier(state: SynchronizerState, tag: string, result: Result<unknown, Failure>): Stepped<SynchronizerState> {
  const waiter = state.waiters.get(tag)
  if (waiter === undefined) return [state, []]
  const waiters = new Map(state.waiters)
  if (!result.ok) {
    waiters.delete(tag)
    return [{ ...state, waiters }, [{ type: 'reply', to: waiter.from, result }]]
  }
  waiters.set(tag, { ...waiter, due: state.nReported })
  return goOn({ ...state, waiters })
}

function settle(state: SynchronizerState): Stepped<SynchronizerState> {
  if (state.waiters.size === 0) return [state, []]
  const oldest = oldestPending(state)
  const settled = [...state.waiters].filter(([, { due }]) => due !== undefined && due < oldest)
  if (settled.length === 0) return [state, []]
  const waiters = new Map(state.waiters)
  for (const [tag] of settled) waiters.delete(tag)
  const value: Settled = { epoch: state.epoch }
  return [{ ...state, waiters }, settled.map(([, { from }]) => ({ type: 'reply', to: from, result: ok(value) }))]
}

/** The number of the oldest report that is not in the store. */
function oldestPending({ dirty, work, rescanOwed }: SynchronizerState): number {
  let oldest = Math.min(rescanOwed ?? Infinity, work?.rescan ?? Infinity)
  for (const at of dirty.values()) oldest = Math.min(oldest, at)
  for (const at of work?.dirty.values() ?? []) oldest = Math.min(oldest, at)
  return oldest
}

function statusOf(state: SynchronizerState): SynchronizerStatus {
  const { mode, rescanOwed, epoch, nBatches, nRescans, nFailed, lastFailure } = state
  return { phase: modeOf(mode), nPending: pendingOf(state), isRescanOwed: rescanOwed !== undefined, epoch, nBatches, nRescans, nFailed, lastFailure }
}
