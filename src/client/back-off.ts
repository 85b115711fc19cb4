/** How long to wait before the next attempt to connect: doubling, bounded, spread so that clients do not come all at once. */

export type BackOff = { readonly firstMs: number; readonly maxMs: number }

export const DEFAULT_BACK_OFF: BackOff = { firstMs: 50, maxMs: 5000 }

/** `attempt` counts from 0; `random` is in 0..1. The wait is between half of the step and all of it. */
export function backOffMs(attempt: number, random: number, { firstMs, maxMs }: BackOff): number {
  const step = Math.min(maxMs, firstMs * 2 ** Math.min(attempt, 30))
  return step / 2 + (step / 2) * random
}
