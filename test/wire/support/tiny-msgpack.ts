/**
 * A second MessagePack codec, written from the public specification alone, so that the product's bytes are judged by
 * something that shares no code with it. Small and slow; integers beyond 2^53 are bigints, maps are plain objects.
 */

export function tinyEncode(value: unknown): Uint8Array {
  const out: number[] = []
  write(value, out)
  return Uint8Array.from(out)
}

/** The one value that the bytes hold; throws on anything else, extension types included. */
export function tinyDecode(bytes: Uint8Array): unknown {
  const [value, end] = readAt(bytes, 0)
  if (end !== bytes.length) throw new Error(`${bytes.length - end} bytes left over`)
  return value
}

/** The whole values at the start of the bytes, and how many bytes they take. */
export function tinyDecodeAll(bytes: Uint8Array): { values: unknown[]; end: number } {
  const values: unknown[] = []
  let end = 0
  try {
    while (end < bytes.length) {
      const [value, next] = readAt(bytes, end)
      values.push(value)
      end = next
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return { values, end }
}

function write(value: unknown, out: number[]): void {
  if (value === null) out.push(0xc0)
  else if (typeof value === 'boolean') out.push(value ? 0xc3 : 0xc2)
  else if (typeof value === 'bigint') int64(value, out)
  else if (typeof value === 'number') number(value, out)
  else if (typeof value === 'string') string(value, out)
  else if (value instanceof Uint8Array) {
    head(value.length, out, [0xc4, 0xc5, 0xc6])
    for (const byte of value) out.push(byte)
  } else if (Array.isArray(value)) {
    if (value.length < 16) out.push(0x90 | value.length)
    else head(value.length, out, [undefined, 0xdc, 0xdd])
    for (const item of value) write(item, out)
  } else if (typeof value === 'object') {
    const entries = Object.entries(value)
    if (entries.length < 16) out.push(0x80 | entries.length)
    else head(entries.length, out, [undefined, 0xde, 0xdf])
    for (const [key, item] of entries) {
      write(key, out)
      write(item, out)
    }
  } else throw new Error(`no MessagePack for ${typeof value}`)
}

function number(value: number, out: number[]): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) integer(value, out)
  else float(value, out)
}

function integer(value: number, out: number[]): void {
  if (value >= 0 && value < 0x80) out.push(value)
  else if (value < 0 && value >= -32) out.push(0x100 + value)
  else if (value >= 0 && value <= 0xffff_ffff) {
    if (value <= 0xff) out.push(0xcc, value)
    else if (value <= 0xffff) out.push(0xcd, value >> 8, value & 0xff)
    else out.push(0xce, value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
  } else if (value < 0 && value >= -0x80) out.push(0xd0, value & 0xff)
  else if (value < 0 && value >= -0x8000) out.push(0xd1, (value >> 8) & 0xff, value & 0xff)
  else if (value < 0 && value >= -0x8000_0000) out.push(0xd2, (value >> 24) & 0xff, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff)
  else int64(BigInt(value), out)
}

function int64(value: bigint, out: number[]): void {
  out.push(value < 0x8000_0000_0000_0000n ? 0xd3 : 0xcf)
  const bits = BigInt.asUintN(64, value)
  for (let shift = 56n; shift >= 0n; shift -= 8n) out.push(Number((bits >> shift) & 0xffn))
}

function float(value: number, out: number[]): void {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  out.push(0xcb)
  for (let i = 0; i < 8; i++) out.push(view.getUint8(i))
}

function string(value: string, out: number[]): void {
  const bytes = new TextEncoder().encode(value)
  if (bytes.length < 32) out.push(0xa0 | bytes.length)
  else head(bytes.length, out, [0xd9, 0xda, 0xdb])
  for (const byte of bytes) out.push(byte)
}

function head(length: number, out: number[], [one, two, four]: readonly (number | undefined)[]): void {
  if (length <= 0xff && one !== undefined) out.push(one, length)
  else if (length <= 0xffff) out.push(two ?? 0, length >> 8, length & 0xff)
  else out.push(four ?? 0, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff)
}

function readAt(bytes: Uint8Array, at: number): [value: unknown, end: number] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const token = view.getUint8(at)
  const length = (size: number): number => size === 1 ? view.getUint8(at + 1) : size === 2 ? view.getUint16(at + 1) : view.getUint32(at + 1)
  if (token < 0x80) return [token, at + 1]
  if (token < 0x90) return map(bytes, at + 1, token & 0x0f)
  if (token < 0xa0) return array(bytes, at + 1, token & 0x0f)
  if (token < 0xc0) return text(bytes, at + 1, token & 0x1f)
  if (token >= 0xe0) return [token - 0x100, at + 1]
  switch (token) {
    case 0xc0: return [null, at + 1]
    case 0xc2: return [false, at + 1]
    case 0xc3: return [true, at + 1]
    case 0xc4: case 0xc5: case 0xc6: {
      const size = 1 << (token - 0xc4)
      return [new Uint8Array(slice(bytes, at + 1 + size, length(size))), at + 1 + size + length(size)]
    }
    case 0xca: return [view.getFloat32(at + 1), at + 5]
    case 0xcb: return [view.getFloat64(at + 1), at + 9]
    case 0xcc: return [view.getUint8(at + 1), at + 2]
    case 0xcd: return [view.getUint16(at + 1), at + 3]
    case 0xce: return [view.getUint32(at + 1), at + 5]
    case 0xcf: return [narrow(view.getBigUint64(at + 1)), at + 9]
    case 0xd0: return [view.getInt8(at + 1), at + 2]
    case 0xd1: return [view.getInt16(at + 1), at + 3]
    case 0xd2: return [view.getInt32(at + 1), at + 5]
    case 0xd3: return [narrow(view.getBigInt64(at + 1)), at + 9]
    case 0xd9: case 0xda: case 0xdb: {
      const size = 1 << (token - 0xd9)
      return text(bytes, at + 1 + size, length(size))
    }
    case 0xdc: return array(bytes, at + 3, length(2))
    case 0xdd: return array(bytes, at + 5, length(4))
    case 0xde: return map(bytes, at + 3, length(2))
    case 0xdf: return map(bytes, at + 5, length(4))
    default: throw new Error(`token 0x${token.toString(16)} at ${at}`)
  }
}

function narrow(value: bigint): number | bigint {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

function text(bytes: Uint8Array, at: number, length: number): [unknown, number] {
  return [new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(slice(bytes, at, length)), at + length]
}

function slice(bytes: Uint8Array, at: number, length: number): Uint8Array {
  if (at + length > bytes.length) throw new RangeError('the bytes end inside a value')
  return bytes.subarray(at, at + length)
}

function array(bytes: Uint8Array, from: number, count: number): [unknown, number] {
  const items: unknown[] = []
  let at = from
  for (let i = 0; i < count; i++) {
    const [item, end] = readAt(bytes, at)
    items.push(item)
    at = end
  }
  return [items, at]
}

function map(bytes: Uint8Array, from: number, count: number): [unknown, number] {
  const object: Record<string, unknown> = {}
  let at = from
  for (let i = 0; i < count; i++) {
    const [key, afterKey] = readAt(bytes, at)
    const [item, end] = readAt(bytes, afterKey)
    object[String(key)] = item
    at = end
  }
  return [object, at]
}
