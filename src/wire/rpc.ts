/**
 * MessagePack-RPC messages, per the public specification (github.com/msgpack-rpc/msgpack-rpc, spec.md):
 *
 *     request       [0, msgid, method, params]      msgid: 32-bit unsigned
 *     response      [1, msgid, error, result]       error nil on success, result nil on failure
 *     notification  [2, method, params]
 *
 * Params are an array of no or one map: the arguments. An error is a map `{code, message, hint?, details?}`. The bytes are
 * plain MessagePack: no extension types, no records, maps with string keys; integers beyond 32 bits are int64, and
 * beyond 2^53 a bigint on our side. Frames come from `framing.ts`, which has already refused what is not well-formed.
 */

import { Packr, Unpackr } from 'msgpackr'
import { assert } from '../base/assert.ts'
import { type Failure, failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'

export type RpcRequest = { readonly kind: 'request'; readonly id: number; readonly method: string; readonly params: readonly unknown[] }
export type RpcResponse = { readonly kind: 'response'; readonly id: number; readonly error: unknown; readonly result: unknown }
export type RpcNotification = { readonly kind: 'notification'; readonly method: string; readonly params: readonly unknown[] }
export type RpcMessage = RpcRequest | RpcResponse | RpcNotification

/** What is wrong with a message, and the id of the request that it was, where that much could be read. */
export type RpcFault = { readonly failure: Failure; readonly id: number | undefined }

/** The notification that tells a client why its connection is about to close; its one param is an error map. */
export const ERROR_NOTIFICATION = 'error'

const MAX_ID = 0xffff_ffff
const MAX_ENCODE_DEPTH = 500
/** A larger message grows the encoder's buffer; it is given up again, so that it does not stay for good. */
const LARGE_MESSAGE_BYTES = 1 << 20
const ENCODE_BUFFER_BYTES = 1 << 16

// The library's types do not list 'auto' (a number where it is safe, else a bigint).
const INT64_AS = 'auto' as 'bigint'
const PLAIN = { useRecords: false, mapsAsObjects: true, int64AsType: INT64_AS, useToJSON: false, variableMapSize: true } as const
const packr = new Packr({ ...PLAIN })
const unpackr = new Unpackr({ ...PLAIN })

export function encodeRequest(id: number, method: string, params: readonly unknown[]): Uint8Array {
  return encode([0, id, method, params])
}

/** A result that is encoded already (`encodeResult`): a response can be made of it again and again. */
export class EncodedResult {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

/** A result as it stands in a response. The bytes may be part of a larger buffer: copy them to hand them to another thread. */
export function encodeResult(result: unknown): Uint8Array {
  return encode(result ?? null)
}

export function encodeResponse(id: number, result: Result<unknown, Failure>): Uint8Array {
  if (result.ok && result.value instanceof EncodedResult) return responseAround(id, result.value.bytes)
  return encode(result.ok ? [1, id, null, result.value ?? null] : [1, id, result.error, null])
}

/** `[1, id, nil, …]` with the result's bytes as they are. */
function responseAround(id: number, result: Uint8Array): Uint8Array {
  const response = Buffer.allocUnsafe(8 + result.length)
  response[0] = 0x94
  response[1] = 1
  response[2] = 0xce
  response.writeUInt32BE(id, 3)
  response[7] = 0xc0
  response.set(result, 8)
  return response
}

export function encodeNotification(method: string, params: readonly unknown[]): Uint8Array {
  return encode([2, method, params])
}

/** The message that one frame holds. */
export function decodeMessage(frame: Uint8Array): Result<RpcMessage, RpcFault> {
  let value: unknown
  try {
    value = unpackr.unpack(frame)
  } catch (error) {
    return fault(`the message cannot be decoded: ${error instanceof Error ? error.message : String(error)}`, frame)
  }
  if (!Array.isArray(value)) return fault('a message is an array', frame)
  switch (value[0]) {
    case 0: return readRequest(value, frame)
    case 1:
      if (value.length !== 4 || !isId(value[1])) return fault('a response is [1, msgid, error, result]', frame)
      return ok({ kind: 'response', id: value[1], error: value[2], result: value[3] })
    case 2:
      if (value.length !== 3 || typeof value[1] !== 'string' || !Array.isArray(value[2])) return fault('a notification is [2, method, params]', frame)
      return ok({ kind: 'notification', method: value[1], params: value[2] })
    default: return fault('the type of a message is 0 (request), 1 (response) or 2 (notification)', frame)
  }
}

/** The id of a request (0) or response (1) by its first bytes alone; undefined when they are not the start of one. */
export function messageIdOf(head: Uint8Array, type: 0 | 1): number | undefined {
  if (head[0] !== 0x94 || head[1] !== type) return undefined
  const token = head[2] ?? 0xc1
  if (token < 0x80) return token
  const bytes = token === 0xcc ? 1 : token === 0xcd ? 2 : token === 0xce ? 4 : token === 0xcf ? 8 : 0
  if (bytes === 0 || head.length < 3 + bytes) return undefined
  let id = 0
  for (let i = 0; i < bytes; i++) id = id * 256 + (head[3 + i] ?? 0)
  return isId(id) ? id : undefined
}

function readRequest(value: readonly unknown[], frame: Uint8Array): Result<RpcMessage, RpcFault> {
  const [, id, method, params] = value
  if (value.length !== 4 || !isId(id) || typeof method !== 'string' || !Array.isArray(params)) {
    return fault('a request is [0, msgid, method, params]: a 32-bit unsigned integer, a string, an array', frame)
  }
  return ok({ kind: 'request', id, method, params })
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_ID
}

function fault(message: string, frame: Uint8Array): { readonly ok: false; readonly error: RpcFault } {
  const hint = 'the protocol is MessagePack-RPC; docs/RPC.md lists its messages'
  return fail({ failure: failure('invalid_argument', message, { hint }), id: messageIdOf(frame, 0) })
}

function encode(message: unknown): Uint8Array {
  const bytes = packr.pack(plain(message, 0))
  if (bytes.length > LARGE_MESSAGE_BYTES) packr.useBuffer(Buffer.allocUnsafeSlow(ENCODE_BUFFER_BYTES))
  return bytes
}

/**
 * The value as plain MessagePack can carry it, the same object where nothing changes: keys whose value is undefined are
 * left out, and integers beyond 32 bits become bigints, because the encoder writes those as int64 and numbers as float64.
 */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'number') return isWideInteger(value) ? BigInt(value) : value
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  assert(depth < MAX_ENCODE_DEPTH, 'a message nested deeper than anything we send')
  if (Array.isArray(value)) return plainArray(value, depth)
  const proto: unknown = Object.getPrototypeOf(value)
  assert(proto === Object.prototype || proto === null, 'a message of plain objects only')
  return plainObject(value as Record<string, unknown>, depth)
}

function plainArray(array: readonly unknown[], depth: number): readonly unknown[] {
  let copy: unknown[] | undefined
  for (let i = 0; i < array.length; i++) {
    const item = array[i]
    if (typeof item === 'string') continue
    const kept = item === undefined ? null : plain(item, depth + 1)
    if (kept !== item) (copy ??= array.slice())[i] = kept
  }
  return copy ?? array
}

function plainObject(object: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined
  for (const key in object) {
    const item = object[key]
    if (typeof item === 'string') continue
    if (item === undefined) {
      copy ??= { ...object }
      delete copy[key]
      continue
    }
    const kept = plain(item, depth + 1)
    if (kept !== item) (copy ??= { ...object })[key] = kept
  }
  return copy ?? object
}

function isWideInteger(value: number): boolean {
  return value !== (value | 0) && value !== value >>> 0 && Number.isSafeInteger(value)
}
