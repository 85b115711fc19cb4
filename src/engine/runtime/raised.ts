/**
 * What was raised, thrown or exited with, as Elixir heads it: `** (ArithmeticError) bad argument in arithmetic expression`. No code of the
 * program runs for it, so an exception without a message of its own that Elixir does not know shows its fields.
 */

import type { Fields } from './term-structs.ts'
import { atomName, structOf, termText, tupleOf, type Struct, type Term } from './terms.ts'

/** `kind`: error, throw or exit. */
export function raisedText(kind: Term | undefined, value: Term | undefined): string {
  const name = typeof kind === 'string' ? kind : atomName(kind ?? null) ?? 'error'
  if (value === undefined) return `** (${name})`
  return name === 'error' ? errorText(value) : `** (${name}) ${termText(value)}`
}

/** The functions of the stack, the innermost first. */
export type Crash = { readonly text: string; readonly stack: readonly string[] }

/** Of the reason of a process that ended; undefined where it did not crash. */
export function crashOf(reason: Term | undefined): Crash | undefined {
  const [why, stack, ...more] = tupleOf(reason) ?? []
  const functions = more.length > 0 || !Array.isArray(stack) ? [] : stack.flatMap((entry: Term) => functionText(tupleOf(entry) ?? []) ?? [])
  return why === undefined || functions.length === 0 ? undefined : { text: errorText(why), stack: functions }
}

function errorText(value: Term): string {
  const struct = structOf(value)
  const { name, fields }: Pick<Struct, 'name' | 'fields'> = struct?.isException === true ? struct : normalized(value)
  const message = fields.get('message')
  if (typeof message === 'string') return `** (${name}) ${message}`
  return `** (${name}) ${Object.hasOwn(MESSAGES, name) ? MESSAGES[name]?.(fields) ?? '' : termText(value)}`
}

/** Of the exceptions that make their message when it is asked for. */
const MESSAGES: Readonly<Record<string, (fields: Fields) => string>> = {
  MatchError: (fields) => `no match of right hand side value: ${fieldText(fields, 'term')}`,
  CaseClauseError: (fields) => `no case clause matching: ${fieldText(fields, 'term')}`,
  WithClauseError: (fields) => `no with clause matching: ${fieldText(fields, 'term')}`,
  TryClauseError: (fields) => `no try clause matching: ${fieldText(fields, 'term')}`,
  CondClauseError: () => 'no cond clause evaluated to a truthy value',
  BadMapError: (fields) => `expected a map, got: ${fieldText(fields, 'term')}`,
  BadFunctionError: (fields) => `expected a function, got: ${fieldText(fields, 'term')}`,
  ErlangError: (fields) => `Erlang error: ${fieldText(fields, 'original')}`,
  KeyError: (fields) => `key ${fieldText(fields, 'key')} not found${(fields.get('term') ?? null) === null ? '' : ` in: ${fieldText(fields, 'term')}`}`,
  FunctionClauseError: (fields) => {
    const fn = functionText([fields.get('module') ?? null, fields.get('function') ?? null, fields.get('arity') ?? null])
    return fn === undefined ? 'no function clause matches' : `no function clause matching in ${fn}`
  },
  UndefinedFunctionError: (fields) => {
    const fn = functionText([fields.get('module') ?? null, fields.get('function') ?? null, fields.get('arity') ?? null])
    return fn === undefined ? 'undefined function' : `function ${fn} is undefined`
  },
  'Protocol.UndefinedError': (fields) => `protocol ${fieldText(fields, 'protocol')} not implemented for ${fieldText(fields, 'value')}`,
}

function fieldText(fields: Fields, name: string): string {
  return termText(fields.get(name) ?? null)
}

/** Of a module, a name, and an arity or arguments, as entries of a stack begin. */
function functionText([module, name, arity]: readonly Term[]): string | undefined {
  const fn = atomName(name ?? null)
  const nArgs = Array.isArray(arity) ? arity.length : arity
  return module === undefined || fn === undefined || typeof nArgs !== 'number' ? undefined : `${termText(module)}.${fn}/${nArgs}`
}

/** By what Erlang calls it; the names are those of the fields that the rest of the tuple is. */
const OF_ERLANG: Readonly<Record<string, { readonly name: string; readonly fields?: readonly string[]; readonly message?: string }>> = {
  badarith: { name: 'ArithmeticError', message: 'bad argument in arithmetic expression' },
  badarg: { name: 'ArgumentError', message: 'argument error' },
  system_limit: { name: 'SystemLimitError', message: 'a system limit has been reached' },
  cond_clause: { name: 'CondClauseError' },
  function_clause: { name: 'FunctionClauseError' },
  undef: { name: 'UndefinedFunctionError' },
  badmatch: { name: 'MatchError', fields: ['term'] },
  case_clause: { name: 'CaseClauseError', fields: ['term'] },
  with_clause: { name: 'WithClauseError', fields: ['term'] },
  try_clause: { name: 'TryClauseError', fields: ['term'] },
  badmap: { name: 'BadMapError', fields: ['term'] },
  badfun: { name: 'BadFunctionError', fields: ['term'] },
  badkey: { name: 'KeyError', fields: ['key', 'term'] },
}

/** What Erlang raised, as the exception that Elixir makes of it. */
function normalized(value: Term): Pick<Struct, 'name' | 'fields'> {
  const [tag, ...args] = tupleOf(value) ?? [value]
  const name = atomName(tag ?? null)
  const known = name !== undefined && Object.hasOwn(OF_ERLANG, name) ? OF_ERLANG[name] : undefined
  const { fields = [], message } = known ?? {}
  const fits = fields.length === 0 ? args.length === 0 : args.length > 0 && args.length <= fields.length
  if (known === undefined || !fits) return { name: 'ErlangError', fields: new Map([['original', value]]) }
  return { name: known.name, fields: new Map([...args.map((arg, at) => [fields[at] ?? '', arg] as const), ...message === undefined ? [] : [['message', message] as const]]) }
}
