/** Versions and differences as lines. Data in, lines out. */

import type { Value } from '../../wire/methods.ts'
import type { FileVersionRecord, ModuleDiffRecord } from '../../wire/records.ts'
import type { View } from './lists.ts'
import { renderFields, renderTable } from './table.ts'
import { formatCount, harmless, plural } from './text.ts'

/** Ids listed of each kind; all of them with --json. */
const SHOWN_NODES = 10

export function renderHistory(found: Value<'version_history'>, view: View): string[] {
  const { style } = view
  return [
    style.bold(harmless(found.source_file)),
    ...renderFields([['first seen', moment(found.first_seen)], ['modified', moment(found.last_modified)]], view),
    '',
    ...renderTable<FileVersionRecord>([
      { title: 'VERSION', cell: (row) => String(row.version), align: 'right' },
      { title: 'SINCE', cell: (row) => row.since.at },
      { title: 'EPOCH', cell: (row) => String(row.since.epoch), align: 'right' },
      { title: 'UNTIL', cell: (row) => row.until === null ? 'now' : row.until.at },
      { title: 'BYTES', cell: (row) => row.readable ? formatCount(row.bytes) : 'unreadable', align: 'right' },
      { title: 'HASH', cell: (row) => row.source_hash.slice(0, 12), optional: true, paint: style.dim },
    ], found.versions, view),
  ]
}

export function renderDiff(diff: ModuleDiffRecord, { style }: View): string[] {
  const { broken, new: come, maintained } = diff.correlation_impacts
  const name = diff.name_before !== null && diff.name_after !== null && diff.name_before !== diff.name_after ? `, ${diff.name_before} before` : ''
  const head = `${style.bold(harmless(diff.module_name))}${name}  ${style.dim(`${diff.source_file}, version ${diff.from} to ${diff.to}`)}`
  if (diff.change_type === 'none') return [harmless(head), 'nothing changed']
  return [
    head,
    `${changeOf(diff)}; ${diff.exports === 'same' ? 'callers are not affected' : 'callers may be affected'}`,
    ...diff.added_functions.map((one) => style.green(harmless(`+ ${one.function}${one.from === null ? '' : `  was ${one.from}`}`))),
    ...diff.removed_functions.map((one) => style.red(harmless(`- ${one.function}${one.to === null ? '' : `  is ${one.to}`}`))),
    ...diff.modified_functions.map((one) => style.yellow(harmless(`~ ${one.function}  ${one.changes.join(', ')}`))),
    ...diff.metadata_changes.flatMap(({ field, added, removed }) => [
      ...removed.map((text) => style.red(oneLine(`- ${field} ${text}`))), ...added.map((text) => style.green(oneLine(`+ ${field} ${text}`))),
    ]),
    '',
    `${plural(maintained.count, 'node')} maintained, ${formatCount(come.count)} new, ${formatCount(broken.count)} broken`,
    ...nodes('+', come.node_ids, come.count), ...nodes('-', broken.node_ids, broken.count),
  ]
}

function changeOf({ change_type: type, name_before: before, name_after: after }: ModuleDiffRecord): string {
  if (before === null) return 'structural change: the module is new'
  return after === null ? 'structural change: the module is gone' : `${type} change`
}

function nodes(sign: string, ids: readonly string[], count: number): string[] {
  const shown = ids.slice(0, SHOWN_NODES).map((id) => harmless(`  ${sign} ${id}`))
  return count > shown.length ? [...shown, `  … ${formatCount(count - shown.length)} more`] : shown
}

function moment(at: { readonly epoch: number; readonly at: string } | null): string | null {
  return at === null ? null : `${at.at}, epoch ${at.epoch}`
}

function oneLine(text: string): string {
  return harmless(text).replace(/\s+/g, ' ')
}
