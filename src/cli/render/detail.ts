/** One module, one function, one syntax node in full, as lines. */

import type { AstNode, FunctionData, ModuleData } from '../../wire/records.ts'
import { nodeColumn, place, renderCallees, renderFunctions, type View } from './lists.ts'
import { renderFields, renderTable, type Column } from './table.ts'
import { firstParagraph, harmless, plural, wrapWords } from './text.ts'

const DOC_WIDTH = 100

export function renderModule(module: ModuleData, view: View): string[] {
  const { style } = view
  const kind = module.implements === null ? module.kind : `implementation of ${module.implements.protocol} for ${module.implements.target}`
  return sections([
    [`${style.bold(harmless(module.module_name))}  ${kind}  ${style.dim(place(module.source_file, module.source_location?.line ?? null))}`],
    docLines(module.moduledoc, view),
    renderFields([
      ['deprecated', module.deprecated],
      ['behaviours', listed(module.behaviours)],
      ...(['use', 'import', 'require', 'alias'] as const).map((kindOf) => [
        kindOf, listed(module.directives.filter((one) => one.kind === kindOf).map((one) => one.module)),
      ] as const),
      [module.struct?.kind ?? 'struct', module.struct === null ? null : listed(module.struct.fields.map((field) => field.name)) ?? 'without fields'],
      ['types', listed(module.types.map((one) => `${one.name}/${one.arity}`))],
      ['callbacks', listed(module.callbacks.map((one) => `${one.name}/${one.arity}`))],
      ['depends on', listed(module.dependencies)],
      ['size', `${plural(module.lines_of_code, 'line')} of code, highest complexity ${module.cyclomatic_complexity}`],
      ['hashes', `source ${short(module.source_hash)}, tree ${short(module.tree_hash)}${module.beam_md5 === null ? '' : `, beam ${short(module.beam_md5)}`}`],
      ['version', module.origin === 'client' ? `${module.version}, ${module.last_updated}` : null],
      ['first seen', moment(module.first_seen)],
      ['modified', moment(module.last_modified)],
    ], view),
    [
      ...renderFunctions(module.functions, 'short', view),
      ...cutNote(module.functions_cut_at, 'functions', view),
    ],
  ])
}

export function renderFunction(fun: FunctionData, view: View): string[] {
  const { style } = view
  const arities = fun.arities.length > 1 ? `, answers to arities ${fun.arities.join(', ')}` : ''
  return sections([
    [`${style.bold(harmless(fun.mfa))}  ${fun.kind}, ${fun.visibility}${arities}  ${style.dim(place(fun.source_file, fun.source_location?.line ?? null))}`],
    fun.stale === null ? [] : [style.yellow(`stale since ${moment(fun.stale.since) ?? ''}: ${fun.source_file ?? 'its file'} does not parse (${oneLine(fun.stale.reason)})`)],
    docLines(fun.doc, view),
    [...fun.specs.map((spec) => style.cyan(oneLine(spec.startsWith('@') ? spec : `@spec ${spec}`))), oneLine(fun.signature)].filter((line) => line !== ''),
    renderFields([
      ['deprecated', fun.deprecated],
      ['implements', fun.impl === true ? 'a callback' : fun.impl],
      ['delegates to', fun.delegate_to],
      ['size', `${plural(fun.lines_of_code, 'line')} of code, complexity ${fun.cyclomatic_complexity}`],
      ['hashes', `source ${short(fun.source_hash)}, tree ${short(fun.tree_hash)}`],
      ['version', fun.origin === 'client' ? `${fun.version}, ${fun.last_updated}` : null],
      ['first seen', moment(fun.first_seen)],
      ['modified', moment(fun.last_modified)],
    ], view),
    renderTable(clauseColumns(view), fun.clauses.map((clause, at) => ({ ...clause, number: at + 1 })), view),
    [...renderCallees(fun.calls_made, view), ...cutNote(fun.calls_cut_at, 'calls', view)],
  ])
}

export function renderNode(node: AstNode, view: View): string[] {
  const { style } = view
  const { line, column, end_line: endLine, end_column: endColumn } = node.location
  return sections([
    [`${style.bold(harmless(node.node_id))}  ${node.kind}  ${style.dim(`${node.source_file}:${line}:${column} to ${endLine}:${endColumn}`)}`],
    [...harmless(node.text).split('\n'), ...cutNote(node.cut_at, 'characters', view)],
    [style.dim('quoted'), ...harmless(node.quoted).split('\n')],
    renderFields([['parent', node.parent_id]], view),
    node.children_ids.length === 0 ? [] : [style.dim('children'), ...node.children_ids.map((id) => `  ${harmless(id)}`)],
  ])
}

type Clause = FunctionData['clauses'][number] & { readonly number: number }

function clauseColumns(view: View): Column<Clause>[] {
  return [
    { title: 'CLAUSE', cell: (row) => String(row.number), align: 'right' },
    { title: 'LINES', cell: (row) => row.location === null ? '' : `${row.location.line}-${row.location.end_line}` },
    { title: 'COMPLEXITY', cell: (row) => String(row.cyclomatic_complexity), align: 'right' },
    { title: 'PARAMETERS', cell: (row) => `(${row.parameters.join(', ')})${row.guard === null ? '' : ` when ${row.guard}`}`, flexible: true },
    nodeColumn(view),
  ]
}

function docLines(doc: ModuleData['moduledoc'], { width, style }: View): string[] {
  if (doc.hidden) return [style.dim('undocumented on purpose')]
  if (doc.text === null) return []
  return wrapWords(firstParagraph(doc.text), Math.min(width, DOC_WIDTH))
}

function cutNote(cutAt: number | null, what: string, { style }: View): string[] {
  return cutAt === null ? [] : [style.dim(`… cut after ${cutAt} ${what}`)]
}

function listed(names: readonly string[]): string | null {
  return names.length === 0 ? null : [...new Set(names)].join(', ')
}

/** Source text over several lines, as one. */
function oneLine(source: string): string {
  return harmless(source).replace(/\s+/g, ' ')
}

function moment(at: ModuleData['first_seen']): string | null {
  return at === null ? null : `${at.at}, epoch ${at.epoch}`
}

function short(hash: string): string {
  return hash === '' ? 'none' : hash.slice(0, 12)
}

/** Joins groups of lines with an empty line between those that hold any. */
function sections(groups: readonly (readonly string[])[]): string[] {
  return groups.filter((group) => group.length > 0).flatMap((group, at) => at === 0 ? group : ['', ...group])
}
