/**
 * Random Elixir programs over integers whose every call is known in advance: what is generated here is printed (`print.ts`)
 * and carried out (`simulate.ts`). Functions call only later ones, or themselves with a smaller number, so that programs end.
 */

export type Random = { readonly below: (n: number) => number; readonly chance: (p: number) => boolean; readonly pick: <T>(from: readonly T[]) => T }

/** mulberry32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number) => Math.floor(next() * n)
  return { below, chance: (p) => next() < p, pick: (from) => from[below(from.length)] as (typeof from)[number] }
}

export type Style = 'local' | 'own module' | 'alias' | 'full' | 'imported' | 'apply'

export type Expr =
  | { readonly is: 'number'; readonly value: number }
  | { readonly is: 'variable'; readonly name: string }
  | { readonly is: 'call'; readonly target: Fn; readonly args: readonly Expr[]; readonly style: Style; readonly layout: 'flat' | 'tall' }
  | { readonly is: 'pipe'; readonly first: Expr; readonly steps: readonly { readonly target: Fn; readonly rest: readonly Expr[]; readonly style: Style }[]; readonly layout: 'flat' | 'tall' }
  | { readonly is: 'operation'; readonly operator: '+' | '-'; readonly left: Expr; readonly right: Expr }
  | { readonly is: 'if'; readonly condition: Expr; readonly yes: Block; readonly no: Block }
  | { readonly is: 'case'; readonly subject: Expr; readonly zero: Block; readonly one: Block; readonly other: Block }
  | { readonly is: 'each'; readonly numbers: readonly number[]; readonly variable: string; readonly body: Expr; readonly as: 'fn' | 'for' }
  | { readonly is: 'capture'; readonly numbers: readonly number[]; readonly target: Fn; readonly style: Style }
  | { readonly is: 'anonymous'; readonly variable: string; readonly body: Expr; readonly argument: Expr }
  | { readonly is: 'ask'; readonly server: Module; readonly argument: Expr }

export type Block = { readonly statements: readonly { readonly bind: string | null; readonly value: Expr }[]; readonly last: Expr }

export type Fn = {
  readonly module: Module
  readonly name: string
  readonly parameters: readonly string[]
  /** So many of the last parameters have the default 2. */
  readonly defaults: number
  readonly visibility: 'def' | 'defp'
  /** `parity`: the first clause is for even first arguments. `loop`: the first clause is for 0 and less, and the other calls itself. */
  shape:
    | { readonly is: 'plain'; readonly body: Block }
    | { readonly is: 'parity'; readonly even: Block; readonly odd: Block }
    | { readonly is: 'loop'; readonly end: Block; readonly step: Expr; readonly tail: 'tail' | 'within' }
    | { readonly is: 'delegate'; readonly to: Fn }
    | { readonly is: 'none' }
}

/** `server`: answers to `ask` in a process of its own by calling `handler`. */
export type Module = { readonly name: string; readonly functions: Fn[]; readonly server: 'server' | 'plain'; handler: Fn | undefined }
export type Program = { readonly modules: readonly Module[]; readonly entry: Fn }

const NAMES = ['add', 'calc', 'load', 'price', 'total', 'check', 'put_it', 'go']

export function generateProgram(random: Random, prefix: string): Program {
  const modules: Module[] = Array.from({ length: 3 + random.below(3) }, (_, idx) => ({ name: `${prefix}.M${idx}`, functions: [], server: 'plain', handler: undefined }))
  const withServer = random.chance(0.5)
  if (withServer) modules.push({ name: `${prefix}.Server`, functions: [], server: 'server', handler: undefined })
  const all: Fn[] = []
  const count = 10 + random.below(10)
  for (let idx = 0; idx < count; idx++) {
    const module = random.pick(modules)
    const arity = 1 + random.below(3)
    const name = random.pick(NAMES)
    if (all.some((fn) => fn.module === module && fn.name === name)) continue
    const isPrivate = random.chance(0.3) && module.functions.length > 0
    const fn: Fn = {
      module, name, parameters: ['a', 'b', 'c'].slice(0, arity), defaults: arity > 1 && random.chance(0.25) ? 1 : 0,
      visibility: isPrivate ? 'defp' : 'def', shape: { is: 'none' },
    }
    module.functions.push(fn)
    all.push(fn)
  }
  const entry: Fn = { module: modules[0] as Module, name: 'main', parameters: ['a'], defaults: 0, visibility: 'def', shape: { is: 'none' } }
  entry.module.functions.push(entry)
  for (const module of modules) if (module.server === 'server') module.handler = module.functions.find((fn) => fn !== entry)
  for (const fn of all.toReversed()) fn.shape = shapeOf({ random, fn, all: all.slice(all.indexOf(fn) + 1), servers: [] })
  const servers = modules.filter((module) => module.handler !== undefined)
  entry.shape = { is: 'plain', body: blockOf({ random, fn: entry, all, servers }, ['a'], 3, 5) }
  return { modules, entry }
}

type Context = { readonly random: Random; readonly fn: Fn; readonly all: readonly Fn[]; readonly servers: readonly Module[] }

