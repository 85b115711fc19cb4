/**
 * A module as a client states it, and the names that it and the methods are written in. It stands apart from the methods because
 * the repository checks what it patched by it, and needs nothing else of them.
 */

import { z } from 'zod'

export const moduleName = z.string().min(1).max(1024).describe('module as Elixir prints it')
export const mfa = z.string().min(3).max(1400).describe('e.g. MyApp.Cart.add_item/2')
export const path = z.string().min(1).max(4096).describe('relative to the project root')
export const functionKind = z.enum(['def', 'defp', 'defmacro', 'defmacrop', 'defguard', 'defguardp', 'defdelegate'])

/** What a client may state about a function; everything else is left empty. */
export const clientFunction = z.strictObject({
  function_name: z.string().min(1).max(255),
  arity: z.int().min(0).max(255),
  kind: functionKind.default('def'),
  line: z.int().min(1).optional(),
  doc: z.string().max(65_536).optional(),
  specs: z.array(z.string().max(4096)).max(64).default([]),
  calls: z.array(mfa).max(10_000).default([]),
})

/** A module as a client states it: source text, or facts. */
export const clientModule = z.strictObject({
  module_name: moduleName,
  source: z.string().max(8_000_000).optional().describe('Elixir source; when given, the facts are read from it'),
  source_file: path.optional(),
  moduledoc: z.string().max(65_536).optional(),
  functions: z.array(clientFunction).max(10_000).default([]),
})
