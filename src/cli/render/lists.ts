/** Tables of what lists answer: modules, functions, callers, callees, problems. Data in, lines out. */

import type { CallerRecord, CallRecord, FunctionSummary, ModuleSummary } from '../../wire/records.ts'
import type { Value } from '../../wire/methods.ts'
import type { Style } from './style.ts'
import { renderTable, type Column } from './table.ts'
import { formatCount } from './text.ts'

export type View = { readonly width: number; readonly style: Style }

/** Above this Credo warns by default. */
const COMPLEX = 9

type Problem = Value<'list_problems'>['problems'][number]

/** `lib/cart.ex:12`; facts that a client stored have no place. */
export function place(file: string | null, line: number | null): string {
  if (file === null) return '(client)'
  return line === null ? file : `${file}:${line}`
}

export function renderModules(modules: readonly ModuleSummary[], view: View): string[] {
  const { style } = view
  return renderTable<ModuleSummary>([
    { title: 'MODULE', cell: (row) => row.module_name, flexible: true, paint: style.bold },
    { title: 'KIND', cell: (row) => row.kind },
    { title: 'FUNCTIONS', cell: (row) => formatCount(row.functions), align: 'right' },
    { title: 'LINES', cell: (row) => formatCount(row.lines_of_code), align: 'right' },
    { title: 'PLACE', cell: (row) => place(row.source_file, row.line), flexible: 'from start', paint: style.dim },
  ], modules, view)
}

/** `name: 'mfa'` names the module too, `'short'` is for a table within one module. */
export function renderFunctions(functions: readonly FunctionSummary[], names: 'mfa' | 'short', view: View): string[] {
  const { style } = view
  const placed: Column<FunctionSummary> = { title: 'PLACE', cell: (row) => place(row.source_file, row.line), flexible: 'from start', paint: style.dim }
  const lines: Column<FunctionSummary> = { title: 'LINE', cell: (row) => String(row.line ?? ''), align: 'right' }
  return renderTable<FunctionSummary>([
    { title: 'FUNCTION', cell: (row) => names === 'mfa' ? row.mfa : shortName(row), flexible: true, paint: style.bold },
    { title: 'KIND', cell: (row) => row.stale ? `${row.kind}, stale` : row.kind },
    { title: 'CLAUSES', cell: (row) => String(row.clauses), align: 'right' },
    {
      title: 'COMPLEXITY', cell: (row) => String(row.cyclomatic_complexity), align: 'right',
      paint: (text, row) => row.cyclomatic_complexity > COMPLEX ? style.yellow(text) : text,
    },
    { title: 'LINES', cell: (row) => String(row.lines_of_code), align: 'right' },
    names === 'mfa' ? placed : lines,
  ], functions, view)
}

/** The function and its arity without the module, quoted as in the MFA. */
function shortName(row: FunctionSummary): string {
  const prefix = `${row.module_name}.`
  return row.mfa.startsWith(prefix) ? row.mfa.slice(prefix.length) : row.mfa
}

/** Whole or not at all: half an id names nothing. */
export function nodeColumn({ style }: View): Column<{ readonly node_id: string | null }> {
  return { title: 'NODE', cell: (row) => row.node_id ?? '', optional: true, paint: style.dim }
}

export function renderCallers(callers: readonly CallerRecord[], view: View): string[] {
  const { style } = view
  return renderTable<CallerRecord>([
    { title: 'CALLER', cell: (row) => row.caller, flexible: true, paint: style.bold },
    { title: 'PLACE', cell: (row) => `${row.path}:${row.line}:${row.column}`, flexible: 'from start', paint: style.dim },
    { title: 'KNOWN', cell: (row) => row.grade },
    nodeColumn(view),
  ], callers, view)
}

export function renderCallees(callees: readonly CallRecord[], view: View): string[] {
  const { style } = view
  return renderTable<CallRecord>([
    { title: 'LINE', cell: (row) => `${row.line}:${row.column}`, align: 'right', paint: style.dim },
    { title: 'CALLS', cell: (row) => row.callee, flexible: true, paint: style.bold },
    { title: 'KIND', cell: (row) => row.dynamic ? `${row.kind}, dynamic` : row.kind },
    { title: 'KNOWN', cell: (row) => row.grade },
    nodeColumn(view),
  ], callees, view)
}

/** `file:line:column: message`, the form that editors and terminals make clickable. */
export function renderProblems(problems: readonly Problem[], { style }: View): string[] {
  return problems.map((row) => `${style.bold(`${row.path}:${row.line}:${row.column}`)}: ${row.message} ${style.dim(`[${row.code}]`)}`)
}
