/**
 * Which call of a function may be the next that one activation makes, by the call that it made last. Branches exclude each
 * other; what was passed does not come again; and where another call of the same function is sure to happen on the way, it is next itself.
 * Of other functions nothing is concluded from what was not seen: they may not be traced, or just now not.
 *
 * Read from node ids, too generously rather than too narrowly: beneath `fn`, `&` and `for` calls may come in any order, an
 * exception may leave out whatever is left of a `try`, and the condition of an `if` is not told from what it decides on.
 *
 * Absent on purpose: which calls are asked about (`resolve.ts`).
 */

import type { CallSite, FunctionCode } from './code.ts'
import { inOrderOfEvaluation, pathOf, wordOf } from './places.ts'

type Step = { readonly call: CallSite; readonly path: readonly string[] }

const REPEATED: ReadonlySet<string> = new Set(['fn', '&', 'for'])
/** Of what stands right beneath, some may be left out after others. */
const CHOICES: ReadonlySet<string> = new Set(['if', 'unless', 'case', 'cond', 'with', 'receive', 'try', '&&', '||', 'and', 'or', ...REPEATED])
/** Entered without all that stands before. */
const OTHERWISE: ReadonlySet<string> = new Set(['else', 'rescue', 'catch', 'after'])
const CONDITIONAL: ReadonlySet<string> = new Set([...CHOICES, ...OTHERWISE, 'clause'])
/** Calls compared with one another, at most: beyond, all of them may follow. */
const MOST_PAIRS = 1000

/** Of these calls of one function, in `fn`, those that may be next after one of `before`; null: that may come first. */
export function mayFollow(fn: FunctionCode, calls: readonly CallSite[], before: readonly CallSite[] | null): readonly CallSite[] {
  if (calls.length * (before?.length ?? 1) > MOST_PAIRS) return calls
  const steps = inOrderOfEvaluation(fn.calls).map((call): Step => ({ call, path: pathOf(call) }))
  const isNext = (start: number, end: number): boolean => {
    const [last, next] = [steps[start], steps[end]] as const
    if (next === undefined || (last !== undefined && isLoose(last, next))) return true
    if (start >= end || (last !== undefined && areApart(last, next))) return false
    return !steps.slice(start + 1, end).some((step) => isOfSame(step, next) && isOnTheWay(step, last, next))
  }
  const placeOf = (call: CallSite) => steps.findIndex((step) => step.call === call)
  const starts = before === null ? [-1] : before.map(placeOf)
  return calls.filter((call) => starts.some((start) => isNext(start, placeOf(call))))
}

function isOfSame({ call: a }: Step, { call: b }: Step): boolean {
  return a.name === b.name && a.arity === b.arity && a.module === b.module
}

/** Whether one may come before or after the other, any number of times: what one `fn` has around both is passed once in an activation. */
function isLoose(a: Step, b: Step): boolean {
  const n = nShared(a, b)
  const isRepeated = (segment: string) => REPEATED.has(wordOf(segment))
  return a.path.slice(0, n).some((segment) => wordOf(segment) !== 'fn' && isRepeated(segment)) || [a, b].some(({ path }) => path.slice(n, -1).some(isRepeated))
}

/** In clauses of which only one is taken. */
function areApart(a: Step, b: Step): boolean {
  const n = nShared(a, b)
  const [first = '', second = ''] = [a.path[n], b.path[n]]
  // The conditions of `cond` are heads, and tried in turn.
  return n === 0 || (wordOf(first) === 'clause' && wordOf(second) === 'clause' && a.path[n + 1] !== 'head')
}

/** Whether the activation that makes the one call and then the other is sure to make this one, written between them, in between. */
function isOnTheWay(step: Step, last: Step | undefined, next: Step): boolean {
  return !areApart(step, next) && !isLeftOut(step, next) && (isBeforeAny(step, next) || (last !== undefined && isAfterAny(step, last)))
}

/** Whether what comes after this in the source may be begun without it: after an exception, or in a function of its own. */
function isLeftOut(step: Step, next: Step): boolean {
  const n = nShared(step, next)
  const [way, rest] = [step.path.slice(n, -1).map(wordOf), next.path.slice(n, -1).map(wordOf)] as const
  return way.includes('try') || OTHERWISE.has(rest[0] ?? '') || rest.some((word) => REPEATED.has(word)) || (way[0] === '<-' && wordOf(step.path[n - 1] ?? '') === 'for')
}

/** Whether it has happened whenever the later one happens. */
function isBeforeAny(step: Step, later: Step): boolean {
  const n = nShared(step, later)
  const way = step.path.slice(n, -1).map(wordOf)
  return !(way[0] === 'clause' && way[1] === 'head' ? way.slice(2) : way).some((word) => CONDITIONAL.has(word))
}

/** Whether it happens whenever the earlier one has happened. */
function isAfterAny(step: Step, earlier: Step): boolean {
  const n = nShared(step, earlier)
  return earlier.path[n] !== 'head' && !CHOICES.has(wordOf(step.path[n - 1] ?? '')) && !step.path.slice(n, -1).some((segment) => CONDITIONAL.has(wordOf(segment)))
}

/** How many segments of their paths, from the first, are the same. */
function nShared(a: Step, b: Step): number {
  const parted = a.path.findIndex((segment, at) => b.path[at] !== segment)
  return parted < 0 ? a.path.length : parted
}
