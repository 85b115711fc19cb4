/** Two sources, and what the diff says in one line for each thing that changed. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planProject } from '../../../bench/generate/plan.ts'
import { renderModule } from '../../../bench/generate/render.ts'
import { analyse, createAnalyser } from '../../../src/analysis/analyse.ts'
import { exportsHash } from '../../../src/analysis/versions/exports.ts'
import { matchVersions } from '../../../src/analysis/versions/match-versions.ts'
import { diffModules, type FileVersion, type ModuleDiff } from '../../../src/analysis/versions/module-diff.ts'
import { moduleOf } from '../support/show.ts'
import { indexOf } from './versions.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }

function version(source: string): FileVersion {
  const index = indexOf(source)
  return { modules: analyse({ path: 'lib/a.ex', tree: index.tree }).modules, index }
}

function diff(olds: readonly string[], nows: readonly string[]): ModuleDiff[] {
  const [before, after] = [olds.map(version), nows.map(version)]
  return diffModules(before, after, matchVersions(before.map(({ index }) => index), after.map(({ index }) => index)))
}

function show(one: ModuleDiff): string {
  return [
    `${one.changeType} ${one.old === one.new ? one.new : `${one.old ?? 'nothing'} -> ${one.new ?? 'nothing'}`}${one.exports === 'changed' ? ' exports' : ''}`,
    ...one.added.map((fn) => `+${fn.function}${fn.from === null ? '' : ` from ${fn.from}`}`),
    ...one.removed.map((fn) => `-${fn.function}${fn.to === null ? '' : ` to ${fn.to}`}`),
    ...one.modified.map((fn) => `${fn.function} ${fn.changes.join('+')}`),
    ...one.metadata.map(({ field, removed, added }) => `${field} ${[...removed.map((text) => `-${text}`), ...added.map((text) => `+${text}`)].join(' ')}`),
  ].join('; ')
}

const inModule = (...lines: readonly string[]): string => `defmodule A do\n${lines.map((line) => `  ${line}\n`).join('')}end\n`
const F = 'def f(x), do: g(x)'
const H = 'def h(a, b), do: map(a, &(&1 + b))'
const K = 'def k(a), do: send(self(), {:k, a})'
const L = 'def l(a), do: a'

const rows: readonly (readonly [name: string, old: string, now: string, ...expected: string[]])[] = [
  ['nothing', inModule(F), inModule(F)],
  ['layout alone', inModule(F), inModule('def f( x ), do: g( x )'), 'minor A; f/1 lines'],
  ['a comment above', inModule(F, H), inModule('# why', F, H), 'minor A; f/1 lines; h/2 lines'],
  ['a comment at the end', inModule(F), inModule(F, '# why'), 'minor A'],
  ['a body', inModule(F, H), inModule('def f(x), do: g(x + 1)', H), 'minor A; f/1 body'],
  ['most bodies', inModule(F, K, L), inModule('def f(x), do: g(x + 1)', 'def k(a), do: send(self(), {:j, a})', L), 'major A; f/1 body; k/1 body'],
  ['a parameter renamed', inModule(F), inModule('def f(y), do: g(y)'), 'major A; f/1 head+body'],
  ['a head alone', inModule(F), inModule('def f(x) when x > 1, do: g(x)'), 'major A; f/1 head'],
  ['a default in a head without a body', inModule('def f(x \\\\ 1)', F), inModule('def f(x \\\\ 2)', F), 'major A; f/1 head'],
  ['a default more', inModule(F), inModule('def f(x \\\\ 1), do: g(x)'), 'major A exports; f/1 head'],
  ['made private', inModule(F, H), inModule(F.replace('def', 'defp'), H), 'major A exports; f/1 visibility'],
  ['made a macro', inModule(F, H), inModule(F.replace('def', 'defmacro'), H), 'major A exports; f/1 kind'],
  ['a doc and a spec', inModule(F), inModule('@doc "What."', '@spec f(term) :: term', F), 'minor A; f/1 spec+doc'],
  ['deprecated, and an implementation', inModule(F), inModule('@deprecated "no"', '@impl true', F), 'minor A exports; f/1 impl+deprecated'],
  ['a function added', inModule(F), inModule(F, H), 'major A exports; +h/2'],
  ['a private one added', inModule(F), inModule(F, `defp ${H.slice(4)}`), 'major A; +h/2'],
  ['a function removed', inModule(F, H), inModule(F), 'major A exports; -h/2'],
  ['a function renamed', inModule(F, H), inModule(F, H.replace('h(', 'i(')), 'major A exports; +i/2 from A.h/2; -h/2 to A.i/2; i/2 lines'],
  ['a clause more', inModule('def f(1), do: 1'), inModule('def f(1), do: 1', 'def f(x), do: x'), 'major A; f/1 head+body'],
  ['moved', inModule(F, H), inModule(H, F), 'minor A; h/2 lines; f/1 lines'],
  ['the moduledoc', inModule(F), inModule('@moduledoc "M."', F), 'minor A; f/1 lines; doc +M.'],
  ['an attribute', inModule('@a 1', F), inModule('@a 2', F), 'minor A; attributes -@a 1 +@a 2'],
  ['a struct', inModule('defstruct [:a]'), inModule('defstruct [:a, b: 1]'), 'structural A exports; struct -struct a +struct a, b: 1'],
  ['a behaviour', inModule('@behaviour B', F), inModule('@behaviour C', F), 'structural A exports; behaviours -B +C; dependencies -B +C'],
  ['a use', inModule('alias B', F), inModule('use B', F), 'structural A; use +B; alias -B, as: B'],
  ['an import', inModule('import B', F), inModule('import B, only: [g: 1]', F), 'major A; import -B +B, only: [g: 1]'],
  ['a type', inModule('@type t :: 1'), inModule('@type t :: 2'), 'minor A exports; types -type t :: 1 +type t :: 2'],
  ['renamed', inModule(F, H), inModule(F, H).replace(' A ', ' B '), 'structural A -> B exports; name -A +B'],
  ['a module added and one removed', `${inModule(F)}defmodule B do\n def b, do: 1\nend`, `${inModule(F)}defmodule C do\n def c(x), do: x\n def d, do: 1\nend`,
    'structural nothing -> C exports; +c/1; +d/0', 'structural B -> nothing exports; -b/0'],
  ['the second definition of a module', inModule(F) + inModule(H), inModule(F) + inModule(H.replace('+', '-')), 'minor A@2; h/2 body'],
]

test.each(rows)('%s', (_name, old, now, ...expected) => {
  expect(diff([old], [now]).map(show)).toEqual(expected)
})

test('a function that moves to another file is told in both', () => {
  const found = diff([inModule(F, H), 'defmodule B do\n  def b, do: 1\nend'], [inModule(F), `defmodule B do\n  def b, do: 1\n  ${H}\nend`])
  expect(found.map(show)).toEqual(['major A exports; -h/2 to B.h/2', 'major B exports; +h/2 from A.h/2'])
})

test('what leaves the exports as they are', () => {
  const base = moduleOf(inModule('@type t :: 1', '@typep p :: 1', F, H, 'defp q(x), do: x'))
  const same = moduleOf(inModule('@moduledoc "M."', '@typep p :: 2', '@type t :: 1', H.replace('b)', 'c)'), 'defp r(x), do: x', 'alias X.Y', '@doc "F."', 'def f(x), do: 1 + x'))
  expect(exportsHash(same)).toBe(exportsHash(base))
})

test('the code of a macro is part of the exports', () => {
  const old = moduleOf(inModule('defmacro __using__(_), do: quote(do: import(A))'))
  const now = moduleOf(inModule('defmacro __using__(_), do: quote(do: import(B))'))
  expect(exportsHash(now)).not.toBe(exportsHash(old))
})

test('the facts of a file depend on no other file', () => {
  const project = planProject({ modules: 30, seed: 3 })
  const sources = Array.from({ length: 30 }, (_, index) => new TextEncoder().encode(renderModule(project, index)))
  const alone = sources.map((source, index) => createAnalyser()(`lib/${index}.ex`, source))
  fc.assert(fc.property(fc.shuffledSubarray(sources.map((_, index) => index), { minLength: 2 }), (order) => {
    const analyser = createAnalyser()
    for (const index of order) expect(analyser(`lib/${index}.ex`, sources[index] ?? new Uint8Array())).toEqual(alone[index])
  }), { numRuns: 15, ...seed })
})
