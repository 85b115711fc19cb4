/**
 * Programs as Elixir text, one file per module, and where each call stands in it: line and column of the name that is called.
 * `noise` puts comments and blank lines between and within functions: the same program, at other lines.
 */

import type { Block, Expr, Fn, Module, Program, Random, Style } from './program.ts'

export type Spot = { readonly module: string; readonly line: number; readonly column: number }
/** What calls: a call, a step of a pipe, `self` of a loop (its function), a delegation (its function), `ask`, or what a server's callback calls. */
export type Printed = { readonly files: ReadonlyMap<string, string>; readonly spots: ReadonlyMap<object, Spot> }

type Page = { readonly module: Module; readonly program: Program; readonly noise: Random | null; readonly imports: Set<Fn>; text: string; line: number; column: number; indent: number; readonly spots: Map<object, Spot> }

export function printProgram(program: Program, noise: Random | null = null): Printed {
  const spots = new Map<object, Spot>()
  const files = new Map<string, string>()
  for (const module of program.modules) {
    const page: Page = { module, program, noise, imports: importsOf(program, module), text: '', line: 1, column: 1, indent: 0, spots }
    printModule(page)
    files.set(`lib/${module.name.replaceAll('.', '_').toLowerCase()}.ex`, page.text)
  }
  return { files, spots }
}

/** Of later modules, so that no two import each other; names that this module has itself, or twice, are left out. */
function importsOf(program: Program, module: Module): Set<Fn> {
  const later = program.modules.slice(program.modules.indexOf(module) + 1).flatMap(({ functions }) => functions)
  const names = new Set(module.functions.map(({ name }) => name))
  return new Set(later.filter((fn) => {
    if (fn.visibility === 'defp' || names.has(fn.name)) return false
    names.add(fn.name)
    return true
  }))
}

function put(page: Page, text: string): void {
  page.text += text
  const lines = text.split('\n')
  page.line += lines.length - 1
  page.column = lines.length > 1 ? (lines.at(-1) ?? '').length + 1 : page.column + text.length
}

function newLine(page: Page): void {
  const extra = page.noise !== null && page.noise.chance(0.1) ? (page.noise.chance(0.5) ? '\n' : `\n${'  '.repeat(page.indent)}# a remark`) : ''
  put(page, `${extra}\n${'  '.repeat(page.indent)}`)
}

function inside(page: Page, print: () => void): void {
  page.indent++
  newLine(page)
  print()
  page.indent--
  newLine(page)
}

function printModule(page: Page): void {
  const { module, program } = page
  put(page, `defmodule ${module.name} do`)
  inside(page, () => {
    if (module.server === 'server') put(page, 'use GenServer')
    for (const other of program.modules) {
      if (other === module) continue
      newLine(page)
      put(page, `alias ${other.name}`)
    }
    const used = new Map<string, string[]>()
    for (const fn of page.imports) for (let n = fn.parameters.length - fn.defaults; n <= fn.parameters.length; n++) used.set(fn.module.name, [...(used.get(fn.module.name) ?? []), `${fn.name}: ${n}`])
    for (const [name, only] of used) {
      newLine(page)
      put(page, `import ${name}, only: [${only.join(', ')}], warn: false`)
    }
    if (module.server === 'server') printServer(page)
    for (const fn of module.functions) printFunction(page, fn)
  })
  put(page, 'end\n')
}

function printServer(page: Page): void {
  const { module } = page
  newLine(page)
  put(page, 'def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)')
  newLine(page)
  put(page, '@impl true')
  newLine(page)
  put(page, 'def init(_), do: {:ok, 0}')
  newLine(page)
  put(page, 'def ask(n) do')
  inside(page, () => put(page, 'GenServer.call(__MODULE__, {:ask, n})'))
  put(page, 'end')
  newLine(page)
  put(page, '@impl true')
  newLine(page)
  put(page, 'def handle_call({:ask, n}, _from, state) do')
  inside(page, () => {
    put(page, '{:reply, ')
    const { handler } = module
    if (handler === undefined) put(page, 'n')
    else {
      mark(page, module)
      put(page, `${handler.name}(${handler.parameters.map((_, idx) => (idx === 0 ? 'n' : '1')).join(', ')})`)
    }
    put(page, ', state}')
  })
  put(page, 'end')
}

function printFunction(page: Page, fn: Fn): void {
  newLine(page)
  newLine(page)
  const parameters = fn.parameters.map((name, idx) => (idx >= fn.parameters.length - fn.defaults ? `${name} \\\\ 2` : name)).join(', ')
  const head = (guard: string) => put(page, `${fn.visibility} ${fn.name}(${parameters})${guard} do`)
  const { shape } = fn
  switch (shape.is) {
    case 'plain':
      head('')
      return closed(page, () => printBlock(page, shape.body))
    case 'parity':
      head(' when rem(a, 2) == 0')
      closed(page, () => printBlock(page, shape.even))
      newLine(page)
      head('')
      return closed(page, () => printBlock(page, shape.odd))
    case 'loop':
      head(' when a <= 0')
      closed(page, () => printBlock(page, shape.end))
      newLine(page)
      head('')
      return closed(page, () => {
        if (shape.tail === 'within') {
          operand(page, shape.step)
          put(page, ' + ')
        }
        mark(page, fn)
        put(page, `${fn.name}(a - 1, `)
        if (shape.tail === 'tail') printExpr(page, shape.step)
        else put(page, 'b')
        put(page, ')')
      })
    case 'delegate':
      mark(page, fn)
      return put(page, `defdelegate ${fn.name}(${parameters}), to: ${lastName(shape.to.module)}${shape.to.name === fn.name ? '' : `, as: :${shape.to.name}`}`)
    case 'none':
      throw new Error('a function without a body')
  }
}

