/** verify and repair on the command line: differences with both values, what was done, and the exit code. */

import { expect, test } from 'vitest'
import type { Reply } from '../../src/wire/methods.ts'
import { run } from './fake.ts'

const CLEAN: Reply<'verify'> = {
  differences: [], total: 0, files_differing: 0, files: 12, modules: 14, functions: 90, calls: 1234, problems: 1,
  not_compared: { client_modules: 0, stale_functions: 0, files_changing: [] }, epoch: 7, duration_ms: 420,
}
const FOUND: Reply<'verify'> = {
  ...CLEAN, total: 5, files_differing: 2, not_compared: { client_modules: 1, stale_functions: 2, files_changing: ['lib/busy.ex'] },
  differences: [
    { what: 'store', where: 'in itself', path: null, field: null, live: 'n_files is 3, but the rows say 4', rebuilt: null },
    { what: 'function', where: 'Shop.Cart.add/2', path: 'lib/cart.ex', field: 'cyclomatic', live: '40', rebuilt: '1' },
    { what: 'module', where: 'Shop.Gone', path: 'lib/gone.ex', field: null, live: '{"key":"Shop.Gone"}', rebuilt: null },
  ],
}

test('no differences: one line, exit code 0', async () => {
  expect(await run('verify', { handlers: { verify: () => CLEAN } })).toEqual({
    code: 0, err: '', out: 'no differences: 12 files, 14 modules, 90 functions, 1,234 calls compared in 420 ms\n',
  })
})

test('differences with both values, those that are not shown, what was not compared; exit code 1', async () => {
  const { code, out } = await run('verify --limit 3', { handlers: { verify: ({ limit }) => (limit === 3 ? FOUND : CLEAN) } })
  expect([code, out]).toEqual([1, [
    'store in itself', '  n_files is 3, but the rows say 4', '',
    'function Shop.Cart.add/2, cyclomatic  lib/cart.ex', '  repository  40', '  files       1', '',
    'module Shop.Gone  lib/gone.ex', '  repository  {"key":"Shop.Gone"}', '  files       (nothing)', '',
    'and 2 other differences; --limit names more', '',
    '5 differences in 2 files: 12 files, 14 modules, 90 functions, 1,234 calls compared in 420 ms',
    'not compared: 1 module stored by clients; 2 stale functions; files that kept changing: lib/busy.ex', '',
  ].join('\n')])
})

test('repair: what was found, what was done, what is left', async () => {
  const steps = ['2 files parsed anew and brought in step; postings and counts rebuilt']
  const mended = await run('repair', { handlers: { repair: () => ({ found: { ...FOUND, differences: [], total: 5 }, steps, left: CLEAN }) } })
  expect([mended.code, mended.out]).toEqual([0, [
    'and 5 other differences; --limit names more', '', 'Repaired', `  ${steps[0]}`, '',
    'no differences: 12 files, 14 modules, 90 functions, 1,234 calls compared in 420 ms', '',
  ].join('\n')])
  expect((await run('repair', { handlers: { repair: () => ({ found: FOUND, steps, left: FOUND }) } })).code).toBe(1)
  expect((await run('repair', { handlers: { repair: () => ({ found: CLEAN, steps: [], left: CLEAN }) } })).out).toMatch(/^no differences/)
})

test('with --json the answer as it came, and the exit code all the same', async () => {
  const { code, out } = await run('verify --json', { handlers: { verify: () => FOUND } })
  expect([code, JSON.parse(out)]).toEqual([1, FOUND])
})
