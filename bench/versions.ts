/**
 * What it costs to carry node ids from one version of a file to the next: trees and node indexes of both versions, the
 * version map, and the diffs of the modules. Over generated files with one statement more, and over one long file, edited
 * in several ways. Microseconds per edited file, in memory, one thread.
 */

import { analyse } from '../src/analysis/analyse.ts'
import { indexNodes } from '../src/analysis/node-ids.ts'
import { matchVersions, partition } from '../src/analysis/versions/match-versions.ts'
import { diffModules, type FileVersion } from '../src/analysis/versions/module-diff.ts'
import { parse } from '../src/syntax/parse.ts'
import { planProject } from './generate/plan.ts'
import { renderModule } from './generate/render.ts'

const FILES = 100
const PASSES = 5
/** Generated modules that make the long file. */
const LONG_OF = 20

type Micros = { readonly p50: number; readonly p95: number }
type Costs = { readonly index: Micros; readonly map: Micros; readonly diff: Micros; readonly partition: Micros }

export type VersionsReport = {
  readonly generated: { readonly files: number } & Costs
  readonly long: { readonly lines: number; readonly statement: Costs; readonly comment: Costs; readonly reindented: Costs; readonly everyFunction: Costs }
}

export function benchVersions(): VersionsReport {
  const project = planProject({ modules: 400, seed: 1 })
  const sources = Array.from({ length: FILES }, (_, index) => renderModule(project, index + 50))
  const parts = sources.slice(0, LONG_OF).map((source, n) => source.split('\n').slice(1, -2).join('\n').replaceAll(/\bdef(p?) (\w+)/g, `def$1 $2_${n}`))
  const long = `defmodule Long do\n${parts.join('\n')}\nend\n`
  const generated = sources.map((source) => [source, withStatement(source)] as const)
  measure(generated)
  return {
    generated: { files: FILES, ...measure(generated) },
    long: {
      lines: long.split('\n').length - 1,
      statement: measureOne(long, withStatement(long)),
      comment: measureOne(long, long.replace(' do\n', ' do\n  # why\n')),
      reindented: measureOne(long, long.replaceAll('\n  ', '\n    ')),
      everyFunction: measureOne(long, long.replaceAll(' do\n', ' do\n    trace(1)\n')),
    },
  }
}

function withStatement(source: string): string {
  const at = source.indexOf(' do\n', source.length >> 1) + 4
  return `${source.slice(0, at)}    Logger.info("here")\n${source.slice(at)}`
}

const measureOne = (old: string, now: string): Costs => measure(Array.from({ length: 4 }, () => [old, now] as const))

function measure(pairs: readonly (readonly [old: string, now: string])[]): Costs {
  const micros = { index: [] as number[], map: [] as number[], diff: [] as number[], partition: [] as number[] }
  const timed = <T>(name: keyof Costs, work: () => T): T => {
    const before = performance.now()
    const result = work()
    micros[name].push((performance.now() - before) * 1000)
    return result
  }
  for (let pass = 0; pass < PASSES; pass++) {
    for (const pair of pairs) {
      const trees = pair.map((text) => parse(new TextEncoder().encode(text)))
      const modules = trees.map((tree) => analyse({ path: 'a.ex', tree }).modules)
      const [old, now] = timed('index', () => pair.map((text) => indexNodes(parse(new TextEncoder().encode(text)))))
      if (old === undefined || now === undefined) continue
      const [before, after] = [old, now].map((index, at): FileVersion => ({ modules: modules[at] ?? [], index }))
      const map = timed('map', () => matchVersions([old], [now]))
      timed('diff', () => diffModules(before === undefined ? [] : [before], after === undefined ? [] : [after], map))
      timed('partition', () => partition([old], [now], map))
    }
  }
  return { index: quantiles(micros.index), map: quantiles(micros.map), diff: quantiles(micros.diff), partition: quantiles(micros.partition) }
}

function quantiles(micros: readonly number[]): Micros {
  const sorted = micros.toSorted((a, b) => a - b)
  const at = (part: number): number => Math.round(sorted[Math.floor(sorted.length * part)] ?? 0)
  return { p50: at(0.5), p95: at(0.95) }
}
