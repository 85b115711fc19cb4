/** What is written is what is read: calls, details, encoded files, posting chunks, cursors; and damage is told. */

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatMfa } from '../../src/model/names.ts'
import { open, sealCopy, unsealed } from '../../src/store/bytes.ts'
import { baseName, calleeKey, callsEncoder, decodeCallees, decodeCalls, decodeCallsTo } from '../../src/store/calls-codec.ts'
import { decodeFileRows, decompress, encodeFileFacts } from '../../src/store/encoded-file.ts'
import { decodeFunction, decodeModule, FUNCTION_KINDS, MODULE_KINDS } from '../../src/store/facts-codec.ts'
import { bodyCode, callerOf, CHUNK, decodeChunk, encodeChunk, functionCode } from '../../src/store/postings.ts'
import { must } from '../../src/base/assert.ts'
import type { FileFacts, ModuleFacts } from '../../src/model/facts.ts'
import { fileAt, moduleFacts, seeded } from './arbitraries.ts'

/** The facts again, from the rows that the writer binds. */
function factsOf(encoded: Uint8Array): { facts: FileFacts; source: Uint8Array } {
  const rows = decodeFileRows(encoded)
  const payload = (blob: Uint8Array): Buffer => must(unsealed(blob), 'a sound seal')
  const modules = rows.modules.map((row): ModuleFacts => {
    const [name, kind, , , linesOfCode, , data, , bodyCalls, , functions] = row
    return {
      ...decodeModule(payload(data), { kind: must(MODULE_KINDS[kind], 'a kind'), linesOfCode }),
      bodyCalls: bodyCalls === null ? [] : decodeCalls(payload(bodyCalls), name),
      functions: functions.map(([fn, arity, , defaults, fnKind, , , , cyclomatic, loc, fnData, calls]) => ({
        ...decodeFunction(payload(fnData), { kind: must(FUNCTION_KINDS[fnKind], 'a kind'), name: fn, arity, defaults, linesOfCode: loc, cyclomatic }),
        calls: calls === null ? [] : decodeCalls(payload(calls), formatMfa({ module: name, name: fn, arity })),
      })),
    }
  })
  const problems = rows.problems.map(([code, message, line, column, start, end]) => ({ code, message, line, column, start, end }))
  return {
    facts: { path: rows.path, sourceHash: rows.sourceHash, bytes: rows.bytes, lines: rows.lines, problems, modules },
    source: decompress(payload(rows.source)),
  }
}

test('a file comes back from its encoding as it was', () => {
  fc.assert(fc.property(fileAt('lib/größe.ex'), ({ facts, source }) => {
    const back = factsOf(encodeFileFacts(facts, source))
    expect(back.facts).toEqual(facts)
    expect(Buffer.from(back.source)).toEqual(Buffer.from(source))
  }), seeded(300))
})

test('an encoding owns its buffer, so that it can be transferred', () => {
  const encoded = encodeFileFacts({ path: 'a.ex', sourceHash: '00', bytes: 0, lines: 0, problems: [], modules: [] }, new Uint8Array())
  expect(encoded.buffer.byteLength).toBe(encoded.byteLength)
})

test('callees and calls to some callee are those of the whole list', () => {
  fc.assert(fc.property(moduleFacts, (module) => {
    const encoder = callsEncoder()
    for (const fn of module.functions) {
      const { blob, callees } = encoder.encode(fn.calls, 'A.f/1')
      expect(new Set(callees.map((index) => encoder.keys[index]))).toEqual(new Set(fn.calls.map(calleeKey)))
      if (blob === null) continue
      const payload = must(unsealed(blob), 'a sound seal')
      expect(new Set(decodeCallees(payload).map(calleeKey))).toEqual(new Set(fn.calls.map(calleeKey)))
      expect(decodeCallsTo(payload, 'A.f/1', (callee) => callee.arity === 1)).toEqual(fn.calls.filter((call) => call.arity === 1))
    }
  }), seeded(200))
})

test('the caller\'s own name is not in the blob', () => {
  const call = { module: null, name: 'g', arity: 0, kind: 'local', dynamic: false, grade: 'syntactic', line: 1, column: 1, node: 'A.f/1#1/g' } as const
  const blob = must(callsEncoder().encode([call], 'A.f/1').blob, 'a blob')
  expect(decodeCalls(must(unsealed(blob), 'a sound seal'), 'A@2.f/1')).toEqual([{ ...call, node: 'A@2.f/1#1/g' }])
})

test('every flipped bit of a sealed blob is noticed, and the failure names the row', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(), (payload, place) => {
    const blob = sealCopy(payload)
    expect(unsealed(blob)).toEqual(Buffer.from(payload))
    const bit = place % (blob.length * 8)
    blob[bit >> 3] = (blob[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    expect(unsealed(blob)).toBeUndefined()
    const name = { table: 'functions', column: 'data', row: 'A.f/1', path: 'lib/a.ex' }
    expect(() => open(blob, name, (bytes) => bytes)).toThrow('functions A.f/1: data is damaged')
  }), seeded(200))
})

/** What the decoder gives or throws. */
function outcome(decode: () => unknown): unknown {
  try {
    return decode()
  } catch (caught) {
    return caught
  }
}

test('whatever the bytes, the decoders end with a list or a RangeError', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const payload = Buffer.from(bytes)
    for (const decode of [() => decodeCallees(payload), () => decodeCalls(payload, 'A'), () => decodeChunk(payload, 0)]) {
      const result = outcome(decode)
      expect(Array.isArray(result) ? 'list' : result).toSatisfy((it) => it === 'list' || it instanceof RangeError)
    }
  }), seeded(2000))
})

test('a chunk of postings comes back', () => {
  fc.assert(fc.property(fc.nat(1_000_000), fc.uniqueArray(fc.nat(CHUNK - 1), { minLength: 1 }), (chunk, places) => {
    const codes = places.sort((a, b) => a - b).map((place) => chunk * CHUNK + place)
    expect(decodeChunk(must(unsealed(encodeChunk(codes)), 'a sound seal'), chunk)).toEqual(codes)
  }), seeded(200))
})

test('caller codes', () => {
  expect(callerOf(functionCode(7))).toEqual({ kind: 'function', id: 7 })
  expect(callerOf(bodyCode(7))).toEqual({ kind: 'body', id: 7 })
})

test('base names', () => {
  expect(['Foo', 'Foo@2', 'Foo@x', ':foo@2', ':foo@host', 'Foo@'].map(baseName)).toEqual(['Foo', 'Foo', 'Foo@x', ':foo@2', ':foo@host', 'Foo@'])
})
