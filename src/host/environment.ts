/** The process's own environment, in the form that the pure parts take it: read here once and passed on. */

import { homedir, tmpdir } from 'node:os'
import type { PathEnvironment } from './paths.ts'

export function processEnvironment(): PathEnvironment {
  return { env: process.env, home: homedir(), tmpDir: tmpdir(), uid: process.getuid?.() ?? 0 }
}
