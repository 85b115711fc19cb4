/**
 * The calls of one caller (a function, or a module's body), packed. All numbers are varints:
 *
 *     n strings, (length, UTF-8)*               modules and function names, each once
 *     n callees, (module + 1 | 0, name, arity)* indexes into the strings; 0: no module known
 *     n calls, (callee, flags, line, column, shared, rest)*
 *
 *     flags: kind (bits 0-2, index in KINDS) | dynamic (3) | resolved (4) | own (5)
 *     line: zigzag difference to the call before; shared, rest: how many of the node's
 *     bytes are those of the node before, and those that follow (length, bytes)
 *
 * own: the node starts with the caller's own `owner#`, which is left out, so that a module that becomes `Name@2` needs no
 * new blob. The order is kept.
 */

import { must } from '../base/assert.ts'
import type { CallFacts } from '../model/facts.ts'
import { byteReader, byteWriter, SEAL_BYTES, seal, type ByteReader, type ByteWriter } from './bytes.ts'

export type Callee = { readonly module: string | null; readonly name: string; readonly arity: number }

const KINDS = ['local', 'remote', 'imported', 'capture', 'delegate'] as const satisfies readonly CallFacts['kind'][]
const KIND_MASK = 7
const DYNAMIC = 8
const RESOLVED = 16
const OWN = 32

/** Module names that Elixir's aliases can form lose the `@2` of a further definition: the source calls them without. */
export function baseName(module: string): string {
  const at = module.lastIndexOf('@')
  if (at < 0 || module.startsWith(':') || !/^[1-9]\d*$/.test(module.slice(at + 1))) return module
  return module.slice(0, at)
}

/** `M.f/a`, or `f/a` where the module is not known: what postings are kept by. */
export function calleeKey(callee: Callee): string {
  const local = `${callee.name}/${callee.arity}`
  return callee.module === null ? local : `${baseName(callee.module)}.${local}`
}

/** Encodes the calls of one file's callers one after the other. */
export type CallsEncoder = {
  /** The keys of all callees so far (`calleeKey`), in order of first use. */
  readonly keys: readonly string[]
  /** Sealed, null for no calls; and the callees, as distinct indexes into `keys`. `owner` is how the caller's node ids start. */
  encode(calls: readonly CallFacts[], owner: string): { readonly blob: Buffer | null; readonly callees: readonly number[] }
}

type Interned = { readonly callee: Callee; readonly keyIdx: number }

export function callsEncoder(): CallsEncoder {
  const keys: string[] = []
  const keyIdxs = new Map<string, number>()
  const known = new Map<string, Interned>()
  const out = byteWriter()
  const intern = (call: CallFacts): Interned => {
    // Unlike the key of postings, this tells `Foo` from `Foo@2`.
    const exact = `${call.module ?? ''}/${call.name}/${call.arity}`
    const found = known.get(exact)
    if (found !== undefined && found.callee.module === call.module) return found
    const key = calleeKey(call)
    const keyIdx = keyIdxs.get(key) ?? keys.push(key) - 1
    keyIdxs.set(key, keyIdx)
    const interned = { callee: { module: call.module, name: call.name, arity: call.arity }, keyIdx }
    known.set(exact, interned)
    return interned
  }
  return {
    keys,
    encode(calls, owner) {
      if (calls.length === 0) return { blob: null, callees: [] }
      const interned = calls.map(intern)
      out.reset(SEAL_BYTES)
      writeCallees(out, new Set(interned))
      writeCalls(out, calls, interned, `${owner}#`)
      return { blob: seal(out.finish()), callees: [...new Set(interned.map((each) => each.keyIdx))] }
    },
  }
}

function writeCallees(out: ByteWriter, callees: ReadonlySet<Interned>): void {
  const strings = new Map<string, number>()
  const stringIdx = (text: string): number => {
    const index = strings.get(text) ?? strings.size
    strings.set(text, index)
    return index
  }
  const words: number[] = []
  for (const { callee } of callees) {
    words.push(callee.module === null ? 0 : stringIdx(callee.module) + 1, stringIdx(callee.name), callee.arity)
  }
  out.varint(strings.size)
  for (const text of strings.keys()) out.string(text)
  out.varint(callees.size)
  for (const word of words) out.varint(word)
}

