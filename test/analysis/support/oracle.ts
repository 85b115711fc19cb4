/**
 * Compares facts with what compiled Elixir says of itself (oracle/xref.exs). A difference counts unless a rule explains
 * it; each rule names one thing that exists only after macro expansion, or only in the source.
 */

import type { CallFacts, FunctionFacts, ModuleFacts } from '../../../src/model/facts.ts'

export type Oracle = {
  /** `Module.name/arity`, macros as `MACRO-name/arity` with the caller counted. */
  readonly exports: ReadonlyMap<string, ReadonlySet<string>>
  /** kind by `name/arity`, by module. */
  readonly definitions: ReadonlyMap<string, ReadonlyMap<string, string>>
  /** Lines by `caller -> callee`, by module. */
  readonly calls: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<number>>>
  /** What the compiler calls instead of a function. */
  readonly inlined: ReadonlyMap<string, string>
}

export function readOracle(output: string): Oracle {
  const exports = new Map<string, Set<string>>()
  const definitions = new Map<string, Map<string, string>>()
  const calls = new Map<string, Map<string, Set<number>>>()
  const inlined = new Map<string, string>()
  for (const row of output.split('\n')) {
    const [tag, module = '', a = '', b = '', c = '', d = '', e = '', f = ''] = row.split('\t')
    if (tag === 'X') getOr(exports, module, () => new Set()).add(`${a}/${b}`)
    if (tag === 'D') getOr(definitions, module, () => new Map()).set(`${b}/${c}`, a)
    if (tag === 'I') inlined.set(`${module}.${a}/${b}`, `${c}.${d}/${e}`)
    if (tag === 'C') {
      const edges = getOr(calls, module, () => new Map<string, Set<number>>())
      getOr(edges, `${a}/${b} -> ${c}.${d}/${e}`, () => new Set()).add(Number(f))
    }
  }
  return { exports, definitions, calls, inlined }
}

/** What the compiler adds to a module by itself. */
const GENERATED = /^(?:__info__\/1|module_info\/[01]|behaviour_info\/1|MACRO-__using__\/2|__struct__\/[01]|__impl__\/1|exception\/1|message\/1|__protocol__\/1|impl_for!?\/1)$/

export function exportsOf(module: ModuleFacts): Set<string> {
  const names = new Set<string>()
  for (const fn of module.functions) {
    if (fn.kind === 'defp' || fn.kind === 'defmacrop' || fn.kind === 'defguardp') continue
    const macro = fn.kind === 'defmacro' || fn.kind === 'defguard'
    for (const arity of aritiesOf(fn)) names.add(macro ? `MACRO-${fn.name}/${arity + 1}` : `${fn.name}/${arity}`)
  }
  return names
}

export function aritiesOf(fn: FunctionFacts): number[] {
  return Array.from({ length: fn.defaults + 1 }, (_, index) => fn.arity - fn.defaults + index)
}

/** Exports that only one side has; `missing` is not in the facts, `extra` is not in the beam. */
export function compareExports(module: ModuleFacts, oracle: Oracle): { readonly missing: string[]; readonly extra: string[] } {
  const ours = exportsOf(module)
  const theirs = oracle.exports.get(module.name) ?? new Set()
  return {
    missing: [...theirs].filter((name) => !ours.has(name) && (!GENERATED.test(name) || name.startsWith('MACRO-'))),
    extra: [...ours].filter((name) => !theirs.has(name)),
  }
}

/** Calls as `caller -> callee`, with their lines; only those whose module is known. */
export function callsOf(module: ModuleFacts, oracle: Oracle, wanted: (call: CallFacts) => boolean = () => true): Map<string, Set<number>> {
  const edges = new Map<string, Set<number>>()
  for (const fn of module.functions) {
    for (const call of fn.calls) if (call.module !== null && wanted(call)) getOr(edges, `${beamName(fn, fn.arity)} -> ${inlined(calleeOf(call), oracle)}`, () => new Set()).add(call.line)
  }
  return edges
}

/** A macro runs as `MACRO-name` with its caller as one more argument. */
export function beamName(fn: FunctionFacts, arity: number): string {
  const macro = fn.kind === 'defmacro' || fn.kind === 'defmacrop' || fn.kind === 'defguard' || fn.kind === 'defguardp'
  return macro ? `MACRO-${fn.name}/${arity + 1}` : `${fn.name}/${arity}`
}

const inlined = (callee: string, oracle: Oracle) => oracle.inlined.get(callee) ?? callee
const calleeOf = (call: CallFacts) => `${call.module}.${call.name}/${call.arity}`

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}
