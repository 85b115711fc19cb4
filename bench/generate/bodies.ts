/**
 * Bodies of generated functions, by what they return, and the private helpers they lean on.
 *
 * Invariant: a body is lines without indentation of their own base; each compiles where its scope is in reach.
 */
import { call, expression, literal, type Scope } from './expressions.ts'
import type { Parameter, PlannedFunction, Type } from './plan.ts'
import { ATOMS, KEYS, TEXTS } from './words.ts'

/** A body, and the private functions it calls. */
export type Body = { readonly lines: readonly string[]; readonly helpers: readonly string[] }

const DEPTH = 2
/** The longest body written on one line. */
const SHORT = 90

const indent = (lines: readonly string[]): string[] => lines.map((line) => (line === '' ? '' : `  ${line}`))
const withVariable = (scope: Scope, name: string, type: Parameter['type']): Scope => ({ ...scope, variables: [...scope.variables, { name, type }] })

/** Up to three variables, then what the function returns, as one expression or a statement of several lines. */
export function bodyOf(scope: Scope, fn: PlannedFunction): Body {
  const { random } = scope
  const helpers: string[] = []
  const prelude: string[] = []
  let inner = scope
  for (const name of ['current', 'previous', 'base'].slice(0, random.below(3))) {
    const type = random.one(['int', 'str', 'map', 'list'] as const)
    prelude.push(`${name} = ${expression(inner, type, DEPTH)}`)
    inner = withVariable(inner, name, type)
  }
  const tail = tailOf(inner, fn, helpers)
  return { lines: prelude.length === 0 ? tail : [...prelude, '', ...tail], helpers }
}

function tailOf(scope: Scope, fn: PlannedFunction, helpers: string[]): string[] {
  const any = [() => branch(scope, fn.returns, 2), () => [expression(scope, fn.returns, DEPTH)], () => viaHelper(scope, fn, helpers)]
  switch (fn.returns) {
    case 'ok':
      return scope.random.one([...any, () => withChain(scope), () => withChain(scope), () => rescued(scope)])()
    case 'int':
      return scope.random.one([...any, () => reduction(scope), () => conditions(scope, 'int'), () => recursion(scope, fn, helpers)])()
    case 'str':
      return scope.random.one([...any, () => heredoc(scope), () => conditions(scope, 'str')])()
    case 'map':
      return scope.random.one([...any, () => comprehension(scope, 'map'), () => mapPipe(scope), () => mapPipe(scope)])()
    case 'list':
      return scope.random.one([...any, () => comprehension(scope, 'list'), () => listPipe(scope), () => listPipe(scope)])()
    default:
      return scope.random.one(any)()
  }
}

/** A `case` or an `if` whose branches are branches again, down to `depth`. */
function branch(scope: Scope, type: Type, depth: number): string[] {
  const { random } = scope
  const leaf = (inner: Scope): string[] => (depth > 1 && random.chance(0.3) ? branch(inner, type, depth - 1) : [expression(inner, type, DEPTH)])
  if (random.chance(0.35)) return [`if ${expression(scope, 'bool', DEPTH)} do`, ...indent(leaf(scope)), 'else', ...indent(leaf(scope)), 'end']
  if (random.chance(0.5)) {
    const subject = unknown(scope, 'ok')
    // Nested branches bind different names, so that a name that is read is read for its own binding.
    const name = depth > 1 ? 'found' : 'hit'
    const lines = leaf(withVariable(scope, name, 'map'))
    return [
      `case ${subject} do`,
      ...clauseLines(`{:ok, ${reads(lines.join('\n'), name) ? name : `_${name}`}}`, lines),
      '',
      ...clauseLines(`{:error, :${random.one(ATOMS)}}`, leaf(scope)),
      '',
      ...clauseLines('{:error, _reason}', [literal(random, type)]),
      'end',
    ]
  }
  return [
    `case ${unknown(scope, 'int')} do`,
    ...clauseLines('0', [literal(random, type)]),
    ...clauseLines(`n when n in 1..${10 + random.below(90)}`, leaf(withVariable(scope, 'n', 'int'))),
    ...clauseLines('_other', leaf(scope)),
    'end',
  ]
}

/** An expression whose value the compiler cannot know, so that no clause over it is seen to be impossible. */
function unknown(scope: Scope, type: 'ok' | 'int'): string {
  const known = call(scope, type, DEPTH)
  if (known !== undefined) return known
  return type === 'ok' ? `Map.fetch(${expression(scope, 'map', 1)}, :${scope.random.one(KEYS)})` : `Enum.count(${expression(scope, 'list', 1)})`
}

