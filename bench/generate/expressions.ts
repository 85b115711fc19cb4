/**
 * Typed Elixir expressions for generated functions: variables in scope, literals, and calls of planned functions.
 *
 * Invariant: every expression uses only variables of its scope and functions that some module of the project has,
 * with an arity it has. Literals come from words.ts and never spell a parameter's name.
 */
import { contextOf, CONTEXT_SIZE, type ModulePlan, type Parameter, type PlannedFunction, type ProjectPlan, type Type } from './plan.ts'
import type { Random } from './random.ts'
import { ATOMS, KEYS, TEXTS } from './words.ts'

/** Where an expression stands. `uses` collects the modules to alias, by their last part. */
export type Scope = {
  readonly random: Random
  readonly project: ProjectPlan
  readonly own: ModulePlan
  readonly variables: readonly Parameter[]
  readonly uses: Map<string, number>
}

const LOOKS = 12
const LOCALITY = 0.8
/** Kinds whose functions others call; a protocol's take a value of their own, a server's need a process. */
const CALLABLE = new Set(['context', 'schema', 'worker', 'util', 'adapter', 'agent', 'server', 'controller'])

/** The last part of a module's name, by which it is used where the header aliases it. */
export function shortName(plan: ModulePlan): string {
  return plan.name.slice(plan.name.lastIndexOf('.') + 1)
}

/** Another module as it is spelled here: in full where its last part already means a third one. */
function spelling(scope: Scope, plan: ModulePlan): string {
  const short = shortName(plan)
  const taken = scope.uses.get(short)
  if (taken === undefined) scope.uses.set(short, plan.index)
  return taken === undefined || taken === plan.index ? short : plan.name
}

/** A module that is no test, mostly of the same context, and a function of it that returns `type`. */
export function findCallee(scope: Scope, type: Type): { plan: ModulePlan; fn: PlannedFunction } | undefined {
  const { random, project, own } = scope
  for (let look = 0; look < LOOKS; look += 1) {
    const near = contextOf(own.index)
    const index = own.index > 1 && random.chance(LOCALITY) ? near + random.below(CONTEXT_SIZE) : random.below(project.modules)
    if (index >= project.modules || index < 2) continue
    const plan = project.plan(index)
    const candidates = CALLABLE.has(plan.kind) ? plan.functions.filter((fn) => fn.returns === type) : []
    if (candidates.length > 0) return { plan, fn: random.one(candidates) }
  }
  return undefined
}

/** A call of a planned function; `piped` leaves out the first argument. */
export function call(scope: Scope, type: Type, depth: number, style: 'plain' | 'piped' = 'plain'): string | undefined {
  const found = findCallee(scope, type)
  if (found === undefined) return undefined
  const { plan, fn } = found
  const given = scope.random.chance(0.5) ? fn.parameters.length : fn.parameters.length - fn.defaults
  const parameters = fn.parameters.slice(style === 'piped' ? 1 : 0, given)
  const args = parameters.map((parameter) => expression(scope, parameter.type, depth - 1)).join(', ')
  if (plan.index === scope.own.index) return `${fn.name}(${args})`
  return `${spelling(scope, plan)}.${fn.name}(${args})`
}

export function variable(scope: Scope, type: Type): string | undefined {
  const fitting = scope.variables.filter((v) => v.type === type)
  return fitting.length === 0 ? undefined : scope.random.one(fitting).name
}

/** An expression of `type`; below depth 1 only variables and literals. */
export function expression(scope: Scope, type: Type, depth: number): string {
  const { random } = scope
  const known = variable(scope, type)
  if (known !== undefined && random.chance(0.65)) return known
  if (depth > 0 && random.chance(0.3)) {
    const made = call(scope, type, depth)
    if (made !== undefined) return made
  }
  return depth > 0 ? compound(scope, type, depth) : (known ?? literal(random, type))
}

export function literal(random: Random, type: Type): string {
  switch (type) {
    case 'int':
      return random.chance(0.1) ? `${1 + random.below(9)}_000` : String(1 + random.below(500))
    case 'str':
      return `"${random.one(TEXTS)}"`
    case 'map':
      return random.chance(0.3) ? '%{}' : `%{${random.one(KEYS)}: :${random.one(ATOMS)}}`
    case 'list':
      return random.chance(0.3) ? '[]' : `[:${random.one(ATOMS)}, :${random.one(ATOMS)}]`
    case 'opts':
      return `[${random.one(KEYS)}: ${1 + random.below(50)}]`
    case 'bool':
      return random.one(['true', 'false'])
    case 'ok':
      return random.chance(0.5) ? `{:ok, %{${random.one(KEYS)}: ${random.below(100)}}}` : `{:error, :${random.one(ATOMS)}}`
  }
}

function compound(scope: Scope, type: Type, depth: number): string {
  const { random } = scope
  const of = (t: Type): string => expression(scope, t, depth - 1)
  const key = random.one(KEYS)
  switch (type) {
    case 'int':
      return random.one([
        () => `length(${of('list')})`,
        () => `map_size(${of('map')})`,
        () => `String.length(${of('str')})`,
        () => `${variable(scope, 'int') ?? `Map.get(${of('map')}, :${key}, 0)`} + ${random.below(20)}`,
        () => `Map.get(${of('map')}, :${key}, ${random.below(100)})`,
        () => `clamp(${of('int')}, 0, ${100 + random.below(900)})`,
      ])()
    case 'str':
      return random.one([
        () => `"#{${of('int')}}-#{${of('str')}}"`,
        () => `String.upcase(${of('str')})`,
        () => `inspect(${of('map')})`,
        () => `Enum.join(${of('list')}, ", ")`,
        () => `String.trim(${of('str')})`,
        () => `to_string(${of('int')})`,
      ])()
    case 'map':
      return random.one([
        () => `Map.put(${of('map')}, :${key}, ${of('int')})`,
        () => `%{${key}: ${of('int')}, note: ${of('str')}}`,
        () => `Map.take(${of('map')}, [:${key}, :id])`,
        () => `Map.new(${of('list')}, &{&1, :${random.one(ATOMS)}})`,
      ])()
    case 'list':
      return random.one([
        () => `Enum.uniq(${of('list')})`,
        () => `[${of('int')} | ${of('list')}]`,
        () => `Enum.reject(${of('list')}, &is_nil/1)`,
        () => `Map.get(${of('map')}, :${key}, [])`,
        () => `~w(${random.one(ATOMS)} ${random.one(ATOMS)})a`,
      ])()
    case 'opts':
      return `[${key}: ${of('int')}, limit: ${random.below(100)}]`
    case 'bool':
      return random.one([
        () => `${variable(scope, 'int') ?? `Enum.count(${of('list')})`} > ${random.below(50)}`,
        () => `Map.has_key?(${variable(scope, 'map') ?? `Map.new(${of('list')}, &{&1, true})`}, :${key})`,
        () => `Enum.any?(${of('list')})`,
        () => `Enum.member?(${of('list')}, :${key})`,
      ])()
    case 'ok':
      return random.chance(0.7) ? `{:ok, ${of('map')}}` : `{:error, :${random.one(ATOMS)}}`
  }
}
