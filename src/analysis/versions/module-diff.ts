/**
 * What changed in each module between two versions of some files: functions added, removed and modified, the module's
 * metadata, how deep the change goes, and which nodes are broken, new and maintained.
 *
 * - `structural`: what the module is: its name, kind, protocol, behaviours, `use`s, callbacks, struct; or it came or went.
 * - `major`: which functions there are and how they are called: one came, went, or has another head, kind or visibility;
 *   or `import`s changed; or at least half of its functions (two or more) have another body.
 * - `minor`: everything else: bodies, docs, specs, types, attributes, layout.
 *
 * Deliberately absent: modules of which nothing changed, not even a line.
 */

import type { Directive, FunctionFacts, FunctionKind, ModuleFacts } from '../../model/facts.ts'
import { formatMfa, type ModuleName } from '../../model/names.ts'
import type { NodeId } from '../../model/node-id.ts'
import { readVersionMap, type VersionMap, type VersionTranslator } from '../../model/version-map.ts'
import type { NodeIndex } from '../node-ids.ts'
import { exportsHash } from './exports.ts'
import { childrenOf, makeForest, plant, type Numbers } from './forest.ts'
import { readSide, type SideFunction, type SideModule } from './sides.ts'

/** One file in one version: its facts and its nodes. */
export type FileVersion = { readonly modules: readonly ModuleFacts[]; readonly index: NodeIndex }

export type ChangeType = 'minor' | 'major' | 'structural'

export type FunctionChange = 'head' | 'body' | 'visibility' | 'kind' | 'spec' | 'doc' | 'impl' | 'deprecated' | 'lines'

export type MetadataField =
  | 'name' | 'kind' | 'implements' | 'behaviours' | 'use' | 'callbacks' | 'struct' | 'import' | 'require' | 'alias' | 'types' | 'attributes' | 'doc'
  | 'deprecated' | 'dependencies'

export type MetadataChange = { readonly field: MetadataField; readonly removed: readonly string[]; readonly added: readonly string[] }

export type ModuleDiff = {
  /** Null for a module that came; `Name@2` where the files define it again. */
  readonly old: ModuleName | null
  /** Null for a module that went. */
  readonly new: ModuleName | null
  readonly changeType: ChangeType
  /** `name/arity` of what is new here, and the id of the function that it was. */
  readonly added: readonly { readonly function: string; readonly from: NodeId | null }[]
  readonly removed: readonly { readonly function: string; readonly to: NodeId | null }[]
  /** By the new `name/arity`; `lines` stands alone: nothing but layout or place changed. */
  readonly modified: readonly { readonly function: string; readonly changes: readonly FunctionChange[] }[]
  readonly metadata: readonly MetadataChange[]
  /** Whether callers may be affected (exports.ts). */
  readonly exports: 'same' | 'changed'
}

const STRUCTURAL: ReadonlySet<MetadataField> = new Set(['name', 'kind', 'implements', 'behaviours', 'use', 'callbacks', 'struct'])
const MAJOR_FIELDS: ReadonlySet<MetadataField> = new Set(['import'])
const MAJOR_CHANGES: ReadonlySet<FunctionChange> = new Set(['head', 'visibility', 'kind'])
/** Part of a module's functions with another body from which on the change is major, if there are two of them. */
const MANY = 0.5

/** The diffs of all modules that changed, in order of the new version; those that went come last. */
export function diffModules(olds: readonly FileVersion[], nows: readonly FileVersion[], map: VersionMap): ModuleDiff[] {
  const translator = readVersionMap(map)
  const before = modulesOf(olds)
  const left = new Set(before.keys())
  const diffs: ModuleDiff[] = []
  for (const [name, now] of modulesOf(nows)) {
    const was = translator.back(`${name}#body`)?.slice(0, -'#body'.length)
    const old = was === undefined ? undefined : before.get(was)
    if (old === undefined) diffs.push(wholeModule(null, now))
    else {
      left.delete(old.side.name)
      const diff = diffPair(old, now, translator)
      if (diff !== null) diffs.push(diff)
    }
  }
  for (const name of left) diffs.push(wholeModule(before.get(name) ?? null, null))
  return diffs
}

type Module = { readonly facts: ModuleFacts; readonly side: SideModule }