function shapeOf(context: Context): Fn['shape'] {
  const { random, fn } = context
  const roll = random.below(10)
  const { parameters } = fn
  if (roll < 2 && fn.defaults === 0) {
    return { is: 'parity', even: blockOf(context, parameters, 2, 2), odd: blockOf(context, parameters, 2, 2) }
  }
  if (roll < 4 && parameters.length === 2 && fn.defaults === 0) {
    return { is: 'loop', end: blockOf(context, ['b'], 1, 1), step: exprOf(context, ['b'], 2), tail: random.chance(0.7) ? 'tail' : 'within' }
  }
  if (roll === 4 && fn.visibility === 'def' && fn.defaults === 0) {
    const to = context.all.filter((one) => one.module !== fn.module && one.visibility === 'def' && one.parameters.length === parameters.length)
    if (to.length > 0) return { is: 'delegate', to: random.pick(to) }
  }
  return { is: 'plain', body: blockOf(context, parameters, 2, 3) }
}

function blockOf(context: Context, known: readonly string[], depth: number, most: number): Block {
  const { random } = context
  const variables = [...known]
  const statements = Array.from({ length: random.below(most + 1) }, () => {
    const value = exprOf(context, variables, depth)
    const bind = random.chance(0.5) ? `v${variables.length}` : null
    if (bind !== null) variables.push(bind)
    return { bind, value }
  })
  return { statements, last: exprOf(context, variables, depth) }
}

function exprOf(context: Context, variables: readonly string[], depth: number): Expr {
  const { random } = context
  const leaf = (): Expr => (random.chance(0.6) ? { is: 'variable', name: random.pick(variables) } : { is: 'number', value: random.below(9) })
  if (depth <= 0) return leaf()
  const next = () => exprOf(context, variables, depth - 1)
  const roll = random.below(100)
  if (roll < 42) return callOf(context, next) ?? leaf()
  if (roll < 52) return pipeOf(context, next) ?? leaf()
  if (roll < 64) return { is: 'operation', operator: random.pick(['+', '-'] as const), left: next(), right: next() }
  if (roll < 71) return { is: 'if', condition: next(), yes: blockOf(context, variables, depth - 1, 1), no: blockOf(context, variables, depth - 1, 1) }
  if (roll < 77) {
    const block = () => blockOf(context, variables, depth - 1, 1)
    return { is: 'case', subject: next(), zero: block(), one: block(), other: block() }
  }
  if (roll < 83) {
    return { is: 'each', numbers: [1, 2, 3].slice(0, 1 + random.below(3)), variable: 'x', body: exprOf(context, [...variables, 'x'], depth - 1), as: random.pick(['fn', 'for'] as const) }
  }
  if (roll < 86) {
    const targets = targetsOf(context).filter(({ parameters }) => parameters.length === 1)
    if (targets.length > 0) {
      const target = random.pick(targets)
      return { is: 'capture', numbers: [3, 4], target, style: target.module === context.fn.module ? 'local' : 'alias' }
    }
  }
  if (roll < 89) return { is: 'anonymous', variable: 'y', body: exprOf(context, [...variables, 'y'], depth - 1), argument: next() }
  if (roll < 93 && context.servers.length > 0) return { is: 'ask', server: random.pick(context.servers), argument: next() }
  return leaf()
}

function targetsOf({ all, fn }: Context): Fn[] {
  return all.filter((one) => one.visibility === 'def' || one.module === fn.module)
}

function callOf(context: Context, next: () => Expr): Expr | undefined {
  const { random } = context
  const targets = targetsOf(context)
  if (targets.length === 0) return undefined
  const target = random.pick(targets)
  const nArgs = target.parameters.length - (random.chance(0.5) ? target.defaults : 0)
  const args = Array.from({ length: nArgs }, (_, idx): Expr => (idx === 0 && target.shape.is === 'loop' ? { is: 'number', value: random.below(4) } : next()))
  return { is: 'call', target, args, style: styleOf(context, target), layout: random.chance(0.15) ? 'tall' : 'flat' }
}

function pipeOf(context: Context, next: () => Expr): Expr | undefined {
  const { random } = context
  const targets = targetsOf(context).filter(({ shape }) => shape.is !== 'loop')
  if (targets.length === 0) return undefined
  const steps = Array.from({ length: 1 + random.below(3) }, () => {
    const target = random.pick(targets)
    const style = styleOf(context, target)
    return { target, rest: target.parameters.slice(1).map(() => next()), style: style === 'apply' ? ('full' as const) : style }
  })
  return { is: 'pipe', first: next(), steps, layout: random.chance(0.7) ? 'tall' : 'flat' }
}

function styleOf({ random, fn }: Context, target: Fn): Style {
  if (target.module === fn.module) return target.visibility === 'defp' || random.chance(0.85) ? 'local' : 'own module'
  const roll = random.below(10)
  return roll < 6 ? 'alias' : roll < 8 ? 'full' : roll < 9 ? 'imported' : 'apply'
}

/** The same program with one function rewritten: who calls what before and after is the same for all others. */
export function reviseProgram(random: Random, program: Program): { readonly revised: Program; readonly changed: Fn } {
  const functions = program.modules.flatMap((module) => module.functions)
  const plain = functions.filter((fn) => fn !== program.entry && fn.shape.is === 'plain')
  const changed = plain.length > 0 ? random.pick(plain) : program.entry
  const later = functions.filter((fn) => fn.module !== changed.module && fn.visibility === 'def')
  const shape = { is: 'plain' as const, body: blockOf({ random, fn: changed, all: later, servers: [] }, changed.parameters, 2, 4) }
  const revised = { ...program, modules: program.modules.map((module) => ({ ...module, functions: module.functions.map((fn) => (fn === changed ? { ...fn, shape } : fn)) })) }
  return { revised, changed }
}
