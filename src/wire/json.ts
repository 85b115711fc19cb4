/**
 * Wire values as JSON text, for people and for programs without MessagePack. JSON numbers are doubles in most readers, so
 * a bigint, and every nanosecond (a key that ends in `_ns`), is a decimal string whatever its size; bytes are base64.
 */

/** `indent` is the number of spaces of each level; without it the text is one line. */
export function renderJson(value: unknown, options: { readonly indent?: number } = {}): string {
  return JSON.stringify(jsonOf(value, ''), undefined, options.indent) ?? 'null'
}

function jsonOf(value: unknown, key: string): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'number') return key.endsWith('_ns') ? String(value) : value
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (Array.isArray(value)) return value.map((item) => jsonOf(item, key))
  const object: Record<string, unknown> = {}
  for (const [name, item] of Object.entries(value)) {
    Object.defineProperty(object, name, { value: jsonOf(item, name), enumerable: true, configurable: true, writable: true })
  }
  return object
}
