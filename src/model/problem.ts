/**
 * A problem: something wrong in a user's file, as a value. Lines and columns count from 1, columns as Elixir counts
 * them (code points; graphemes inside strings). `start` and `end` are byte offsets into the source.
 */

export type Problem = {
  /** Stable, machine-readable kind, e.g. `missing_terminator`. */
  readonly code: string
  /** A full sentence for a person: what is wrong and, where known, what to do. */
  readonly message: string
  readonly line: number
  readonly column: number
  readonly start: number
  readonly end: number
}
