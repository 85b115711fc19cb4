/**
 * The schema as a flat list: one entry per key, named `section.key`, with the variable that sets it and a sentence of
 * what it expects. Derived from the schema alone, so that loader, documentation and error messages cannot disagree.
 */

import { z } from 'zod'
import { configSchema } from './schema.ts'

export type ConfigKey = {
  /** `http.port`; a key without a section is just `profile`. */
  readonly key: string
  readonly path: readonly string[]
  /** `ELIXIR_SCOPE_HTTP_PORT`. */
  readonly env: string
  readonly schema: z.ZodType
  readonly description: string
  /** What a value must be, to follow "expected": `a whole number from 0 to 65535`. */
  readonly expects: string
}

export const ENV_PREFIX = 'ELIXIR_SCOPE_'

/** Variables with our prefix that are not keys of the configuration: they say where things are, before it is read. */
export const OTHER_VARIABLES = ['ELIXIR_SCOPE_HOME', 'ELIXIR_SCOPE_CONFIG'] as const

export const CONFIG_KEYS: readonly ConfigKey[] = Object.entries(configSchema.shape).flatMap(([section, schema]) =>
  schema instanceof z.ZodObject
    ? Object.entries(schema.shape).map(([name, leaf]) => configKey([section, name], leaf))
    : [configKey([section], schema)],
)

export const CONFIG_SECTIONS: readonly string[] = [...new Set(CONFIG_KEYS.filter((k) => k.path.length > 1).map((k) => k.path[0] ?? ''))]

export function findConfigKey(key: string): ConfigKey | undefined {
  return CONFIG_KEYS.find((candidate) => candidate.key === key)
}

function configKey(path: readonly string[], schema: z.ZodType): ConfigKey {
  return {
    key: path.join('.'),
    path,
    env: ENV_PREFIX + path.map(upperSnake).join('_'),
    schema,
    description: schema.description ?? '',
    expects: expectation(z.toJSONSchema(schema)),
  }
}

function upperSnake(camel: string): string {
  return camel.replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_').toUpperCase()
}

type JsonSchema = z.core.JSONSchema.BaseSchema

function expectation(json: JsonSchema): string {
  if (json.anyOf) return json.anyOf.map((part) => expectation(part)).join(' or ')
  if (json.enum) return list(json.enum.map((value) => JSON.stringify(value)))
  switch (json.type) {
    case 'integer': return `a whole number ${range(json)}`.trim()
    case 'number': return `a number ${range(json)}`.trim()
    case 'boolean': return 'true or false'
    case 'string': return 'a text that is not empty'
    case 'array': return 'a list of texts'
    case 'null': return 'null'
    default: return 'another value'
  }
}

/** Bounds that only say "fits a double" are left out. */
function range({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  const low = minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined
  const high = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined
  if (exclusiveMinimum !== undefined) return `above ${exclusiveMinimum}`
  if (low !== undefined && high !== undefined) return `from ${low} to ${high}`
  if (low !== undefined) return `of at least ${low}`
  return high === undefined ? '' : `of at most ${high}`
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}
