/**
 * Assertions about our own code. A failure here is a bug of ours, never of the user's input: user input is answered
 * with values (see `result.ts`), so nothing outside may catch these to carry on.
 */

export class AssertionFailed extends Error {
  override readonly name = 'AssertionFailed'
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFailed(message)
}

/** The value itself, or an AssertionFailed naming what was expected to be there. */
export function must<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionFailed(`expected ${what}`)
  return value
}

/** Marks a branch that the type checker has proven empty. */
export function unreachable(value: never): never {
  throw new AssertionFailed(`unreachable: ${JSON.stringify(value)}`)
}
