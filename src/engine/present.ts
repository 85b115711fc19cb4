/**
 * Rows and facts as the records of the wire: names in snake_case, MFAs and node ids as text, times in ISO 8601, long
 * texts cut. Pure translation, field by field; nothing is looked up here.
 */

import type { CallFacts, ClauseFacts, Doc, FunctionKind, Span } from '../model/facts.ts'
import { formatFunctionName, formatMfa } from '../model/names.ts'
import { formatNodeId } from '../model/node-id.ts'
import type { CallerSite, FunctionRecord, FunctionRow, ModuleRecord, ModuleRow, Moment, Moments, ProblemRow } from '../store/contract.ts'
import type { CallerRecord, CallRecord, FunctionData, FunctionSummary, ModuleData, ModuleSummary } from '../wire/records.ts'
import { cutList, cutText } from './cut.ts'

const PRIVATE: ReadonlySet<FunctionKind> = new Set(['defp', 'defmacrop', 'defguardp'])
const MACROS: ReadonlySet<FunctionKind> = new Set(['defmacro', 'defmacrop', 'defguard', 'defguardp'])

export function mfaOf(row: FunctionRow): string {
  return formatMfa({ module: row.moduleKey, name: row.name, arity: row.arity })
}

export function moduleSummary(row: ModuleRow): ModuleSummary {
  return {
    module_name: row.key, kind: row.kind, source_file: row.path, line: row.line,
    functions: row.functions, lines_of_code: row.linesOfCode, origin: row.origin,
  }
}

export function functionSummary(row: FunctionRow): FunctionSummary {
  return {
    mfa: mfaOf(row), module_name: row.moduleKey, function_name: row.name, arity: row.arity,
    kind: row.kind, visibility: visibility(row.kind), source_file: row.path, line: row.line,
    clauses: row.clauses, cyclomatic_complexity: row.cyclomatic, lines_of_code: row.linesOfCode, origin: row.origin,
    stale: row.stale !== null,
  }
}

/** `functions` are all rows of the module; at most `functionLimit` are listed. An export has no moments. */
export function moduleData(record: ModuleRecord, functions: readonly FunctionRow[], limits: { text: number; functions: number }, moments?: Moments): ModuleData {
  const { facts } = record
  const listed = cutList(functions, limits.functions)
  return {
    module_name: record.key, kind: record.kind, implements: facts.implements,
    source_file: record.path, source_location: span(facts.span),
    source_hash: facts.sourceHash, tree_hash: facts.treeHash, beam_md5: null,
    moduledoc: doc(facts.doc, limits.text), deprecated: facts.deprecated,
    directives: facts.directives.map((directive) => ({ ...directive, only: copy(directive.only), except: copy(directive.except) })),
    attributes: [...facts.attributes], behaviours: [...facts.behaviours], types: [...facts.types], callbacks: [...facts.callbacks],
    struct: facts.struct === null ? null : { ...facts.struct, fields: [...facts.struct.fields], enforced: [...facts.struct.enforced] },
    exports: exported(functions, (kind) => !MACROS.has(kind)), macros: exported(functions, (kind) => MACROS.has(kind)),
    functions: listed.items.map(functionSummary), functions_cut_at: listed.cutAt,
    dependencies: [...facts.dependencies],
    lines_of_code: record.linesOfCode, cyclomatic_complexity: record.cyclomatic,
    origin: record.origin, version: record.version, last_updated: isoTime(record.updatedAtMs), ...momentsRecord(moments),
  }
}

