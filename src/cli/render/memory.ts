/** Where memory is, and whether it keeps to the specification. */

import type { Reply, Value } from '../../wire/methods.ts'
import type { MemoryStatus } from '../../wire/records.ts'
import type { View } from './lists.ts'
import { renderFields, renderTable } from './table.ts'
import { formatBytes, formatCount, formatDuration, plural } from './text.ts'

export function renderMemory(status: Reply<'memory_status'>, usage: Value<'validate_memory_usage'>, view: View): string[] {
  const { style } = view
  const { caches, last_cleanup: last } = status
  return [
    ...renderFields([
      ['pressure', `${status.level}, ${plural(status.moves, 'change')}`],
      ['used', `${formatBytes(status.used_bytes)} of ${formatBytes(status.max_bytes)} (${LIMITS[status.limit_from]}), at most ${formatBytes(status.peak_bytes)}`],
      ['heaps', status.heaps.map(({ thread, used_bytes: used }) => `${thread} ${formatBytes(used)}`).join(', ')],
      ['external', `${formatBytes(status.external_bytes)}, shared ${formatBytes(status.shared_bytes)}`],
      ['database', `${formatBytes(status.database_bytes)}, log ${formatBytes(status.wal_bytes)}`],
      ['caches', `${formatBytes(caches.bytes)} of ${formatBytes(caches.max_bytes * caches.ratio)}`],
      ['cleanings', `${formatCount(status.cleanups)}${last === null ? '' : `, the last ${last.mode}, ${formatBytes(last.freed_bytes)} freed in ${formatDuration(last.took_ms)}`}`],
    ], view),
    '',
    ...renderTable<MemoryStatus['caches']['views'][number]>([
      { title: 'CACHE', cell: ({ name }) => name },
      { title: 'ENTRIES', cell: ({ entries }) => formatCount(entries), align: 'right' },
      { title: 'SIZE', cell: ({ bytes }) => formatBytes(bytes), align: 'right' },
      { title: 'HITS', cell: ({ hits, misses }) => (hits + misses === 0 ? '' : `${((100 * hits) / (hits + misses)).toFixed(1)} %`), align: 'right' },
    ], caches.views, view),
    '',
    ...(usage.violations.length === 0 ? [style.green('within the specification of memory')] : usage.violations.map(({ message }) => style.yellow(message))),
  ]
}

const LIMITS: Readonly<Record<MemoryStatus['limit_from'], string>> = {
  configured: 'memory.maxBytes', container: '60 % of the container', machine: '60 % of the machine', ceiling: 'the default',
}
