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

/** The payload, or undefined when the blob is damaged; a row whose types are damaged may hold something else in its place. */
export function unsealed(blob: unknown): Buffer | undefined {
  if (!(blob instanceof Uint8Array) || blob.length < SEAL_BYTES) return undefined
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
  /** Starts over with `reserved` bytes left free, e.g. for the seal. */
  reset(reserved: number): void
  varint(value: number): void
  /** The text from `start` on, in UTF-8, behind its length in bytes. */
  string(value: string, start?: number): void
  /** A copy of what was written. */
  finish(): Buffer
}

/** Characters; must stay below 128, so that the length is one byte. */
const SHORT = 40

/** Keeps its buffer from one use to the next. */
export function byteWriter(): ByteWriter {
  let buffer = Buffer.allocUnsafe(1024)
  let at = 0
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
  /** Short texts, which most are, cost less one by one than by a call into native code. Writes nothing when one is not ASCII. */
  const writeAscii = (value: string, start: number): boolean => {
    for (let index = start; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code >= 0x80) return false
      buffer[at + 1 + index - start] = code
    }
    buffer[at] = value.length - start
    at += value.length - start + 1
    return true
  }
  return {
    reset(reserved) {
      at = reserved
    },
    varint,
    string(value, start = 0) {
      const length = value.length - start
      room(length * 3 + 8)
      if (length < SHORT && writeAscii(value, start)) return
      const text = start === 0 ? value : value.slice(start)
      varint(Buffer.byteLength(text))
      at += buffer.write(text, at)
    },
    finish: () => Buffer.from(buffer.subarray(0, at)),
  }
}

export type ByteReader = {
  varint(): number
  string(): string
  /** Copies a length-prefixed run of bytes to `at` of the target and gives its length; nothing is copied beyond its end. */
  copyTo(target: Buffer, at: number): number
  ended(): boolean
}

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
  /** Moves past a run; where it starts. */
  const skip = (length: number): number => {
    if (at + length > buffer.length) throw new RangeError('bytes out of bounds')
    at += length
    return at - length
  }
  return {
    varint,
    string() {
      const length = varint()
      const start = skip(length)
      return buffer.toString('utf8', start, start + length)
    },
    copyTo(target, to) {
      const length = varint()
      const start = skip(length)
      buffer.copy(target, to, start, start + length)
      return length
    },
    ended: () => at === buffer.length,
  }
}
