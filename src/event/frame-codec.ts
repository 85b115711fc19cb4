/**
 * The part of MessagePack that a batch is made of: non-negative integers, strings, binaries, arrays and nil. Written in the
 * shortest form of the specification, so that the same batch is the same bytes whoever encodes it. Read without trust:
 * nothing is allocated before its bytes are known to be there, and the first fault is kept, after which every read is empty.
 *
 * Absent on purpose: maps, floats and extensions. Payloads have them, and are not looked into.
 */

/** What is wrong with a frame, and where in it: `columns.ts[17]`, `names.sites[3].file`. */
export type BatchFault = { readonly where: string; readonly message: string }

export type FrameReader = { readonly bytes: Buffer; at: number; fault: BatchFault | undefined }

const NONE = Buffer.alloc(0)

export function openFrame(frame: Uint8Array): FrameReader {
  return { bytes: Buffer.from(frame.buffer, frame.byteOffset, frame.length), at: 0, fault: undefined }
}

/** Keeps the first fault; `idx` is the element's in what `where` names. */
export function fault(reader: FrameReader, message: string, where: string, idx?: number): void {
  reader.fault ??= { where: idx === undefined ? where : `${where}[${idx}]`, message }
}

/** The length of an array, at most `max`; 0 after a fault. */
export function readArray(reader: FrameReader, max: number, where: string): number {
  const token = nextToken(reader, where)
  const length = (token & 0xf0) === 0x90 ? token & 0x0f : token === 0xdc ? readLength(reader, 2, where) : token === 0xdd ? readLength(reader, 4, where) : -1
  if (reader.fault !== undefined) return 0
  if (length >= 0 && length <= max) return length
  fault(reader, length < 0 ? `an array is expected, ${named(token)} found` : `${length} elements, at most ${max} are allowed`, where)
  return 0
}

/** A non-negative integer of any width, signed or not. */
export function readInteger(reader: FrameReader, where: string): bigint {
  const token = nextToken(reader, where)
  if (reader.fault !== undefined || token < 0x80) return BigInt(token)
  const width = token >= 0xcc && token <= 0xd3 ? 1 << (token & 3) : 0
  if (width === 0) {
    fault(reader, `a non-negative integer is expected, ${named(token)} found`, where)
    return 0n
  }
  const at = reader.at
  if (!takes(reader, width, where)) return 0n
  const high = width === 8 ? BigInt(reader.bytes.readUInt32BE(at)) << 32n : 0n
  const value = high | BigInt(reader.bytes.readUIntBE(width === 8 ? at + 4 : at, Math.min(width, 4)))
  if (token >= 0xd0 && value >> BigInt(width * 8 - 1) !== 0n) {
    fault(reader, 'a non-negative integer is expected, a negative one found', where)
    return 0n
  }
  return value
}

export function readText(reader: FrameReader, where: string, idx: number): string {
  const token = nextToken(reader, where)
  const length = (token & 0xe0) === 0xa0 ? token & 0x1f : token >= 0xd9 && token <= 0xdb ? readLength(reader, 1 << (token - 0xd9), where) : -1
  if (reader.fault !== undefined) return ''
  if (length < 0) fault(reader, `a string is expected, ${named(token)} found`, where, idx)
  const at = reader.at
  return takes(reader, length, where) ? reader.bytes.toString('utf8', at, at + length) : ''
}

/** A view of the binary's bytes. */
export function readBinary(reader: FrameReader, where: string): Buffer {
  const token = nextToken(reader, where)
  const length = token >= 0xc4 && token <= 0xc6 ? readLength(reader, 1 << (token - 0xc4), where) : -1
  if (reader.fault !== undefined) return NONE
  if (length < 0) fault(reader, `a binary is expected, ${named(token)} found`, where)
  const at = reader.at
  return takes(reader, length, where) ? reader.bytes.subarray(at, at + length) : NONE
}

/** True, and past it, where nil is next. */
export function readNil(reader: FrameReader): boolean {
  if (reader.fault !== undefined || reader.bytes[reader.at] !== 0xc0) return false
  reader.at++
  return true
}

function nextToken(reader: FrameReader, where: string): number {
  const at = reader.at
  return takes(reader, 1, where) ? (reader.bytes[at] ?? 0) : 0
}

function readLength(reader: FrameReader, width: number, where: string): number {
  const at = reader.at
  return takes(reader, width, where) ? reader.bytes.readUIntBE(at, width) : 0
}

/** Steps over so many bytes, if they are there. */
function takes(reader: FrameReader, nBytes: number, where: string): boolean {
  if (reader.fault !== undefined) return false
  if (reader.at + nBytes > reader.bytes.length) {
    fault(reader, `the frame ends at byte ${reader.bytes.length}, ${nBytes} bytes are expected from byte ${reader.at}`, where)
    return false
  }
  reader.at += nBytes
  return true
}

function named(token: number): string {
  return `the byte 0x${token.toString(16).padStart(2, '0')}`
}

export type FrameWriter = { bytes: Buffer; at: number }

export function writeArray(writer: FrameWriter, length: number): void {
  if (length < 16) writeByte(writer, 0x90 | length)
  else if (length < 0x1_0000) writeWide(writer, 0xdc, length, 2)
  else writeWide(writer, 0xdd, length, 4)
}

export function writeInteger(writer: FrameWriter, value: number | bigint): void {
  if (value < 0x80) writeByte(writer, Number(value))
  else if (value < 0x100) writeWide(writer, 0xcc, Number(value), 1)
  else if (value < 0x1_0000) writeWide(writer, 0xcd, Number(value), 2)
  else if (value <= 0xffff_ffff) writeWide(writer, 0xce, Number(value), 4)
  else {
    reserve(writer, 9)
    writer.bytes[writer.at] = 0xcf
    writer.at = writer.bytes.writeBigUInt64BE(BigInt(value), writer.at + 1)
  }
}

export function writeText(writer: FrameWriter, text: string): void {
  const length = Buffer.byteLength(text)
  if (length < 32) writeByte(writer, 0xa0 | length)
  else writeSized(writer, 0xd9, length)
  reserve(writer, length)
  writer.bytes.write(text, writer.at, 'utf8')
  writer.at += length
}

export function writeBinary(writer: FrameWriter, bytes: Uint8Array): void {
  writeSized(writer, 0xc4, bytes.length)
  reserve(writer, bytes.length)
  writer.bytes.set(bytes, writer.at)
  writer.at += bytes.length
}

export function writeNil(writer: FrameWriter): void {
  writeByte(writer, 0xc0)
}

/** A length in one, two or four bytes, after `token`, `token + 1` or `token + 2`. */
function writeSized(writer: FrameWriter, token: number, length: number): void {
  if (length < 0x100) writeWide(writer, token, length, 1)
  else if (length < 0x1_0000) writeWide(writer, token + 1, length, 2)
  else writeWide(writer, token + 2, length, 4)
}

function writeByte(writer: FrameWriter, byte: number): void {
  reserve(writer, 1)
  writer.bytes[writer.at++] = byte
}

function writeWide(writer: FrameWriter, token: number, value: number, width: number): void {
  reserve(writer, 1 + width)
  writer.bytes[writer.at] = token
  writer.at = writer.bytes.writeUIntBE(value, writer.at + 1, width)
}

function reserve(writer: FrameWriter, nBytes: number): void {
  if (writer.at + nBytes <= writer.bytes.length) return
  const larger = Buffer.allocUnsafe(Math.max(writer.bytes.length * 2, writer.at + nBytes))
  larger.set(writer.bytes.subarray(0, writer.at))
  writer.bytes = larger
}
