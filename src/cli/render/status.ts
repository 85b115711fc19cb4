/** State of daemons as lines: one in full, many as a table; and the statistics of a repository. */

import type { Reply, Value } from '../../wire/methods.ts'
import type { Health, Monitoring, ServiceHealth } from '../../wire/records.ts'
import type { DaemonEntry } from '../ports.ts'
import type { View } from './lists.ts'
import type { Style } from './style.ts'
import { renderFields, renderTable } from './table.ts'
import { formatBytes, formatCount, formatDuration, plural } from './text.ts'

/** What the facts lack: files that were not read, or the comparison with the files, say after a rollback. */
export function renderUnread({ complete, verified, value: stats }: Reply<'get_statistics'>, { style }: View): string[] {
  const unread = stats.import.last?.unreadable ?? 0
  if (complete && !verified) return [style.yellow('the facts have not been compared with the files yet: `import` does that now')]
  if (complete || unread === 0) return []
  return [style.yellow(`${plural(unread, 'file')} ${unread === 1 ? 'was' : 'were'} not read: see problems`)]
}

export function renderStatus(status: Reply<'daemon_status'>, health: Health, view: View): string[] {
  const { style } = view
  return [
    `${paintStatus(health.status, style)}  ${style.bold(status.project_root)}`,
    ...renderFields([
      ['process', `${status.pid}, up ${formatDuration(status.uptime_ms)}`],
      ['memory', `${formatBytes(status.rss_bytes)} of ${formatBytes(status.memory.max_bytes)}, pressure ${status.memory.level}`],
      ['files', renderWatching(status.watching)],
      ['events', renderCapture(status.capture)],
      ['asked', renderQuestions(status.questions)],
      ...renderFigures(status.monitoring),
      ['heart', status.heart && `process ${status.heart.pid}, ${plural(status.heart.restarts, 'restart')}`],
      ['version', `${status.version} on Node ${status.node_version}`],
      ['profile', status.profile],
      ['socket', status.socket],
      ['http', status.http ?? 'off'],
      ['state', status.state_dir],
      ['log', status.log_file],
      ['set aside', status.store_set_aside && `${status.store_set_aside.path}: a damaged store`],
    ], view),
    '',
    ...renderTable<ServiceHealth>([
      { title: 'SERVICE', cell: (row) => row.name },
      { title: 'STATUS', cell: (row) => row.status, paint: (text, row) => colour(row.status, style)(text) },
      { title: 'REASON', cell: (row) => [row.reason, row.remedy].filter((part) => part !== null).join('; '), flexible: true },
    ], health.services, view),
  ]
}

function renderCapture(capture: Reply<'daemon_status'>['capture']): string {
  if (capture === null) return 'not taken (capture.enabled)'
  const { events, bytes_on_disk: bytes, nodes } = capture
  return `${events === 0 ? 'none' : `${formatCount(events)}, ${formatBytes(bytes)} on disk`}; ${nodes.length === 0 ? 'no node is connected' : `connected: ${nodes.join(', ')}`}`
}

/** What threads are busy with, and what waits for them. */
function renderQuestions(questions: Reply<'daemon_status'>['questions']): string | null {
  if (questions.length === 0) return null
  const running = questions.flatMap(({ method, running_ms: ms }) => (ms === null ? [] : [`${method} for ${formatDuration(ms)}`]))
  const [first] = questions.filter(({ running_ms: ms }) => ms === null)
  const waiting = questions.length - running.length
  return [...running, ...(first === undefined ? [] : [`${plural(waiting, 'question')} waiting, up to ${formatDuration(first.age_ms)}`])].join(', ')
}

function renderWatching(watching: Reply<'daemon_status'>['watching']): string {
  if (watching === null) return 'not followed (sync.watch)'
  const { phase, means, directories, pending_files: pending } = watching
  const how = means === null ? '' : means === 'polling' ? ', compared at intervals' : `, ${formatCount(directories)} ${directories === 1 ? 'directory' : 'directories'} by ${means === 'directories' ? 'the system' : means}`
  return `${phase}${how}${pending === 0 ? '' : `, ${plural(pending, 'change')} not in yet`}`
}