function writeCalls(out: ByteWriter, calls: readonly CallFacts[], interned: readonly Interned[], prefix: string): void {
  const places = new Map<Interned, number>()
  out.varint(calls.length)
  let line = 0
  let before = ''
  let beforeFrom = 0
  for (const [index, call] of calls.entries()) {
    const callee = must(interned[index], 'an interned callee for each call')
    const place = places.get(callee) ?? places.size
    places.set(callee, place)
    const { node } = call
    const from = node.startsWith(prefix) ? prefix.length : 0
    const shared = sharedAscii(before, beforeFrom, node, from)
    out.varint(place)
    out.varint(KINDS.indexOf(call.kind) + (call.dynamic ? DYNAMIC : 0) + (call.grade === 'resolved' ? RESOLVED : 0) + (from > 0 ? OWN : 0))
    out.varint(zigzag(call.line - line))
    out.varint(call.column)
    out.varint(shared)
    out.string(node, from + shared)
    line = call.line
    before = node
    beforeFrom = from
  }
}

/** The whole list. `payload` is unsealed; null (no calls) gives none. */
export function decodeCalls(payload: Buffer, owner: string): CallFacts[] {
  return decodeSome(payload, owner, () => true)
}

/** Only the calls whose callee passes; nothing else is built. */
export function decodeCallsTo(payload: Buffer, owner: string, wanted: (callee: Callee) => boolean): CallFacts[] {
  return decodeSome(payload, owner, wanted)
}

/** The distinct callees, in order of first use. */
export function decodeCallees(payload: Buffer): Callee[] {
  return readCallees(byteReader(payload))
}

function readCallees(from: ByteReader): Callee[] {
  const strings: string[] = []
  for (let n = from.varint(); n > 0; n--) strings.push(from.string())
  const callees: Callee[] = []
  for (let n = from.varint(); n > 0; n--) {
    const module = from.varint()
    callees.push({ module: module === 0 ? null : stringAt(strings, module - 1), name: stringAt(strings, from.varint()), arity: from.varint() })
  }
  return callees
}

function decodeSome(payload: Buffer, owner: string, wanted: (callee: Callee) => boolean): CallFacts[] {
  const from = byteReader(payload)
  const callees = readCallees(from)
  const keep = callees.map(wanted)
  const calls: CallFacts[] = []
  // The node so far; what a node shares with the one before is in place already. No node is longer than all of the blob.
  const node = Buffer.allocUnsafe(payload.length)
  let nodeBytes = 0
  let line = 0
  for (let n = from.varint(); n > 0; n--) {
    const calleeIdx = from.varint()
    const flags = from.varint()
    line += unzigzag(from.varint())
    const column = from.varint()
    const shared = from.varint()
    if (shared > nodeBytes) throw new RangeError('node out of bounds')
    nodeBytes = shared + from.copyTo(node, shared)
    if (keep[calleeIdx] !== true) continue
    const callee = callees[calleeIdx]
    const kind = KINDS[flags & KIND_MASK]
    if (callee === undefined || kind === undefined) throw new RangeError('call out of bounds')
    const path = node.toString('utf8', 0, nodeBytes)
    calls.push({
      module: callee.module, name: callee.name, arity: callee.arity, kind,
      dynamic: (flags & DYNAMIC) !== 0, grade: (flags & RESOLVED) === 0 ? 'syntactic' : 'resolved', line, column,
      node: (flags & OWN) === 0 ? path : `${owner}#${path}`,
    })
  }
  if (!from.ended()) throw new RangeError('bytes left over')
  return calls
}

function stringAt(strings: readonly string[], index: number): string {
  const text = strings[index]
  if (text === undefined) throw new RangeError('string out of bounds')
  return text
}

/** Length of the common part from the two places on, up to the first character beyond ASCII: so far, characters are bytes. */
function sharedAscii(a: string, aFrom: number, b: string, bFrom: number): number {
  const end = Math.min(a.length - aFrom, b.length - bFrom)
  let at = 0
  for (; at < end; at++) {
    const code = a.charCodeAt(aFrom + at)
    if (code !== b.charCodeAt(bFrom + at) || code >= 0x80) break
  }
  return at
}

function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}
