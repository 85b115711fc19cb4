/**
 * Correlation as it runs: what each BEAM node has loaded, what was observed of it, and the place of each new site. A site
 * is asked for once per block, so that answers stand as they were given: later observations make later answers surer.
 *
 * Bounded: nodes, and modules of each, by the least recently loaded; observations per module. Absent on purpose: events.
 */

import type { SiteNames, Situation } from '../event/names.ts'
import type { EventSource } from '../model/event.ts'
import type { ModuleName } from '../model/names.ts'
import { sourceFunction } from './beam-names.ts'
import { functionKey, type ModuleCode, type StaticIndex } from './code.ts'
import { fitVersions, type ClauseLines, type Fit, type Observation } from './fit.ts'
import type { Resolution } from './resolution.ts'
import { resolve } from './resolve.ts'

/** As the agent tells of loaded code (docs/AGENT.md, `modules`). `lines` is null for a beam without debug info. */
export type LoadedModule = { readonly module: ModuleName; readonly md5: string; readonly file: string; readonly lines: ClauseLines | null }

export type Correlator = {
  /** A module was loaded, or is loaded; what was observed of its earlier code counts no more. */
  loaded(source: EventSource, module: LoadedModule): void
  resolve(index: StaticIndex, names: SiteNames, source: EventSource, situation?: Situation): Resolution
  /** The version that a module runs in, as far as it is known. */
  fitOf(index: StaticIndex, module: ModuleName, source: EventSource): Fit
}

const NODES = 64
const MODULES = 20_000
const OBSERVATIONS = 256

type Module = {
  readonly md5: string | null
  readonly table: ClauseLines | null
  readonly observed: Map<string, Observation>
  fitted: { readonly codes: readonly ModuleCode[]; readonly nObserved: number; readonly fit: Fit } | undefined
}

export function createCorrelator(): Correlator {
  const nodes = new Map<string, Map<ModuleName, Module>>()
  const modulesOf = (source: EventSource) => bounded(nodes, keyOf(source), NODES, () => new Map<ModuleName, Module>())
  const moduleOf = (source: EventSource, name: ModuleName) => bounded(modulesOf(source), name, MODULES, () => fresh(null, null))
  /** What runs stands first, where that is known. */
  const asItRuns = (index: StaticIndex, source: EventSource): StaticIndex => ({
    versionsOf(name) {
      const codes = index.versionsOf(name)
      const module = codes.length > 1 ? nodes.get(keyOf(source))?.get(name) : undefined
      return module === undefined ? codes : fitted(module, codes).codes
    },
  })
  return {
    loaded(source, { module, md5, lines }) {
      const modules = modulesOf(source)
      modules.delete(module)
      bounded(modules, module, MODULES, () => fresh(md5, lines))
    },
    resolve(index, names, source, situation) {
      const name = names.caller?.module
      const codes = name === undefined ? [] : index.versionsOf(name)
      const module = name === undefined || codes.length === 0 ? undefined : moduleOf(source, name)
      // What was called in tail position says nothing of the caller's lines.
      if (module !== undefined && (situation?.via ?? null) === null) observe(module, names)
      const fit = module === undefined ? NOTHING : fitted(module, codes)
      // By lines of another version the call that was made last is another one.
      const by = situation?.after === undefined ? undefined : (situation.via ?? names.caller)?.module
      const isKnown = by === undefined || fitted(moduleOf(source, by), index.versionsOf(by)).certainty === 'sure'
      return resolve(asItRuns(index, source), names, { fit, table: module?.table ?? null }, situation === undefined || isKnown ? situation : { ...situation, after: undefined })
    },
    fitOf: (index, name, source) => fitted(moduleOf(source, name), index.versionsOf(name)),
  }
}

const keyOf = (source: EventSource) => `${source.node} ${source.startNs}`
const NOTHING: Fit = { codes: [], certainty: 'none fits' }

const fresh = (md5: string | null, table: ClauseLines | null): Module => ({ md5, table, observed: new Map(), fitted: undefined })

function bounded<V>(map: Map<string, V>, key: string, limit: number, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  for (const oldest of map.keys()) if (map.size > limit) map.delete(oldest)
  return made
}

function observe({ observed }: Module, { mfa, caller }: SiteNames): void {
  if (mfa === null || caller === null || caller.line === 0 || observed.size >= OBSERVATIONS) return
  const from = sourceFunction(caller.function, caller.arity)
  const to = sourceFunction(mfa.function, mfa.arity)
  if (to.part === 'within') return
  const callee = { module: mfa.module, name: to.name, arity: to.arity }
  const observation = { caller: functionKey(from.name, from.arity), line: caller.line, callee }
  observed.set(`${observation.caller} ${caller.line} ${callee.module} ${functionKey(callee.name, callee.arity)}`, observation)
}

/** With one version and its lines, observations tell nothing new. */
function fitted(module: Module, codes: readonly ModuleCode[]): Fit {
  const { fitted: known, observed, table } = module
  if (known?.codes === codes && (known.nObserved === observed.size || (codes.length === 1 && table !== null))) return known.fit
  const fit = fitVersions(codes, table, Array.from(observed.values()))
  module.fitted = { codes, nObserved: observed.size, fit }
  return fit
}
