/**
 * The value of every key when nothing else says otherwise. A complete configuration: the schema accepts it as it stands.
 */

import type { Config } from './schema.ts'

const MIB = 1024 * 1024
const DAY_MS = 86_400_000

export const DEFAULTS: Config = {
  profile: 'default',
  project: {
    include: null,
    exclude: ['_build/', 'node_modules/', '.elixir_ls/', '/deps/', '/cover/', '/doc/', '/priv/static/'],
    respectGitignore: true,
    followSymlinks: true,
    maxFileBytes: 8 * MIB,
    maxFiles: 200_000,
  },
  storage: { backend: 'disk', maxModules: null, snapshotMaxMs: 5000, transactionTimeoutMs: 60_000, minFreeBytes: 128 * MIB },
  query: { timeoutMs: 30_000, threads: 2, idleMs: 30_000 },
  capture: {
    enabled: true, tcpHost: '127.0.0.1', tcpPort: null, maxNodes: 64, credits: 32, residentBlocks: 24, maxAgeMs: 7 * DAY_MS, maxEvents: null, maxBytes: 4096 * MIB,
    cleanupIntervalMs: 30_000,
  },
  gateway: { maxConnections: 1000, maxInFlight: 100, maxRequestBytes: 16 * MIB, maxOutputBytes: 64 * MIB },
  http: { enabled: true, host: '127.0.0.1', port: 0 },
  sync: { watch: true, keepVersions: 20, keepVersionBytes: 256 * MIB },
  parser: { threads: null, overflow: null, queue: 10_000, idleMs: 5000, taskTimeoutMs: 30_000 },
  supervision: {
    heartbeatMs: 1000, unresponsiveMs: 10_000, startTimeoutMs: 10_000, stopTimeoutMs: 30_000, intensityFactor: 1,
  },
  heart: { intensity: 5, periodS: 60, backOffMs: 100, maxBackOffMs: 30_000, silenceMs: 60_000 },
  memory: { maxBytes: null, warningPercent: 80, criticalPercent: 90, emergencyPercent: 95, cachePercent: 25 },
  log: { level: 'info', format: 'auto', maxBytes: 10 * MIB, files: 5 },
  metrics: { enabled: true },
  health: { intervalMs: 30_000, latencyP95Ms: 200, errorRate: 0.01 },
}
