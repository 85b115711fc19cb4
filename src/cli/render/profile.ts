/** What was profiled, as lines: the file, the functions that took most time, and how to open it. */

import type { TakenProfile } from '../../wire/records.ts'
import type { FunctionTime, ProfileSummary } from '../top-functions.ts'
import type { View } from './lists.ts'
import { renderTable } from './table.ts'
import { formatBytes, formatDuration } from './text.ts'

const OPEN_WITH = {
  cpu: "open it in Chrome's DevTools (Performance, Load profile), in VS Code, or at https://www.speedscope.app",
  heap: "open it in Chrome's DevTools (Memory, Load profile)",
}

/** `summary` is that of a CPU profile. */
export function renderProfile({ path, kind, thread, bytes, duration_ms: ms }: TakenProfile, summary: ProfileSummary | undefined, view: View): string[] {
  const what = kind === 'cpu' ? `CPU profile of ${thread}, ${formatDuration(ms)}` : `heap of ${thread}`
  return [
    ...(summary === undefined ? [] : [...renderSummary(summary, view), '']),
    `${what}: ${view.style.bold(path)} (${formatBytes(bytes)})`,
    OPEN_WITH[kind],
  ]
}

function renderSummary({ samples, total_ms: totalMs, idle_ms: idleMs, top }: ProfileSummary, view: View): string[] {
  if (samples === 0 || totalMs <= 0) return ['nothing was sampled: the thread did nothing in that time']
  const busyMs = totalMs - idleMs
  const share = (ms: number, of: number): string => `${(of <= 0 ? 0 : 100 * ms / of).toFixed(1)} %`
  return [
    `busy ${share(busyMs, totalMs)} of the time; of that:`,
    ...renderTable<FunctionTime>([
      { title: 'SELF', cell: (row) => formatDuration(row.self_ms), align: 'right' },
      { title: 'SHARE', cell: (row) => share(row.self_ms, busyMs), align: 'right' },
      { title: 'FUNCTION', cell: (row) => row.name, flexible: true, paint: view.style.bold },
      { title: 'PLACE', cell: (row) => row.place, flexible: 'from start', paint: view.style.dim },
    ], top, view),
  ]
}
