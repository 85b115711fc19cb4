/** Functions as Elixir names them in a stack: what the compiler makes of a `fn` or a comprehension has a name that nobody wrote. */

import { sourceFunction } from '../../correlate/beam-names.ts'
import { formatMfa, parseMfa } from '../../model/names.ts'

/** `args`, where they are known, take the place of the arity. What is no MFA stays as it is. */
export function functionText(mfa: string, args?: string): string {
  const compiled = parseMfa(mfa)
  if (compiled === undefined) return mfa
  const { module } = compiled
  const { part, ...written } = sourceFunction(compiled.name, compiled.arity)
  const owner = formatMfa({ module, ...written })
  if (part === 'within') return `${within(compiled.name, args === undefined ? `/${compiled.arity}` : `(${args})`)} ${owner}`
  const called = args === undefined ? owner : `${owner.replace(/\/\d+$/, '')}(${args})`
  return part === 'macro' ? `macro ${called}` : called
}

function within(name: string, args: string): string {
  if (/-fun-\d+-$/.test(name)) return `anonymous fn${args} in`
  return /-l?b?c\$/.test(name) ? 'comprehension in' : 'part of'
}
