/** JSON text of wire values: nothing loses digits. */

import { expect, test } from 'vitest'
import { renderJson } from '../../src/wire/json.ts'

test('bigints and nanoseconds are decimal strings, bytes are base64', () => {
  expect(renderJson({ at_ns: 5, wide: 2n ** 60n, list_ns: [1, 2n], ms: 5, bytes: Uint8Array.of(1, 2), gone: undefined, nil: null })).toBe(
    '{"at_ns":"5","wide":"1152921504606846976","list_ns":["1","2"],"ms":5,"bytes":"AQI=","nil":null}',
  )
  expect(renderJson(undefined)).toBe('null')
  expect(renderJson({ a: [1] }, { indent: 2 })).toBe('{\n  "a": [\n    1\n  ]\n}')
  expect(renderJson(JSON.parse('{"__proto__":1}'))).toBe('{"__proto__":1}')
})
