/**
 * The calls of one caller (a function, or a module's body), packed. All numbers are varints:
 *
 *     n strings, (length, UTF-8)*               modules and function names, each once
 *     n callees, (module + 1 | 0, name, arity)* indexes into the strings; 0: no module known
 *     n calls, (callee, flags, line, column, shared, rest)*
 *
 *     flags: kind (bits 0-2, index in KINDS) | dynamic (3) | resolved (4) | own (5)
 *     line: zigzag difference to the call before; shared, rest: the node's bytes that are those of the node before, and
 *     those that follow (length, bytes)
 *
 * own: the node starts with the caller's own `owner#`, which is left out, so that a module that becomes `Name@2` needs no
 * new blob. The order is kept.
 */

import type { CallFacts } from '../model/facts.ts'
import { byteReader, byteWriter, SEAL_BYTES, seal, type ByteReader } from './bytes.ts'

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

/** Interns in order of first use. */
function interner(): { readonly keys: string[]; index(key: string): number } {
  const keys: string[] = []
  const known = new Map<string, number>()
  return {
    keys,
    index(key) {
      const found = known.get(key)
      if (found !== undefined) return found
      known.set(key, keys.length)
      return keys.push(key) - 1
    },
  }
}

/** Sealed; null for no calls. `owner` is the caller as the node ids of its calls start. */
export function encodeCalls(calls: readonly CallFacts[], owner: string): Buffer | null {
  if (calls.length === 0) return null
  const strings = interner()
  const callees = interner()
  const calleeWords: number[] = []
  const indexes = calls.map((call) => {
    const index = callees.index(`${call.module ?? ''} ${call.module === null ? 0 : 1} ${call.arity} ${call.name}`)
    if (index * 3 === calleeWords.length) {
      calleeWords.push(call.module === null ? 0 : strings.index(call.module) + 1, strings.index(call.name), call.arity)
    }
    return index
  })
  const out = byteWriter(SEAL_BYTES)
  out.varint(strings.keys.length)
  for (const text of strings.keys) out.string(text)
  out.varint(callees.keys.length)
  for (const word of calleeWords) out.varint(word)
  out.varint(calls.length)
  const prefix = `${owner}#`
  let line = 0
  let before: Buffer = Buffer.alloc(0)
  for (const [index, call] of calls.entries()) {
    const own = call.node.startsWith(prefix)
    const node = Buffer.from(own ? call.node.slice(prefix.length) : call.node)
    const flags = KINDS.indexOf(call.kind) + (call.dynamic ? DYNAMIC : 0) + (call.grade === 'resolved' ? RESOLVED : 0) + (own ? OWN : 0)
    const shared = sharedPrefix(before, node)
    out.varint(indexes[index] ?? 0)
    out.varint(flags)
    out.varint(zigzag(call.line - line))
    out.varint(call.column)
    out.varint(shared)
    out.bytes(node.subarray(shared))
    line = call.line
    before = node
  }
  return seal(out.finish())
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
  const prefix = Buffer.from(`${owner}#`)
  const calls: CallFacts[] = []
  let line = 0
  let node: Buffer = Buffer.alloc(0)
  for (let n = from.varint(); n > 0; n--) {
    const calleeIdx = from.varint()
    const flags = from.varint()
    line += unzigzag(from.varint())
    const column = from.varint()
    const shared = from.varint()
    const rest = from.bytes()
    node = shared === 0 ? rest : Buffer.concat([node.subarray(0, shared), rest])
    if (keep[calleeIdx] !== true) continue
    const callee = callees[calleeIdx]
    const kind = KINDS[flags & KIND_MASK]
    if (callee === undefined || kind === undefined) throw new RangeError('call out of bounds')
    calls.push({
      module: callee.module, name: callee.name, arity: callee.arity, kind,
      dynamic: (flags & DYNAMIC) !== 0, grade: (flags & RESOLVED) === 0 ? 'syntactic' : 'resolved', line, column,
      node: (flags & OWN) === 0 ? node.toString('utf8') : Buffer.concat([prefix, node]).toString('utf8'),
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

function sharedPrefix(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length)
  let at = 0
  while (at < end && a[at] === b[at]) at++
  return at
}

function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}
