/**
 * Reading what was: the versions of a file that are kept, what changed in a module between two of them, and where a node
 * of one is in the other. Maps and diffs follow from two contents and are found when asked for.
 *
 * Versions are of files, so that a module has those of its file; what a file was like that went is still known by its path.
 */

import { analyse } from '../analysis/analyse.ts'
import { indexNodes, type NodeIndex } from '../analysis/node-ids.ts'
import { matchVersions, partition } from '../analysis/versions/match-versions.ts'
import { diffModules, type ModuleDiff } from '../analysis/versions/module-diff.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { parseNodeId, type NodeId } from '../model/node-id.ts'
import { readVersionMap, type VersionMap } from '../model/version-map.ts'
import type { FileVersion, Snapshot } from '../store/contract.ts'
import { parse } from '../syntax/parse.ts'
import type { Tree } from '../syntax/tree.ts'
import type { ReadArgs, Reply } from '../wire/methods.ts'
import type { FileVersionRecord, ModuleDiffRecord } from '../wire/records.ts'
import { answer } from './answer.ts'
import { cutList } from './cut.ts'
import { findModule, noFile } from './find.ts'
import { momentRecord, momentsRecord } from './present.ts'
import { freshness, type ReadContext } from './read-context.ts'

/** Ids listed of each kind. */
const LISTED_NODES = 500

export function versionHistory(context: ReadContext, args: ReadArgs<'version_history'>): Result<Reply<'version_history'>, Failure> {
  const { snapshot } = context
  const { module_name: name } = args
  if (name === undefined && args.path === undefined) {
    return fail(failure('invalid_argument', 'module_name or path: one of them is needed', { hint: 'e.g. module_name MyApp.Cart' }))
  }
  const path = pathOf(snapshot, name ?? '', args.path)
  if (!path.ok) return path
  const versions = snapshot.versionsOf(path.value)
  if (versions.length === 0) return fail(noFile(path.value))
  const module = name === undefined ? undefined : snapshot.findModuleRow(name)
  return ok(answer({
    source_file: path.value, versions: versions.map(versionRecord),
    ...momentsRecord(module === undefined ? undefined : snapshot.moduleMoments(module.id)),
  }, freshness(context)))
}

export function getModuleDiff(context: ReadContext, args: ReadArgs<'get_module_diff'>): Result<Reply<'get_module_diff'>, Failure> {
  const { module_name: name } = args
  const path = pathOf(context.snapshot, name, args.path)
  if (!path.ok) return path
  const pair = findPair(context.snapshot, path.value, args)
  if (!pair.ok) return pair
  const local = namesWithin(context.snapshot, path.value).get(name) ?? name
  const compared = compare(context, path.value, pair.value)
  const diffs = diffModules([versionOf(path.value, compared.old)], [versionOf(path.value, compared.now)], compared.map)
  const diff = diffs.find((one) => one.new === local) ?? diffs.find((one) => one.old === local)
  const { from, to } = pair.value
  return ok(answer(diffRecord({ module_name: name, source_file: path.value, from: from.number, to: to.number }, local, diff, compared), freshness(context)))
}

export function translateNode(context: ReadContext, args: ReadArgs<'translate_node'>): Result<Reply<'translate_node'>, Failure> {
  const root = parseNodeId(args.node_id)?.root
  if (root === undefined) return fail(failure('invalid_argument', `node_id: ${JSON.stringify(args.node_id)} is no node id`, { hint: 'e.g. MyApp.Cart.add/2#1/case' }))
  const key = root.kind === 'body' ? root.module : root.mfa.module
  const path = pathOf(context.snapshot, key, args.path)
  if (!path.ok) return path
  const pair = findPair(context.snapshot, path.value, args)
  if (!pair.ok) return pair
  const { from, to } = pair.value
  const names = namesWithin(context.snapshot, path.value)
  const local = renamed(args.node_id, key, names.get(key) ?? key)
  const isForward = from.number <= to.number
  const [first, last] = isForward ? [from, to] : [to, from]
  const { map } = compare(context, path.value, { from: first, to: last })
  const translator = readVersionMap(map)
  const found = isForward ? translator.forward(local) : translator.back(local)
  return ok(answer({ node_id: found === undefined ? null : outward(found, names), from: from.number, to: to.number }, freshness(context)))
}

