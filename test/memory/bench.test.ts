/** The measurement of caches runs, at a size that says nothing about speed. */

import { expect, test } from 'vitest'
import { benchMemory } from '../../bench/memory.ts'

test('figures for every read, and the tiers keep favourites over a pass through everything', () => {
  const figures = benchMemory({ modules: 20, rounds: 2, lookups: 120_000 }) as {
    readonly reads: Readonly<Record<string, Readonly<Record<string, unknown>>>>
    readonly hit_rates: Readonly<Record<string, { readonly tiers: number; readonly plain_lru: number }>>
  }
  expect(Object.keys(figures.reads)).toEqual([
    'module_row', 'module', 'function', 'module_answer_encoded', 'functions_of_module_answer_encoded', 'callers_page_of_100', 'tree_of_file',
  ])
  const { favourites, favourites_and_scans: scans } = figures.hit_rates
  expect(favourites?.tiers).toBeGreaterThan(favourites?.plain_lru ?? 1)
  expect(scans?.tiers).toBeGreaterThan(scans?.plain_lru ?? 1)
})
