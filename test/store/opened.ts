/** A store in a directory of its own for one test, closed and removed at its end. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { must } from '../../src/base/assert.ts'
import type { Failure } from '../../src/base/failure.ts'
import { ok, type Result } from '../../src/base/result.ts'
import type { Reader, Transaction, Writer, WriterOptions } from '../../src/store/contract.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { openReader } from '../../src/store/reader.ts'
import { openWriter } from '../../src/store/writer.ts'
import type { ArbitraryFile } from './arbitraries.ts'

/** Anything fixed: stores made at other times must be equal. */
export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)
export const DISK = { size: 10, changedNs: 1_767_323_045_123_456_789n }

export function temporaryPath(): string {
  const directory = mkdtempSync(join(tmpdir(), 'store-test-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'store.db')
}

export function value<T>(result: Result<T, Failure>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  return result.value
}

/** The failure that a failed result carries. */
export function error<T>(result: Result<T, Failure>): Failure {
  return must(result.ok ? undefined : result.error, 'a failure')
}

export function openWriterAt(path: string, more: Partial<WriterOptions> = {}): Writer {
  const writer = value(openWriter({ path, storage: 'disk', now: () => NOW, repositoryId: 'repository-1', ...more }))
  onTestFinished(() => writer.close())
  return writer
}

export function openReaderAt(path: string, now: () => number = () => NOW): Reader {
  const reader = value(openReader({ path, now }))
  onTestFinished(() => reader.close())
  return reader
}

export type Opened = { readonly path: string; readonly writer: Writer; readonly reader: Reader }

export function openStore(more: Partial<WriterOptions> = {}): Opened {
  const path = temporaryPath()
  const writer = openWriterAt(path, more)
  return { path, writer, reader: openReaderAt(path) }
}

/** Commits `work` and gives the epoch. */
export function write(writer: Writer, work: (transaction: Transaction) => unknown): number {
  return value(writer.transaction((transaction) => ok(work(transaction)))).epoch
}

export function apply(writer: Writer, ...files: readonly ArbitraryFile[]): number {
  return write(writer, (transaction) => {
    for (const file of files) transaction.applyFile(encodeFileFacts(file.facts, file.source), DISK)
  })
}

/** All pages of a list. */
export function pages<T>(limit: number, list: (request: { limit: number; after?: string }) => { items: readonly T[]; next: string | null }): T[] {
  const items: T[] = []
  for (let page = list({ limit }); ; page = list({ limit, after: page.next })) {
    items.push(...page.items)
    if (page.next === null) return items
  }
}
