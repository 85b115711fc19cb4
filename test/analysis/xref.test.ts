/**
 * The outside judge: the example application, compiled by Elixir and asked through OTP's xref, has the functions, exports
 * and calls that analysis reads from its source. Every allowed difference is listed here with its reason: what macros
 * expand to and what the compiler adds is in the beam alone, what macros and guards are called is in the source alone.
 */

import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAnalyser } from '../../src/analysis/analyse.ts'
import { assert } from '../../src/base/assert.ts'
import type { CallFacts, ModuleFacts } from '../../src/model/facts.ts'
import { aritiesOf, beamName, callsOf, compareExports, readOracle, type Oracle } from './support/oracle.ts'

const SHOP = fileURLToPath(new URL('../../examples/shop', import.meta.url))
const SCRIPT = fileURLToPath(new URL('oracle/xref.exs', import.meta.url))
const hasMix = spawnSync('mix', ['--version']).status === 0

let scratch = ''
let oracle: Oracle
let modules: ModuleFacts[] = []

beforeAll(() => {
  if (!hasMix) return
  scratch = mkdtempSync(join(tmpdir(), 'xref-'))
  const compiled = spawnSync('mix', ['compile'], { cwd: SHOP, env: { ...process.env, MIX_ENV: 'dev', MIX_BUILD_PATH: scratch }, encoding: 'utf8' })
  assert(compiled.status === 0, compiled.stderr)
  const asked = spawnSync('elixir', [SCRIPT, join(scratch, 'lib', 'shop', 'ebin'), 'Elixir.'], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  assert(asked.status === 0, asked.stderr)
  oracle = readOracle(asked.stdout)
  const analyse = createAnalyser()
  const paths = globSync('lib/**/*.ex', { cwd: SHOP }).sort()
  modules = paths.flatMap((path) => [...analyse(path, readFileSync(join(SHOP, path))).modules])
}, 60_000)
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** Functions that a `use` puts into the module: GenServer's and Supervisor's defaults, and the shop's own macros. */
const INJECTED = new Set([
  'child_spec/1', 'code_change/3', 'handle_call/3', 'handle_cast/2', 'handle_info/2', 'terminate/2', // use GenServer, Supervisor
  'all/0', 'fetch/1', // Shop.Catalog: made by Shop.Catalog.DSL's __before_compile__
  'label/0', // use Shop.Pricing.Rule
])

/** Calls that stand for syntax or for a macro's expansion; a function's own name is nowhere in the source. */
const EXPANDED = new Set([
  'Enum.reduce/3', ':lists.reverse/1', ':maps.from_list/1', ':erlang.list_to_bitstring/1', // for, and its into:
  'Range.new/2', 'Range.new/3', // a..b, a..b//c
  'Access.get/2', 'Enum.member?/2', ':lists.member/2', // a[b], a in b
  'String.Chars.to_string/1', // "#{a}"
  'Map.update!/3', 'Map.update/4', 'Access.get_and_update/3', // update_in, put_in
  'Exception.message/1', 'Exception.normalize/3', // rescue
  ':elixir_env.to_caller/1', ':elixir_quote.list/2', // quote and macros
  ':erlang.error/1', ':erlang.error/3', // raise, and a missing clause
  ':erlang.element/2', ':erlang.setelement/3', // elem and put_elem, counted from 0
  ':erlang.map_get/2', ':erlang.is_map_key/2', ':erlang.send_after/3', ':maps.remove/2', ':maps.is_key/2', // inlined with other argument orders
])

/** Macros, and functions that the compiler rewrites to something of another shape: in the source alone. */
const SOURCE_ONLY =
  /^(?:Kernel\.(?:if|unless|raise|reraise|match\?|update_in|put_in|is_nil|is_struct|is_exception|tap|then|dbg|elem|put_elem|to_string|destructure)\/\d|:erlang\.is_\w+\/\d|:erlang\.(?:map_get|byte_size|length|map_size|tuple_size|hd|tl|abs|div|rem|node|round|trunc)\/\d|:maps\.merge\/2|Process\.send_after\/3|Map\.delete\/2|Map\.put\/3)$/

test.skipIf(!hasMix)('the same modules (skipped without mix)', () => {
  expect(modules.map((module) => module.name).sort()).toEqual([...oracle.exports.keys()].sort())
})

test.skipIf(!hasMix)('the same exports, those aside that a `use` injects (skipped without mix)', () => {
  const differences = modules.map((module) => {
    const { missing, extra } = compareExports(module, oracle)
    return { module: module.name, missing: missing.filter((name) => !INJECTED.has(name)), extra }
  })
  expect(differences.filter(({ missing, extra }) => missing.length + extra.length > 0)).toEqual([])
})

test.skipIf(!hasMix)('every private function, and every function of its kind (skipped without mix)', () => {
  const differences: string[] = []
  for (const module of modules) {
    const kinds = oracle.definitions.get(module.name) ?? new Map<string, string>()
    for (const fn of module.functions) {
      for (const arity of aritiesOf(fn)) {
        const kind = kinds.get(`${fn.name}/${arity}`)
        const expected = fn.kind === 'defdelegate' ? 'def' : fn.kind.replace('guard', 'macro')
        if (kind !== expected) differences.push(`${module.name}.${fn.name}/${arity}: ${fn.kind} in the source, ${kind ?? 'nothing'} in the beam`)
      }
    }
    const ours = new Set(module.functions.flatMap((fn) => aritiesOf(fn).map((arity) => `${fn.name}/${arity}`)))
    for (const [key, kind] of kinds) {
      // Protocols keep their dispatch in a private function of the compiler's.
      if (kind.endsWith('p') && !ours.has(key) && key !== 'struct_impl_for/1' && !key.includes('overridable')) differences.push(`${module.name}.${key}: not in the source`)
    }
  }
  expect(differences).toEqual([])
})

test.skipIf(!hasMix)('every call that xref sees is found, with its lines (skipped without mix)', () => {
  let compared = 0
  const missing: string[] = []
  for (const module of modules) {
    const ours = callsOf(module, oracle)
    for (const [edge, lines] of oracle.calls.get(module.name) ?? []) {
      if (isExplained(module, edge)) continue
      compared++
      const found = ours.get(edge)
      for (const line of lines) if (found?.has(line) !== true) missing.push(`${module.name}.${edge} in line ${line}`)
    }
  }
  expect(missing).toEqual([])
  expect(compared).toBeGreaterThan(200)
})

test.skipIf(!hasMix)('no call is resolved to what xref does not see, macros and guards aside (skipped without mix)', () => {
  const extra: string[] = []
  const macros = new Set([...oracle.exports].flatMap(([module, names]) => [...names].filter((name) => name.startsWith('MACRO-')).map((name) => macroCall(module, name))))
  for (const module of modules) {
    const theirs = oracle.calls.get(module.name)
    const resolved = callsOf(module, oracle, (call: CallFacts) => call.grade === 'resolved')
    for (const [edge, lines] of resolved) {
      const callee = edge.slice(edge.indexOf(' -> ') + 4)
      if (theirs?.has(edge) !== true && !SOURCE_ONLY.test(callee) && !macros.has(callee)) extra.push(`${module.name}.${edge} in line ${[...lines].join(', ')}`)
    }
  }
  expect(extra).toEqual([])
})

function isExplained(module: ModuleFacts, edge: string): boolean {
  const [caller = '', callee = ''] = edge.split(' -> ')
  const fn = module.functions.find((one) => aritiesOf(one).some((arity) => beamName(one, arity) === caller))
  // Made by the compiler or by a macro: its calls have no place in the source.
  if (fn === undefined) return true
  // Callbacks that `use` completes with a last clause of its own.
  if (/^handle_\w+\/[23]$/.test(caller) && !callsOf(module, oracle).has(edge) && /^(?:Process\.info|Kernel\.inspect|RuntimeError\.exception|:erlang\.phash2|:erlang\.self|:logger\.error|GenServer\.format_report)/.test(callee)) return true
  // A lower arity of a function with defaults calls the next one, and evaluates the defaults that are missing.
  if (beamName(fn, fn.arity) !== caller) return true
  // Known at run time only.
  if (callee.includes('$M_EXPR') || callee.includes('$F_EXPR') || callee.includes('overridable')) return true
  if (callee.endsWith('.exception/1')) return true // raise Name
  if (/^:erlang\.[^a-z]+\/[12]$/.test(callee) || /^:erlang\.(?:not|and|or|xor)\/[12]$/.test(callee)) return true // operators
  if (/\.(?:__impl__|impl_for!?|struct_impl_for)\/1$/.test(callee)) return true // dispatch of a protocol
  if (callee === 'Shop.Stats.call/3') return true // what defcounted puts around a body
  // A `use` brought the alias or the function: the source has the name, without its module.
  if (callsOf(module, oracle, (call) => call.grade === 'syntactic').has(edge.replace('-> Shop.', '-> '))) return true
  if (INJECTED.has(callee.slice(module.name.length + 1)) && fn.calls.some((call) => call.module === null && callee === `${module.name}.${call.name}/${call.arity}`)) return true
  if (caller.startsWith('MACRO-') && callee === 'Macro.Env.in_guard?/1') return true // defguard
  return EXPANDED.has(callee) && !callsOf(module, oracle).has(edge)
}

function macroCall(module: string, name: string): string {
  const slash = name.lastIndexOf('/')
  return `${module}.${name.slice('MACRO-'.length, slash)}/${Number(name.slice(slash + 1)) - 1}`
}
