/**
 * A call's method and params checked against the one method map, before anything else sees them. What is wrong is a
 * Failure that names the key, the value (cut short) and the expectation.
 */

import type { z } from 'zod'
import { type Failure, failure } from '../base/failure.ts'
import { fail, ok, type Result } from '../base/result.ts'
import { type Args, isMethod, type Method, METHODS } from './methods.ts'
import { nearestName } from './nearest-name.ts'

/** A method with its arguments, defaults filled in; `method` discriminates. */
export type ValidCall = { readonly [M in Method]: { readonly method: M; readonly args: Args<M> } }[Method]

const VALUE_CHARS = 80

export function validateCall(method: string, params: readonly unknown[]): Result<ValidCall, Failure> {
  if (!isMethod(method)) return fail(unknownMethod(method))
  if (params.length > 1) {
    return fail(failure('invalid_argument', `${method}: params are an array of one map of arguments, got ${params.length} values`))
  }
  const given = params.length === 0 ? {} : params[0]
  const parsed = METHODS[method].args.safeParse(given)
  if (parsed.success) return ok({ method, args: parsed.data } as ValidCall)
  return fail(invalidArgument(method, given, parsed.error.issues, Object.keys(METHODS[method].args.shape)))
}

function unknownMethod(method: string): Failure {
  const nearest = nearestName(method, Object.keys(METHODS))
  return failure('unknown_method', `unknown method ${shown(method)}`, {
    hint: nearest === undefined ? 'docs/RPC.md lists the methods' : `did you mean ${nearest}?`,
  })
}

function invalidArgument(method: Method, given: unknown, issues: readonly z.core.$ZodIssue[], known: readonly string[]): Failure {
  // A key that is not known explains the one that is missing.
  const issue = issues.find(({ code, path }) => code === 'unrecognized_keys' && path.length === 0) ?? deepest(issues)
  if (issue === undefined) return failure('invalid_argument', `${method}: invalid arguments`)
  if (issue.code === 'unrecognized_keys') return unknownKey(method, issue, known)
  const key = issue.path.map(String).join('.')
  const value = valueAt(given, issue.path)
  const expectation = expectationOf(issue)
  const place = key === '' ? 'the map of arguments' : `\`${key}\``
  const was = value === undefined ? 'is missing' : `is ${shown(value)}`
  return failure('invalid_argument', `${method}: ${place} ${was}; expected ${expectation}`, {
    details: { key, value: value === undefined ? null : shown(value), expected: expectation },
  })
}

function unknownKey(method: Method, issue: z.core.$ZodIssueUnrecognizedKeys, known: readonly string[]): Failure {
  const name = issue.keys[0] ?? ''
  const key = [...issue.path.map(String), name].join('.')
  const nearest = issue.path.length === 0 ? nearestName(name, known) : undefined
  return failure('invalid_argument', `${method}: unknown argument ${shown(key)}`, {
    ...(issue.path.length > 0 ? {} : { hint: nearest !== undefined ? `did you mean ${nearest}?` : known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}` }),
    details: { key, value: null, expected: issue.path.length === 0 && known.length > 0 ? `one of ${known.join(', ')}` : 'no such key' },
  })
}

/** The first issue; of a union's alternatives, the first issue of the one that came furthest. */
function deepest(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue | undefined {
  const [first] = issues
  if (first?.code !== 'invalid_union' || first.errors.length === 0) return first
  const best = first.errors.map(deepest).filter((issue) => issue !== undefined).sort((a, b) => b.path.length - a.path.length)[0]
  return best === undefined || best.path.length === 0 ? first : { ...best, path: [...first.path, ...best.path] }
}

function expectationOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type': return article(issue.expected === 'int' ? 'integer' : issue.expected === 'object' || issue.expected === 'record' ? 'map' : issue.expected)
    case 'too_small': return `${quantity(issue.origin)} of at least ${issue.minimum}${unitOf(issue.origin)}`
    case 'too_big': return `${quantity(issue.origin)} of at most ${issue.maximum}${unitOf(issue.origin)}`
    case 'invalid_value': return `one of ${issue.values.map(String).join(', ')}`
    case 'invalid_union': return unionExpectation(issue)
    default: return issue.message
  }
}

function unionExpectation(issue: z.core.$ZodIssue): string {
  const options = (issue as { options?: unknown }).options
  return Array.isArray(options) ? `one of ${options.map(String).join(', ')}` : issue.message
}

function quantity(origin: string): string {
  return origin === 'int' || origin === 'number' ? 'a number' : article(origin)
}

function unitOf(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' items' : ''
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = (at as Record<PropertyKey, unknown>)[key]
  }
  return at
}

/** A value as it may stand in a message: short, on one line. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (typeof value === 'object' && value !== null) return `a map of ${Object.keys(value).length} keys`
  if (typeof value !== 'string') return String(value)
  const text = JSON.stringify(value.length > VALUE_CHARS ? value.slice(0, VALUE_CHARS) : value)
  return value.length > VALUE_CHARS ? `${text}… (${value.length} characters)` : text
}
