/** What a commit changed: a line that counts, then a line for each file, module and function. */

import type { NotificationParams } from '../../wire/methods.ts'
import type { View } from './lists.ts'
import { formatCount, harmless, plural } from './text.ts'

type Changes = NotificationParams<'changed'>

export function renderChanges(changes: Changes, { style }: View): string[] {
  const time = changes.at.slice(11, 19)
  const kinds = [['file', 'files'], ['module', 'modules'], ['function', 'functions']] as const
  const counted = kinds.map(([word, key]) => counts(word, changes.counts[key])).filter((text) => text !== '')
  const head = `${time} UTC  epoch ${changes.epoch}  ${counted.join('; ')}`
  return [style.bold(head), ...kinds.flatMap(([, key]) => names(changes[key], style))]
}

function counts(word: string, { added, modified, removed }: Changes['counts']['files']): string {
  const parts = [[added, 'added'], [modified, 'modified'], [removed, 'removed']] as const
  const [first, ...others] = parts.filter(([n]) => n > 0)
  if (first === undefined) return ''
  const rest = others.map(([n, what]) => `, ${formatCount(n)} ${what}`).join('')
  return `${plural(first[0], word)} ${first[1]}${rest}`
}

function names({ added, modified, removed }: Changes['files'], style: View['style']): string[] {
  return [
    ...added.map((name) => style.green(`  + ${harmless(name)}`)),
    ...modified.map((name) => style.yellow(`  ~ ${harmless(name)}`)),
    ...removed.map((name) => style.red(`  - ${harmless(name)}`)),
  ]
}
