/**
 * The names that the compiler gives to functions, and the function of the source that each comes from:
 *
 *     -request/2-fun-0-        a `fn` or a capture in request/2       -request/2-lc$^0/1-0-   a comprehension in it
 *     -request/2-after$^0/0-0- the `after` of a `try` in it           -fun.request/2-         request/2, captured
 *     -inlined-request/2-      request/2, inlined                     MACRO-request/3         the macro request/2
 *
 * Funs within funs have the name of the outermost function. Absent on purpose: which `fn` of the function it is; the
 * compiler counts them after it has optimised.
 */

export type SourceFunction = {
  readonly name: string
  readonly arity: number
  /** `within`: code of that function that runs on its own. */
  readonly part: 'function' | 'within' | 'macro'
}

const WITHIN = /^-(.+?)\/(\d+)-.+-$/s
const WHOLE = /^-(?:fun\.|inlined-)(.+)\/(\d+)-$/s
const MACRO = 'MACRO-'

export function sourceFunction(name: string, arity: number): SourceFunction {
  if (name.startsWith(MACRO)) return { name: name.slice(MACRO.length), arity: arity - 1, part: 'macro' }
  if (!name.startsWith('-')) return { name, arity, part: 'function' }
  const whole = WHOLE.exec(name)
  if (whole !== null) return { name: whole[1] ?? '', arity: Number(whole[2]), part: 'function' }
  const within = WITHIN.exec(name)
  if (within === null) return { name, arity, part: 'function' }
  const owner = sourceFunction(within[1] ?? '', Number(within[2]))
  return { name: owner.name, arity: owner.arity, part: 'within' }
}
