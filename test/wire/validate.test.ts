/** What is wrong with a call is said by key, value and expectation; defaults are filled in when nothing is. */

import { expect, test } from 'vitest'
import { validateCall } from '../../src/wire/validate.ts'

test('defaults are filled in', () => {
  expect(validateCall('list_modules', [])).toEqual({ ok: true, value: { method: 'list_modules', args: { limit: 100, origin: 'all' } } })
  expect(validateCall('get_function', [{ mfa: 'A.b/1' }])).toEqual({
    ok: true, value: { method: 'get_function', args: { mfa: 'A.b/1', text_limit: 20_000 } },
  })
})

const WRONG: readonly (readonly [method: string, params: unknown[], code: string, message: string, hint?: string])[] = [
  ['get_modul', [], 'unknown_method', 'unknown method "get_modul"', 'did you mean get_module?'],
  ['constructor', [], 'unknown_method', 'unknown method "constructor"', 'docs/RPC.md lists the methods'],
  ['x'.repeat(5000), [], 'unknown_method', `unknown method "${'x'.repeat(80)}"… (5000 characters)`, 'docs/RPC.md lists the methods'],
  ['hello', [{}, {}], 'invalid_argument', 'hello: params are an array of one map of arguments, got 2 values'],
  ['hello', [5], 'invalid_argument', 'hello: the map of arguments is 5; expected a map'],
  ['get_module', [], 'invalid_argument', 'get_module: `module_name` is missing; expected a string'],
  ['get_module', [{ module_name: 5 }], 'invalid_argument', 'get_module: `module_name` is 5; expected a string'],
  ['get_module', [{ module_name: '' }], 'invalid_argument', 'get_module: `module_name` is ""; expected a string of at least 1 characters'],
  ['get_module', [{ module_name: 'A', text_limt: 5 }], 'invalid_argument', 'get_module: unknown argument "text_limt"', 'did you mean text_limit?'],
  ['get_module', [{ module_nam: 'A' }], 'invalid_argument', 'get_module: unknown argument "module_nam"', 'did you mean module_name?'],
  ['get_callers', [{ mfa: 'A.b/1', zzz: 1 }], 'invalid_argument', 'get_callers: unknown argument "zzz"', 'it takes mfa, limit, cursor, wait'],
  ['health_check', [{ zzz: 1 }], 'invalid_argument', 'health_check: unknown argument "zzz"', 'it takes none'],
  ['list_modules', [{ limit: 5000 }], 'invalid_argument', 'list_modules: `limit` is 5000; expected a number of at most 1000'],
  ['list_modules', [{ limit: 1.5 }], 'invalid_argument', 'list_modules: `limit` is 1.5; expected an integer'],
  ['list_modules', [{ limit: 2n ** 60n }], 'invalid_argument', 'list_modules: `limit` is 1152921504606846976; expected a number'],
  ['list_modules', [{ origin: 'disk' }], 'invalid_argument', 'list_modules: `origin` is "disk"; expected one of file, client, all'],
  ['list_modules', [{ origin: null }], 'invalid_argument', 'list_modules: `origin` is null; expected one of file, client, all'],
  ['list_modules', [{ prefix: ['a'] }], 'invalid_argument', 'list_modules: `prefix` is an array of 1; expected a string'],
  ['bulk_update', [{ operations: [] }], 'invalid_argument', 'bulk_update: `operations` is an array of 0; expected an array of at least 1 items'],
  ['bulk_update', [{ operations: [{ operation: 'drop' }] }], 'invalid_argument',
    'bulk_update: `operations.0.operation` is "drop"; expected one of store_module, store_function, update_module, delete_module'],
  ['bulk_update', [{ operations: [{ operation: 'delete_module', module_name: 7 }] }], 'invalid_argument',
    'bulk_update: `operations.0.module_name` is 7; expected a string'],
]

for (const [method, params, code, message, hint] of WRONG) {
  test(`${code}: ${message.slice(0, 100)}`, () => {
    expect(validateCall(method, params)).toMatchObject({ ok: false, error: { code, message, ...(hint === undefined ? {} : { hint }) } })
  })
}

test('the details name key, value and expectation', () => {
  expect(validateCall('list_modules', [{ limit: 5000 }])).toMatchObject({
    error: { details: { key: 'limit', value: '5000', expected: 'a number of at most 1000' } },
  })
})
