/** Runs programs in a process of their own and keeps what they said: for tests of the launcher, the set-up, the package. */

import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')
export const LAUNCHER = join(ROOT, 'bin/elixir-scope')

export type Output = { readonly code: number; readonly out: string; readonly err: string }

export type ExecOptions = { readonly cwd?: string; readonly env?: Record<string, string | undefined>; readonly input?: string }

export function exec(command: string, args: readonly string[], { cwd, env, input }: ExecOptions = {}): Promise<Output> {
  return new Promise((resolve) => {
    const child = execFile(command, [...args], { cwd, env: env ?? process.env, maxBuffer: 1 << 26 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ code, out, err })
    })
    // A program that ends without reading closes its input: not our concern.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

/** A directory with a short real path, for sockets; gone after `use`. */
export async function withTemp<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'es-')))
  try {
    return await use(dir)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

export function put(path: string, text: string, mode: number = 0o644): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  chmodSync(path, mode)
}

/** Makes `dir` hold the named tools of the system, and nothing else: a PATH on which nothing is found by accident. */
export async function linkTools(dir: string, names: readonly string[]): Promise<void> {
  mkdirSync(dir, { recursive: true })
  for (const name of names) {
    const { out } = await exec('sh', ['-c', `command -v ${name}`])
    symlinkSync(out.trim(), join(dir, name))
  }
}
