/**
 * One long operation at a time. A request while one is under way waits for the next run, which begins after it: only then
 * has the operation surely seen what was there when it was asked for. However many wait, they share that one run, and the
 * strongest of their wishes.
 */

export type LatestRun<Wish, Outcome> = {
  request(wish: Wish): Promise<Outcome>
  /** True while a run is under way. */
  running(): boolean
}

type Waiting<Wish, Outcome> = { wish: Wish; readonly settled: PromiseWithResolvers<Outcome> }

export function latestRun<Wish, Outcome>(run: (wish: Wish) => Promise<Outcome>, stronger: (a: Wish, b: Wish) => Wish): LatestRun<Wish, Outcome> {
  let current: Promise<unknown> | undefined
  let waiting: Waiting<Wish, Outcome> | undefined

  const begin = (next: Waiting<Wish, Outcome>): void => {
    const { resolve, reject } = next.settled
    current = run(next.wish).then(resolve, reject).finally(() => {
      current = undefined
      const after = waiting
      waiting = undefined
      if (after !== undefined) begin(after)
    })
  }
  return {
    running: () => current !== undefined,
    request(wish) {
      if (waiting !== undefined) {
        waiting.wish = stronger(waiting.wish, wish)
        return waiting.settled.promise
      }
      const entry = { wish, settled: Promise.withResolvers<Outcome>() }
      if (current === undefined) begin(entry)
      else waiting = entry
      return entry.settled.promise
    },
  }
}
