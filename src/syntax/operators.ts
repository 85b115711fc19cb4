/**
 * Binding power of every operator, by the symbol id of its name, as Elixir 1.14 has it. Unary operators have their own
 * powers: `-a` binds tighter than any binary operator, `&a` looser than most.
 */

import { Sym, wellKnownNames } from './well-known.ts'
import type { WellKnownName } from './well-known.ts'

type Row = readonly [power: number, side: 'left' | 'right', operators: readonly WellKnownName[]]

const rows: readonly Row[] = [
  [40, 'left', ['<-', '\\\\']],
  [50, 'right', ['when']],
  [60, 'right', ['::']],
  [70, 'right', ['|']],
  [100, 'right', ['=']],
  [110, 'left', ['||', '|||', 'or']],
  [130, 'left', ['&&', '&&&', 'and']],
  [140, 'left', ['==', '!=', '=~', '===', '!==']],
  [150, 'left', ['<', '>', '<=', '>=']],
  [160, 'left', ['|>', '<<<', '>>>', '<<~', '~>>', '<~', '~>', '<~>', '<|>']],
  [170, 'left', ['in', 'not in']],
  [180, 'left', ['^^^']],
  [190, 'right', ['//']],
  [200, 'right', ['++', '--', '+++', '---', '<>', '..']],
  [210, 'left', ['+', '-']],
  [220, 'left', ['*', '/']],
  [230, 'left', ['**']],
]

/** Power of a binary operator, 0 where the name is none. */
export const binaryPower: Uint16Array = new Uint16Array(wellKnownNames.length)
/** What an operator before it must exceed to be reduced first: its power, or one more where it associates to the right. */
export const reducePower: Uint16Array = new Uint16Array(wellKnownNames.length)

for (const [power, side, operators] of rows) {
  for (const operator of operators) {
    binaryPower[Sym[operator]] = power
    reducePower[Sym[operator]] = side === 'left' ? power : power + 1
  }
}

export const CAPTURE_POWER = 90
export const UNARY_POWER = 300
export const DOT_POWER = 310
export const AT_POWER = 320
