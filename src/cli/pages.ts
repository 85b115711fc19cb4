/**
 * Lists that come in pages: asked for page by page until there are as many items as wanted or no more. The merged answer
 * has the form of a single one, with the cursor to go on from.
 */

import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import type { ArgsInput, Method, Reply } from '../wire/methods.ts'
import type { Connection } from './ports.ts'

/** Methods whose answer is a page of items, and the key that holds them. */
export const PAGED = {
  list_modules: 'modules',
  list_functions: 'functions',
  get_functions_for_module: 'functions',
  get_callers: 'callers',
  get_callees: 'callees',
  list_problems: 'problems',
  export_data: 'lines',
  query_events: 'events',
  get_correlated_events: 'events',
  get_instrumentation_points: 'points',
} as const satisfies Partial<Record<Method, string>>

export type PagedMethod = keyof typeof PAGED

type Page = { readonly value: Record<string, unknown> & { readonly cursor: string | null } }

/** The most that the daemon gives at once. */
const PAGE_LIMIT = 1000

export type Paging = {
  /** Infinity for everything. */
  readonly limit: number
  readonly cursor: string | undefined
}

/** Each page as it comes. `done` ends the loop early when it answers true. */
export async function eachPage<M extends PagedMethod>(
  connection: Connection, method: M, args: ArgsInput<M>, use: (page: Reply<M>) => 'more' | 'enough' | Promise<'more' | 'enough'>,
): Promise<Result<void, Failure>> {
  let cursor = (args as { cursor?: string }).cursor
  for (;;) {
    const next = { limit: PAGE_LIMIT, ...args, ...(cursor === undefined ? {} : { cursor }) } as ArgsInput<M>
    const page = await connection.call(method, next)
    if (!page.ok) return page
    const after = (page.value as Page).value.cursor
    if (await use(page.value) === 'enough' || after === null || after === cursor) return ok(undefined)
    cursor = after
  }
}

/** Pages merged into one answer: the first page's epoch, the last one's cursor. */
export async function collect<M extends PagedMethod>(
  connection: Connection, method: M, args: ArgsInput<M>, paging: Paging,
): Promise<Result<Reply<M>, Failure>> {
  const key = PAGED[method]
  const items: unknown[] = []
  let first: Page | undefined
  let cursor: string | null = paging.cursor ?? null
  while (first === undefined || (cursor !== null && items.length < paging.limit)) {
    const limit = Math.min(PAGE_LIMIT, paging.limit - items.length)
    const next = { ...args, limit, ...(cursor === null ? {} : { cursor }) } as ArgsInput<M>
    const page = await connection.call(method, next)
    if (!page.ok) return page
    const { value } = page.value as Page
    first ??= page.value as Page
    items.push(...value[key] as readonly unknown[])
    if (value.cursor === cursor) break
    cursor = value.cursor
  }
  return ok({ ...first, value: { ...first.value, [key]: items, cursor } } as Reply<M>)
}
