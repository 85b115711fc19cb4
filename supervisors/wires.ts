/** Who may call whom, as data: main makes each channel at start and again whenever an end of it comes back. */

import type { Config } from '../config/schema.ts'
import type { Wire } from '../src/otp/node/control.ts'

export const WIRES: readonly Wire[] = [
  { from: 'gateway', to: 'repository', name: 'imports', maxInFlight: 64 },
  { from: 'gateway', to: 'main', name: 'control', maxInFlight: 64 },
  { from: 'gateway', to: 'main', name: 'tasks', maxInFlight: 8 },
  { from: 'gateway', to: 'main', name: 'metrics' },
  { from: 'repository', to: 'main', name: 'metrics' },
  { from: 'repository', to: 'main', name: 'supervision', maxInFlight: 16 },
  { from: 'main', to: 'repository', name: 'imports', maxInFlight: 4 },
  { from: 'sync', to: 'repository', name: 'imports', maxInFlight: 4 },
  { from: 'repository', to: 'gateway', name: 'changes' },
  { from: 'gateway', to: 'main', name: 'events', maxInFlight: 256 },
  { from: 'capture', to: 'main', name: 'metrics' },
  { from: 'capture', to: 'gateway', name: 'runtime' },
  { from: 'memory', to: 'main', name: 'memory.main', maxInFlight: 8 },
  { from: 'memory', to: 'repository', name: 'memory.repository', maxInFlight: 8 },
  { from: 'memory', to: 'gateway', name: 'memory.gateway', maxInFlight: 8 },
  { from: 'memory', to: 'main', name: 'metrics' },
  { from: 'memory', to: 'main', name: 'supervision', maxInFlight: 4 },
]

/** Without watching there is no sync thread, without capture no capture thread. */
export function wiresFor({ sync, capture }: Config): readonly Wire[] {
  const gone = new Set([...(sync.watch ? [] : ['sync']), ...(capture.enabled ? [] : ['capture'])])
  return WIRES.filter(({ from, to }) => !gone.has(from) && !gone.has(to))
}
