/**
 * An import through a real daemon, as a user has it. Cold: an empty store, everything parsed. Warm: a restart with nothing
 * changed, until the first answer and until the files are compared. Beside it, where Elixir is installed, the time that
 * Elixir takes on one core to parse the same files.
 */

import { elixirParseSeconds } from './elixir.ts'
import { must, startBenchDaemon, withHome } from './daemon.ts'

export type ImportBench = { readonly dir: string; readonly mode: 'cold' | 'warm' }

/** A daemon that watches begins to import before it says that it is ready; the import is measured alone. */
const UNWATCHED = { 'sync.watch': 'false' }

export function benchImport({ dir, mode }: ImportBench): Promise<object> {
  return withHome((home) => mode === 'cold' ? cold(dir, home) : warm(dir, home))
}

async function cold(dir: string, home: string): Promise<object> {
  const daemon = await startBenchDaemon(dir, home, UNWATCHED)
  try {
    const before = performance.now()
    const { value } = must(await daemon.client.call('import_project', {}, { timeoutMs: Infinity }))
    const seconds = (performance.now() - before) / 1000
    const statistics = must(await daemon.client.call('get_statistics', {})).value
    const elixir = elixirParseSeconds(dir)
    return {
      files: value.files, bytes: value.bytes, modules: value.modules, functions: value.functions, calls: statistics.calls,
      seconds, ready_seconds: daemon.readyMs / 1000, peak_rss_bytes: daemon.peakRssBytes(), database_bytes: statistics.database_bytes,
      ...(elixir === undefined ? {} : { elixir_parse_seconds: elixir, ratio: elixir / seconds }),
    }
  } finally {
    await daemon.stop()
  }
}

async function warm(dir: string, home: string): Promise<object> {
  const first = await startBenchDaemon(dir, home, UNWATCHED)
  must(await first.client.call('import_project', {}, { timeoutMs: Infinity }))
  await first.stop()
  const before = performance.now()
  const daemon = await startBenchDaemon(dir, home, UNWATCHED)
  try {
    const modules = must(await daemon.client.call('list_modules', { limit: 1 }))
    const firstAnswer = (performance.now() - before) / 1000
    const { value } = must(await daemon.client.call('import_project', {}, { timeoutMs: Infinity }))
    return {
      files: value.files, parsed: value.parsed, modules: value.modules, first_answer_seconds: firstAnswer, verified_at_first: modules.verified,
      compared_seconds: (performance.now() - before) / 1000, ready_seconds: daemon.readyMs / 1000, peak_rss_bytes: daemon.peakRssBytes(),
    }
  } finally {
    await daemon.stop()
  }
}
