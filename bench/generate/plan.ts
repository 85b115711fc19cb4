/**
 * What a generated project consists of: for each module its kind, name, file and public functions.
 *
 * Invariant: the plan of a module depends on the seed, its index and the number of modules alone, so any
 * module may call any other by its plan, and the call is to a function that exists.
 * Deliberately absent: source text (render.ts).
 */
import { CONTEXTS, NOUNS, OBJECTS, QUALIFIERS, VERBS } from './words.ts'
import { normal, randomFrom, type Random } from './random.ts'

export type Type = 'int' | 'str' | 'map' | 'list' | 'opts' | 'bool' | 'ok'
export type Parameter = { readonly name: string; readonly type: Exclude<Type, 'bool' | 'ok'> }
export type PlannedFunction = {
  readonly name: string
  readonly parameters: readonly Parameter[]
  /** How many of the last parameters have a default. */
  readonly defaults: number
  readonly returns: Type
}
export type Kind =
  | 'core' | 'application' | 'context' | 'schema' | 'server' | 'agent' | 'supervisor' | 'controller' | 'worker' | 'behaviour' | 'adapter' | 'protocol' | 'util' | 'test'

export type ModulePlan = {
  readonly index: number
  readonly kind: Kind
  readonly name: string
  /** Relative to the project, with `/`. */
  readonly path: string
  /** How many lines the module is meant to have, roughly. */
  readonly lines: number
  readonly functions: readonly PlannedFunction[]
  /** The module that a test tests, that an adapter implements; otherwise -1. */
  readonly about: number
}
export type ProjectPlan = {
  readonly seed: number
  readonly modules: number
  /** Plans are made when first asked for and kept. */
  plan(index: number): ModulePlan
}

export const APP = 'Bazaar'
/** Modules of one context; the first is the context itself, the last two are tests. */
export const CONTEXT_SIZE = 16
/** The modules before the first context: Bazaar.Core and Bazaar.Application. */
export const PREFIX = 2
/** Where in a context its server stands, so that others find it. */
export const SERVER_AT = 2
export const SCHEMA_AT = 1
const BEHAVIOUR_AT = 3

const MEDIAN_LINES = 80
const SPREAD = 0.9
const LEAST_LINES = 12
const MOST_LINES = 1_500
/** What a public function takes on average, with doc, spec, helper and blank lines. */
const LINES_PER_FUNCTION = 15

const NAMES: Record<Parameter['type'], readonly string[]> = {
  int: ['id', 'count', 'amount', 'offset', 'quantity', 'index', 'page'],
  str: ['name', 'email', 'slug', 'title', 'token', 'path', 'label'],
  map: ['attrs', 'params', 'meta', 'record', 'context'],
  list: ['items', 'rows', 'entries', 'events', 'ids'],
  opts: ['opts'],
}
/** Names that would be optional callbacks of OTP's behaviours. */
const TAKEN = new Set(['format_status'])
const RETURNS: Record<Kind, readonly Type[]> = {
  core: ['map'],
  application: ['map'],
  context: ['ok', 'ok', 'ok', 'list', 'map', 'int', 'bool'],
  schema: ['map', 'map', 'ok', 'bool', 'str'],
  server: ['ok', 'map', 'int', 'list'],
  agent: ['map', 'int', 'list'],
  supervisor: ['map'],
  controller: ['map', 'map', 'ok'],
  worker: ['ok', 'list', 'map'],
  behaviour: ['ok', 'map'],
  adapter: ['ok', 'map', 'str'],
  protocol: ['str'],
  util: ['int', 'str', 'list', 'map', 'bool'],
  test: ['map'],
}
const OTHERS: readonly Kind[] = [
  'schema', 'schema', 'schema', 'controller', 'controller', 'controller', 'worker', 'worker', 'util', 'util', 'server', 'agent', 'protocol', 'supervisor',
]

export function planProject(options: { readonly modules: number; readonly seed: number }): ProjectPlan {
  const plans: (ModulePlan | undefined)[] = []
  const project: ProjectPlan = {
    ...options,
    plan: (index) => {
      const known = plans[index]
      if (known !== undefined) return known
      const made = planModule(project, index)
      plans[index] = made
      return made
    },
  }
  return project
}

/** The index of the first module of the context that `index` belongs to. */
export function contextOf(index: number): number {
  return index < PREFIX ? index : index - ((index - PREFIX) % CONTEXT_SIZE)
}

/** `FooBar` as `foo_bar`. */
export function underscore(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase()
}

