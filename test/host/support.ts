/** Directories for the tests of host, removed after the test. */

import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export function temporaryDirectory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'scope-host-')))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
