/**
 * Merges the sources of configuration into one checked value: defaults, profile, file, environment, flags, later wins.
 * Pure. Every value keeps its origin, and everything that is wrong is reported at once, each with key, value, what was
 * expected and where it came from. A result holds either a complete valid configuration or at least one failure.
 *
 * Absent on purpose: reading the file and the environment (`load-config.ts`).
 */

import { DEFAULTS } from '../../config/defaults.ts'
import { CONFIG_KEYS, CONFIG_SECTIONS, ENV_PREFIX, findConfigKey, OTHER_VARIABLES, type ConfigKey } from '../../config/keys.ts'
import { PROFILES } from '../../config/profiles.ts'
import { configSchema, type Config, type ProfileName } from '../../config/schema.ts'
import { must } from '../base/assert.ts'
import { failure, type Failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { nearestName } from '../wire/nearest-name.ts'

export type ConfigSources = {
  /** The parsed file and its path, as messages show it. */
  readonly file?: { readonly path: string; readonly value: unknown } | undefined
  readonly env?: Readonly<Record<string, string | undefined>>
  /** By dotted key; texts are read as the environment's are. */
  readonly flags?: Readonly<Record<string, unknown>>
}

export type LoadedConfig = {
  readonly config: Config
  /** Where each value came from, by dotted key: `default`, `profile test`, `file PATH`, `ELIXIR_SCOPE_…`, `flag`. */
  readonly origins: ReadonlyMap<string, string>
}

type Candidate = { readonly key: ConfigKey; readonly value: unknown; readonly origin: string }
type Layer = { readonly candidates: readonly Candidate[]; readonly failures: readonly Failure[] }

export function resolveConfig(sources: ConfigSources): Result<LoadedConfig, readonly Failure[]> {
  const layers = [fileLayer(sources.file), envLayer(sources.env ?? {}), flagLayer(sources.flags ?? {})]
  const failures = layers.flatMap((layer) => layer.failures)
  const given = new Map<string, Candidate>()
  for (const candidate of layers.flatMap((layer) => layer.candidates)) {
    const problem = checkValue(candidate)
    if (problem) failures.push(problem)
    else given.set(candidate.key.key, candidate)
  }
  const profile = (given.get('profile')?.value ?? DEFAULTS.profile) as ProfileName
  const merged = merge(profile, given)
  failures.push(...brokenRules(merged))
  return failures.length > 0 ? fail(failures) : ok(merged)
}

function merge(profile: ProfileName, given: ReadonlyMap<string, Candidate>): LoadedConfig {
  const tree: Record<string, unknown> = {}
  const origins = new Map<string, string>()
  for (const { key, path } of CONFIG_KEYS) {
    const candidate = given.get(key)
    const ofProfile = at(PROFILES[profile], path)
    const value = candidate ? candidate.value : ofProfile ?? at(DEFAULTS, path)
    origins.set(key, candidate?.origin ?? (ofProfile === undefined ? 'default' : `profile ${profile}`))
    put(tree, path, value)
  }
  return { config: configSchema.parse(tree), origins }
}

/** What no single key can see: the first of each two is greater than the second. */
const GREATER = [
  ['supervision.unresponsiveMs', 'supervision.heartbeatMs'],
  ['memory.criticalPercent', 'memory.warningPercent'],
  ['memory.emergencyPercent', 'memory.criticalPercent'],
] as const

function brokenRules({ config, origins }: LoadedConfig): Failure[] {
  return GREATER.flatMap(([greater, lesser]) => {
    const key = must(findConfigKey(greater), 'a key')
    const [value, bound] = [key.path, must(findConfigKey(lesser), 'a key').path].map((path) => at(config, path) as number)
    if (Number(value) > Number(bound)) return []
    return [badValue({ key, value, origin: origins.get(greater) ?? 'default' }, `more than ${lesser}, which is ${bound}`)]
  })
}

function checkValue(candidate: Candidate): Failure | undefined {
  return candidate.key.schema.safeParse(candidate.value).success ? undefined : badValue(candidate, candidate.key.expects)
}

function badValue({ key, value, origin }: Candidate, expects: string): Failure {
  const message = `${key.key} is ${shown(value)} (${origin}); expected ${expects}`
  return failure('invalid_argument', message, {
    hint: key.key === 'storage.backend' ? BACKEND_HINT : `${origin === 'default' ? 'set it' : 'change it there'}; docs/CONFIG.md describes ${key.key}`,
    details: { key: key.key, value: shown(value), expected: expects, origin },
  })
}

const BACKEND_HINT = 'ets is "memory" or "disk" here; mnesia has no counterpart; postgres is not supported yet'

function unknownKey(key: string, origin: string, known: Iterable<string>): Failure {
  const meant = nearestName(key, known)
  return failure('invalid_argument', `${key} is not a key of the configuration (${origin})`, {
    hint: meant === undefined ? 'docs/CONFIG.md lists all keys' : `did you mean ${meant}?`,
    details: { key, origin, ...(meant === undefined ? {} : { nearest: meant }) },
  })
}

function fileLayer(file: ConfigSources['file']): Layer {
  if (!file) return { candidates: [], failures: [] }
  const origin = `file ${file.path}`
  if (!isRecord(file.value)) {
    return { candidates: [], failures: [failure('invalid_argument', `${file.path} holds ${shown(file.value)}; expected an object of sections`)] }
  }
  const candidates: Candidate[] = []
  const failures: Failure[] = []
  for (const [name, value] of Object.entries(file.value)) {
    if (name === '$schema') continue
    const key = findConfigKey(name)
    if (key) candidates.push({ key, value, origin })
    else if (!CONFIG_SECTIONS.includes(name)) failures.push(unknownKey(name, origin, [...CONFIG_SECTIONS, ...allKeys()]))
    else if (isRecord(value)) collectSection(name, value, origin, candidates, failures)
    else failures.push(failure('invalid_argument', `${name} is ${shown(value)} (${origin}); expected an object with its keys`))
  }
  return { candidates, failures }
}

function collectSection(section: string, values: Record<string, unknown>, origin: string, candidates: Candidate[], failures: Failure[]): void {
  for (const [name, value] of Object.entries(values)) {
    const key = findConfigKey(`${section}.${name}`)
    if (key) candidates.push({ key, value, origin })
    else failures.push(unknownKey(`${section}.${name}`, origin, allKeys()))
  }
}

function envLayer(env: Readonly<Record<string, string | undefined>>): Layer {
  const byName = new Map(CONFIG_KEYS.map((key) => [key.env, key]))
  const names = [...byName.keys(), ...OTHER_VARIABLES]
  const candidates: Candidate[] = []
  const failures: Failure[] = []
  for (const [name, text] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith(ENV_PREFIX) || text === undefined || (OTHER_VARIABLES as readonly string[]).includes(name)) continue
    const key = byName.get(name)
    if (key) candidates.push({ key, value: fromText(key, text), origin: name })
    else failures.push(unknownKey(name, 'environment', names))
  }
  return { candidates, failures }
}

