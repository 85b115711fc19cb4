/**
 * The facts of a project two ways: as a store has them, and as a fresh import of the files makes them. Only what follows
 * from the sources is compared: no ids, epochs, times.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULTS } from '../../../config/defaults.ts'
import { must } from '../../../src/base/assert.ts'
import { ok } from '../../../src/base/result.ts'
import { applyOutcome } from '../../../src/project/apply-outcome.ts'
import { discover } from '../../../src/project/discover.ts'
import { parseFiles } from '../../../src/project/parse-files.ts'
import type { ExportRow, Snapshot } from '../../../src/store/contract.ts'
import { openReader } from '../../../src/store/reader.ts'
import { openWriter } from '../../../src/store/writer.ts'

/** Lines in one order, each a row without what belongs to its history; callers of every function among them. */
export function factsInStore(database: string): string[] {
  const reader = openReader({ path: database, now: () => 0 })
  if (!reader.ok) throw new Error(reader.error.message)
  try {
    return reader.value.snapshot((snapshot) => [...rowsOf(snapshot), ...callersOf(snapshot)].sort())
  } finally {
    reader.value.close()
  }
}

export function rebuiltFacts(root: string): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'es-rebuilt-'))
  const path = join(directory, 'store.db')
  const writer = openWriter({ path, storage: 'disk', now: () => 0, repositoryId: 'rebuilt' })
  if (!writer.ok) throw new Error(writer.error.message)
  try {
    const { files } = discover({ root, ...DEFAULTS.project })
    const wanted = files.map(({ path: file, mtimeNs }) => ({ path: file, mtimeNs, knownHash: null }))
    const outcomes = [...parseFiles(root, wanted, DEFAULTS.project.maxFileBytes)]
    writer.value.transaction((transaction) => {
      for (const outcome of outcomes) applyOutcome(transaction, outcome)
      return ok(null)
    })
    return factsInStore(path)
  } finally {
    writer.value.close()
    rmSync(directory, { recursive: true })
  }
}

function* rowsOf(snapshot: Snapshot): Generator<string> {
  for (let after: string | undefined; ;) {
    const page = snapshot.exportRows({ limit: 1000, after })
    for (const row of page.items) yield show(row)
    if (page.next === null) return
    after = page.next
  }
}

const HISTORY: ReadonlySet<string> = new Set(['id', 'moduleId', 'version', 'updatedAtMs', 'firstSeen', 'lastModified', 'firstSeenEpoch', 'firstSeenMs', 'lastModifiedEpoch', 'lastModifiedMs'])

function show(row: ExportRow): string {
  return JSON.stringify(row, (key, value: unknown) => (HISTORY.has(key) ? undefined : value))
}

function* callersOf(snapshot: Snapshot): Generator<string> {
  for (const { moduleKey, name, arity } of must(snapshot.listFunctions({ limit: 100_000 }), 'functions').items) {
    for (const site of snapshot.callers({ module: moduleKey, name, arity }, { limit: 10_000 }).items) {
      yield `${moduleKey}.${name}/${arity} called at ${site.node} ${site.path} ${site.line}:${site.column}`
    }
  }
}
