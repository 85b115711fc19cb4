/**
 * The payload of an event as a plain term (terms.ts): Elixir terms in MessagePack, with the extensions of docs/AGENT.md (Terms). Read
 * by a reader of its own: msgpackr keeps extensions for the whole thread, where other MessagePack is read that has none of them.
 *
 * Bytes come from nodes and clients: a length is believed only as far as there are bytes, and what is read can be printed.
 */

import { floatText } from './term-literals.ts'
import type { Term } from './terms.ts'

type Reader = { readonly bytes: Uint8Array; readonly view: DataView; at: number; depth: number }

/** Lists, maps and tagged terms within each other: far more than an agent sends, far fewer than the stack has room for. */
const MAX_DEPTH = 512

/** Undefined where the bytes are no such MessagePack. */
export function readPayload(bytes: Uint8Array): Term | undefined {
  try {
    return readWhole(bytes, 0)
  } catch (caught) {
    // Beyond the end, an unknown form, or nested too deep.
    if (caught instanceof RangeError) return undefined
    throw caught
  }
}

function readWhole(bytes: Uint8Array, depth: number): Term {
  const reader: Reader = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0, depth }
  const term = readTerm(reader)
  if (reader.at !== bytes.length) throw new RangeError('bytes behind the term')
  return term
}

function readTerm(reader: Reader): Term {
  if (++reader.depth > MAX_DEPTH) throw new RangeError('nested too deep')
  const term = readToken(reader)
  reader.depth--
  return term
}

function readToken(reader: Reader): Term {
  const token = readUnsigned(reader, 1)
  if (token < 0x80) return token
  if (token < 0x90) return readMap(reader, token & 0x0f)
  if (token < 0xa0) return readList(reader, token & 0x0f)
  if (token < 0xc0) return readText(reader, token & 0x1f)
  if (token >= 0xe0) return token - 0x100
  return readMarked(reader, token)
}

/** What a token of its own begins: 0xc0 to 0xdf. */
function readMarked(reader: Reader, token: number): Term {
  switch (token) {
    case 0xc0:
      return null
    case 0xc2:
    case 0xc3:
      return token === 0xc3
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return readBytes(reader, readUnsigned(reader, 1 << (token - 0xc4))).slice()
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return readExtension(reader, readUnsigned(reader, 1 << (token - 0xc7)))
    case 0xca:
      return ofFloat(reader.view.getFloat32(advance(reader, 4)))
    case 0xcb:
      return ofFloat(reader.view.getFloat64(advance(reader, 8)))
    case 0xcc:
    case 0xcd:
    case 0xce:
      return readUnsigned(reader, 1 << (token - 0xcc))
    case 0xcf:
      return safe(reader.view.getBigUint64(advance(reader, 8)))
    case 0xd0:
      return reader.view.getInt8(advance(reader, 1))
    case 0xd1:
      return reader.view.getInt16(advance(reader, 2))
    case 0xd2:
      return reader.view.getInt32(advance(reader, 4))
    case 0xd3:
      return safe(reader.view.getBigInt64(advance(reader, 8)))
    case 0xd9:
    case 0xda:
    case 0xdb:
      return readText(reader, readUnsigned(reader, 1 << (token - 0xd9)))
    case 0xdc:
    case 0xdd:
      return readList(reader, readUnsigned(reader, 2 << (token - 0xdc)))
    case 0xde:
    case 0xdf:
      return readMap(reader, readUnsigned(reader, 2 << (token - 0xde)))
    default:
      // 0xd4 to 0xd8: extensions of 1 to 16 bytes; 0xc1 is none.
      if (token < 0xd4) throw new RangeError('a token without a meaning')
      return readExtension(reader, 1 << (token - 0xd4))
  }
}

/** A whole number here is no integer there. Beyond 32 bits JavaScript sends integers in this form. */
function ofFloat(value: number): Term {
  return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? { $float: floatText(value) } : value
}

function readExtension(reader: Reader, length: number): Term {
  const type = reader.view.getInt8(advance(reader, 1))
  const data = readBytes(reader, length)
  switch (type) {
    case 1:
      return { $atom: textOf(data) }
    case 2:
      return { $tuple: readWhole(data, reader.depth) }
    case 3:
      return { $ref: textOf(data) }
    case 4:
      return { $integer: textOf(data) }
    case 5:
      return { $more: readWhole(data, reader.depth) }
    case 6:
      return { $redacted: textOf(data) }
    case 7:
      return { $inspect: textOf(data) }
    default:
      throw new RangeError('an unknown extension')
  }
}

function readList(reader: Reader, length: number): Term {
  const items: Term[] = []
  while (items.length < length) items.push(readTerm(reader))
  return items
}

/** Where all keys are strings or atoms these stand for themselves; a leading colon tells atoms. */
function readMap(reader: Reader, length: number): Term {
  const entries: (readonly [Term, Term])[] = []
  while (entries.length < length) entries.push([readTerm(reader), readTerm(reader)])
  const named = entries.flatMap(([key, value]) => {
    const name = keyName(key)
    return name === undefined ? [] : [[name, value] as const]
  })
  return named.length === length ? Object.fromEntries(named) : { $map: entries }
}

function keyName(key: Term): string | undefined {
  if (typeof key === 'string') return key
  const atom = typeof key === 'object' && key !== null && '$atom' in key ? key.$atom : undefined
  return typeof atom === 'string' ? `:${atom}` : undefined
}

function readText(reader: Reader, length: number): string {
  return textOf(readBytes(reader, length))
}

function readBytes(reader: Reader, length: number): Uint8Array {
  const at = advance(reader, length)
  return reader.bytes.subarray(at, at + length)
}

/** Big-endian, of 1, 2 or 4 bytes. */
function readUnsigned(reader: Reader, width: number): number {
  const at = advance(reader, width)
  return width === 1 ? reader.view.getUint8(at) : width === 2 ? reader.view.getUint16(at) : reader.view.getUint32(at)
}

function safe(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
}

function advance(reader: Reader, length: number): number {
  const { at } = reader
  if (at + length > reader.bytes.length) throw new RangeError('beyond the end')
  reader.at += length
  return at
}

function textOf(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8')
}
