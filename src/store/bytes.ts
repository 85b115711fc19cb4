/**
 * Bytes: a growing writer and a checking reader of varints and strings, and the seal that every stored blob carries.
 *
 *     sealed = crc32 of payload (u32, little endian) | payload
 *
 * Reading past the end, or a varint over 2^53, throws RangeError: the caller knows which row it was reading.
 */

import { crc32 } from 'node:zlib'
import { failure, FailureError } from '../base/failure.ts'

export const SEAL_BYTES = 4

/** Computes the seal over what follows its place and returns the whole. */
export function seal(withPlace: Buffer): Buffer {
  withPlace.writeUInt32LE(crc32(withPlace.subarray(SEAL_BYTES)), 0)
  return withPlace
}

export function sealCopy(payload: Uint8Array): Buffer {
  const whole = Buffer.allocUnsafe(SEAL_BYTES + payload.length)
  whole.set(payload, SEAL_BYTES)
  return seal(whole)
}

/** The payload, or undefined when the blob is damaged. */
export function unsealed(blob: Uint8Array): Buffer | undefined {
  if (blob.length < SEAL_BYTES) return undefined
  const whole = Buffer.from(blob.buffer, blob.byteOffset, blob.length)
  const payload = whole.subarray(SEAL_BYTES)
  return whole.readUInt32LE(0) === crc32(payload) ? payload : undefined
}

export type RowName = { readonly table: string; readonly column: string; readonly row: string | number; readonly path: string | null }

/** Decodes a sealed blob; throws the failure `damaged`, naming the row, when seal or layout are broken. */
export function open<T>(blob: Uint8Array, name: RowName, decode: (payload: Buffer) => T): T {
  const payload = unsealed(blob)
  if (payload === undefined) throw damaged(name)
  try {
    return decode(payload)
  } catch (caught) {
    throw damaged(name, caught)
  }
}

function damaged(name: RowName, cause?: unknown): FailureError {
  return new FailureError(failure('damaged', `${name.table} ${name.row}: ${name.column} is damaged`, { hint: remedy(name), details: name }), { cause })
}

function remedy(name: RowName): string {
  if (name.table === 'postings') return 'run `optimize`: postings are rebuilt from the functions'
  return name.path === null ? 'store the module again' : `import ${name.path} again: its facts are rebuilt from the source`
}

export type ByteWriter = {
  varint(value: number): void
  bytes(value: Uint8Array): void
  string(value: string): void
  /** A copy of what was written. */
  finish(): Buffer
}

/** Starts with `reserved` bytes left free, e.g. for the seal. */
export function byteWriter(reserved = 0): ByteWriter {
  let buffer = Buffer.allocUnsafe(512)
  let at = reserved
  const room = (count: number): void => {
    if (at + count <= buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + count))
    larger.set(buffer.subarray(0, at))
    buffer = larger
  }
  const varint = (value: number): void => {
    room(8)
    let rest = value
    while (rest >= 0x80) {
      buffer[at++] = (rest % 0x80) + 0x80
      rest = Math.floor(rest / 0x80)
    }
    buffer[at++] = rest
  }
  const bytes = (value: Uint8Array): void => {
    varint(value.length)
    room(value.length)
    buffer.set(value, at)
    at += value.length
  }
  return {
    varint,
    bytes,
    string: (value) => bytes(Buffer.from(value)),
    finish: () => Buffer.from(buffer.subarray(0, at)),
  }
}

export type ByteReader = { varint(): number; bytes(): Buffer; string(): string; ended(): boolean }

export function byteReader(buffer: Buffer): ByteReader {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 0x80) {
      if (at >= buffer.length || scale > 2 ** 49) throw new RangeError('varint out of bounds')
      const byte = buffer[at++] ?? 0
      value += (byte % 0x80) * scale
      if (byte < 0x80) return value
    }
  }
  const bytes = (): Buffer => {
    const length = varint()
    if (at + length > buffer.length) throw new RangeError('bytes out of bounds')
    at += length
    return buffer.subarray(at - length, at)
  }
  return { varint, bytes, string: () => bytes().toString('utf8'), ended: () => at === buffer.length }
}
