/**
 * Node ids: where a syntax node is, said without lines. `MyApp.Cart.add_item/2#1/case/clause:2/Repo.insert!` is the
 * function, its first clause, then a path of labels; a label that occurs again among its siblings carries its ordinal
 * from the second on. Nodes of a module's own body hang under `MyApp.Cart#body`. The id depends on nothing but the
 * source of that function: layout, comments and other functions leave it alone.
 *
 * Absent on purpose: how labels are chosen (src/analysis/node-ids.ts) and versions (an id means a node only together
 * with a module version).
 */

import { formatMfa, parseMfa, isModuleName, type Mfa, type ModuleName } from './names.ts'

export type NodeId = string

/** Where the path of a node id starts: a clause of a function, counted from 1, or the module's own body. */
export type NodeRoot =
  | { readonly kind: 'function'; readonly mfa: Mfa }
  | { readonly kind: 'clause'; readonly mfa: Mfa; readonly clause: number }
  | { readonly kind: 'body'; readonly module: ModuleName }

export type ParsedNodeId = { readonly root: NodeRoot; readonly path: readonly string[] }

/** Percent-encodes what would be read as structure: `/ : # % @` and white space. */
export function encodeLabel(label: string): string {
  return label.replace(/[/:#%@\s]/gu, (char) => encodeURIComponent(char))
}

export function formatNodeId(id: ParsedNodeId): NodeId {
  return [formatRoot(id.root), ...id.path].join('/')
}

/** Reads a node id; undefined when the text is none. A bare MFA is the id of the function itself. */
export function parseNodeId(text: string): ParsedNodeId | undefined {
  const hash = placeOfHash(text)
  if (hash < 0) {
    const mfa = parseMfa(text)
    return mfa === undefined ? undefined : { root: { kind: 'function', mfa }, path: [] }
  }
  const [place = '', ...path] = text.slice(hash + 1).split('/')
  const owner = text.slice(0, hash)
  if (place === 'body') return isModuleName(owner) ? { root: { kind: 'body', module: owner }, path } : undefined
  const mfa = parseMfa(owner)
  if (mfa === undefined || !/^[1-9]\d*$/.test(place)) return undefined
  return { root: { kind: 'clause', mfa, clause: Number(place) }, path }
}

/** The first `#` that no quoted function name holds, or -1. */
function placeOfHash(text: string): number {
  const quoted = /^[^"#]*"(?:[^"\\]|\\.)*"/s.exec(text)
  return text.indexOf('#', quoted?.[0].length ?? 0)
}

function formatRoot(root: NodeRoot): string {
  switch (root.kind) {
    case 'function':
      return formatMfa(root.mfa)
    case 'clause':
      return `${formatMfa(root.mfa)}#${root.clause}`
    case 'body':
      return `${root.module}#body`
  }
}
