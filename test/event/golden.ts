/**
 * The batches whose bytes both sides of the agent's protocol hold to, and their terms: MessagePack in its shortest form, the
 * extensions as docs/AGENT.md lists them. Maps have one key each, so that no order of keys is prescribed.
 */

import type { Batch } from '../../src/event/batch.ts'
import { type FrameWriter, writeArray, writeBinary, writeInteger, writeNil, writeText } from '../../src/event/frame-codec.ts'
import { batchOf, type TestEvent } from './batches.ts'

const EXT = { atom: 1, tuple: 2, opaque: 3, bigInteger: 4, omitted: 5, redacted: 6, inspected: 7 } as const

const written = (write: (to: FrameWriter) => void): Buffer => {
  const to: FrameWriter = { bytes: Buffer.alloc(16), at: 0 }
  write(to)
  return Buffer.from(to.bytes.subarray(0, to.at))
}
const text = (value: string): Buffer => written((to) => writeText(to, value))
const integer = (value: number | bigint): Buffer => written((to) => writeInteger(to, value))
const binary = (...bytes: number[]): Buffer => written((to) => writeBinary(to, Uint8Array.from(bytes)))
const list = (...items: Buffer[]): Buffer => Buffer.concat([written((to) => writeArray(to, items.length)), ...items])
const nil = written(writeNil)
const bool = (value: 'true' | 'false'): Buffer => Buffer.of(value === 'true' ? 0xc3 : 0xc2)
const map = (key: Buffer, value: Buffer): Buffer => Buffer.concat([Buffer.of(0x81), key, value])

const float = (value: number): Buffer => {
  const bytes = Buffer.of(0xcb, 0, 0, 0, 0, 0, 0, 0, 0)
  bytes.writeDoubleBE(value, 1)
  return bytes
}

/** -2^63 to -1, in the shortest form. */
const negative = (value: bigint): Buffer => {
  if (value >= -32n) return Buffer.of(Number(0x100n + value))
  const width = value >= -0x80n ? 1 : value >= -0x8000n ? 2 : value >= -0x8000_0000n ? 4 : 8
  const bytes = Buffer.alloc(9)
  bytes.writeBigInt64BE(value, 1)
  return Buffer.concat([Buffer.of(0xd0 + Math.log2(width)), bytes.subarray(9 - width)])
}

const extension = (type: number, data: Buffer): Buffer => {
  const fixed = [1, 2, 4, 8, 16].indexOf(data.length)
  return Buffer.concat([fixed < 0 ? Buffer.of(0xc7, data.length, type) : Buffer.of(0xd4 + fixed, type), data])
}
const atom = (name: string): Buffer => extension(EXT.atom, Buffer.from(name))
const tuple = (...items: Buffer[]): Buffer => extension(EXT.tuple, list(...items))

/** A term as Elixir writes it, and its bytes. Where Elixir has no such term, what the agent makes of one is said. */
type Term = { readonly elixir: string; readonly bytes: Buffer }
const term = (elixir: string, bytes: Buffer): Term => ({ elixir, bytes })

const PLAIN: readonly Term[] = [
  term('nil', nil), term('true', bool('true')), term('false', bool('false')),
  term('0', integer(0)), term('127', integer(127)), term('128', integer(128)), term('256', integer(256)), term('65536', integer(65_536)),
  term('4294967296', integer(2n ** 32n)), term('18446744073709551615', integer(2n ** 64n - 1n)),
  term('-1', negative(-1n)), term('-33', negative(-33n)), term('-129', negative(-129n)), term('-32769', negative(-32_769n)), term('-9223372036854775808', negative(-(2n ** 63n))),
  term('1.5', float(1.5)), term('"é"', text('é')), term('""', text('')), term('<<255, 0>>', binary(255, 0)), term('[]', list()), term('[1, [2]]', list(integer(1), list(integer(2)))),
  term('%{"a" => 1}', map(text('a'), integer(1))), term('%{a: 1}', map(atom('a'), integer(1))),
]

const EXTENDED: readonly Term[] = [
  term(':ok', atom('ok')), term('MyApp.Cart', atom('MyApp.Cart')), term('{}', tuple()), term('{:ok, {1, "a"}}', tuple(atom('ok'), tuple(integer(1), text('a')))),
  term('a pid: #PID<0.113.0>', extension(EXT.opaque, Buffer.from('#PID<0.113.0>'))),
  term('18446744073709551616', extension(EXT.bigInteger, Buffer.from('18446744073709551616'))),
  term('a list of [1] and 999 more elements, left out', list(integer(1), extension(EXT.omitted, integer(999)))),
  term('a redacted value, for its key `password`', extension(EXT.redacted, Buffer.from('password'))),
  term('[1 | 2]', extension(EXT.inspected, Buffer.from('[1 | 2]'))), term('<<1::3>>', extension(EXT.inspected, Buffer.from('<<1::size(3)>>'))),
]

const T0 = 1_790_000_000_123_456_789n
const CALLED = 'MyApp.Cart.add_item/2'
const CALLER = 'MyApp.CartController.create/2 lib/my_app_web/cart_controller.ex:42'

export type Golden = { readonly name: string; readonly about: string; readonly batch: Batch; readonly terms: readonly string[] }

const payloads = (about: string, name: string, terms: readonly Term[]): Golden => ({
  name, about, terms: terms.map(({ elixir }) => `args: [${elixir}]`),
  batch: batchOf(terms.map(({ bytes }, ts): TestEvent => ({ type: 'call', ts, pid: '0.113.0', mfa: CALLED, payload: map(text('args'), list(bytes)) })), { no: 2, t0Ns: T0 }),
})

export const GOLDEN: readonly Golden[] = [
  {
    name: 'calls', about: 'calls, returns and messages of two processes, without payloads; times that do not rise', terms: [],
    batch: batchOf([
      { type: 'call', ts: 0, pid: '0.113.0', mfa: CALLED, caller: CALLER, corr: 'req-1' },
      { type: 'call', ts: 1500, pid: '0.113.0', mfa: ':gen_server.call/3', caller: `${CALLED} lib/my_app/cart.ex:7`, corr: 'req-1' },
      { type: 'send', ts: 2000, pid: '0.113.0', peer: '0.114.0', corr: 'req-1' },
      { type: 'receive', ts: 1999, pid: '0.114.0', peer: '0.113.0' },
      { type: 'return', ts: 4000, pid: '0.113.0', mfa: ':gen_server.call/3' },
      { type: 'exception', ts: 5000, pid: '0.113.0', mfa: CALLED },
      { type: 'probe', ts: 6000, pid: '0.113.0', node: 'MyApp.Cart.add_item/2#1/case' },
      { type: 'exit', ts: 2 ** 40, pid: '0.113.0' },
    ], { no: 1, t0Ns: T0 }),
  },
  payloads("a payload each: MessagePack's own terms", 'plain-terms', PLAIN),
  payloads('a payload each: the extensions', 'extension-terms', EXTENDED),
  {
    name: 'gap', about: 'events are missing: the reason, since when, and how many of which type', terms: ['gap: %{"reason" => "overload"}'],
    batch: batchOf([
      { type: 'gap', ts: 0, payload: map(text('gap'), map(text('reason'), text('overload'))) }, { type: 'call', ts: 10, pid: '0.113.0', mfa: CALLED },
    ], { no: 2 ** 32, t0Ns: T0 }),
  },
]