function planModule(project: ProjectPlan, index: number): ModulePlan {
  const random = randomFrom(project.seed, index)
  const lines = Math.round(Math.min(MOST_LINES, Math.max(LEAST_LINES, MEDIAN_LINES * Math.exp(SPREAD * normal(random)))))
  if (index === 0) return { index, kind: 'core', name: `${APP}.Core`, path: 'lib/bazaar/core.ex', lines, functions: [], about: -1 }
  if (index === 1) return { index, kind: 'application', name: `${APP}.Application`, path: 'lib/bazaar/application.ex', lines, functions: [], about: -1 }
  const first = contextOf(index)
  const local = index - first
  if (local >= CONTEXT_SIZE - 2) return planTest(project, index, first + random.below(7) + (local === CONTEXT_SIZE - 1 ? 7 : 0), lines)
  const kind = kindAt(random, (first - PREFIX) / CONTEXT_SIZE, local)
  const context = contextName((first - PREFIX) / CONTEXT_SIZE)
  const noun = NOUNS[((first - PREFIX) / CONTEXT_SIZE * 7 + local) % NOUNS.length] ?? 'Thing'
  const functions = kind === 'supervisor' ? [] : planFunctions(random, kind, Math.max(1, Math.round(lines / LINES_PER_FUNCTION)))
  return { index, kind, ...place(kind, context, noun), lines, functions, about: kind === 'adapter' ? first + BEHAVIOUR_AT : -1 }
}

function planTest(project: ProjectPlan, index: number, about: number, lines: number): ModulePlan {
  const tested = project.plan(about)
  const path = tested.path.replace(/^lib/, 'test').replace(/\.ex$/, '_test.exs')
  return { index, kind: 'test', name: `${tested.name}Test`, path, lines, functions: [], about }
}

function kindAt(random: Random, context: number, local: number): Kind {
  if (local === 0) return 'context'
  if (local === SCHEMA_AT) return 'schema'
  if (local === SERVER_AT) return 'server'
  if (local === BEHAVIOUR_AT) return context % 3 === 0 ? 'behaviour' : 'schema'
  if (local === BEHAVIOUR_AT + 1 && context % 3 === 0) return 'adapter'
  return random.one(OTHERS)
}

/** Contexts are numbered without end; beyond the vocabulary they carry their number. */
function contextName(number: number): string {
  const qualifier = QUALIFIERS[Math.floor(number / CONTEXTS.length) % QUALIFIERS.length] ?? ''
  const round = Math.floor(number / (CONTEXTS.length * QUALIFIERS.length))
  return `${CONTEXTS[number % CONTEXTS.length] ?? 'Context'}${qualifier}${round === 0 ? '' : round + 1}`
}

function place(kind: Kind, context: string, noun: string): { name: string; path: string } {
  const folder = `lib/bazaar/${underscore(context)}`
  const at = (suffix: string): { name: string; path: string } => ({
    name: `${APP}.${context}.${noun}${suffix}`,
    path: `${folder}/${underscore(noun + suffix)}.ex`,
  })
  switch (kind) {
    case 'context':
      return { name: `${APP}.${context}`, path: `${folder}.ex` }
    case 'controller':
      return { name: `${APP}Web.${context}.${noun}Controller`, path: `lib/bazaar_web/controllers/${underscore(context)}/${underscore(noun)}_controller.ex` }
    case 'schema':
      return at('')
    case 'util':
      return at('Helpers')
    default:
      return at(kind.charAt(0).toUpperCase() + kind.slice(1))
  }
}

function planFunctions(random: Random, kind: Kind, count: number): readonly PlannedFunction[] {
  const functions: PlannedFunction[] = []
  const names = new Set<string>()
  while (functions.length < count) {
    const plain = `${random.one(VERBS)}_${random.one(OBJECTS)}`
    if (TAKEN.has(plain)) continue
    const name = names.has(plain) ? `${plain}_${functions.length}` : plain
    names.add(name)
    const returns = random.one(RETURNS[kind])
    const parameters = planParameters(random, kind)
    const last = parameters.at(-1)
    functions.push({ name: returns === 'bool' ? `${name}?` : name, parameters, defaults: last?.type === 'opts' ? 1 : 0, returns })
  }
  return functions
}

function planParameters(random: Random, kind: Kind): readonly Parameter[] {
  const count = 1 + random.below(3)
  const parameters: Parameter[] = []
  for (let i = 0; i < count; i += 1) {
    const type = i === 0 && (kind === 'schema' || kind === 'controller') ? 'map' : random.one(['int', 'str', 'map', 'list'] as const)
    const free = NAMES[type].filter((name) => !parameters.some((p) => p.name === name))
    parameters.push({ name: random.one(free), type })
  }
  // A server's functions and a protocol's have a first argument of their own; an option list stands last.
  if (kind !== 'protocol' && random.chance(0.25)) parameters.push({ name: 'opts', type: 'opts' })
  return parameters
}