function closed(page: Page, print: () => void): void {
  inside(page, print)
  put(page, 'end')
}

function printBlock(page: Page, { statements, last }: Block): void {
  for (const { bind, value } of statements) {
    if (bind !== null) put(page, `${bind} = `)
    printExpr(page, value)
    newLine(page)
  }
  printExpr(page, last)
}

function printExpr(page: Page, expr: Expr): void {
  switch (expr.is) {
    case 'number': return put(page, String(expr.value))
    case 'variable': return put(page, expr.name)
    case 'call': return printCall(page, expr, expr.target, expr.style, expr.args, expr.layout)
    case 'pipe': return printPipe(page, expr)
    case 'operation':
      operand(page, expr.left)
      put(page, ` ${expr.operator} `)
      return operand(page, expr.right)
    case 'if':
      put(page, 'if rem(')
      printExpr(page, expr.condition)
      put(page, ', 2) == 0 do')
      inside(page, () => printBlock(page, expr.yes))
      put(page, 'else')
      return closed(page, () => printBlock(page, expr.no))
    case 'case':
      put(page, 'case rem(')
      printExpr(page, expr.subject)
      put(page, ', 3) do')
      return closed(page, () => [['0', expr.zero] as const, ['1', expr.one] as const, ['_', expr.other] as const].forEach(([pattern, block], idx) => {
        if (idx > 0) newLine(page)
        put(page, `${pattern} ->`)
        inside(page, () => printBlock(page, block))
      }))
    case 'each':
      put(page, 'Enum.sum(')
      put(page, expr.as === 'fn' ? `Enum.map([${expr.numbers.join(', ')}], fn ${expr.variable} -> ` : `for(${expr.variable} <- [${expr.numbers.join(', ')}], do: `)
      printExpr(page, expr.body)
      return put(page, expr.as === 'fn' ? ' end))' : '))')
    case 'capture':
      return put(page, `Enum.sum(Enum.map([${expr.numbers.join(', ')}], &${qualifier(page, expr.target, expr.style)}${expr.target.name}/1))`)
    case 'anonymous':
      put(page, `(fn ${expr.variable} -> `)
      printExpr(page, expr.body)
      put(page, ' end).(')
      printExpr(page, expr.argument)
      return put(page, ')')
    case 'ask':
      put(page, `${lastName(expr.server)}.`)
      mark(page, expr)
      put(page, 'ask(')
      printExpr(page, expr.argument)
      return put(page, ')')
  }
}

function operand(page: Page, expr: Expr): void {
  const bare = expr.is === 'number' || expr.is === 'variable' || expr.is === 'call' || expr.is === 'ask'
  if (!bare) put(page, '(')
  printExpr(page, expr)
  if (!bare) put(page, ')')
}

function printCall(page: Page, key: object, target: Fn, style: Style, args: readonly Expr[], layout: 'flat' | 'tall'): void {
  if (style === 'apply' && target.module !== page.module) {
    mark(page, key)
    put(page, `apply(${lastName(target.module)}, :${target.name}, [`)
    printArgs(page, args)
    return put(page, '])')
  }
  put(page, qualifier(page, target, style))
  mark(page, key)
  put(page, `${target.name}(`)
  if (layout === 'flat') printArgs(page, args)
  else inside(page, () => args.forEach((arg, idx) => {
    printExpr(page, arg)
    if (idx === args.length - 1) return
    put(page, ',')
    newLine(page)
  }))
  put(page, ')')
}

function printArgs(page: Page, args: readonly Expr[]): void {
  args.forEach((arg, idx) => {
    if (idx > 0) put(page, ', ')
    printExpr(page, arg)
  })
}

function printPipe(page: Page, expr: Expr & { is: 'pipe' }): void {
  operand(page, expr.first)
  for (const step of expr.steps) {
    if (expr.layout === 'tall') newLine(page)
    put(page, expr.layout === 'tall' ? '|> ' : ' |> ')
    put(page, qualifier(page, step.target, step.style))
    mark(page, step)
    put(page, `${step.target.name}(`)
    printArgs(page, step.rest)
    put(page, ')')
  }
}

function mark(page: Page, key: object): void {
  page.spots.set(key, { module: page.module.name, line: page.line, column: page.column })
}

function qualifier(page: Page, target: Fn, style: Style): string {
  if (target.module === page.module) return style === 'own module' ? '__MODULE__.' : ''
  if (style === 'imported' && page.imports.has(target)) return ''
  return style === 'full' ? `${target.module.name}.` : `${lastName(target.module)}.`
}

const lastName = ({ name }: Module) => name.slice(name.lastIndexOf('.') + 1)
