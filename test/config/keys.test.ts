/** Every key has a variable of its own, a description and an expectation; the defaults and all profiles are valid. */

import { expect, test } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'
import { CONFIG_KEYS, OTHER_VARIABLES } from '../../config/keys.ts'
import { PROFILES } from '../../config/profiles.ts'
import { configSchema, PROFILE_NAMES } from '../../config/schema.ts'
import { SPECIFIED_KEYS } from '../../config/specification.ts'

test('the defaults are a complete and valid configuration', () => {
  expect(configSchema.parse(DEFAULTS)).toEqual(DEFAULTS)
})

test.each(PROFILE_NAMES)('the profile %s lays valid values over the defaults', (name) => {
  const defaults: Readonly<Record<string, unknown>> = DEFAULTS
  const merged = Object.entries(PROFILES[name]).map(([section, values]) => [section, Object.assign({}, defaults[section], values)])
  expect(configSchema.safeParse({ ...DEFAULTS, ...Object.fromEntries(merged) }).error).toBeUndefined()
})

test('every key can be set by a variable of its own, and says what it means and expects', () => {
  const variables = CONFIG_KEYS.map((key) => key.env)
  expect(new Set([...variables, ...OTHER_VARIABLES]).size).toBe(variables.length + OTHER_VARIABLES.length)
  expect(variables.filter((name) => !/^ELIXIR_SCOPE_[A-Z0-9]+(_[A-Z0-9]+)*$/.test(name))).toEqual([])
  expect(CONFIG_KEYS.filter((key) => key.description === '' || key.expects === 'another value')).toEqual([])
})

test.each([
  ['http.port', 'a whole number from 0 to 65535'],
  ['storage.backend', '"disk" or "memory"'],
  ['storage.maxModules', 'a whole number from 1 to 10000000 or null'],
  ['project.include', 'a list of texts or null'],
  ['http.enabled', 'true or false'],
  ['health.errorRate', 'a number from 0 to 1'],
  ['log.maxBytes', 'a whole number of at least 4096'],
])('%s expects %s', (key, expects) => {
  expect(CONFIG_KEYS.find((candidate) => candidate.key === key)?.expects).toBe(expects)
})

test('each key of the specification is carried by keys that exist, or says why it is not', () => {
  const known = CONFIG_KEYS.map((key) => key.key)
  expect(SPECIFIED_KEYS.flatMap(({ keys }) => keys).filter((key) => !known.includes(key))).toEqual([])
  const silent = SPECIFIED_KEYS.filter(({ keys, note }) => keys.length === 0 && !/^(none|not yet): ./.test(note))
  expect(silent).toEqual([])
})
