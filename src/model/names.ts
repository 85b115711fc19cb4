/**
 * Names as Elixir prints them: modules (`MyApp.Cart`, `:gen_server`) and MFAs (`MyApp.Cart.add_item/2`,
 * `:gen_server.call/2`). Parsing accepts what formatting prints; a name that is no identifier is quoted as Elixir does
 * (`Kernel."my fun"/1`). Nothing here knows whether the named thing exists.
 */

/** A module as Elixir prints it; a second definition of the same name is `Name@2` (see `node-id.ts`). */
export type ModuleName = string

export type Mfa = { readonly module: ModuleName; readonly name: string; readonly arity: number }

/** Stands for a name, or a part of one, that is known only when the module is compiled. */
export const DYNAMIC = '~dynamic'

const PLAIN_FUNCTION = /^[\p{L}_][\p{L}\p{N}\p{M}_]*[?!]?$/u
const OPERATOR =
  /^(?:\+\+\+|---|\.\.\/\/|\.\.\.|<<<|>>>|<<~|~>>|<~>|<\|>|&&&|\|\|\||===|!==|\^\^\^|~~~|\+\+|--|\.\.|<>|\|>|<~|~>|&&|\|\||==|!=|=~|<=|>=|->|<-|::|\\\\|\/\/|\*\*|[-+*/<>!^&|@=.])$/

/** `MyApp.Cart.add_item/2` */
export function formatMfa(mfa: Mfa): string {
  return `${mfa.module}.${formatFunctionName(mfa.name)}/${mfa.arity}`
}

/** The function part of an MFA, quoted where Elixir would quote it. */
export function formatFunctionName(name: string): string {
  return PLAIN_FUNCTION.test(name) || OPERATOR.test(name) ? name : JSON.stringify(name)
}

/** Reads what `formatMfa` prints; undefined when the text is no MFA. */
export function parseMfa(text: string): Mfa | undefined {
  const slash = text.lastIndexOf('/')
  if (slash < 0 || !/^\d{1,3}$/.test(text.slice(slash + 1))) return undefined
  const head = text.slice(0, slash)
  const split = splitFunction(head)
  if (split === undefined || !isModuleName(split.module)) return undefined
  return { ...split, arity: Number(text.slice(slash + 1)) }
}

/** True for `Foo`, `Foo.Bar`, `Foo@2`, `:erlang_module`, and `~dynamic.Foo`, whose first part only run time knows. */
export function isModuleName(text: string): boolean {
  return /^(?:(?:~dynamic|\p{Lu}[\p{L}\p{N}\p{M}_]*)(?:\.\p{Lu}[\p{L}\p{N}\p{M}_]*)*|:[\p{L}_][\p{L}\p{N}\p{M}_@]*[?!]?|:"(?:[^"\\]|\\.)*")(?:@\d+)?$/u.test(text)
}

function splitFunction(head: string): { module: string; name: string } | undefined {
  const quoted = /^(.*?)\.("(?:[^"\\]|\\.)*")$/s.exec(head)
  if (quoted !== null) {
    const [, module = '', literal = '""'] = quoted
    return { module, name: unquote(literal) }
  }
  const operator = /^([\p{Lu}:~][\p{L}\p{N}\p{M}_@.]*?)\.([^\p{L}\p{N}_"]+)$/u.exec(head)
  if (operator !== null) return { module: operator[1] ?? '', name: operator[2] ?? '' }
  const dot = head.lastIndexOf('.')
  if (dot <= 0 || dot === head.length - 1) return undefined
  const name = head.slice(dot + 1)
  return PLAIN_FUNCTION.test(name) ? { module: head.slice(0, dot), name } : undefined
}

function unquote(literal: string): string {
  try {
    return JSON.parse(literal) as string
  } catch {
    return literal.slice(1, -1)
  }
}
