/** Elixir sources compiled and run under trace (`trace.exs`), and what the node reported of their calls. */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClauseLines } from '../../../src/correlate/fit.ts'
import type { SiteNames, Situation } from '../../../src/event/names.ts'
import type { EventCaller, EventFunction } from '../../../src/model/event.ts'

export type Row = readonly [pid: string, program: number, kind: 'call' | 'return' | 'exception', ...function_: [string, string, number], ...caller: [string, string, number, string, number] | []]
export type Traced = { readonly rows: readonly Row[]; readonly lines: ReadonlyMap<string, ClauseLines> }

/** Of each prefix `M0.main(argument)` is run in a process of its own. Throws when a source does not compile or a program fails. */
export function trace(files: ReadonlyMap<string, string>, argument: number, prefixes: readonly string[]): Traced {
  const folder = mkdtempSync(join(tmpdir(), 'correlate-'))
  try {
    mkdirSync(join(folder, 'lib'))
    mkdirSync(join(folder, 'ebin'))
    for (const [file, text] of files) writeFileSync(join(folder, file), text)
    writeFileSync(join(folder, 'entries.txt'), [argument, ...prefixes].join(' '))
    const ran = spawnSync('elixir', [join(import.meta.dirname, 'trace.exs')], { cwd: folder, encoding: 'utf8', timeout: 300_000, maxBuffer: 1 << 28 })
    if (ran.status !== 0 || ran.stdout !== '') throw new Error(`elixir: ${ran.stdout} ${ran.stderr.split('\n').filter((line) => line.includes('rror')).slice(0, 5).join('\n')}`)
    const rows = readFileSync(join(folder, 'trace.jsonl'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as Row)
    return { rows, lines: new Map(JSON.parse(readFileSync(join(folder, 'lines.json'), 'utf8')) as [string, ClauseLines][]) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export type Seen = { readonly names: SiteNames; readonly situation: Situation | undefined; readonly row: Row }

/** The calls of a process by name, each with what went before where the innermost open one tells. */
export function pairUp(rows: readonly Row[]): Seen[] {
  const stack: { mfa: EventFunction; from: string; called: Map<string, number>; last: SiteNames | null }[] = []
  const seen: Seen[] = []
  for (const row of rows) {
    const [, , kind, module, name, arity] = row
    const names = namesOf(row)
    if (kind !== 'call') {
      while (stack.length > 0) {
        const top = stack.pop()
        if (top?.mfa.module === module && top.mfa.function === name && top.mfa.arity === arity) break
      }
      continue
    }
    const { mfa, caller } = names
    const from = JSON.stringify(caller)
    const top = stack.at(-1)
    const via = caller !== null && top?.from === from ? top.mfa : null
    const isCaller = top?.mfa.module === caller?.module && top?.mfa.function === caller?.function && top?.mfa.arity === caller?.arity
    const nth = top?.called.get(JSON.stringify(names)) ?? 0
    top?.called.set(JSON.stringify(names), nth + 1)
    const isKnown = top !== undefined && caller !== null && (via !== null || isCaller)
    if (!name.startsWith('-')) seen.push({ names, situation: isKnown ? { via, nth, after: top.last } : undefined, row })
    if (isKnown) top.last = names
    stack.push({ mfa, from, called: new Map(), last: null })
  }
  return seen
}

function namesOf([, , , module, name, arity, ...from]: Row): { readonly mfa: EventFunction; readonly caller: EventCaller | null } {
  const [callerModule, function_ = '', callerArity = 0, file = '', line = 0] = from
  return { mfa: { module, function: name, arity }, caller: callerModule === undefined ? null : { module: callerModule, function: function_, arity: callerArity, file, line } }
}
