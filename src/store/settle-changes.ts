/**
 * What a transaction changed after all, in names: a function that went from one file and came in another has moved, one
 * that came back is not new. Settled before the commit, because what is found here is written to the rows: moments carry
 * over, and what is gone is kept as departed.
 *
 * Cost: notes of rows that were written anyway; names are looked up for as many as are told.
 */

import { formatMfa } from '../model/names.ts'
import { FILE_ORIGIN } from './apply-module.ts'
import type { FunctionNote, GoneFunction, Moments } from './change-log.ts'
import { all, one, run } from './connection.ts'
import type { ChangeCounts, CommitChanges } from './contract.ts'
import { dropStale, forgetLongGone, putDepartedFunction, putDepartedModule, takeDeparted, takeDepartedModule } from './departed.ts'
import { isSameButPlace } from './facts-codec.ts'
import type { Work } from './work.ts'

/** More names than these are told as counts alone. */
const MOST_NAMES = 1000

/** To be run once keys are settled. */
export function settleChanges(work: Work): CommitChanges {
  noteRekeyed(work)
  const functions = settleFunctions(work)
  const modules = settleModules(work)
  dropStale(work, work.changes.mended)
  forgetLongGone(work)
  const files = filesByChange(work)
  return tell(work, { files, modules, functions })
}

/** A module whose key changed is another by name, with all its functions. */
function noteRekeyed({ connection, changes }: Work): void {
  for (const [id, key] of changes.rekeyed) {
    if (changes.addedModules.has(id)) changes.rekeyed.delete(id)
    else {
      const added = new Set(changes.addedFunctions.map((note) => note.id))
      for (const fn of all<Omit<GoneFunction, 'key' | 'moved'>>(connection, `SELECT id, module_id AS moduleId, name, arity, ordinal, defaults, kind, data, calls,
        first_epoch, first_ms, modified_epoch, modified_ms FROM functions WHERE module_id = ?`, id)) {
        if (added.has(fn.id)) continue
        changes.goneFunctions.push({ ...fn, key, origin: FILE_ORIGIN, moved: 'moved' })
        changes.addedFunctions.push(fn)
      }
    }
  }
}

type Live = Moments & FunctionNote & { readonly kind: number; readonly defaults: number; readonly data: Uint8Array }

type Settled = { readonly added: () => Iterable<string>; readonly nAdded: number; readonly modified: () => Iterable<string>; readonly nModified: number; readonly removed: ReadonlySet<string> }

function settleFunctions(work: Work): Settled {
  const { connection, changes } = work
  const added = new Map(changes.addedFunctions.map((note) => [note.id, note]))
  const modified = new Map(changes.modifiedFunctions.filter(({ id, moduleId }) => !added.has(id) && !changes.rekeyed.has(moduleId)).map((note) => [note.id, note]))
  const removed = new Set<string>()
  for (const gone of changes.goneFunctions) {
    if (gone.moved === 'no') modified.delete(gone.id)
    // What no commit has shown.
    if (gone.moved === 'no' && added.delete(gone.id)) continue
    const live = liveFunction(work, gone)
    if (live !== undefined) {
      if (!added.delete(live.id)) modified.set(live.id, live)
      else if (!carryOver(work, gone, live)) modified.set(live.id, live)
      continue
    }
    removed.add(formatMfa({ module: gone.key, name: gone.name, arity: gone.arity }))
    if (gone.moved === 'no' && gone.origin === FILE_ORIGIN) putDepartedFunction(work, gone)
  }
  for (const note of [...added.values()].filter(({ ordinal }) => ordinal > 1)) {
    added.delete(note.id)
    const first = one<{ id: number; first_epoch: number }>(connection, 'SELECT id, first_epoch FROM functions WHERE module_id = ? AND name = ? AND arity = ? AND ordinal = 1',
      note.moduleId, note.name, note.arity)
    if (first !== undefined && !added.has(first.id)) modified.set(first.id, { ...note, id: first.id })
  }
  if (work.state.n_departed > 0) for (const note of added.values()) comeBack(work, note)
  const distinct = new Map([...modified.values()].map((note) => [`${note.moduleId} ${note.name}/${note.arity}`, note]))
  return {
    added: () => mfas(work, added.values()), nAdded: added.size, modified: () => mfas(work, distinct.values()), nModified: distinct.size, removed,
  }
}

/** The function of that name which is there now. */
function liveFunction({ connection }: Work, { key, origin, name, arity }: GoneFunction): Live | undefined {
  return one<Live>(connection, `SELECT fn.id, fn.module_id AS moduleId, fn.name, fn.arity, fn.ordinal, fn.kind, fn.defaults, fn.data,
    fn.first_epoch, fn.first_ms, fn.modified_epoch, fn.modified_ms
    FROM modules m CROSS JOIN functions fn ON fn.module_id = m.id WHERE m.key = ? AND m.origin = ? AND fn.name = ? AND fn.arity = ? ORDER BY fn.ordinal LIMIT 1`,
    key, origin, name, arity)
}