export function functionData(record: FunctionRecord, calls: readonly CallFacts[], limits: { text: number; moreCalls: number | null }, moments?: Moments): FunctionData {
  const { facts } = record
  const mfa = mfaOf(record)
  return {
    mfa, ast_node_id: mfa, module_name: record.moduleKey, function_name: record.name, arity: record.arity,
    kind: record.kind, visibility: visibility(record.kind), arities: arities(record),
    source_file: record.path, source_location: span(facts.span), source_hash: facts.sourceHash, tree_hash: facts.treeHash,
    signature: signature(record.name, facts.clauses[0]),
    clauses: facts.clauses.map((clause, index) => clauseRecord(record, clause, index + 1)),
    doc: doc(facts.doc, limits.text), specs: [...facts.specs], impl: facts.impl, deprecated: facts.deprecated,
    delegate_to: facts.delegateTo === null ? null : formatMfa({ ...facts.delegateTo, arity: record.arity }),
    lines_of_code: record.linesOfCode, cyclomatic_complexity: record.cyclomatic,
    calls_made: calls.map(callRecord), calls_cut_at: limits.moreCalls,
    origin: record.origin, version: record.version, last_updated: isoTime(record.updatedAtMs), ...momentsRecord(moments),
    stale: record.stale === null ? null : { since: momentRecord(record.stale.since), reason: record.stale.reason },
  }
}

export function momentsRecord(moments: Moments | undefined): Pick<ModuleData, 'first_seen' | 'last_modified'> {
  if (moments === undefined) return { first_seen: null, last_modified: null }
  return { first_seen: momentRecord(moments.firstSeen), last_modified: momentRecord(moments.lastModified) }
}

export function momentRecord({ epoch, atMs }: Moment): { epoch: number; at: string } {
  return { epoch, at: isoTime(atMs) }
}

export function callRecord(call: CallFacts): CallRecord {
  const local = `${formatFunctionName(call.name)}/${call.arity}`
  return {
    callee: call.module === null ? local : `${call.module}.${local}`,
    module: call.module, function: call.name, arity: call.arity, kind: call.kind, grade: call.grade, dynamic: call.dynamic,
    line: call.line, column: call.column, node_id: call.node,
  }
}

export function callerRecord(site: CallerSite): CallerRecord {
  const { moduleKey, function: caller } = site.caller
  return {
    caller: caller === null
      ? formatNodeId({ root: { kind: 'body', module: moduleKey }, path: [] })
      : formatMfa({ module: moduleKey, name: caller.name, arity: caller.arity }),
    path: site.path, line: site.line, column: site.column, node_id: site.node, grade: site.grade,
  }
}

export function problemRecord(row: ProblemRow): { path: string; code: string; message: string; line: number; column: number } {
  return { path: row.path, code: row.code, message: row.message, line: row.line, column: row.column }
}

/** Every arity the function answers to, ascending. */
export function arities(row: FunctionRow): number[] {
  return Array.from({ length: row.defaults + 1 }, (_, index) => row.arity - row.defaults + index)
}

/** Null for what a client stated without a place. */
export function span(place: Span): ModuleData['source_location'] {
  if (place.line === 0) return null
  return {
    line: place.line, column: place.column, end_line: place.endLine, end_column: place.endColumn, start: place.start, end: place.end,
  }
}

function clauseRecord(record: FunctionRecord, clause: ClauseFacts, ordinal: number): FunctionData['clauses'][number] {
  const mfa = { module: record.moduleKey, name: record.name, arity: record.arity }
  return {
    node_id: formatNodeId({ root: { kind: 'clause', mfa, clause: ordinal }, path: [] }),
    location: span(clause.span), parameters: [...clause.parameters], guard: clause.guard, cyclomatic_complexity: clause.cyclomatic,
  }
}

function signature(name: string, clause: ClauseFacts | undefined): string {
  const head = `${formatFunctionName(name)}(${clause?.parameters.join(', ') ?? ''})`
  return clause?.guard ? `${head} when ${clause.guard}` : head
}

function exported(functions: readonly FunctionRow[], wanted: (kind: FunctionKind) => boolean): string[] {
  const shown = functions.filter((row) => row.stale === null && visibility(row.kind) === 'public' && wanted(row.kind))
  return shown.flatMap((row) => arities(row).map((arity) => `${formatFunctionName(row.name)}/${arity}`)).toSorted()
}

function visibility(kind: FunctionKind): 'public' | 'private' {
  return PRIVATE.has(kind) ? 'private' : 'public'
}

function doc(written: Doc, limit: number): ModuleData['moduledoc'] {
  if (written.text === null) return { text: null, hidden: written.hidden, cut_at: null }
  return { ...cutText(written.text, limit), hidden: written.hidden }
}

function copy(list: readonly string[] | null): string[] | null {
  return list === null ? null : [...list]
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
