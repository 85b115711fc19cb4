/** `defstruct` and `defexception`: fields with the text of their defaults, as far as they are written out. */

import type { StructFacts } from '../model/facts.ts'
import { Kind } from '../syntax/tree.ts'
import { argumentsOf } from './heads.ts'
import { nameOf, nodeText, shortText } from './source-text.ts'
import type { Walk } from './walk-state.ts'

type Field = StructFacts['fields'][number]

export function readStruct(walk: Walk, node: number, kind: StructFacts['kind']): void {
  if (walk.module === null) return
  const [fields] = argumentsOf(walk.tree, node, 0)
  walk.module.struct = {
    kind, fields: fields === undefined ? [] : readFields(walk, fields), enforced: [], line: walk.at(walk.tree.start[node] as number).line,
  }
}

function readFields(walk: Walk, list: number): Field[] {
  const { tree } = walk
  if (tree.kind[list] === Kind.Sigil) return readAtoms(walk, list).map((name) => ({ name, default: null }))
  if (tree.kind[list] !== Kind.List && tree.kind[list] !== Kind.Keywords) return []
  const fields: Field[] = []
  for (const child of argumentsOf(tree, list, 0)) {
    const field = readField(walk, child)
    if (field !== undefined) fields.push(field)
  }
  return fields
}

function readField(walk: Walk, node: number): Field | undefined {
  const { tree, text } = walk
  switch (tree.kind[node]) {
    case Kind.Atom:
      return { name: nameOf(text, node), default: null }
    case Kind.Pair:
      return { name: nameOf(text, node), default: shortText(text, node + 1) }
    case Kind.Tuple: {
      const [key = -1, value = -1] = argumentsOf(tree, node, 0)
      return key >= 0 && value >= 0 && tree.kind[key] === Kind.Atom ? { name: nameOf(text, key), default: shortText(text, value) } : undefined
    }
    default:
      return undefined
  }
}

/** The names in a list of atoms or a `~w(…)a`; those that are written out. */
export function readAtoms(walk: Walk, node: number): string[] {
  const { tree, text } = walk
  if (tree.kind[node] === Kind.Atom) return [nameOf(text, node)]
  if (tree.kind[node] === Kind.Sigil) {
    const written = /^~[wW][([{<|/"'](.*)[)\]}>|/"']a$/s.exec(nodeText(text, node))?.[1]
    return written === undefined ? [] : written.split(/\s+/).filter((word) => word !== '')
  }
  if (tree.kind[node] !== Kind.List) return []
  return argumentsOf(tree, node, 0).filter((one) => tree.kind[one] === Kind.Atom).map((one) => nameOf(text, one))
}