/** Of the module, unless the path is given; also of one that is no more. */
export function pathOf(snapshot: Snapshot, name: string, path: string | undefined): Result<string, Failure> {
  if (path !== undefined) return ok(path.replace(/^\.\//, ''))
  const known = snapshot.findModuleRow(name, 'file')?.path ?? snapshot.pathOfDeparted(name)
  if (typeof known === 'string') return ok(known)
  const found = findModule(snapshot, name)
  return found.ok ? fail(failure('not_found', `${name} was stated by a client, and has no versions`, { hint: 'modules from files have' })) : found
}

type Pair = { readonly from: FileVersion; readonly to: FileVersion }

function findPair(snapshot: Snapshot, path: string, args: { readonly from?: number | undefined; readonly to?: number | undefined }): Result<Pair, Failure> {
  const versions = snapshot.versionsOf(path)
  if (versions.length === 0) return fail(noFile(path))
  const kept = versions.map(({ number }) => number)
  const to = args.to === undefined ? versions[0] : versions.find(({ number }) => number === args.to)
  if (to === undefined) return fail(notKept(path, args.to ?? 0, kept))
  const wanted = args.from ?? to.number - 1
  const from = versions.find(({ number }) => number === wanted)
  return from === undefined ? fail(notKept(path, wanted, kept)) : ok({ from, to })
}

function notKept(path: string, wanted: number, kept: readonly number[]): Failure {
  const hint = kept.length === 1 ? 'only the present version is kept' : `kept are ${kept.at(-1)} to ${kept[0]}`
  return failure('not_found', wanted < 1 ? `${path} has no earlier version` : `version ${wanted} of ${path} is not kept`, { hint, details: { versions: kept } })
}

type Compared = { readonly old: Side; readonly now: Side; readonly map: VersionMap }
type Side = { readonly tree: Tree; readonly index: NodeIndex }

function compare(context: ReadContext, path: string, { from, to }: Pair): Compared {
  const [old, now] = [sideOf(context, path, from), sideOf(context, path, to)]
  return { old, now, map: context.mapOf(`${from.sourceHash} ${to.sourceHash}`, () => matchVersions([old.index], [now.index])) }
}

/** What could not be read has no nodes. */
function sideOf(context: ReadContext, path: string, version: FileVersion): Side {
  const tree = (version.readable ? context.treeOfVersion(path, version) : undefined) ?? parse(new Uint8Array(0))
  return { tree, index: indexNodes(tree) }
}

function versionOf(path: string, { tree, index }: Side): Parameters<typeof diffModules>[0][number] {
  return { modules: analyse({ path, tree }).modules, index }
}

/** Key in the project -> name among those of the file: `Name@2` may be the only `Name` there. */
export function namesWithin(snapshot: Snapshot, path: string): Map<string, string> {
  const counts = new Map<string, number>()
  return new Map((snapshot.modulesOfFile(path) ?? []).map(({ key }) => {
    const name = snapshot.findModule(key, 'file')?.facts.name.replace(/@\d+$/, '') ?? key
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return [key, count === 1 ? name : `${name}@${count}`]
  }))
}

export function renamed(id: NodeId, from: string, to: string): NodeId {
  return from === to || !id.startsWith(from) ? id : to + id.slice(from.length)
}

export function outward(id: NodeId, names: ReadonlyMap<string, string>): NodeId {
  const root = parseNodeId(id)?.root
  const local = root === undefined ? '' : root.kind === 'body' ? root.module : root.mfa.module
  const key = [...names].find(([, name]) => name === local)?.[0] ?? local
  return renamed(id, local, key)
}

function versionRecord(version: FileVersion): FileVersionRecord {
  return {
    version: version.number, source_hash: version.sourceHash, bytes: version.bytes, readable: version.readable,
    since: momentRecord(version), until: version.until === null ? null : momentRecord(version.until),
  }
}

type Head = Pick<ModuleDiffRecord, 'module_name' | 'source_file' | 'from' | 'to'>

function diffRecord(head: Head, local: string, diff: ModuleDiff | undefined, compared: Compared): ModuleDiffRecord {
  const isOf = (name: string | null) => (id: NodeId): boolean => name !== null && id.startsWith(name) && (id[name.length] === '.' || id[name.length] === '#')
    && moduleOf(id) === name
  const [before, after] = diff === undefined ? [local, local] : [diff.old, diff.new]
  const parts = partition([compared.old.index], [compared.now.index], compared.map)
  const isOld = isOf(before)
  const isNew = isOf(after)
  return {
    ...head, change_type: diff?.changeType ?? 'none', name_before: before, name_after: after,
    added_functions: [...diff?.added ?? []], removed_functions: [...diff?.removed ?? []],
    modified_functions: (diff?.modified ?? []).map((one) => ({ ...one, changes: [...one.changes] })),
    metadata_changes: (diff?.metadata ?? []).map((one) => ({ field: one.field, removed: [...one.removed], added: [...one.added] })),
    exports: diff?.exports ?? 'same',
    correlation_impacts: {
      broken: nodeList(parts.broken.filter(isOld)), new: nodeList(parts.new.filter(isNew)),
      maintained: { count: parts.maintained.filter(([old, now]) => isOld(old) || isNew(now)).length },
    },
  }
}

function moduleOf(id: NodeId): string | undefined {
  const root = parseNodeId(id)?.root
  return root?.kind === 'body' ? root.module : root?.mfa.module
}

function nodeList(ids: readonly NodeId[]): ModuleDiffRecord['correlation_impacts']['broken'] {
  const listed = cutList(ids, LISTED_NODES)
  return { count: ids.length, node_ids: [...listed.items], cut_at: listed.cutAt }
}
