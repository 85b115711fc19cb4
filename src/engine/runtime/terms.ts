/**
 * Elixir terms as plain data, in a form that JSON and plain MessagePack can hold (payload.ts reads them). What these have
 * themselves stands for itself; the rest is a map of one key:
 *
 *     {"$atom": "ok"}  {"$tuple": […]}  {"$ref": "#PID<0.1.0>"}  {"$integer": "123…"}  {"$more": 12}  {"$redacted": "password"}
 *     {"$inspect": "<<1::3>>"}  {"$map": [[key, value], …]} where keys are no strings
 *
 * `termText` is the same as Elixir would print it.
 */

export type Term = null | boolean | number | bigint | string | Uint8Array | readonly Term[] | { readonly [key: string]: Term }

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