function flagLayer(flags: Readonly<Record<string, unknown>>): Layer {
  const candidates: Candidate[] = []
  const failures: Failure[] = []
  for (const [name, value] of Object.entries(flags)) {
    const key = findConfigKey(name)
    if (value === undefined) continue
    if (key) candidates.push({ key, value: typeof value === 'string' ? fromText(key, value) : value, origin: 'flag' })
    else failures.push(unknownKey(name, 'flag', allKeys()))
  }
  return { candidates, failures }
}

/**
 * The value that a text stands for: JSON where the key accepts what it reads as, a comma-separated list where the key
 * takes a list, otherwise the text itself, which the schema then judges.
 */
function fromText(key: ConfigKey, text: string): unknown {
  // What begins like a JSON list is meant as one: broken, it is an error, and no list of one odd text.
  const parts = /^\s*\[/.test(text) ? undefined : text.split(',').map((part) => part.trim()).filter((part) => part !== '')
  const readings = [parseJson(text.trim()), text, parts]
  const accepted = readings.find((reading) => reading !== undefined && key.schema.safeParse(reading).success)
  return accepted === undefined ? text : accepted
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined // not JSON: the other readings decide
  }
}

function allKeys(): string[] {
  return CONFIG_KEYS.map((key) => key.key)
}

const SHOWN_CHARACTERS = 80

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function at(tree: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, name) => (isRecord(node) ? node[name] : undefined), tree)
}

function put(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head, ...rest] = path
  const name = must(head, 'a path')
  if (rest.length === 0) tree[name] = value
  else put((tree[name] ??= {}) as Record<string, unknown>, rest, value)
}
