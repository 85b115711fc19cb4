/**
 * Module attributes: docs, specs, types, callbacks and the others, read where a module's body sets them. Deliberately
 * absent: values that need evaluation; their source text stands for them.
 */

import type { CallbackFacts, Doc, TypeFacts } from '../model/facts.ts'
import { Kind } from '../syntax/tree.ts'
import { Sym } from '../syntax/well-known.ts'
import { argumentsOf, keywordValue, readTyped } from './heads.ts'
import { Mark, setMark } from './labels.ts'
import { moduleNamed } from './modules.ts'
import { cut, DOC_LIMIT, nameOf, nodeText, shortText } from './source-text.ts'
import { stringValue } from './string-value.ts'
import { readAtoms } from './structs.ts'
import { save, type OpenModule, type Walk } from './walk-state.ts'

export const NO_DOC: Doc = { text: null, hidden: false }

/** Reads `@name value` at the UnaryOp `node`; a mere reading of an attribute has no value. */
export function readAttribute(walk: Walk, node: number): void {
  const { tree, module } = walk
  const inner = node + 1
  setMark(walk.marks, inner, Mark.NotCall)
  if (tree.kind[inner] !== Kind.Call) return
  const [value] = argumentsOf(tree, inner, 0)
  const name = tree.payload[inner] as number
  if (isTypespec(name)) {
    save(walk)
    if (module !== null && value !== undefined && walk.fn === null && walk.quoting === 'runs') readTypespec(walk, module, node, name, value)
    walk.quoting = 'inert'
  } else if (module !== null && value !== undefined && walk.fn === null && walk.quoting === 'runs') {
    readValue(walk, module, node, name, value)
  }
}

function isTypespec(name: number): boolean {
  return name === Sym.spec || name === Sym.type || name === Sym.typep || name === Sym.opaque || name === Sym.callback || name === Sym.macrocallback
}

function readTypespec(walk: Walk, module: OpenModule, node: number, name: number, value: number): void {
  const typed = readTyped(walk.text, value)
  if (typed === undefined) return
  const { line } = walk.at(walk.tree.start[node] as number)
  const text = shortText(walk.text, value)
  const kind = nameOf(walk.text, node + 1)
  if (name === Sym.spec) addSpec(module, `${typed.name}/${typed.arity}`, text)
  else if (name === Sym.callback || name === Sym.macrocallback) {
    module.callbacks.push({ kind: kind as CallbackFacts['kind'], ...typed, text, optional: false, line })
    module.pending = { doc: null, impl: null, deprecated: null }
  } else module.types.push({ kind: kind as TypeFacts['kind'], ...typed, text, line })
}

function addSpec(module: OpenModule, key: string, text: string): void {
  const known = module.specs.get(key)
  if (known === undefined) module.specs.set(key, [text])
  else known.push(text)
}

function readValue(walk: Walk, module: OpenModule, node: number, name: number, value: number): void {
  switch (name) {
    case Sym.moduledoc:
      module.doc = readDoc(walk, value) ?? module.doc
      module.deprecated = metadataDeprecated(walk, value) ?? module.deprecated
      return
    case Sym.doc:
      module.pending.doc = readDoc(walk, value) ?? module.pending.doc
      module.pending.deprecated = metadataDeprecated(walk, value) ?? module.pending.deprecated
      return
    case Sym.typedoc:
      return
    case Sym.deprecated:
      module.pending.deprecated = textOf(walk, value)
      return
    case Sym.impl:
      module.pending.impl = isAtom(walk, value, Sym.true) ? true : (moduleNamed(walk, value) ?? null)
      return
    case Sym.behaviour: {
      const behaviour = moduleNamed(walk, value)
      if (behaviour !== undefined) module.behaviours.push(behaviour)
      return
    }
    case Sym.optional_callbacks:
      for (const pair of argumentsOf(walk.tree, value, 0)) {
        if (walk.tree.kind[pair] === Kind.Pair) module.optionalCallbacks.add(`${nameOf(walk.text, pair)}/${nodeText(walk.text, pair + 1)}`)
      }
      return
    case Sym.enforce_keys:
      module.enforced = readAtoms(walk, value)
  }
  const { line, column } = walk.at(walk.tree.start[node] as number)
  module.attributes.push({ name: nameOf(walk.text, node + 1), text: shortText(walk.text, value), line, column })
}

/** The doc that the value says; undefined for metadata such as `since: "1.2"`. */
function readDoc(walk: Walk, value: number): Doc | undefined {
  const { tree } = walk
  if (tree.kind[value] === Kind.Keywords || tree.kind[value] === Kind.List) return undefined
  if (isAtom(walk, value, Sym.false)) return { text: null, hidden: true }
  if (isAtom(walk, value, Sym.nil) || isAtom(walk, value, Sym.true)) return NO_DOC
  return { text: cut(textOf(walk, value), DOC_LIMIT), hidden: false }
}

function metadataDeprecated(walk: Walk, value: number): string | undefined {
  const text = keywordValue(walk.tree, value, Sym.deprecated)
  return text < 0 ? undefined : textOf(walk, text)
}

/** The value of a string literal; the source of anything else. */
function textOf(walk: Walk, node: number): string {
  return stringValue(walk.text, node) ?? nodeText(walk.text, node)
}

const isAtom = (walk: Walk, node: number, symbol: number) => walk.tree.kind[node] === Kind.Atom && walk.tree.payload[node] === symbol