/** Facts and nodes of each module, by the name that ids have. */
function modulesOf(files: readonly FileVersion[]): Map<ModuleName, Module> {
  const found = new Map<ModuleName, Module>()
  const factsOf = new Map(files.map(({ modules, index }) => [index, new Map(modules.map((module) => [`${module.span.start} ${module.name}`, module]))]))
  for (const side of readSide(files.map(({ index }) => index))) {
    const body = side.others.get('#body')
    if (body === undefined) continue
    const { index, root } = body
    const facts = factsOf.get(index)?.get(`${index.tree.start[root.node]} ${root.name}`)
    if (facts !== undefined) found.set(side.name, { facts, side })
  }
  return found
}

function wholeModule(old: Module | null, now: Module | null): ModuleDiff {
  return {
    old: old?.side.name ?? null, new: now?.side.name ?? null, changeType: 'structural', metadata: [], modified: [], exports: 'changed',
    added: now?.facts.functions.map((fn) => ({ function: keyOf(fn), from: null })) ?? [],
    removed: old?.facts.functions.map((fn) => ({ function: keyOf(fn), to: null })) ?? [],
  }
}

const keyOf = (fn: FunctionFacts): string => formatMfa({ module: '', ...fn }).slice(1)

function diffPair(old: Module, now: Module, translator: VersionTranslator): ModuleDiff | null {
  const olds = new Map(old.facts.functions.map((fn) => [`${old.side.name}.${keyOf(fn)}`, fn]))
  const nows = new Map(now.facts.functions.map((fn) => [`${now.side.name}.${keyOf(fn)}`, fn]))
  const added: ModuleDiff['added'][number][] = []
  const modified: ModuleDiff['modified'][number][] = []
  for (const [id, fn] of nows) {
    const from = translator.back(id) ?? null
    const was = from === null ? undefined : olds.get(from)
    if (was === undefined || from !== `${old.side.name}.${keyOf(fn)}`) added.push({ function: keyOf(fn), from })
    if (was === undefined) continue
    const changes = changesOf([was, old.side.functions.get(keyOf(was))], [fn, now.side.functions.get(keyOf(fn))])
    if (changes.length > 0) modified.push({ function: keyOf(fn), changes })
  }
  const removed: ModuleDiff['removed'][number][] = []
  for (const [id, fn] of olds) {
    const to = translator.forward(id) ?? null
    if (to !== `${now.side.name}.${keyOf(fn)}`) removed.push({ function: keyOf(fn), to })
  }
  const metadata = metadataChanges(old, now)
  if (added.length + removed.length + modified.length + metadata.length === 0 && old.facts.sourceHash === now.facts.sourceHash) return null
  const exports = exportsHash(old.facts) === exportsHash(now.facts) ? 'same' : 'changed'
  const rest = { added, removed, modified, metadata, exports } as const
  return { old: old.side.name, new: now.side.name, changeType: changeTypeOf(rest, now.facts.functions.length), ...rest }
}

function changeTypeOf({ added, removed, modified, metadata }: Pick<ModuleDiff, 'added' | 'removed' | 'modified' | 'metadata'>, nFunctions: number): ChangeType {
  if (metadata.some(({ field }) => STRUCTURAL.has(field))) return 'structural'
  if (added.length + removed.length > 0 || metadata.some(({ field }) => MAJOR_FIELDS.has(field))) return 'major'
  if (modified.some(({ changes }) => changes.some((change) => MAJOR_CHANGES.has(change)))) return 'major'
  const nBodies = modified.filter(({ changes }) => changes.includes('body')).length
  return nBodies >= 2 && nBodies >= nFunctions * MANY ? 'major' : 'minor'
}

type Sided = readonly [FunctionFacts, SideFunction | undefined]

