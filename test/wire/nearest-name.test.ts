/** The nearest known name, or none when nothing is near. */

import { expect, test } from 'vitest'
import { nearestName } from '../../src/wire/nearest-name.ts'

const NAMES = ['get_module', 'get_function', 'list_modules', 'hello']

test.each([
  ['get_modul', 'get_module'], ['GET_MODULE', 'get_module'], ['get_modlue', 'get_module'], ['gte_function', 'get_function'],
  ['helo', 'hello'], ['list_module', 'list_modules'], ['nothing like it', undefined], ['', undefined],
])('%s -> %s', (typed, nearest) => {
  expect(nearestName(typed, NAMES)).toBe(nearest)
})

test('a swap of neighbours is one edit', () => {
  expect(nearestName('ba', ['ab'])).toBe('ab')
})
