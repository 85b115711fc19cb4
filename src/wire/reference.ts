/**
 * docs/RPC.md as text, made from the method map and nothing else: a test compares the file with what this returns, so
 * the reference cannot say anything that the gateway does not do. Pure: writing the file is the test's business.
 */

import type { z } from 'zod'
import { FAILURE_CODES, type FailureCode } from '../base/failure.ts'
import { clientFunction, clientModule } from './client-module.ts'
import { type MethodSpec, METHODS, NOTIFICATIONS } from './methods.ts'
import { WIRE_VERSION } from './version.ts'
import { clientEvent } from './event-methods.ts'
import * as eventRecords from './event-records.ts'
import * as records from './records.ts'
import { ERROR_NOTIFICATION } from './rpc.ts'

const CODE_MEANINGS: Record<FailureCode, string> = {
  not_found: 'What the call names does not exist.',
  invalid_argument: 'An argument is wrong; `details` has `key`, `value` and `expected`.',
  too_large: 'The message, or something in it, is over a limit. The connection stays usable.',
  conflict: 'The state is not the one that the call expected (version, epoch, or a `request_id` used for another call).',
  unavailable: 'The part that answers this call is not there at the moment; repeat later.',
  timeout: 'No answer in time. Whether a write was carried out is not known; repeat it with the same `request_id`.',
  busy: 'A queue is full; repeat later.',
  unknown_method: 'There is no such method; `hint` names the nearest one.',
  unsupported: 'This daemon cannot do that, e.g. a store of a newer version.',
  storage_full: 'The disk is full; nothing of the call was kept.',
  insufficient_memory: 'The daemon is near its memory limit (`memory.maxBytes`) and stores nothing; repeat when the pressure has gone down.',
  damaged: 'Stored data failed its checksum.',
  internal: 'A bug in ElixirScope; the daemon log has the details.',
}

const RUNS: Record<MethodSpec['runs'], string> = {
  read: 'Reads: answered from a snapshot, safe to repeat',
  write: 'Writes: one after the other, each in one transaction',
  control: 'Control of the daemon',
  events: 'Events and what follows from them: answered by the query pool, safe to repeat',
  capture: 'Capture: answered by the thread that writes events and talks to nodes',
  task: 'Long work: as long as it takes, and until the connection of its caller closes',
}

/** Names of the records by schema, in the order of their declaration. */
const RECORD_NAMES = new Map<unknown, string>(
  Object.entries({ ...records, ...eventRecords, clientFunction, clientModule, clientEvent }).map(([key, schema]) => [schema, recordName(key)]),
)

export function renderReference(): string {
  return [intro(), ...(['read', 'events', 'write', 'capture', 'task', 'control'] as const).map(methodsThat), notifications(), recordList(), errors()].join('\n\n') + '\n'
}

function intro(): string {
  return `# The socket's methods

<!-- Made from src/wire/methods.ts: npm run docs makes it again. -->

The daemon listens on a Unix socket (\`elixir-scope status\` prints its path) and speaks
[MessagePack-RPC](https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md), so any client of that protocol can talk
to it. Wire version ${WIRE_VERSION}.

| message | form |
|---|---|
| request | \`[0, msgid, method, params]\` |
| response | \`[1, msgid, error, result]\`: error nil on success, result nil on failure |
| notification | \`[2, method, params]\` |

- \`params\` is an array of one map, the arguments; it may be empty where all of them may be left out.
- Responses come in the order in which they are ready, which is not always that of the requests.
- The messages are plain MessagePack: maps have string keys, no extension types are used and none are accepted. Integers
  beyond 32 bits are int64. Where a value is shown as JSON, nanoseconds and integers beyond 2^53 are decimal strings.
- In the listings below, \`name?\` may be left out, \`(1..100)\` bounds a number, or the characters of a string, or the items
  of an array, and a capitalised name is one of the records at the end.
- Besides the errors listed with it, any method may answer \`invalid_argument\`, \`too_large\`, \`busy\` and \`internal\`.
- An error is a map \`{code, message, hint?, details?}\`; the codes are at the end.
- What is no MessagePack-RPC is answered with an \`${ERROR_NOTIFICATION}\` notification, whose one param is an error map, and
  the connection is closed. A message over the size limit is answered with \`too_large\` and skipped.
- A client that sends faster than it reads the answers is not read from until it has caught up.
- A write may carry a \`request_id\` of the client's choice. When the connection is lost before the answer, the same call
  with the same id is carried out once and answered with the first result and its epoch, also by the next life of the daemon.
  The last 10,000 answers of a day are kept, 64 MB at most. A refusal changed nothing and is not kept; neither are
  \`optimize\` and \`vacuum\`, which change no fact.`
}

function methodsThat(runs: MethodSpec['runs']): string {
  const chosen = Object.entries(METHODS).filter(([, spec]) => spec.runs === runs)
  return [`## ${RUNS[runs]}`, ...chosen.map(([name, spec]) => methodSection(name, spec))].join('\n\n')
}

