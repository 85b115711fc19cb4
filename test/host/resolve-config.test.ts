/** Merge order, origins and the messages for what is wrong, as a table: sources -> value and origin, or messages. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'
import { CONFIG_KEYS } from '../../config/keys.ts'
import { configSchema } from '../../config/schema.ts'
import { resolveConfig, type ConfigSources } from '../../src/host/resolve-config.ts'

const file = (value: unknown): ConfigSources => ({ file: { path: 'elixir_scope.json', value } })

function problems(sources: ConfigSources): string[] {
  const resolved = resolveConfig(sources)
  return resolved.ok ? [] : resolved.error.map(({ message, hint }) => `${message} | ${hint ?? ''}`)
}

function valueAndOrigin(sources: ConfigSources, key: string): unknown[] {
  const resolved = resolveConfig(sources)
  if (!resolved.ok) return resolved.error.map((problem) => problem.message)
  const [section = '', name = ''] = key.split('.')
  const held = (resolved.value.config as Record<string, unknown>)[section]
  return [name === '' ? held : (held as Record<string, unknown>)[name], resolved.value.origins.get(key)]
}

test('nothing given: the defaults', () => {
  expect(resolveConfig({})).toMatchObject({ ok: true, value: { config: DEFAULTS } })
})

const PORT = 'http.port'
const MODULES = 'storage.maxModules'
test.each<[string, ConfigSources, string, unknown, string]>([
  ['default', {}, PORT, 0, 'default'],
  ['file', file({ http: { port: 1 } }), PORT, 1, 'file elixir_scope.json'],
  ['file with a dotted key', file({ 'http.port': 1 }), PORT, 1, 'file elixir_scope.json'],
  ['$schema is allowed', file({ $schema: 'x' }), PORT, 0, 'default'],
  ['environment over file', { ...file({ http: { port: 1 } }), env: { ELIXIR_SCOPE_HTTP_PORT: '2' } }, PORT, 2, 'ELIXIR_SCOPE_HTTP_PORT'],
  ['flag over environment', { env: { ELIXIR_SCOPE_HTTP_PORT: '2' }, flags: { 'http.port': 3 } }, PORT, 3, 'flag'],
  ['a flag as text', { flags: { 'http.port': '3' } }, PORT, 3, 'flag'],
  ['a flag not given', { flags: { 'http.port': undefined } }, PORT, 0, 'default'],
  ['profile', { env: { ELIXIR_SCOPE_PROFILE: 'test' } }, MODULES, 100, 'profile test'],
  ['profile by flag over file', { ...file({ profile: 'test' }), flags: { profile: 'production' } }, MODULES, 50_000, 'profile production'],
  ['file over profile', file({ profile: 'test', storage: { maxModules: 7 } }), MODULES, 7, 'file elixir_scope.json'],
  ['null lifts a limit', { env: { ELIXIR_SCOPE_STORAGE_MAX_MODULES: 'null' } }, MODULES, null, 'ELIXIR_SCOPE_STORAGE_MAX_MODULES'],
  ['list with commas', { env: { ELIXIR_SCOPE_PROJECT_INCLUDE: 'lib, test' } }, 'project.include', ['lib', 'test'], 'ELIXIR_SCOPE_PROJECT_INCLUDE'],
  ['list as JSON', { env: { ELIXIR_SCOPE_PROJECT_INCLUDE: '["a,b"]' } }, 'project.include', ['a,b'], 'ELIXIR_SCOPE_PROJECT_INCLUDE'],
  ['empty list', { env: { ELIXIR_SCOPE_PROJECT_EXCLUDE: '' } }, 'project.exclude', [], 'ELIXIR_SCOPE_PROJECT_EXCLUDE'],
  ['boolean', { env: { ELIXIR_SCOPE_HTTP_ENABLED: 'false' } }, 'http.enabled', false, 'ELIXIR_SCOPE_HTTP_ENABLED'],
  ['text that reads as a number', { env: { ELIXIR_SCOPE_HTTP_HOST: '1' } }, 'http.host', '1', 'ELIXIR_SCOPE_HTTP_HOST'],
  ['variables of others', { env: { ELIXIR_SCOPE_HOME: '/x', ELIXIR_SCOPE_CONFIG: '/y', PATH: '/z' } }, PORT, 0, 'default'],
])('%s', (_, sources, key, value, origin) => {
  expect(valueAndOrigin(sources, key)).toEqual([value, origin])
})

test.each<[string, ConfigSources, string[]]>([
  ['list that is broken JSON', { env: { ELIXIR_SCOPE_PROJECT_INCLUDE: '["lib"' } }, 
    ['project.include is "[\\"lib\\"" (ELIXIR_SCOPE_PROJECT_INCLUDE); expected a list of texts or null | change it there; docs/CONFIG.md describes project.include']],
  ['out of range', file({ http: { port: 70_000 } }),
    ['http.port is 70000 (file elixir_scope.json); expected a whole number from 0 to 65535 | change it there; docs/CONFIG.md describes http.port']],
  ['not a number', { env: { ELIXIR_SCOPE_HTTP_PORT: 'many' } },
    ['http.port is "many" (ELIXIR_SCOPE_HTTP_PORT); expected a whole number from 0 to 65535 | change it there; docs/CONFIG.md describes http.port']],
  ['another word for true', { env: { ELIXIR_SCOPE_HTTP_ENABLED: 'yes' } },
    ['http.enabled is "yes" (ELIXIR_SCOPE_HTTP_ENABLED); expected true or false | change it there; docs/CONFIG.md describes http.enabled']],
  ['a backend that does not exist', { flags: { 'storage.backend': 'mnesia' } },
    ['storage.backend is "mnesia" (flag); expected "disk" or "memory" | ets is "memory" or "disk" here; mnesia has no counterpart; postgres is not supported yet']],
  ['an unknown profile', { flags: { profile: 'prod' } },
    ['profile is "prod" (flag); expected "default", "development", "test", "production" or "chaos" | change it there; docs/CONFIG.md describes profile']],
  ['an unknown key with a near one', file({ http: { prot: 1 } }),
    ['http.prot is not a key of the configuration (file elixir_scope.json) | did you mean http.port?']],
  ['an unknown section with a near one', file({ htpt: {} }),
    ['htpt is not a key of the configuration (file elixir_scope.json) | did you mean http?']],
  ['an unknown key with none near', file({ colour_of_the_sky: 'blue' }),
    ['colour_of_the_sky is not a key of the configuration (file elixir_scope.json) | docs/CONFIG.md lists all keys']],
  ['an unknown variable', { env: { ELIXIR_SCOPE_HTTP_PROT: '1' } },
    ['ELIXIR_SCOPE_HTTP_PROT is not a key of the configuration (environment) | did you mean ELIXIR_SCOPE_HTTP_PORT?']],
  ['an unknown flag', { flags: { 'log.levle': 'info' } },
    ['log.levle is not a key of the configuration (flag) | did you mean log.level?']],
  ['a section that is no object', file({ http: 4000 }), ['http is 4000 (file elixir_scope.json); expected an object with its keys | ']],
  ['a file that is a list', file([1]), ['elixir_scope.json holds [1]; expected an object of sections | ']],
  ['an inherited name', file(JSON.parse('{"__proto__": {"port": 1}, "constructor": 1}')), [
    '__proto__ is not a key of the configuration (file elixir_scope.json) | docs/CONFIG.md lists all keys',
    'constructor is not a key of the configuration (file elixir_scope.json) | docs/CONFIG.md lists all keys']],
  ['two keys that do not go together', file({ supervision: { heartbeatMs: 5000, unresponsiveMs: 5000 } }),
    ['supervision.unresponsiveMs is 5000 (file elixir_scope.json); expected more than supervision.heartbeatMs, which is 5000 | '
      + 'change it there; docs/CONFIG.md describes supervision.unresponsiveMs']],
  ['a default that does not go with what was set', file({ memory: { warningPercent: 92 } }),
    ['memory.criticalPercent is 90 (default); expected more than memory.warningPercent, which is 92 | set it; docs/CONFIG.md describes memory.criticalPercent']],
  ['a long value is cut', { flags: { 'log.format': 'x'.repeat(200) } },
    [`log.format is "${'x'.repeat(79)}… (flag); expected "auto", "json" or "pretty" | change it there; docs/CONFIG.md describes log.format`]],
])('%s', (_, sources, expected) => {
  expect(problems(sources)).toEqual(expected)
})

test('everything that is wrong is reported at once', () => {
  expect(problems({ ...file({ http: { port: -1 }, nope: 1 }), env: { ELIXIR_SCOPE_LOG_LEVEL: 'loud' }, flags: { x: 1 } })).toHaveLength(4)
})

test('a value that a later source overrides must be valid all the same', () => {
  expect(problems({ ...file({ http: { port: -1 } }), flags: { 'http.port': 1 } })).toHaveLength(1)
})

test('any input ends in a valid configuration or in problems, never in an exception', () => {
  const key = fc.constantFrom(...CONFIG_KEYS.map((entry) => entry.key), 'http', 'nope.port')
  const env = fc.constantFrom(...CONFIG_KEYS.map((entry) => entry.env), 'ELIXIR_SCOPE_X')
  const property = fc.property(fc.jsonValue(), fc.dictionary(env, fc.string()), fc.dictionary(key, fc.anything()), (value, variables, flags) => {
    const resolved = resolveConfig({ file: { path: 'f', value }, env: variables, flags })
    expect(resolved.ok ? resolved.value.origins.size : resolved.error.length).toBeGreaterThan(0)
    expect(resolved.ok ? configSchema.safeParse(resolved.value.config).success : true).toBe(true)
  })
  fc.assert(property, { numRuns: 500, ...(process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }) })
})
