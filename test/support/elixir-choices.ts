/**
 * A grammar driven by a list of numbers: each number decides one choice.
 *
 * Invariant: the same numbers always give the same text, and a list that has run out decides for the
 * first alternative, which every rule keeps the simplest. A shorter list or smaller numbers therefore
 * give a smaller text, and that is all the shrinking there is.
 */

/** Decides among `n` alternatives: an integer from 0 to n - 1. */
export type Choose = (n: number) => number

/** Choices read from `numbers`, and 0 for ever after them. */
export function chooseFrom(numbers: readonly number[]): Choose {
  let at = 0
  return (n) => {
    const value = numbers[at] ?? 0
    at += 1
    return value % n
  }
}

/** One of `items`; they must not be empty. */
export function one<T>(choose: Choose, items: readonly [T, ...T[]]): T {
  return items[choose(items.length)] ?? items[0]
}

/** The text of one of `makers`; only the one chosen runs. */
export function build(choose: Choose, makers: readonly (() => string)[]): string {
  return makers[choose(makers.length)]?.() ?? ''
}

/** Whether a choice of one in `n` fell on the rare side; false once the numbers have run out. */
export function rarely(choose: Choose, n: number): boolean {
  return choose(n) === n - 1
}

/** Between `min` and `max` texts of `make`, joined by `separator`. */
export function several(choose: Choose, min: number, max: number, make: () => string, separator: () => string): string {
  let text = ''
  const count = min + choose(max - min + 1)
  for (let i = 0; i < count; i += 1) text += (i === 0 ? '' : separator()) + make()
  return text
}
