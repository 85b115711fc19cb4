/** Projects on disk for the tests: a map of paths to contents becomes a temporary directory, removed after the test. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'
import type { DiscoverOptions } from '../../src/project/discover.ts'

export function makeTree(files: Readonly<Record<string, string>>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'scope-tree-')))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  writeTree(root, files)
  return root
}

export function writeTree(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
}

export function optionsFor(root: string, changes: Partial<DiscoverOptions> = {}): DiscoverOptions {
  return { ...DEFAULTS.project, root, ...changes }
}
