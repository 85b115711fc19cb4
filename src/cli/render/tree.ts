/** The supervision tree as lines with branches, children in start order. */

import type { TreeNode } from '../../wire/records.ts'
import type { View } from './lists.ts'
import { formatBytes, formatDuration, harmless, plural, truncate } from './text.ts'

export function renderTree(root: TreeNode, view: View): string[] {
  return [nodeLine(root, '', view), ...childLines(root.children, '', view)]
}

function childLines(children: readonly TreeNode[], indent: string, view: View): string[] {
  return children.flatMap((child, at) => {
    const last = at === children.length - 1
    return [
      nodeLine(child, `${indent}${last ? '└─ ' : '├─ '}`, view),
      ...childLines(child.children, `${indent}${last ? '   ' : '│  '}`, view),
    ]
  })
}

function nodeLine(node: TreeNode, indent: string, { width, style }: View): string {
  const facts = [
    node.kind === 'supervisor' ? node.strategy ?? 'supervisor' : node.kind,
    node.thread === null || node.kind === 'thread' ? '' : `in ${node.thread}`,
    node.restarts === 0 ? '' : plural(node.restarts, 'restart'),
    node.uptime_ms === null ? '' : `up ${formatDuration(node.uptime_ms)}`,
    node.mailbox === null || node.mailbox === 0 ? '' : `${node.mailbox} waiting`,
    node.shed === null || node.shed === 0 ? '' : `${node.shed} shed`,
    node.heap_bytes === null ? '' : `heap ${formatBytes(node.heap_bytes)}`,
    node.utilization === null ? '' : `busy ${Math.round(node.utilization * 100)} %`,
    node.spare === null ? '' : `spare ${node.spare}`,
    node.last_exit === null || node.last_exit === 'normal' ? '' : `last ended ${harmless(node.last_exit)}`,
  ].filter((fact) => fact !== '')
  const name = harmless(node.name)
  const isDone = node.state === 'stopped' && node.last_exit === 'normal'
  const state = node.state === 'running' ? '' : ` [${isDone ? 'done' : node.state}]`
  const rest = truncate(`  ${facts.join(', ')}`, Math.max(1, width - indent.length - name.length - state.length))
  return `${indent}${style.bold(name)}${isDone ? style.dim(state) : style.red(state)}${style.dim(rest)}`
}
