import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeLabel, formatNodeId, parseNodeId, type NodeRoot } from '../../src/model/node-id.ts'

const mfa = fc.record({
  module: fc.constantFrom('MyApp.Cart', ':gen_server', 'Foo@2'),
  name: fc.constantFrom('add', 'add!', '/', '+', 'odd name', 'adds #1', 'say "#2"', '#', '::'),
  arity: fc.nat(20),
})
const root: fc.Arbitrary<NodeRoot> = fc.oneof(
  fc.record({ kind: fc.constant('clause' as const), mfa, clause: fc.integer({ min: 1, max: 99 }) }),
  fc.record({ kind: fc.constant('body' as const), module: fc.constantFrom('MyApp.Cart', 'Foo@2') }),
)
const label = fc.string({ minLength: 1, maxLength: 10 }).map(encodeLabel)

test('what formatNodeId prints, parseNodeId reads', () => {
  fc.assert(fc.property(root, fc.array(label, { maxLength: 5 }), (start, path) => {
    expect(parseNodeId(formatNodeId({ root: start, path }))).toEqual({ root: start, path })
  }))
})

test('the id of a function is its MFA', () => {
  expect(parseNodeId('MyApp.Cart.add_item/2')).toEqual({ root: { kind: 'function', mfa: { module: 'MyApp.Cart', name: 'add_item', arity: 2 } }, path: [] })
})

test('an encoded label holds nothing that is structure, and tells labels apart', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => {
    expect(encodeLabel(a)).not.toMatch(/[/:#@\s]/u)
    expect(encodeLabel(a) === encodeLabel(b)).toBe(a === b)
  }))
})

test.each(['', '#', 'Foo#', 'Foo#0', 'Foo.bar/1#0', 'Foo.bar/1#x', 'bar#body', 'Foo.bar#1'])('no node id: %j', (text) => {
  expect(parseNodeId(text)).toBeUndefined()
})
