/**
 * The wire version stands for the schemas: a change to any of them fails here until the version, its history in
 * methods.ts and this pin are brought in step. docs/RPC.md is what the generator makes of the same map.
 */

import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { METHODS, NOTIFICATIONS } from '../../src/wire/methods.ts'
import { WIRE_VERSION } from '../../src/wire/version.ts'
import { renderReference } from '../../src/wire/reference.ts'

/** JSON Schema has no integers beyond 2^53; they stand there as anything. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output') {
  return z.toJSONSchema(schema, { io, unrepresentable: 'any' })
}

function schemaHash(): string {
  const methods = Object.entries(METHODS).map(([name, spec]) => [
    name, spec.idempotent, spec.errors, schemaOf(spec.args, 'input'), schemaOf(spec.result, 'output'),
  ])
  const notifications = Object.entries(NOTIFICATIONS).map(([name, schema]) => [name, schemaOf(schema, 'output')])
  return createHash('sha256').update(JSON.stringify([methods, notifications])).digest('hex').slice(0, 16)
}

test('the wire version is that of these schemas', () => {
  expect({ version: WIRE_VERSION, schemas: schemaHash() }).toEqual({ version: 4, schemas: '4b359a5510c459a7' })
})

test('docs/RPC.md is what the method map says', async () => {
  await expect(renderReference()).toMatchFileSnapshot(join(import.meta.dirname, '../../docs/RPC.md'))
})

test('what is not idempotent takes a request_id, and nothing else does', () => {
  for (const [name, spec] of Object.entries(METHODS)) {
    expect([name, Object.hasOwn(spec.args.shape, 'request_id')]).toEqual([name, !spec.idempotent])
  }
})

test('every method appears in the reference with its summary', () => {
  const text = renderReference()
  for (const [name, spec] of Object.entries(METHODS)) expect(text).toContain(`### ${name}\n\n${spec.summary}`)
})
