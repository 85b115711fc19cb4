/**
 * Elixir's own parser as the reference, where it is installed: sources in, the lines of `oracle.exs` out.
 */

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const script = join(import.meta.dirname, 'oracle.exs')

export const hasElixir = spawnSync('elixir', ['--short-version'], { encoding: 'utf8' }).stdout?.trim().startsWith('1.14')

/** For each source, `STRUCTURE TAB POSITIONS` or `error TAB LINE:COLUMN`. */
export function askElixir(sources: readonly Uint8Array[]): string[] {
  const input = sources.map((source) => `${Buffer.from(source).toString('base64')}\n`).join('')
  const { stdout, status, stderr } = spawnSync('elixir', [script], { input, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (status !== 0) throw new Error(`oracle.exs failed: ${stderr}`)
  return stdout.trimEnd().split('\n')
}

/** What both lines have to agree in: the digest, or only that it is an error. */
export const comparable = (line: string): string => (line.startsWith('error') ? 'error' : line)
