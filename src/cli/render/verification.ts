/** What a verification found, as lines: each difference with both values, then what was compared and what was not. */

import type { Reply } from '../../wire/methods.ts'
import type { DifferenceRecord, VerificationRecord } from '../../wire/records.ts'
import type { View } from './lists.ts'
import { formatCount, formatDuration, harmless, plural } from './text.ts'

export function renderVerification(verification: VerificationRecord, view: View): string[] {
  return [...renderDifferences(verification, view), ...renderSummary(verification, view)]
}

export function renderRepair({ found, steps, left }: Reply<'repair'>, view: View): string[] {
  if (steps.length === 0) return renderVerification(left, view)
  return [
    ...renderDifferences(found, view), view.style.bold('Repaired'), ...steps.map((step) => `  ${step}`), '',
    ...renderVerification(left, view),
  ]
}

function renderDifferences({ differences, total }: VerificationRecord, view: View): string[] {
  const others = total - differences.length
  return [...differences.flatMap((one) => [...renderDifference(one, view), '']), ...(others > 0 ? [`and ${plural(others, 'other difference')}; --limit names more`, ''] : [])]
}

function renderDifference({ what, where, path, field, live, rebuilt }: DifferenceRecord, { style }: View): string[] {
  const place = path === null || path === where ? '' : style.dim(`  ${harmless(path)}`)
  const values = live !== null && rebuilt === null && field === null && what === 'store' ? [`  ${harmless(live)}`]
    : [`  repository  ${value(live)}`, `  files       ${value(rebuilt)}`]
  return [`${style.red(what)} ${harmless(where)}${field === null ? '' : `, ${harmless(field)}`}${place}`, ...values]
}

function value(text: string | null): string {
  return text === null ? '(nothing)' : harmless(text)
}

function renderSummary(verification: VerificationRecord, { style }: View): string[] {
  const { total, files_differing, files, modules, functions, calls, duration_ms, not_compared } = verification
  const verdict = total === 0 ? style.green('no differences') : style.red(`${plural(total, 'difference')} in ${plural(files_differing, 'file')}`)
  const apart = [
    not_compared.client_modules > 0 ? `${plural(not_compared.client_modules, 'module')} stored by clients` : '',
    not_compared.stale_functions > 0 ? plural(not_compared.stale_functions, 'stale function') : '',
    not_compared.files_changing.length > 0 ? `files that kept changing: ${not_compared.files_changing.map(harmless).join(', ')}` : '',
  ].filter((part) => part !== '')
  return [
    `${verdict}: ${plural(files, 'file')}, ${plural(modules, 'module')}, ${plural(functions, 'function')}, ${formatCount(calls)} calls compared in ${formatDuration(duration_ms)}`,
    ...(apart.length === 0 ? [] : [`not compared: ${apart.join('; ')}`]),
  ]
}
