/**
 * What a program calls, in order and per process, worked out without running it: the callee, and what calls it (a key of
 * `Printed.spots`), or null where no written call does (a callback, a capture that Enum calls, what a default generates).
 * Anonymous functions are left out: whether there are any when it runs is up to the compiler.
 */

import type { Block, Expr, Fn, Module, Program } from './program.ts'

export type Expected = { readonly module: string; readonly name: string; readonly arity: number; readonly from: object | null }
export type Simulation = { readonly main: readonly Expected[]; readonly server: readonly Expected[] }

type World = { readonly main: Expected[]; readonly server: Expected[]; now: Expected[]; left: number }
type Variables = ReadonlyMap<string, number>

class TooLong extends Error {}

/** Undefined when it takes more calls than these, or numbers beyond what JavaScript adds exactly. */
export function simulate(program: Program, argument: number, most: number): Simulation | undefined {
  const main: Expected[] = []
  const world: World = { main, server: [], now: main, left: most }
  try {
    for (const module of program.modules) {
      if (module.server === 'plain') continue
      main.push({ module: module.name, name: 'start_link', arity: 1, from: null })
      world.server.push({ module: module.name, name: 'init', arity: 1, from: null })
    }
    call(world, program.entry, [argument], null)
    return world
  } catch (error) {
    if (error instanceof TooLong) return undefined
    throw error
  }
}

function note(world: World, module: string, name: string, arity: number, from: object | null): void {
  if (world.left-- <= 0) throw new TooLong()
  world.now.push({ module, name, arity, from })
}

function call(world: World, fn: Fn, args: readonly number[], from: object | null): number {
  const arity = fn.parameters.length
  note(world, fn.module.name, fn.name, args.length, from)
  if (args.length < arity) note(world, fn.module.name, fn.name, arity, null)
  const all = fn.parameters.map((_, idx) => args[idx] ?? 2)
  const variables = new Map(fn.parameters.map((name, idx) => [name, all[idx] ?? 0]))
  const [a = 0, b = 0] = all
  const { shape } = fn
  switch (shape.is) {
    case 'plain': return block(world, shape.body, variables)
    case 'parity': return block(world, a % 2 === 0 ? shape.even : shape.odd, variables)
    case 'loop': {
      if (a <= 0) return block(world, shape.end, variables)
      const step = expression(world, shape.step, variables)
      return shape.tail === 'tail' ? call(world, fn, [a - 1, step], fn) : safe(step + call(world, fn, [a - 1, b], fn))
    }
    case 'delegate': return call(world, shape.to, all, fn)
    case 'none': throw new Error('a function without a body')
  }
}

function block(world: World, { statements, last }: Block, known: Variables): number {
  const variables = new Map(known)
  for (const { bind, value } of statements) {
    const result = expression(world, value, variables)
    if (bind !== null) variables.set(bind, result)
  }
  return expression(world, last, variables)
}

function expression(world: World, expr: Expr, variables: Variables): number {
  const of = (one: Expr) => expression(world, one, variables)
  switch (expr.is) {
    case 'number': return expr.value
    case 'variable': return variables.get(expr.name) ?? 0
    case 'call': return call(world, expr.target, expr.args.map(of), expr)
    case 'pipe': return expr.steps.reduce((value, step) => call(world, step.target, [value, ...step.rest.map(of)], step), of(expr.first))
    case 'operation': {
      const left = of(expr.left)
      const right = of(expr.right)
      return safe(expr.operator === '+' ? left + right : left - right)
    }
    case 'if': return block(world, of(expr.condition) % 2 === 0 ? expr.yes : expr.no, variables)
    case 'case': {
      const rest = of(expr.subject) % 3
      return block(world, rest === 0 ? expr.zero : rest === 1 ? expr.one : expr.other, variables)
    }
    case 'each': return safe(expr.numbers.reduce((sum, number) => sum + expression(world, expr.body, new Map(variables).set(expr.variable, number)), 0))
    case 'capture': return safe(expr.numbers.reduce((sum, number) => sum + call(world, expr.target, [number], null), 0))
    case 'anonymous': return expression(world, expr.body, new Map(variables).set(expr.variable, of(expr.argument)))
    case 'ask': return ask(world, expr.server, of(expr.argument), expr)
  }
}

function ask(world: World, server: Module, argument: number, from: object): number {
  note(world, server.name, 'ask', 1, from)
  const back = world.now
  world.now = world.server
  note(world, server.name, 'handle_call', 3, null)
  const { handler } = server
  const result = handler === undefined ? argument : call(world, handler, handler.parameters.map((_, idx) => (idx === 0 ? argument : 1)), server)
  world.now = back
  return result
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw new TooLong()
  return value
}