function clauseLines(pattern: string, body: readonly string[]): string[] {
  const [only] = body
  if (body.length === 1 && only !== undefined && only.length + pattern.length < SHORT) return [`  ${pattern} -> ${only}`]
  return [`  ${pattern} ->`, ...indent(indent(body))]
}

function withChain(scope: Scope): string[] {
  const { random } = scope
  let inner = scope
  const steps: { readonly name: string; readonly from: string }[] = []
  for (const name of ['loaded', 'checked', 'saved', 'sent'].slice(0, 1 + random.below(4))) {
    steps.push({ name, from: unknown(inner, 'ok') })
    inner = withVariable(inner, name, 'map')
  }
  const condition = random.chance(0.3) ? [`true <- ${expression(inner, 'bool', 1)}`] : []
  const result = `  {:ok, ${expression(inner, 'map', 1)}}`
  const later = (i: number): string => [...steps.slice(i + 1).map((step) => step.from), ...condition, result].join('\n')
  const lines = [...steps.map(({ name, from }, i) => `{:ok, ${reads(later(i), name) ? name : `_${name}`}} <- ${from}`), ...condition]
  const chain = lines.map((line, i) => `${i === 0 ? 'with ' : '     '}${line}${i === lines.length - 1 ? ' do' : ','}`)
  const otherwise = ['else', ...clauseLines('{:error, reason}', ['{:error, reason}']), ...clauseLines('_other', [`{:error, :${random.one(ATOMS)}}`])]
  return [...chain, result, ...(random.chance(0.5) ? otherwise : []), 'end']
}

function rescued(scope: Scope): string[] {
  const body = expression(scope, 'ok', DEPTH)
  const after = scope.random.chance(0.3) ? ['after', `  Process.delete(:${scope.random.one(KEYS)})`] : []
  return ['try do', `  ${body}`, 'rescue', `  ArgumentError -> {:error, :${scope.random.one(ATOMS)}}`, '  error in [KeyError, RuntimeError] -> {:error, Exception.message(error)}', ...after, 'end']
}

function reduction(scope: Scope): string[] {
  const list = expression(scope, 'list', 1)
  return [
    `Enum.reduce(${list}, ${expression(scope, 'int', 1)}, fn`,
    `  {_key, value}, acc when is_integer(value) -> acc + value`,
    `  value, acc when is_integer(value) -> acc + value * ${2 + scope.random.below(8)}`,
    `  _other, acc -> acc`,
    'end)',
  ]
}

function conditions(scope: Scope, type: 'int' | 'str'): string[] {
  const { random } = scope
  const rows: string[] = []
  for (let i = 0; i < 1 + random.below(4); i += 1) rows.push(`  ${expression(scope, 'bool', 1)} -> ${expression(scope, type, 1)}`)
  return ['cond do', ...rows, `  true -> ${literal(random, type)}`, 'end']
}

function heredoc(scope: Scope): string[] {
  return ['"""', `Report: #{${expression(scope, 'str', 1)}}`, `  in all #{${expression(scope, 'int', 1)}}, ${scope.random.one(TEXTS)}`, '"""']
}

function comprehension(scope: Scope, into: 'map' | 'list'): string[] {
  const inner = withVariable(scope, 'value', 'int')
  const result = into === 'map' ? `{key, ${expression(inner, 'int', 1)}}` : `[key, ${expression(inner, 'int', 1)}]`
  const filter = scope.random.chance(0.5) ? `, rem(value, ${2 + scope.random.below(5)}) == 0` : ''
  const value = reads(result + filter, 'value') ? 'value' : '_value'
  const generator = `{key, ${value}} <- Enum.with_index(${expression(scope, 'list', 1)})`
  return [`for ${generator}${filter}${into === 'map' ? ', into: %{}' : ''} do`, `  ${result}`, 'end']
}

