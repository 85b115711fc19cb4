/**
 * The facts of a file, row-ready: what the parser pool sends to the writer. Blobs are sealed and the source is
 * compressed already, so that the writer compares, binds and counts. Positional MessagePack, read back by
 * `decodeFileRows`; both ends are always of one build, so that this form has no version.
 */

import { zstdCompressSync, zstdDecompressSync, constants } from 'node:zlib'
import type { FileFacts, FunctionFacts, ModuleFacts } from '../model/facts.ts'
import { formatMfa } from '../model/names.ts'
import type { Problem } from '../model/problem.ts'
import { sealCopy } from './bytes.ts'
import { callsEncoder, type CallsEncoder } from './calls-codec.ts'
import { encodeFunction, encodeModule, FUNCTION_KINDS, MODULE_KINDS, pack, unpack } from './facts-codec.ts'

/** `callees` of a row are indexes into the file's `callees`, distinct. */
export type FunctionRows = [
  name: string, arity: number, ordinal: number, defaults: number, kind: number, line: number, clauses: number, nCalls: number,
  cyclomatic: number, loc: number, data: Buffer, calls: Buffer | null, callees: readonly number[],
]

export type ModuleRows = [
  name: string, kind: number, start: number, line: number, loc: number, cyclomatic: number, data: Buffer, nBodyCalls: number,
  bodyCalls: Buffer | null, bodyCallees: readonly number[], functions: readonly FunctionRows[],
]

export type ProblemRows = [code: string, message: string, line: number, column: number, start: number, end: number]

export type FileRows = {
  readonly path: string
  readonly sourceHash: string
  readonly bytes: number
  readonly lines: number
  readonly problems: readonly ProblemRows[]
  /** Sealed zstd of the source. */
  readonly source: Buffer
  /** Keys of postings. */
  readonly callees: readonly string[]
  readonly modules: readonly ModuleRows[]
}

/** Level 3 keeps up with the parser and comes to a quarter of the text. */
const COMPRESSION = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }

/** The result owns its buffer, so that it may be transferred to another thread. */
export function encodeFileFacts(facts: FileFacts, source: Uint8Array): Uint8Array {
  const encoder = callsEncoder()
  const modules = facts.modules.map((module) => moduleRows(module, encoder))
  return new Uint8Array(pack([
    facts.path, facts.sourceHash, facts.bytes, facts.lines, facts.problems.map(problemRow),
    sealCopy(zstdCompressSync(source, COMPRESSION)), encoder.keys, modules,
  ]))
}

export function decodeFileRows(encoded: Uint8Array): FileRows {
  const [path, sourceHash, bytes, lines, problems, source, callees, modules] =
    unpack<[string, string, number, number, ProblemRows[], Buffer, string[], ModuleRows[]]>(encoded)
  return { path, sourceHash, bytes, lines, problems, source, callees, modules }
}

/** A module on its own, as clients state them; also the keys of the callees that its rows index. */
export function encodeModuleRows(module: ModuleFacts): { readonly rows: ModuleRows; readonly callees: readonly string[] } {
  const encoder = callsEncoder()
  const rows = moduleRows(module, encoder)
  return { rows, callees: encoder.keys }
}

export function decompress(payload: Uint8Array): Uint8Array {
  return zstdDecompressSync(payload)
}

function moduleRows(module: ModuleFacts, encoder: CallsEncoder): ModuleRows {
  const ordinals = new Map<string, number>()
  const functions = module.functions.map((fn) => {
    const key = `${fn.name}/${fn.arity}`
    const ordinal = (ordinals.get(key) ?? 0) + 1
    ordinals.set(key, ordinal)
    return functionRows(module.name, fn, ordinal, encoder)
  })
  const cyclomatic = module.functions.reduce((highest, fn) => Math.max(highest, fn.cyclomatic), 0)
  const body = encoder.encode(module.bodyCalls, module.name)
  return [
    module.name, MODULE_KINDS.indexOf(module.kind), module.span.start, module.span.line, module.linesOfCode, cyclomatic,
    encodeModule(module), module.bodyCalls.length, body.blob, body.callees, functions,
  ]
}

function functionRows(module: string, fn: FunctionFacts, ordinal: number, encoder: CallsEncoder): FunctionRows {
  const calls = encoder.encode(fn.calls, formatMfa({ module, name: fn.name, arity: fn.arity }))
  return [
    fn.name, fn.arity, ordinal, fn.defaults, FUNCTION_KINDS.indexOf(fn.kind), fn.span.line, fn.clauses.length, fn.calls.length,
    fn.cyclomatic, fn.linesOfCode, encodeFunction(fn), calls.blob, calls.callees,
  ]
}

export function problemRow(problem: Problem): ProblemRows {
  return [problem.code, problem.message, problem.line, problem.column, problem.start, problem.end]
}
