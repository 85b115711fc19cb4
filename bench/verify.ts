/**
 * A verification of a whole project through a real daemon: how long it takes, what memory the daemon has at most, and how
 * long a lookup and the save of a file take meanwhile.
 */

import { must, startBenchDaemon, withHome } from './daemon.ts'

export function benchVerify({ dir }: { readonly dir: string }): Promise<object> {
  return withHome(async (home) => {
    const daemon = await startBenchDaemon(dir, home)
    try {
      const { client } = daemon
      const importing = performance.now()
      must(await client.call('import_project', {}, { timeoutMs: Infinity }))
      const importSeconds = (performance.now() - importing) / 1000
      const importPeak = daemon.peakRssBytes()
      const began = performance.now()
      const phases = new Map<string, number>()
      client.onNotification('verify_progress', ({ phase }) => void (phases.has(phase) || phases.set(phase, (performance.now() - began) / 1000)))
      const standing = { isRunning: true }
      const verifying = client.call('verify', {}, { timeoutMs: Infinity }).finally(() => (standing.isRunning = false))
      const lookups: number[] = []
      while (standing.isRunning) {
        const before = performance.now()
        must(await client.call('list_modules', { limit: 10 }))
        lookups.push(performance.now() - before)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      const { total, files, modules, functions, calls } = must(await verifying)
      lookups.sort((a, b) => a - b)
      return {
        files, modules, functions, calls, differences: total, seconds: (performance.now() - began) / 1000, import_seconds: importSeconds,
        began_after_seconds: Object.fromEntries(phases), peak_rss_bytes: daemon.peakRssBytes(), import_peak_rss_bytes: importPeak,
        lookup_p50_ms: lookups[Math.floor(lookups.length / 2)], lookup_max_ms: lookups.at(-1),
      }
    } finally {
      await daemon.stop()
    }
  })
}
