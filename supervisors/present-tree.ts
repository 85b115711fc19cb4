/** The live tree as the wire shows it. */

import type { TreeNode } from '../src/otp/starter.ts'
import type { TreeNode as TreeRecord } from '../src/wire/records.ts'

export function presentTree(node: TreeNode, nowMs: number): TreeRecord {
  return {
    name: node.id, kind: node.kind as TreeRecord['kind'], state: node.state, strategy: node.strategy ?? null,
    restart: node.restart, restarts: node.restarts, uptime_ms: node.startedAt === undefined ? null : Math.max(0, nowMs - node.startedAt),
    thread: node.thread ?? null, mailbox: node.mailbox ?? null, heap_bytes: node.heapBytes ?? null, utilization: node.utilization ?? null,
    shed: node.stats?.['shed'] ?? null, spare: node.spare ?? null, last_exit: node.lastExit ?? null,
    children: (node.children ?? []).map((child) => presentTree(child, nowMs)),
  }
}
