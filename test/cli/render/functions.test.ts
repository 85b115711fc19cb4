import { expect, test } from 'vitest'
import { functionText } from '../../../src/cli/render/functions.ts'

test.each([
  ['Shop.Cart.add/2', 'Shop.Cart.add/2'],
  ['Shop.Cart."-lines/1-fun-0-"/2', 'anonymous fn/2 in Shop.Cart.lines/1'],
  ['Shop.Cart."-lines/1-lc$^0/1-0-"/1', 'comprehension in Shop.Cart.lines/1'],
  ['Shop.Cart."-lines/1-after$^0/0-0-"/0', 'part of Shop.Cart.lines/1'],
  ['Shop.Cart."-fun.lines/1-"/1', 'Shop.Cart.lines/1'],
  ['Shop.Cart."MACRO-sigil_M"/3', 'macro Shop.Cart.sigil_M/2'],
  ['(unknown)', '(unknown)'],
])('%s', (mfa, text) => expect(functionText(mfa)).toBe(text))

test('with arguments', () => {
  expect(functionText('Shop.Cart.add/2', '1, :two')).toBe('Shop.Cart.add(1, :two)')
  expect(functionText('Shop.Cart."-lines/1-fun-0-"/2', '1, 2')).toBe('anonymous fn(1, 2) in Shop.Cart.lines/1')
})