function changesOf([old, oldSide]: Sided, [now, nowSide]: Sided): FunctionChange[] {
  const changes: FunctionChange[] = []
  if (old.treeHash !== now.treeHash) {
    const numbers: Numbers = new Map()
    const [was, is] = [codeOf(oldSide, numbers), codeOf(nowSide, numbers)]
    if (was.head !== is.head || old.defaults !== now.defaults) changes.push('head')
    if (was.body !== is.body) changes.push('body')
    // What is left is the head without a body, or the macro that defines.
    if (changes.length === 0 && old.kind === now.kind && old.name === now.name) changes.push('head')
  }
  if (isPrivate(old.kind) !== isPrivate(now.kind)) changes.push('visibility')
  if (publicKind(old.kind) !== publicKind(now.kind)) changes.push('kind')
  if (old.specs.join('\n') !== now.specs.join('\n')) changes.push('spec')
  if (old.doc.text !== now.doc.text || old.doc.hidden !== now.doc.hidden) changes.push('doc')
  if (old.impl !== now.impl) changes.push('impl')
  if (old.deprecated !== now.deprecated) changes.push('deprecated')
  if (changes.length === 0 && (old.sourceHash !== now.sourceHash || old.span.line !== now.span.line)) changes.push('lines')
  return changes
}

/** Heads and bodies of all clauses, as texts that are equal when they read alike. */
function codeOf(side: SideFunction | undefined, numbers: Numbers): { readonly head: string; readonly body: string } {
  const forest = makeForest()
  const head: string[] = []
  const body: string[] = []
  for (const clause of side?.clauses ?? []) {
    const root = plant(forest, numbers, clause)
    for (const child of childrenOf(forest, root)) {
      const isHead = forest.steps[child] === 'head' || forest.steps[child] === 'guard'
      ;(isHead ? head : body).push(String(forest.shapes[child]))
    }
    head.push(';')
    body.push(';')
  }
  return { head: head.join(), body: body.join() }
}

const isPrivate = (kind: FunctionKind): boolean => kind.endsWith('p')
const publicKind = (kind: FunctionKind): string => (isPrivate(kind) ? kind.slice(0, -1) : kind)

function metadataChanges(old: Module, now: Module): MetadataChange[] {
  const was = metadataOf(old)
  const is = metadataOf(now)
  return FIELDS.flatMap((field) => {
    const removed = without(was[field], is[field])
    const added = without(is[field], was[field])
    return removed.length + added.length === 0 ? [] : [{ field, removed, added }]
  })
}

/** What is in one list and not in the other; of what repeats, as many as are too many. */
function without(list: readonly string[], other: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const one of other) counts.set(one, (counts.get(one) ?? 0) + 1)
  return list.filter((one) => {
    const left = counts.get(one) ?? 0
    counts.set(one, left - 1)
    return left <= 0
  })
}

const FIELDS: readonly MetadataField[] = [
  'name', 'kind', 'implements', 'behaviours', 'use', 'callbacks', 'struct', 'import', 'require', 'alias', 'types', 'attributes', 'doc', 'deprecated', 'dependencies',
]

function metadataOf({ facts, side }: Module): Readonly<Record<MetadataField, readonly string[]>> {
  const { implements: implemented, struct } = facts
  const directives = (kind: Directive['kind']) => facts.directives.filter((one) => one.kind === kind).map(showDirective)
  return {
    name: [side.name],
    kind: [facts.kind],
    implements: implemented === null ? [] : [`${implemented.protocol} for ${implemented.target}`],
    behaviours: facts.behaviours,
    use: directives('use'),
    callbacks: facts.callbacks.map(({ kind, text, optional }) => `${kind} ${text}${optional ? ' (optional)' : ''}`),
    struct: struct === null ? [] : [`${struct.kind} ${struct.fields.map(({ name, default: value }) => (value === null ? name : `${name}: ${value}`)).join(', ')}`,
      ...struct.enforced.map((name) => `enforced ${name}`)],
    import: directives('import'),
    require: directives('require'),
    alias: directives('alias'),
    types: facts.types.map(({ kind, text }) => `${kind} ${text}`),
    attributes: facts.attributes.map(({ name, text }) => `@${name} ${text}`),
    doc: facts.doc.hidden ? ['hidden'] : facts.doc.text === null ? [] : [facts.doc.text],
    deprecated: facts.deprecated === null ? [] : [facts.deprecated],
    dependencies: facts.dependencies,
  }
}

function showDirective({ module, as, argument }: Directive): string {
  const rest = argument ?? (as === null ? null : `as: ${as}`)
  return rest === null ? module : `${module}, ${rest}`
}
