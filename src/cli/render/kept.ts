/** The events that are kept, as lines. */

import type { Reply } from '../../wire/methods.ts'
import type { View } from './lists.ts'
import { momentOf } from './moments.ts'
import { renderFields } from './table.ts'
import { formatBytes, formatCount, plural } from './text.ts'

export function renderKept(stats: Reply<'get_event_stats'>, view: View): string[] {
  const { total_events: total, oldest_ns: oldest, newest_ns: newest, files, cold_files: cold, frozen_files: frozen, blocks, resident_blocks: resident } = stats
  const byType = Object.entries(stats.events_by_type).sort(([, a], [, b]) => b - a).map(([type, n]) => `${formatCount(n)} ${type}`)
  return renderFields([
    ['events', total === 0 ? 'none' : `${formatCount(total)}, from ${oldest === null ? '?' : momentOf(oldest)} to ${newest === null ? '?' : momentOf(newest)} UTC`],
    ['by type', byType.length === 0 ? null : byType.join(', ')],
    ['on disk', `${formatBytes(stats.bytes_on_disk)}${files === 0 ? '' : ` in ${plural(files, 'file')}`}${cold === 0 ? '' : `, ${formatCount(cold)} of them not asked about of late`}`],
    ['in memory', `${formatCount(resident)} of ${plural(blocks, 'block')}`],
    ['frozen', frozen === 0 ? null : `${plural(frozen, 'file')}, ${formatBytes(stats.bytes_frozen)}`],
    ['waiting', stats.waiting_blocks === 0 ? null : `${plural(stats.waiting_blocks, 'block')} for room on the disk`],
    ['problem', stats.last_problem],
    ['set aside', stats.set_aside.length === 0 ? null : stats.set_aside.map(({ path, why }) => `${path}: ${why}`).join('; ')],
  ], view)
}
