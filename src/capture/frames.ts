/**
 * Frames of the agent's protocol (docs/AGENT.md) in a stream of bytes: a length in four bytes, big-endian, then one
 * MessagePack array whose first element names it. Batches are left as they came: what is in them is `src/event`'s business.
 *
 * Invariant: never more is held than one frame of the largest size; a frame that says it is larger ends the stream.
 */

import { Packr, Unpackr } from 'msgpackr'

export const MAX_FRAME_BYTES = 8 << 20

export type FrameReader = {
  /** The frames that `chunk` completes, as views where they lie in it whole; undefined: the stream is no stream of frames. */
  push(chunk: Uint8Array): readonly Uint8Array[] | undefined
}

export function createFrameReader(maxBytes = MAX_FRAME_BYTES): FrameReader {
  /** The beginning of a frame, its length included: chunks are put together once it is complete. */
  let held: Uint8Array[] = []
  let nHeld = 0
  let nNeeded = 4
  return {
    push(chunk) {
      const frames: Uint8Array[] = []
      held.push(chunk)
      nHeld += chunk.length
      while (nHeld >= nNeeded) {
        const bytes = held.length === 1 ? (held[0] ?? chunk) : Buffer.concat(held, nHeld)
        let at = 0
        nNeeded = 4
        while (bytes.length - at >= 4) {
          const length = lengthAt(bytes, at)
          if (length === 0 || length > maxBytes) return undefined
          nNeeded = 4 + length
          if (bytes.length - at < nNeeded) break
          frames.push(bytes.subarray(at + 4, at + nNeeded))
          at += nNeeded
          nNeeded = 4
        }
        nHeld = bytes.length - at
        held = nHeld === 0 ? [] : [bytes.subarray(at)]
      }
      return frames
    },
  }
}

const packr = new Packr({ useRecords: false, variableMapSize: true })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true })

/** A frame with its length before it. */
export function encodeFrame(parts: readonly unknown[]): Uint8Array {
  const body = packr.pack(parts)
  const frame = new Uint8Array(4 + body.length)
  new DataView(frame.buffer).setUint32(0, body.length)
  frame.set(body, 4)
  return frame
}

/** The array that a frame holds; undefined where it holds none. */
export function decodeFrame(bytes: Uint8Array): readonly unknown[] | undefined {
  try {
    const value: unknown = unpackr.unpack(bytes)
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Deeper than anything that an agent has to say, and less than what clients are sent may be. */
const MAX_DEPTH = 100

/** Whether clients can be handed the value as it is: nothing but texts, numbers, bytes, lists and maps of these. */
export function isPlain(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true
  if (depth >= MAX_DEPTH || (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype)) return false
  return Object.values(value).every((item) => isPlain(item, depth + 1))
}

const FIXARRAY = 0x90
const FIXSTR = 0xa0

/** The name of a frame, from its first bytes alone; empty where there is none. */
export function frameName(bytes: Uint8Array): string {
  const array = bytes[0] ?? 0
  const text = bytes[1] ?? 0
  if ((array & 0xf0) !== FIXARRAY || (text & 0xe0) !== FIXSTR) return ''
  const length = text & 0x1f
  return bytes.length < 2 + length ? '' : String.fromCharCode(...bytes.subarray(2, 2 + length))
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
}
