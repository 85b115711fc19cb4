/**
 * Finds and reads the configuration of a project: `elixir_scope.json` at its root (or the file that `--config` or
 * ELIXIR_SCOPE_CONFIG names), the environment, the flags. What they say is merged and checked in `resolve-config.ts`.
 */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { resolveConfig, type ConfigSources, type LoadedConfig } from './resolve-config.ts'

export const CONFIG_FILE = 'elixir_scope.json'

export type LoadConfigOptions = {
  readonly projectRoot: string
  /** From `--config`; must exist. Relative to the working directory. */
  readonly configPath?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly flags?: Readonly<Record<string, unknown>>
}

export function loadConfig({ projectRoot, configPath, env, flags = {} }: LoadConfigOptions): Result<LoadedConfig, readonly Failure[]> {
  const named = configPath ?? (env['ELIXIR_SCOPE_CONFIG'] || undefined)
  const file = named === undefined ? readConfigFile(resolve(projectRoot, CONFIG_FILE), 'optional') : readConfigFile(resolve(named), 'required')
  const merged = resolveConfig({ file: file.ok ? file.value : undefined, env, flags })
  if (file.ok) return merged
  return fail(merged.ok ? [file.error] : [file.error, ...merged.error])
}

function readConfigFile(path: string, presence: 'optional' | 'required'): Result<ConfigSources['file'], Failure> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
    if (presence === 'optional' && code === 'ENOENT') return ok(undefined)
    return fail(failure('invalid_argument', `the configuration ${path} cannot be read (${code})`, {
      hint: code === 'ENOENT' ? 'check the path given with --config or ELIXIR_SCOPE_CONFIG' : 'make it readable for the user who starts the daemon',
    }))
  }
  return parseConfigText(path, text)
}

export function parseConfigText(path: string, text: string): Result<ConfigSources['file'], Failure> {
  try {
    return ok({ path, value: JSON.parse(text.replace(/^\uFEFF/, '')) as unknown })
  } catch (error) {
    return fail(failure('invalid_argument', `the configuration ${path} is not JSON: ${(error as Error).message}`, {
      hint: 'correct the file; comments and trailing commas are not allowed',
    }))
  }
}