/** The same function in another place; whether it is the same in every word. */
function carryOver(work: Work, gone: GoneFunction, live: Live): boolean {
  const isSame = gone.kind === live.kind && gone.defaults === live.defaults && isSameButPlace(gone.data, live.data)
  const now: Moments = isSame ? gone : live
  setMoments(work, 'functions', live.id, { ...gone, modified_epoch: now.modified_epoch, modified_ms: now.modified_ms })
  return isSame
}

function comeBack(work: Work, note: FunctionNote): void {
  const known = takeDeparted(work, keyOf(work, note.moduleId), note.name, note.arity)
  if (known !== undefined) setMoments(work, 'functions', note.id, { ...known, modified_epoch: work.version, modified_ms: work.nowMs })
}

function setMoments({ connection }: Work, table: 'functions' | 'modules', id: number, moments: Moments): void {
  run(connection, `UPDATE ${table} SET first_epoch = ?, first_ms = ?, modified_epoch = ?, modified_ms = ? WHERE id = ?`,
    moments.first_epoch, moments.first_ms, moments.modified_epoch, moments.modified_ms, id)
}

function keyOf({ connection }: Work, moduleId: number): string {
  return one<{ key: string }>(connection, 'SELECT key FROM modules WHERE id = ?', moduleId)?.key ?? ''
}

function* mfas(work: Work, notes: Iterable<FunctionNote>): Generator<string, void, undefined> {
  for (const { moduleId, name, arity } of notes) yield formatMfa({ module: keyOf(work, moduleId), name, arity })
}

function settleModules(work: Work): Settled {
  const { connection, changes } = work
  const added = new Set([...changes.addedModules, ...changes.rekeyed.keys()])
  const modified = new Set([...changes.changedModules].filter((id) => !added.has(id)))
  const removed = new Set<string>()
  const live = (key: string, origin: number) => one<Moments & { readonly id: number; readonly data: Uint8Array }>(connection,
    'SELECT id, data, first_epoch, first_ms, modified_epoch, modified_ms FROM modules WHERE key = ? AND origin = ?', key, origin)
  for (const gone of changes.goneModules) {
    modified.delete(gone.id)
    if (gone.first_epoch === work.version) continue
    const now = live(gone.key, gone.origin)
    if (now === undefined) {
      removed.add(gone.key)
      if (gone.origin === FILE_ORIGIN) putDepartedModule(work, gone)
      continue
    }
    if (added.delete(now.id)) setMoments(work, 'modules', now.id, { ...now, first_epoch: gone.first_epoch, first_ms: gone.first_ms })
    modified.add(now.id)
  }
  for (const key of changes.rekeyed.values()) {
    const now = live(key, FILE_ORIGIN)
    if (now === undefined) removed.add(key)
    else if (added.delete(now.id)) modified.add(now.id)
  }
  if (work.state.n_departed > 0) for (const id of added) moduleComesBack(work, id)
  const keys = (ids: Iterable<number>) => Array.from(ids, (id) => keyOf(work, id))
  return { added: () => keys(added), nAdded: added.size, modified: () => keys(modified), nModified: modified.size, removed }
}

function moduleComesBack(work: Work, id: number): void {
  const known = takeDepartedModule(work, keyOf(work, id))
  if (known !== undefined) setMoments(work, 'modules', id, { ...known, modified_epoch: work.version, modified_ms: work.nowMs })
}

function filesByChange({ changes: { files } }: Work): Settled {
  const of = (change: string): string[] => [...files].filter(([, each]) => each === change).map(([path]) => path)
  const [added, modified] = [of('added'), of('changed')]
  return { added: () => added, nAdded: added.length, modified: () => modified, nModified: modified.length, removed: new Set(of('removed')) }
}

function tell(work: Work, { files, modules, functions }: Readonly<Record<'files' | 'modules' | 'functions', Settled>>): CommitChanges {
  const countsOf = ({ nAdded, nModified, removed }: Settled): ChangeCounts => ({ added: nAdded, modified: nModified, removed: removed.size })
  const counts = { files: countsOf(files), modules: countsOf(modules), functions: countsOf(functions) }
  const total = Object.values(counts).reduce((sum, each) => sum + each.added + each.modified + each.removed, 0)
  const truncated = total > MOST_NAMES
  const namesOf = (settled: Settled) => truncated ? { added: [], modified: [], removed: [] }
    : { added: [...settled.added()].sort(), modified: [...settled.modified()].sort(), removed: [...settled.removed].sort() }
  return { epoch: work.version, atMs: work.nowMs, truncated, counts, files: namesOf(files), modules: namesOf(modules), functions: namesOf(functions) }
}
