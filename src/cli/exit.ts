/**
 * Exit codes of the command and how a failure becomes one. They are documented in README.md and in `--help`; scripts
 * rely on them, so none is ever renumbered.
 */

import type { FailureCode } from '../base/failure.ts'

export const EXIT = {
  ok: 0,
  /** The command was understood and failed. */
  failure: 1,
  /** The command line or an argument was wrong. */
  usage: 2,
  /** The named module, function, node or file does not exist. */
  notFound: 3,
  /** No daemon is running for the project, or it cannot be reached. */
  unavailable: 4,
  /** Ctrl-C. */
  interrupted: 130,
} as const

export type ExitCode = number

export const EXIT_CODES_TEXT = `Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 no daemon to ask, 69 no Node 24 or newer, 130 interrupted.`

export function exitCodeOf(code: FailureCode): ExitCode {
  switch (code) {
    case 'not_found':
      return EXIT.notFound
    case 'unavailable':
      return EXIT.unavailable
    case 'invalid_argument':
    case 'unknown_method':
      return EXIT.usage
    case 'too_large':
    case 'conflict':
    case 'timeout':
    case 'busy':
    case 'unsupported':
    case 'storage_full':
    case 'insufficient_memory':
    case 'damaged':
    case 'internal':
      return EXIT.failure
  }
}
