/**
 * What the figures of all functions over blocks take: the first question of a thread, which reads the sums of every block, and the
 * next one, which finds them kept.
 */

import { openCaches, type RuntimeContext } from '../src/engine/runtime/context.ts'
import { figuresIn } from '../src/engine/runtime/figures.ts'
import type { Blocks } from '../src/event/query/blocks.ts'
import { openLearnt, queriesOn } from '../src/event/query/scan.ts'

type Took = { readonly ms: number; readonly cpu_ms: number; readonly sites: number }

export function timeFigures(blocks: Blocks): { readonly first: Took; readonly next: Took } {
  const context = { queries: queriesOn(blocks, openLearnt()), caches: openCaches(), pause: () => undefined } as Pick<RuntimeContext, 'queries' | 'caches' | 'pause'> as RuntimeContext
  const took = (): Took => {
    const cpu = process.threadCpuUsage()
    const fromMs = performance.now()
    const { length } = figuresIn(context, {})
    const { user, system } = process.threadCpuUsage(cpu)
    return { ms: Math.round(performance.now() - fromMs), cpu_ms: Math.round((user + system) / 1000), sites: length }
  }
  return { first: took(), next: took() }
}
