/** The tables of docs/METRICS.md, from the metrics and from what is to be watched; a test keeps the file equal to them. */

import { METRICS, type MetricSpec } from './metric-names.ts'
import { WATCHED, WATCHED_HEALTH } from './monitoring.ts'

/** By the name of the place in the file. */
export function metricsTables(): Readonly<Record<string, string>> {
  return { watched: watchedTable(), health: healthTable(), metrics: metricsTable() }
}

function watchedTable(): string {
  return table(['what', 'metrics', 'PromQL', '`monitoring` in `daemon_status`', ''], Object.entries(WATCHED).map(([name, watched]) => 'joinsWith' in watched
    ? [name, '', '', '', `joins with ${watched.joinsWith}`]
    : [name, watched.metrics.map(code).join(', '), code(watched.ask), watched.figure === null ? '' : code(watched.figure), watched.note ?? '']))
}

function healthTable(): string {
  return table(['check', 'services', 'limits'], Object.entries(WATCHED_HEALTH).map(([name, watched]) => 'joinsWith' in watched
    ? [name, `joins with ${watched.joinsWith}`, '']
    : [name, watched.services.map(code).join(', '), watched.limits ?? '']))
}

function metricsTable(): string {
  return table(['metric', 'kind', 'labels', 'what'], Object.entries<MetricSpec>(METRICS).map(([name, { kind, labels, help }]) => [code(name), kind, labels.map(code).join(', '), help]))
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
