/**
 * One version of some files as modules, functions and roots, for finding their counterparts. Names are those of the
 * files at hand: a module that they define again is `Name@2`, in order of file and offset.
 * Deliberately absent: the nodes below a root (forest.ts).
 */

import type { ModuleName } from '../../model/names.ts'
import type { NodeId } from '../../model/node-id.ts'
import { afterSubtree } from '../../syntax/tree.ts'
import type { NodeIndex } from '../node-ids.ts'
import type { Seedling } from './forest.ts'

/** A root with its source text. */
export type SideRoot = Seedling & { readonly bytes: Uint8Array; readonly module: SideModule }

export type SideFunction = {
  /** `name/arity`, as Elixir prints it. */
  readonly key: string
  /** The id of the function itself. */
  readonly id: NodeId
  readonly clauses: SideRoot[]
}

export type SideModule = {
  readonly name: ModuleName
  readonly functions: Map<string, SideFunction>
  /** The body, and heads that are no clauses, by what their id has after the module's name. */
  readonly others: Map<string, SideRoot>
}

export function readSide(indexes: readonly NodeIndex[]): SideModule[] {
  const modules: SideModule[] = []
  const nOfName = new Map<ModuleName, number>()
  for (const index of indexes) {
    const here = new Map<string, SideModule>()
    for (const root of index.roots) {
      const place = `${root.module} ${root.name}`
      let module = here.get(place)
      if (module === undefined) {
        const n = (nOfName.get(root.name) ?? 0) + 1
        nOfName.set(root.name, n)
        module = { name: n === 1 ? root.name : `${root.name}@${n}`, functions: new Map(), others: new Map() }
        here.set(place, module)
        modules.push(module)
      }
      addRoot(module, index, root)
    }
  }
  return modules
}

/** A root that has the same id as another, of a `defimpl` for one target twice, is left out. */
function addRoot(module: SideModule, index: NodeIndex, root: NodeIndex['roots'][number]): void {
  const { tree } = index
  const rest = root.id.slice(root.name.length)
  const id = module.name + rest
  const side: SideRoot = { index, root, id, module, bytes: tree.source.subarray(tree.start[root.node], tree.end[root.node]) }
  if (root.kind !== 'clause') {
    if (!module.others.has(rest)) module.others.set(rest, side)
    return
  }
  const key = rest.slice(1, rest.lastIndexOf('#'))
  const known = module.functions.get(key)
  if (known === undefined) module.functions.set(key, { key, id: id.slice(0, id.lastIndexOf('#')), clauses: [side] })
  else if (known.clauses.at(-1)?.root.node !== root.node) known.clauses.push(side)
}

/** True when the two read the same, byte for byte, so that they hold the same nodes at the same paths. */
export function sameText(old: SideRoot, now: SideRoot): boolean {
  return old.bytes.length === now.bytes.length && Buffer.compare(old.bytes, now.bytes) === 0 &&
    afterSubtree(old.index.tree, old.root.node) - old.root.node === afterSubtree(now.index.tree, now.root.node) - now.root.node
}
