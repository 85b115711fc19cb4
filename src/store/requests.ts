/**
 * What was answered to writes that carry the id of a request. An answer is kept by the transaction that carried the write
 * out, so both are there or neither is: a repeat is answered from here and never carried out again, whatever died in
 * between. Bounded by number, bytes and age; who repeats later than that is carried out anew.
 *
 * Absent on purpose: refusals, which changed nothing and may be asked for again; and epochs, of which this makes none.
 */

import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { open, sealCopy } from './bytes.ts'
import { all, one, run, type Connection } from './connection.ts'
import type { Committed, KeptRequest, RequestName } from './contract.ts'
import { pack, unpack } from './facts-codec.ts'
import type { Work } from './work.ts'

export const KEPT_REQUESTS = { number: 10_000, bytes: 64 * 1024 * 1024, ageMs: 24 * 60 * 60 * 1000 }
/** What is too much goes in lumps: one by one it would cost each write the pages of the oldest rows. */
export const LUMP = 64

type Row = { readonly call: string; readonly epoch: number; readonly at_ms: number; readonly answer: Uint8Array }

/** Undefined for one that is new; a failure when the id was used for another call. */
export function findRequest(connection: Connection, { id, call }: RequestName): Result<Committed<unknown>, Failure> | undefined {
  const row = one<Row>(connection, 'SELECT call, epoch, at_ms, answer FROM requests WHERE request = ?', id)
  if (row === undefined) return undefined
  if (row.call !== call) return fail(usedBefore(id))
  return ok({ value: readAnswer(row, id), epoch: row.epoch, writtenAt: new Date(row.at_ms).toISOString(), changed: false })
}

function readAnswer({ answer }: Row, id: string): unknown {
  return open(answer, { table: 'requests', column: 'answer', row: id, path: null }, (payload) => unpack<unknown>(payload))
}

/** To be called when the state of the transaction is what will be committed. */
export function keepRequest({ connection, state, nowMs }: Work, { id, call }: RequestName, value: unknown): void {
  insert(connection, { id, call, epoch: state.epoch, atMs: state.written_at_ms, value }, nowMs)
}

/** `total`: bytes of this answer and all before it, so that what is kept can be told from any two rows. */
function insert(connection: Connection, { id, call, epoch, atMs, value }: KeptRequest, nowMs: number): void {
  const answer = sealCopy(pack(value))
  const last = one<{ id: number; total: number }>(connection, 'SELECT id, total FROM requests ORDER BY id DESC LIMIT 1') ?? { id: 0, total: 0 }
  const [number, total] = [last.id + 1, last.total + answer.length]
  run(connection, 'INSERT INTO requests (id, request, call, epoch, at_ms, kept_ms, total, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    number, id, call, epoch, atMs, nowMs, total, answer)
  if (number % LUMP !== 0) return
  run(connection, 'DELETE FROM requests WHERE id < ? AND (id <= ? OR total <= ? OR kept_ms < ?)',
    number, number - KEPT_REQUESTS.number, total - KEPT_REQUESTS.bytes, nowMs - KEPT_REQUESTS.ageMs)
}

/** All that are kept, the oldest first. */
export function readRequests(connection: Connection): KeptRequest[] {
  return all<Row & { request: string }>(connection, 'SELECT request, call, epoch, at_ms, answer FROM requests ORDER BY id')
    .map((row) => ({ id: row.request, call: row.call, epoch: row.epoch, atMs: row.at_ms, value: readAnswer(row, row.request) }))
}

/** What another store had kept; this one has none of their ids. */
export function takeOverRequests({ connection, nowMs }: Work, requests: readonly KeptRequest[]): void {
  for (const request of requests) insert(connection, request, nowMs)
}

function usedBefore(id: string): Failure {
  return failure('conflict', `request_id ${JSON.stringify(id)} was used for another call`, {
    hint: 'give each call a request_id of its own; only a repeat of the same call has the same one',
  })
}