/** How things went of late; what did not happen is left out. */
function renderFigures(figures: Monitoring): (readonly [name: string, value: string | null])[] {
  const rate = (perSecond: number, latency: Monitoring['query_latency']): string | null => perSecond === 0 && latency === null ? null
    : `${perSecond < 10 ? Number(perSecond.toPrecision(2)) : formatCount(Math.round(perSecond))} a second${latency === null ? '' : `, p50 ${latency.p50_ms} ms, p95 ${latency.p95_ms} ms, p99 ${latency.p99_ms} ms`}`
  const errors = Object.entries(figures.errors).map(([code, n]) => `${formatCount(n)} ${code}`).join(', ')
  return [
    ['load', `${percent(figures.cpu_usage)} of a processor, ${formatBytes(figures.disk_usage)} on disk`],
    ['queries', rate(figures.queries_per_second, figures.query_latency)],
    ['updates', rate(figures.updates_per_second, figures.update_latency)],
    ['errors', errors === '' ? null : `${errors}; ${percent(figures.error_rate ?? 0)} of all calls by our fault`],
    ['cache', figures.query_cache_hit_rate === null ? null : `${percent(figures.query_cache_hit_rate)} hits`],
  ]
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`
}

export function renderDaemons(daemons: readonly DaemonEntry[], now: number, view: View): string[] {
  return renderTable<DaemonEntry>([
    { title: 'PROJECT', cell: (row) => row.projectRoot, flexible: true, paint: view.style.bold },
    { title: 'PID', cell: (row) => String(row.pid), align: 'right' },
    { title: 'UP', cell: (row) => formatDuration(Math.max(0, now - Date.parse(row.startedAt))) },
    { title: 'VERSION', cell: (row) => row.version },
    { title: 'HTTP', cell: (row) => row.http ?? 'off' },
  ], daemons, view)
}

export function renderStatistics(stats: Value<'get_statistics'>, view: View): string[] {
  const { style } = view
  const { last, state } = stats.import
  const tables = Object.entries(stats.bytes_by_table ?? {}).sort(([, a], [, b]) => b - a)
  return [
    style.bold(stats.project_root),
    ...renderFields([
      ['files', formatCount(stats.files)],
      ['modules', `${formatCount(stats.modules)}${stats.client_modules > 0 ? `, and ${formatCount(stats.client_modules)} stored by clients` : ''}`],
      ['functions', `${formatCount(stats.functions)} in ${plural(stats.clauses, 'clause')}`],
      ['calls', `${formatCount(stats.calls)} to ${plural(stats.callees, 'function')}`],
      ['problems', formatCount(stats.problems)],
      ['sources', `${formatBytes(stats.source_bytes)}, ${formatBytes(stats.source_bytes_stored)} stored`],
      ['database', `${formatBytes(stats.database_bytes)}, log ${formatBytes(stats.wal_bytes)}`],
      ['import', state === 'running' ? `running, ${stats.import.files_done} of ${plural(stats.import.files_total, 'file')}` : state],
      ['last import', last === null ? null : `${plural(last.files, 'file')}, ${formatCount(last.parsed)} parsed in ${formatDuration(last.duration_ms)}`],
      ['epoch', `${stats.epoch}, ${stats.last_updated}`],
      ['repository', `${stats.repository_id}, schema ${stats.schema_version}`],
    ], view),
    ...(tables.length === 0 ? [] : ['', ...renderTable<[string, number]>([
      { title: 'TABLE', cell: ([name]) => name },
      { title: 'SIZE', cell: ([, bytes]) => formatBytes(bytes), align: 'right' },
    ], tables, { width: Infinity, style })]),
  ]
}

function colour(status: Health['status'], style: Style): (text: string) => string {
  if (status === 'healthy') return style.green
  return status === 'degraded' ? style.yellow : style.red
}

function paintStatus(status: Health['status'], style: Style): string {
  return colour(status, style)(`● ${status}`)
}
