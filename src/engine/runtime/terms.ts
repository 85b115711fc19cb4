/**
 * Payloads as plain data: Elixir terms from MessagePack with the extensions of docs/AGENT.md (Terms), in a form that JSON and plain
 * MessagePack can hold. What these have themselves stands for itself; the rest is a map of one key:
 *
 *     {"$atom": "ok"}  {"$tuple": […]}  {"$ref": "#PID<0.1.0>"}  {"$integer": "123…"}  {"$more": 12}  {"$redacted": "password"}
 *     {"$inspect": "<<1::3>>"}  {"$map": [[key, value], …]} where keys are no strings
 *
 * `termText` is the same as Elixir would print it.
 */

import { Unpackr, addExtension } from 'msgpackr'

export type Term = null | boolean | number | bigint | string | Uint8Array | readonly Term[] | { readonly [key: string]: Term }

class Ext {
  readonly type: number
  readonly data: Uint8Array
  constructor(type: number, data: Uint8Array) {
    this.type = type
    this.data = data
  }
}

for (const type of [1, 2, 3, 4, 5, 6, 7]) addExtension({ type, unpack: (data: Uint8Array) => new Ext(type, data) })

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'auto' as 'bigint' })

/** The payload of an event; undefined where its bytes are not MessagePack. */
export function readPayload(bytes: Uint8Array): Term | undefined {
  try {
    return plain(unpackr.unpack(bytes))
  } catch {
    return undefined
  }
}

function plain(value: unknown): Term {
  if (value instanceof Ext) return ofExtension(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) return ofMap(value)
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'string' || typeof value === 'boolean' || value instanceof Uint8Array) return value
  return null
}

function ofMap(map: ReadonlyMap<unknown, unknown>): Term {
  const named = [...map].flatMap(([key, value]) => (keyName(key) === undefined ? [] : [[keyName(key) ?? '', plain(value)] as const]))
  if (named.length === map.size) return Object.fromEntries(named)
  return { $map: [...map].map(([key, value]) => [plain(key), plain(value)]) }
}

/** Of a map whose keys are all atoms or all strings the keys stand for themselves; a leading colon tells atoms. */
function keyName(key: unknown): string | undefined {
  if (typeof key === 'string') return key
  return key instanceof Ext && key.type === 1 ? `:${textOf(key.data)}` : undefined
}

function ofExtension({ type, data }: Ext): Term {
  switch (type) {
    case 1:
      return { $atom: textOf(data) }
    case 2:
      return { $tuple: plain(unpackr.unpack(data)) }
    case 3:
      return { $ref: textOf(data) }
    case 4:
      return { $integer: textOf(data) }
    case 5:
      return { $more: plain(unpackr.unpack(data)) }
    case 6:
      return { $redacted: textOf(data) }
    default:
      return { $inspect: textOf(data) }
  }
}

function textOf(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('utf8')
}

const PLAIN_ATOM = /^(?:[a-z_][A-Za-z0-9_@]*[?!]?|[+\-*/<>=!&|^~.]+)$/
const ALIAS = /^[A-Z][\w]*(?:\.[A-Z]\w*)*$/

/** As Elixir prints it. */
export function termText(term: Term): string {
  if (term === null) return 'nil'
  if (typeof term === 'string') return JSON.stringify(term)
  if (typeof term !== 'object') return String(term)
  if (term instanceof Uint8Array) return `<<${[...term].join(', ')}>>`
  if (isList(term)) return `[${term.map(termText).join(', ')}]`
  return tagged(term) ?? mapText(Object.entries(term))
}

function tagged(term: { readonly [key: string]: Term }): string | undefined {
  const [[tag, value] = ['', null], ...more] = Object.entries(term)
  if (more.length > 0) return undefined
  switch (tag) {
    case '$atom':
      return atomText(textIn(value))
    case '$tuple':
      return `{${(value as readonly Term[]).map(termText).join(', ')}}`
    case '$ref':
    case '$integer':
    case '$inspect':
      return textIn(value)
    case '$more':
      return `… ${textIn(value)} more`
    case '$redacted':
      return `**redacted: ${textIn(value)}**`
    case '$map':
      return `%{${(value as readonly (readonly [Term, Term])[]).map(([key, of]) => `${termText(key)} => ${termText(of)}`).join(', ')}}`
    default:
      return undefined
  }
}

function mapText(entries: readonly (readonly [string, Term])[]): string {
  const struct = entries.find(([key]) => key === ':__struct__' || key === '__struct__')?.[1]
  const name = struct !== undefined && struct !== null && typeof struct === 'object' && '$atom' in struct ? textIn(struct['$atom'] ?? null) : ''
  const fields = entries.filter(([key]) => name === '' || !key.endsWith('__struct__'))
  return `%${name}{${fields.map(([key, value]) => (key.startsWith(':') ? `${key.slice(1)}: ${termText(value)}` : `${JSON.stringify(key)} => ${termText(value)}`)).join(', ')}}`
}

function atomText(name: string): string {
  if (name === 'nil' || name === 'true' || name === 'false' || ALIAS.test(name)) return name
  return PLAIN_ATOM.test(name) ? `:${name}` : `:${JSON.stringify(name)}`
}

/** What a tag holds is text; a term of a client may hold anything. */
function textIn(value: Term): string {
  return typeof value === 'string' ? value : JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner))
}

function isList(term: object): term is readonly Term[] {
  return Array.isArray(term)
}
