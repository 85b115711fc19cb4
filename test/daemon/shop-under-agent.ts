/**
 * The example shop in a sandbox, run under the agent against a daemon. Skipped (`hasMix`) where mix is missing. Build output goes to the
 * sandbox's home, nothing to the checkout.
 */

import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import type { Client } from '../../src/client/client.ts'
import { value, type Sandbox } from './running-daemon.ts'
import { projectOf } from './set-up.ts'

const SHOP = fileURLToPath(new URL('../../examples/shop', import.meta.url))
const AGENT = fileURLToPath(new URL('../../agent/lib/elixir_scope_agent', import.meta.url))

export const hasMix = spawnSync('mix', ['--version']).status === 0

export function createShop(): Sandbox {
  const sandbox = projectOf({})
  for (const part of ['lib', 'test', 'config', 'mix.exs']) cpSync(join(SHOP, part), join(sandbox.root, part), { recursive: true })
  return sandbox
}

/** The shop is read, and every call of its modules is traced in whatever node comes. */
export async function traceAll(client: Client): Promise<void> {
  await value(client.call('import_project', {}))
  for (const [method, args] of [
    ['store_instrumentation_plan', { name: 'shop', plan: { points: [{ module: '*' }] } }], ['activate_instrumentation_plan', { name: 'shop' }],
  ] as const) expect(await client.call(method, args as never)).toMatchObject({ ok: true })
}

/** `mix …` in the shop, compiled before without the agent; what it printed. Rejects where it fails. */
export async function mixUnderAgent(box: Sandbox, args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
  const beams = join(box.root, 'agent-beams')
  mkdirSync(beams, { recursive: true })
  const own = { ...process.env, MIX_ENV: 'dev', ...env, MIX_BUILD_PATH: join(box.home, 'build') }
  await promisify(execFile)('sh', ['-c', `elixirc -o "$1" "$2"/*.ex`, 'sh', beams, AGENT], { env: own })
  await promisify(execFile)('mix', ['compile'], { cwd: box.root, env: own })
  const { stdout } = await promisify(execFile)('mix', args, {
    cwd: box.root, env: { ...own, ELIXIR_SCOPE_SOCKET: box.paths.agentSocket, ERL_AFLAGS: `-pa ${beams} -s Elixir.ElixirScopeAgent.Boot start` }, maxBuffer: 1 << 24,
  })
  return stdout
}
