/**
 * Pages by key: a cursor is the key of the last row of the page before, so that rows written in between neither repeat
 * nor hide others. Cursors are opaque to callers; one that no page gave throws the failure `invalid_argument`.
 */

import { assert } from '../base/assert.ts'
import { failure, FailureError } from '../base/failure.ts'
import type { Page, PageRequest } from './contract.ts'

export type CursorKey = readonly (string | number)[]

/** The key in the cursor, or `first` without one. Its parts have the types of those of `first`. */
export function readCursor<K extends CursorKey>(request: PageRequest, first: K): K {
  assert(request.limit >= 1, 'a page has room for a row')
  if (request.after === undefined) return first
  const key = parse(request.after)
  const fits = Array.isArray(key) && key.length === first.length && key.every((part, index) => typeof part === typeof first[index])
  if (!fits) throw badCursor()
  return key as unknown as K
}

export function badCursor(): FailureError {
  return new FailureError(failure('invalid_argument', 'cursor: not one that a page of this list gave', { hint: 'start again without a cursor' }))
}

export function writeCursor(key: CursorKey): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/** `rows` were asked for with one row more than the limit, which tells whether there is a next page. */
export function toPage<R, T>(rows: readonly R[], limit: number, item: (row: R) => T, key: (row: R) => CursorKey): Page<T> {
  const kept = rows.length > limit ? rows.slice(0, limit) : rows
  const last = kept.at(-1)
  return { items: kept.map(item), next: rows.length > limit && last !== undefined ? writeCursor(key(last)) : null }
}

/** A page of a list that is in memory; the cursor is the place. */
export function slicePage<T>(items: readonly T[], request: PageRequest): Page<T> {
  const [from] = readCursor(request, [0])
  const end = from + request.limit
  return { items: items.slice(from, end), next: end < items.length ? writeCursor([end]) : null }
}

/** The least string after all those that start with the prefix, for a half-open range; valid up to U+10FFFF. */
export function afterPrefix(prefix: string): string {
  return `${prefix}\u{10FFFF}`
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
