/**
 * The variables of a definition, by the numbers of their names. Names are all there is: one that is bound again is not told from
 * the one before. Absent on purpose: scopes.
 */

import { nameString } from '../syntax/names.ts'
import { afterSubtree, Kind, type Tree } from '../syntax/tree.ts'

const MATCHES: ReadonlySet<string> = new Set(['=', '<-'])

/** The parameters that no pattern of the body gives another value. */
export function parametersOf(tree: Tree, definition: number, body: number): ReadonlySet<number> {
  const parameters = variablesIn(tree, definition + 1, body)
  for (let node = body; node < afterSubtree(tree, definition); node++) {
    const isMatch = tree.kind[node] === Kind.BinaryOp && MATCHES.has(nameString(tree.names, tree.payload[node] as number))
    const pattern = isMatch ? node + 1 : tree.kind[node] === Kind.ClauseHead ? node : -1
    if (pattern >= 0) for (const bound of variablesIn(tree, pattern, afterSubtree(tree, pattern))) parameters.delete(bound)
  }
  return parameters
}

/** How often a definition names a variable. */
export function nTimesIn({ extent, kind, payload }: Tree, definition: number, name: number): number {
  let n = 0
  for (let node = definition; node < definition + (extent[definition] ?? 0); node++) if (kind[node] === Kind.Variable && payload[node] === name) n++
  return n
}

function variablesIn({ kind, payload }: Tree, from: number, to: number): Set<number> {
  const found = new Set<number>()
  for (let node = from; node < to; node++) if (kind[node] === Kind.Variable) found.add(payload[node] as number)
  return found
}
