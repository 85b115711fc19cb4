import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatMfa, isModuleName, parseMfa } from '../../src/model/names.ts'

const segment = fc.stringMatching(/^[A-Z][A-Za-z0-9_]{0,8}$/)
const alias = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('.'))
const erlang = fc.stringMatching(/^:[a-z][a-z0-9_]{0,10}$/)
const moduleName = fc.oneof(alias, erlang, fc.constantFrom('~dynamic', '~dynamic.Schema'), alias.map((name) => `${name}@2`))
const operator = fc.constantFrom('+', '-', '/', '..', '|>', '<>', '&&', '==', '!', '@', '.', '..//', '^^^', '->', '::')
const plain = fc.stringMatching(/^[a-z_][a-z0-9_]{0,10}[?!]?$/)
const odd = fc.string({ minLength: 1, maxLength: 12 })
const functionName = fc.oneof(plain, operator, odd)

test('what formatMfa prints, parseMfa reads', () => {
  fc.assert(fc.property(moduleName, functionName, fc.nat(255), (module, name, arity) => {
    const mfa = { module, name, arity }
    expect(parseMfa(formatMfa(mfa))).toEqual(mfa)
  }))
})

test('parseMfa never throws, and what it reads prints as an equal name', () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const mfa = parseMfa(text)
    if (mfa !== undefined) expect(parseMfa(formatMfa(mfa))).toEqual(mfa)
  }))
})

test.each([
  ['MyApp.Cart.add_item/2', { module: 'MyApp.Cart', name: 'add_item', arity: 2 }],
  [':gen_server.call/3', { module: ':gen_server', name: 'call', arity: 3 }],
  ['Kernel.+/2', { module: 'Kernel', name: '+', arity: 2 }],
  ['Kernel.//2', { module: 'Kernel', name: '/', arity: 2 }],
  ['Kernel.../2', { module: 'Kernel', name: '..', arity: 2 }],
  ['Shop."test adds an item"/1', { module: 'Shop', name: 'test adds an item', arity: 1 }],
  ['Überblick.größe/0', { module: 'Überblick', name: 'größe', arity: 0 }],
])('%s', (text, mfa) => {
  expect(parseMfa(text)).toEqual(mfa)
})

test.each(['', 'add_item/2', 'MyApp.Cart', 'MyApp.Cart.add_item', 'MyApp.Cart.add_item/', 'MyApp.Cart.add_item/x', 'myApp.add/1', 'MyApp..add/1', '/2', '.x/1'])(
  'no MFA: %j', (text) => {
    expect(parseMfa(text)).toBeUndefined()
  },
)

test('module names', () => {
  expect(['Foo', 'Foo.Bar', 'Foo@2', '~dynamic', '~dynamic.Foo', ':lists', ':"odd name"', ':ok?'].every(isModuleName)).toBe(true)
  expect(['foo', 'Foo.', '.Foo', 'Foo.bar', 'Foo Bar', ':', 'Foo/1', '~other', 'Foo.~dynamic'].some(isModuleName)).toBe(false)
})
