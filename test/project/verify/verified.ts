/** Verification without a daemon, for tests that end with "the store says what the files say". */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DEFAULTS } from '../../../config/defaults.ts'
import { ok } from '../../../src/base/result.ts'
import { discover } from '../../../src/project/discover.ts'
import { parseFiles } from '../../../src/project/parse-files.ts'
import { verifyProject, type Verified, type VerifyPorts } from '../../../src/project/verify/verify-project.ts'
import type { DifferenceRecord } from '../../../src/wire/records.ts'

/** Files are found, read and parsed as the parser pool does it. */
export function readingPorts(root: string): Pick<VerifyPorts, 'admitted' | 'discover' | 'parse' | 'tasksInFlight' | 'nowMs'> {
  return {
    admitted: () => Promise.resolve(ok(null)), tasksInFlight: 2, nowMs: () => performance.now(),
    discover: () => Promise.resolve(ok(discover({ root, ...DEFAULTS.project }))),
    parse: (files) => Promise.resolve(ok([...parseFiles(root, files, DEFAULTS.project.maxFileBytes)])),
  }
}

export async function verified(storePath: string, root: string, more: Partial<VerifyPorts> = {}): Promise<Verified> {
  const directory = mkdtempSync(join(tmpdir(), 'es-verify-'))
  try {
    const done = await verifyProject({
      ...readingPorts(root), storePath, scratchPath: join(directory, 'rebuilt.db'), limit: 1000,
      settle: () => Promise.resolve(ok(null)), progress: () => undefined, ...more,
    })
    if (!done.ok) throw new Error(done.error.message)
    return done.value
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** A line for each difference between the store and the files; what a test expects to be empty. */
export async function differences(storePath: string, root: string): Promise<string[]> {
  const { verification } = await verified(storePath, root)
  return verification.differences.map(line)
}

export function line({ what, where, field, live, rebuilt }: DifferenceRecord): string {
  return `${what} ${where}${field === null ? '' : ` ${field}`}: ${live ?? 'nothing'} -> ${rebuilt ?? 'nothing'}`
}