function mapPipe(scope: Scope): string[] {
  const { random } = scope
  const steps: (() => string)[] = [
    () => `|> Map.put(:${random.one(KEYS)}, ${expression(scope, 'int', 1)})`,
    () => `|> Map.put_new(:${random.one(KEYS)}, ${expression(scope, 'str', 1)})`,
    () => `|> Map.update(:${random.one(KEYS)}, 1, &(&1 + 1))`,
    () => `|> Map.drop([:${random.one(KEYS)}])`,
    () => `|> Map.merge(%{${random.one(KEYS)}: ${expression(scope, 'list', 1)}})`,
    () => `|> Map.reject(fn {_key, value} -> is_nil(value) end)`,
    () => `|> tap(&Logger.debug("${random.one(TEXTS)}: #{inspect(&1)}"))`,
  ]
  return [expression(scope, 'map', 1), ...Array.from({ length: 2 + random.below(4) }, () => random.one(steps)())]
}

function listPipe(scope: Scope): string[] {
  const { random } = scope
  const steps: (() => string)[] = [
    () => `|> Enum.map(&{&1, ${expression(scope, 'int', 1)}})`,
    () => `|> Enum.filter(fn entry -> entry not in ${expression(scope, 'list', 1)} end)`,
    () => `|> Enum.sort_by(&inspect/1)`,
    () => `|> Enum.take(${1 + random.below(50)})`,
    () => `|> Enum.chunk_every(${1 + random.below(20)})`,
    () => `|> List.flatten()`,
    () => `|> Enum.group_by(&is_atom/1)\n|> Map.values()`,
    () => `|> Enum.flat_map(fn entry -> [entry, :${random.one(ATOMS)}] end)`,
  ]
  const lines = [expression(scope, 'list', 1), ...Array.from({ length: 2 + random.below(5) }, () => random.one(steps)())]
  return lines.flatMap((line) => line.split('\n'))
}

/** The work moves into a private function of two or three clauses. */
function viaHelper(scope: Scope, fn: PlannedFunction, helpers: string[]): string[] {
  const { random } = scope
  const name = `do_${fn.name}`
  const inner: Scope = { ...scope, variables: [{ name: 'value', type: 'map' }, { name: 'total', type: 'int' }] }
  const body = branch(inner, fn.returns, 1)
  helpers.push(
    `defp ${name}(value, _total) when map_size(value) == 0, do: ${literal(random, fn.returns)}`,
    ...(random.chance(0.5) ? [`defp ${name}(%{${random.one(KEYS)}: total}, total), do: ${literal(random, fn.returns)}`] : []),
    '',
    ...definition('defp', name, [{ name: 'value', type: 'map' }, { name: 'total', type: 'int' }], '', body),
  )
  return [`${name}(${expression(scope, 'map', 1)}, ${expression(scope, 'int', 1)})`]
}

function recursion(scope: Scope, fn: PlannedFunction, helpers: string[]): string[] {
  const name = `walk_${fn.name}`
  helpers.push(
    `defp ${name}([], acc), do: acc`,
    `defp ${name}([{_key, value} | rest], acc) when is_number(value), do: ${name}(rest, acc + value)`,
    `defp ${name}([value | rest], acc) when is_integer(value), do: ${name}(rest, acc + value)`,
    `defp ${name}([_value | rest], acc), do: ${name}(rest, acc + ${1 + scope.random.below(5)})`,
  )
  return [`${name}(${expression(scope, 'list', 1)}, 0)`]
}

/** Whether `body` reads the variable; keys, atoms and fields of that name do not count. */
function reads(body: string, name: string): boolean {
  return new RegExp(`(?<![:\\w.@&])${name}(?![\\w?!]|:(?!:))`).test(body)
}

/** A whole definition; parameters that the body does not read get an underscore. */
export function definition(keyword: string, name: string, parameters: readonly Parameter[], guard: string, body: readonly string[]): string[] {
  const lines = withoutUnused(body)
  const text = `${guard} ${lines.join('\n')}`
  const head = parameters.map((p) => (reads(text, p.name) ? p.name : `_${p.name}`)).join(', ')
  const [only] = lines
  const short = lines.length === 1 && only !== undefined && only.length < SHORT - name.length
  if (short) return [`${keyword} ${name}(${head})${guard}, do: ${only}`]
  return [`${keyword} ${name}(${head})${guard} do`, ...indent(lines), 'end']
}

/** The body without the variables that its first lines bind and nothing reads. */
function withoutUnused(body: readonly string[]): string[] {
  const kept: string[] = []
  for (const line of body.toReversed()) {
    const bound = /^(current|previous|base) = /.exec(line)?.[1]
    if (bound === undefined || reads(kept.join('\n'), bound)) kept.unshift(line)
  }
  return kept[0] === '' ? kept.slice(1) : kept
}