function methodSection(name: string, spec: MethodSpec): string {
  const args = Object.keys(spec.args.shape).length === 0 ? 'No arguments.' : `Arguments:\n\n${code(typeText(spec.args, 0))}`
  const errorList = spec.errors.map((code) => `\`${code}\``).join(', ')
  return `### ${name}\n\n${spec.summary}\n\n${args}\n\nResult:\n\n${code(typeText(spec.result, 0))}\n\nErrors: ${errorList}`
}

function notifications(): string {
  const list = Object.entries(NOTIFICATIONS).map(([name, schema]) => `### ${name}\n\n${code(typeText(schema, 0))}`)
  return ['## Notifications from the daemon', 'Each has one param, a map.', ...list].join('\n\n')
}

function recordList(): string {
  const list = [...RECORD_NAMES].map(([schema, name]) => `### ${name}\n\n${code(typeText(schema as z.core.$ZodType, 0, 'expand'))}`)
  return ['## Records', ...list].join('\n\n')
}

function errors(): string {
  const rows = FAILURE_CODES.map((name) => `| \`${name}\` | ${CODE_MEANINGS[name]} |`)
  return ['## Error codes', ['| code | meaning |', '|---|---|', ...rows].join('\n')].join('\n\n')
}

/** A schema in a notation that reads like a map literal; a record by its name unless it is the one to expand. */
function typeText(schema: z.core.$ZodType, depth: number, mode: 'name' | 'expand' = 'name'): string {
  const name = RECORD_NAMES.get(schema)
  if (name !== undefined && mode === 'name') return name
  const { def } = schema._zod as z.core.$ZodTypes['_zod']
  switch (def.type) {
    case 'object': return objectText(def.shape, depth)
    case 'array': return `[${typeText(def.element, depth)}, …]${bounds(schema)}`
    case 'nullable': return `${typeText(def.innerType, depth)} | nil`
    case 'optional': case 'default': return typeText(def.innerType, depth)
    case 'lazy': return typeText(def.getter(), depth, mode)
    case 'union': return [...new Set(def.options.map((option) => typeText(option, depth)))].join(' | ')
    case 'record': return `{${typeText(def.keyType, depth)} => ${typeText(def.valueType, depth)}}`
    case 'enum': return Object.values(def.entries).map((value) => JSON.stringify(value)).join(' | ')
    case 'literal': return def.values.map((value) => JSON.stringify(value)).join(' | ')
    case 'number': return `${isInteger(schema) ? 'integer' : 'number'}${bounds(schema)}`
    case 'string': return `string${bounds(schema)}`
    case 'bigint': return 'integer'
    case 'unknown': return 'any'
    default: return def.type
  }
}

function objectText(shape: z.core.$ZodShape, depth: number): string {
  const indent = '  '.repeat(depth + 1)
  const lines = Object.entries(shape).map(([key, schema]) => {
    const note = noteOf(schema)
    return `${indent}${key}${mayBeLeftOut(schema) ? '?' : ''}: ${typeText(schema, depth + 1)},${note === '' ? '' : ` # ${note}`}`
  })
  return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${'  '.repeat(depth)}}`
}

function mayBeLeftOut(schema: z.core.$ZodType): boolean {
  return schema._zod.def.type === 'optional' || schema._zod.def.type === 'default'
}

function noteOf(schema: z.core.$ZodType): string {
  if (RECORD_NAMES.has(schema)) return ''
  const { def } = schema._zod as z.core.$ZodTypes['_zod']
  const preset = def.type === 'default' ? `default ${JSON.stringify(def.defaultValue)}` : ''
  return [preset, descriptionOf(schema)].filter((text) => text !== '').join('; ')
}

function isInteger(schema: z.core.$ZodType): boolean {
  return (schema as z.ZodNumber).format === 'safeint'
}

/** ` (1..100)`: the least and greatest number, or length in characters or items; nothing where neither is set. */
function bounds(schema: z.core.$ZodType): string {
  const { minValue, maxValue } = schema as z.ZodNumber
  let least = finite(minValue)
  let most = finite(maxValue)
  for (const check of schema._zod.def.checks ?? []) {
    const { def } = check._zod as z.core.$ZodChecks['_zod']
    if (def.check === 'min_length') least = def.minimum
    if (def.check === 'max_length') most = def.maximum
  }
  return least === null && most === null ? '' : ` (${least ?? ''}..${most ?? ''})`
}

function finite(bound: number | null | undefined): number | null {
  return bound === null || bound === undefined || Math.abs(bound) >= Number.MAX_SAFE_INTEGER ? null : bound
}

/** The schema's own description, or that of what it wraps. */
function descriptionOf(schema: z.core.$ZodType): string {
  const own = (schema as z.ZodType).description
  if (own !== undefined) return own
  const { def } = schema._zod as z.core.$ZodTypes['_zod']
  return def.type === 'optional' || def.type === 'default' ? descriptionOf(def.innerType) : ''
}

function recordName(key: string): string {
  const name = key.replace(/Record$/, '')
  return name.charAt(0).toUpperCase() + name.slice(1)
}

function code(text: string): string {
  return `\`\`\`\n${text}\n\`\`\``
}
