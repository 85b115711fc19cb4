/**
 * Elixir terms as plain data, in a form that JSON and plain MessagePack can hold (payload.ts reads them). What these have
 * themselves stands for itself; the rest is a map of one key:
 *
 *     {"$atom": "ok"}  {"$tuple": […]}  {"$ref": "#PID<0.1.0>"}  {"$integer": "123…"}  {"$float": "2.0"}  {"$more": 12}
 *     {"$redacted": "password"}  {"$inspect": "<<1::3>>"}  {"$map": [[key, value], …]} where keys are no strings
 *
 * An atom that reads like a module keeps its colon: {"$atom": ":EUR"} is :EUR, {"$atom": "EUR"} the module.
 * `termText` is the same as Elixir's `inspect` prints it; the fields of a struct are in order of their names.
 */

import { atomText, bytesText, charlistText, floatText, isPrintableCode, keyText, stringText } from './term-literals.ts'
import { notationOf, pairsOf, type Fields } from './term-structs.ts'

export type Term = null | boolean | number | bigint | string | Uint8Array | readonly Term[] | { readonly [key: string]: Term }
export type Entry = readonly [key: Term, value: Term]

export function termText(term: Term): string {
  if (term === null) return 'nil'
  if (typeof term === 'string') return stringText(term)
  if (typeof term === 'number') return Number.isSafeInteger(term) ? String(term) : floatText(term)
  if (typeof term !== 'object') return String(term)
  if (term instanceof Uint8Array) return bytesText(term)
  if (isList(term)) return listText(term)
  const struct = structOf(term)
  return struct === undefined ? tagged(term) ?? mapText(Object.entries(term).map(([key, value]) => [key.startsWith(':') ? { $atom: key.slice(1) } : key, value])) : structText(struct)
}

/** The arguments of a call, which are no list of the program. */
export function termTexts(terms: readonly Term[]): string {
  return terms.map(termText).join(', ')
}

export type Struct = { readonly name: string; readonly isException: boolean; readonly fields: Fields }

/** Undefined for any other term. */
export function structOf(term: Term | undefined): Struct | undefined {
  if (typeof term !== 'object' || term === null || term instanceof Uint8Array || isList(term)) return undefined
  const name = atomName(term['__struct__'] ?? null)
  if (name === undefined) return undefined
  const { [':__exception__']: isException, __struct__: _, ...own } = term
  return { name, isException: isException === true, fields: new Map(Object.entries(own).map(([key, value]) => [key.replace(/^:/, ''), value])) }
}

/** The name of an atom; nil and booleans are no such terms here. */
export function atomName(term: Term): string | undefined {
  const name = typeof term === 'object' && term !== null && '$atom' in term ? term.$atom : undefined
  return typeof name === 'string' ? name : undefined
}

export function tupleOf(term: Term | undefined): readonly Term[] | undefined {
  const items = typeof term === 'object' && term !== null && '$tuple' in term ? term.$tuple : undefined
  return Array.isArray(items) ? items : undefined
}

/** What a map has under a string, or a tag holds; undefined for any other term. */
export function fieldOf(term: Term | undefined, key: string): Term | undefined {
  return typeof term === 'object' && term !== null && !(term instanceof Uint8Array) && !isList(term) && Object.hasOwn(term, key) ? term[key] : undefined
}

function listText(items: readonly Term[]): string {
  if (items.length > 0 && items.every(isPrintableCode)) return charlistText(items)
  const pairs = items.map(keywordText)
  return items.length > 0 && pairs.every((pair) => pair !== undefined) ? `[${pairs.join(', ')}]` : `[${termTexts(items)}]`
}

function keywordText(item: Term): string | undefined {
  const [key, value, ...more] = tupleOf(item) ?? []
  if (key === undefined || value === undefined || more.length > 0) return undefined
  const name = atomKey(key)
  return name === undefined ? undefined : `${name} ${termText(value)}`
}

function atomKey(key: Term): string | undefined {
  const name = key === null ? 'nil' : typeof key === 'boolean' ? String(key) : atomName(key)
  return name === undefined ? undefined : keyText(name)
}

function tagged(term: { readonly [key: string]: Term }): string | undefined {
  const [[tag, value] = ['', null], ...more] = Object.entries(term)
  if (more.length > 0) return undefined
  switch (tag) {
    case '$atom':
      return atomText(textIn(value))
    case '$tuple':
      return isList(value) ? `{${termTexts(value)}}` : undefined
    case '$ref':
    case '$integer':
    case '$float':
    case '$inspect':
      return textIn(value)
    case '$more':
      return leftOut(value)
    case '$redacted':
      return `**redacted: ${textIn(value)}**`
    case '$map': {
      const entries = pairsOf(value)
      return entries === undefined ? undefined : mapText(entries)
    }
    default:
      return undefined
  }
}

function leftOut(count: Term): string {
  return `… ${textIn(count)} more`
}

function structText({ name, fields }: Struct): string {
  return notationOf(name, fields, (members) => termTexts(members.toSorted(compareKeys))) ?? `%${name}{${pairsText([...fields].map(([key, value]) => [key === '…' ? key : { $atom: key }, value]))}}`
}

function mapText(entries: readonly Entry[]): string {
  return `%{${pairsText(entries)}}`
}

/** By key, as Elixir has them; what was left out comes last. */
function pairsText(entries: readonly Entry[]): string {
  const pairs = entries.filter((entry) => !isRest(entry)).toSorted(([a], [b]) => compareKeys(a, b))
  const names = pairs.map(([key]) => atomKey(key))
  const texts = pairs.map(([key, value], at) => (names.includes(undefined) ? `${termText(key)} => ${termText(value)}` : `${names[at] ?? ''} ${termText(value)}`))
  return [...texts, ...entries.filter(isRest).map(([, value]) => termText(value))].join(', ')
}

function isRest([key, value]: Entry): boolean {
  return key === '…' && typeof value === 'object' && value !== null && '$more' in value
}

/** Numbers, atoms, strings; others stay in the order they came in. */
function compareKeys(a: Term, b: Term): number {
  const [left, right] = [orderOf(a), orderOf(b)]
  if (left.rank !== right.rank) return left.rank - right.rank
  return left.by < right.by ? -1 : left.by > right.by ? 1 : 0
}

function orderOf(key: Term): { readonly rank: number; readonly by: number | bigint | string } {
  if (typeof key === 'number' || typeof key === 'bigint') return { rank: 0, by: key }
  if (typeof key === 'string') return { rank: 3, by: key }
  const name = key === null ? 'nil' : typeof key === 'boolean' ? String(key) : atomName(key)
  return name === undefined ? { rank: 2, by: 0 } : { rank: 1, by: name }
}

/** What a tag holds is text; a term of a client may hold anything. */
function textIn(value: Term): string {
  return typeof value === 'string' ? value : JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner))
}

function isList(term: Term): term is readonly Term[] {
  return Array.isArray(term)
}
