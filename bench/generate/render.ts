/**
 * The source of each generated module, by kind, and of the files around them.
 *
 * Invariant: `renderModule` is a pure function of a project plan and an index. Modules refer to each other at
 * compile time only downwards: everything to Bazaar.Core, an adapter to its behaviour.
 */
import { bodyOf, definition } from './bodies.ts'
import { expression, literal, shortName, type Scope } from './expressions.ts'
import { APP, contextOf, CONTEXT_SIZE, PREFIX, SERVER_AT, type ModulePlan, type Parameter, type PlannedFunction, type ProjectPlan, type Type } from './plan.ts'
import { randomFrom, type Random } from './random.ts'
import { CORE } from './templates.ts'
import { ATOMS, KEYS, NOUNS, OBJECTS, TEXTS, VERBS } from './words.ts'

const SPECS: Record<Type, string> = {
  int: 'integer()',
  str: 'String.t()',
  map: 'map()',
  list: 'list()',
  opts: 'keyword()',
  bool: 'boolean()',
  ok: '{:ok, map()} | {:error, atom() | String.t()}',
}
/** So that bodies do not depend on how many choices the plan took. */
const BODY_STREAM = 1_000_003
/** Servers that the application starts; the others are there to be read. */
const STARTED_CONTEXTS = 5

type Parts = { readonly before: readonly string[]; readonly functions: readonly string[] }

const indent = (lines: readonly string[]): string[] => lines.map((line) => (line === '' ? '' : `  ${line}`))

/** The source of the module at `index`. */
export function renderModule(project: ProjectPlan, index: number): string {
  const own = project.plan(index)
  if (own.kind === 'core') return CORE
  const scope: Scope = { random: randomFrom(project.seed, index + BODY_STREAM), project, own, variables: [], uses: new Map() }
  const parts = partsOf(scope)
  const body = [...parts.before, ...(parts.functions.length > 0 && parts.before.length > 0 ? [''] : []), ...parts.functions]
  const keyword = own.kind === 'protocol' ? 'defprotocol' : 'defmodule'
  const logger = body.some((line) => line.includes('Logger.')) ? ['require Logger', ''] : []
  const intro = [...moduledoc(scope), ...usesOf(own), ...aliases(scope, body), ...logger]
  return `${[`${keyword} ${own.name} do`, ...indent([...intro, ...body]), 'end', ...outside(scope)].join('\n')}\n`
}

function moduledoc({ random, own }: Scope): string[] {
  if (own.kind === 'test') return []
  if (random.chance(0.15)) return ['@moduledoc false', '']
  const example = random.chance(0.2) ? ['', '## Examples', '', `    iex> ${shortName(own)}.__info__(:module)`, `    ${own.name}`] : []
  return ['@moduledoc """', sentence(random), ...(random.chance(0.5) ? ['', sentence(random), sentence(random)] : []), ...example, '"""', '']
}

function sentence(random: Random): string {
  const verb = random.one(VERBS)
  const noun = random.one(NOUNS).toLowerCase()
  return `${verb.charAt(0).toUpperCase()}${verb.slice(1)}s the ${random.one(OBJECTS).replaceAll('_', ' ')} of each ${noun}, ${random.one(TEXTS)}.`
}

function usesOf(own: ModulePlan): string[] {
  switch (own.kind) {
    case 'protocol':
      return []
    case 'application':
      return ['use Application', '']
    case 'test':
      return ['use ExUnit.Case, async: true', '']
    case 'server':
      return ['use GenServer', `use ${APP}.Core`, '']
    case 'agent':
      return ['use Agent', `use ${APP}.Core`, '']
    case 'supervisor':
      return ['use Supervisor', '']
    case 'controller':
      return [`use ${APP}.Core, :controller`, '']
    case 'worker':
      return [`use ${APP}.Core, :worker`, '']
    default:
      return [`use ${APP}.Core`, '']
  }
}

function aliases({ own, uses, project }: Scope, body: readonly string[]): string[] {
  const text = body.join('\n')
  const used = [...uses].filter(([short]) => new RegExp(`(?<![\\w.])${short}\\.`).test(text))
  const names = used.map(([, index]) => project.plan(index).name).sort()
  return names.length === 0 || own.kind === 'protocol' ? [] : [...names.map((name) => `alias ${name}`), '']
}

function partsOf(scope: Scope): Parts {
  switch (scope.own.kind) {
    case 'application':
      return application(scope)
    case 'schema':
      return schema(scope)
    case 'server':
      return server(scope)
    case 'agent':
      return agent(scope)
    case 'supervisor':
      return supervisor(scope)
    case 'behaviour':
      return behaviour(scope)
    case 'adapter':
      return adapter(scope)
    case 'protocol':
      return { before: [], functions: scope.own.functions.flatMap((fn, i) => [...gap(i), ...docs(scope, fn, 'protocol'), `def ${fn.name}(${protocolHead(fn)})`]) }
    case 'test':
      return tests(scope)
    case 'controller':
      return { before: [`@default_page ${scope.random.below(50)}`, ''], functions: [...functionsOf(scope), '', 'def default_page, do: @default_page'] }
    case 'worker':
      return worker(scope)
    default:
      return { before: [], functions: functionsOf(scope) }
  }
}

const gap = (i: number): string[] => (i === 0 ? [] : [''])

function docs({ random }: Scope, fn: PlannedFunction, style: 'public' | 'protocol' = 'public'): string[] {
  const doc =
    style === 'public' && random.chance(0.3) ? [] : random.chance(0.6) ? [`@doc "${sentence(random)}"`] : ['@doc """', sentence(random), '', sentence(random), '"""']
  const types = fn.parameters.map((p) => SPECS[p.type])
  const args = style === 'protocol' ? ['t()', ...types] : types
  const spec = random.chance(0.75) || style === 'protocol' ? [`@spec ${fn.name}(${args.join(', ')}) :: ${SPECS[fn.returns]}`] : []
  return [...doc, ...spec]
}

const protocolHead = (fn: PlannedFunction): string => ['value', ...fn.parameters.map((p) => p.name)].join(', ')

/** Public functions with docs, heads for defaults, extra clauses, and the helpers after each. */
function functionsOf(scope: Scope, prefix: readonly string[] = []): string[] {
  return scope.own.functions.flatMap((fn, i) => [...gap(i), ...functionOf(scope, fn, prefix)])
}

function functionOf(scope: Scope, fn: PlannedFunction, prefix: readonly string[]): string[] {
  const { random } = scope
  const inner: Scope = { ...scope, variables: fn.parameters }
  const { lines, helpers } = bodyOf(inner, fn)
  const first = fn.parameters[0]
  const extra = first === undefined || random.chance(0.7) ? [] : [extraClause(random, fn, first)]
  const guard = first !== undefined && random.chance(0.2) ? guardFor(first) : ''
  const main = definition('def', fn.name, fn.parameters, guard, lines)
  const head = fn.defaults === 0 ? [] : [`def ${fn.name}(${headWithDefaults(fn)})`, '']
  return [...docs(scope, fn), ...prefix, ...head, ...extra, ...(extra.length > 0 && main.length > 1 ? [''] : []), ...main, ...(helpers.length > 0 ? ['', ...helpers] : [])]
}

function headWithDefaults(fn: PlannedFunction): string {
  return fn.parameters.map((p, i) => (i >= fn.parameters.length - fn.defaults ? `${p.name} \\\\ []` : p.name)).join(', ')
}

function guardFor(parameter: Parameter): string {
  const guards = { int: `is_id(${parameter.name})`, str: `is_binary(${parameter.name})`, map: `is_map(${parameter.name})`, list: `is_list(${parameter.name})`, opts: `is_list(${parameter.name})` }
  return ` when ${guards[parameter.type]}`
}

function extraClause(random: Random, fn: PlannedFunction, first: Parameter): string {
  const patterns = { int: '0', str: '""', map: `%{${random.one(KEYS)}: :${random.one(ATOMS)}}`, list: '[]', opts: '[]' }
  const rest = fn.parameters.slice(1).map((p) => `_${p.name}`)
  return `def ${fn.name}(${[patterns[first.type], ...rest].join(', ')}), do: ${literal(random, fn.returns)}`
}

function schema(scope: Scope): Parts {
  const { random } = scope
  const fields = [...new Set(Array.from({ length: 3 + random.below(7) }, () => random.one(KEYS)))]
  const defaults = fields.map((field) => `${field}: ${random.one(['nil', '0', '[]', '""', `:${random.one(ATOMS)}`])}`)
  const types = fields.map((field) => `${field}: ${random.one(['term()', 'integer() | nil', 'String.t() | nil', 'atom()'])}`)
  return {
    before: [
      '@enforce_keys [:id]',
      `defstruct [:id, ${defaults.join(', ')}]`,
      '',
      `@type t :: %__MODULE__{`,
      ...[`id: pos_integer()`, ...types].map((line, i, all) => `        ${line}${i === all.length - 1 ? '' : ','}`),
      '      }',
      '',
      '@doc "Makes one from attributes; unknown keys are left out."',
      '@spec new(pos_integer(), map()) :: t()',
      'def new(id, attrs \\\\ %{}) when is_id(id), do: struct!(%__MODULE__{id: id}, Map.take(attrs, fields()))',
      '',
      'defp fields, do: __struct__() |> Map.keys() |> List.delete(:__struct__)',
    ],
    functions: functionsOf(scope),
  }
}

function server(scope: Scope): Parts {
  const { own } = scope
  const state: Scope = { ...scope, variables: [{ name: 'state', type: 'map' }] }
  const clauses = own.functions.flatMap((fn, i) => {
    const message = `{:${fn.name}, ${fn.parameters.map((p) => `_${p.name}`).join(', ')}}`
    const reply = expression(state, fn.returns, 1)
    return [...gap(i), ...(i === 0 ? ['@impl true'] : []), `def handle_call(${message}, _from, state) do`, `  {:reply, ${reply}, state}`, 'end']
  })
  const api = own.functions.flatMap((fn) => {
    const message = `{:${fn.name}, ${fn.parameters.map((p) => p.name).join(', ')}}`
    return ['', ...docs(scope, fn), `def ${fn.name}(${headWithDefaults(fn)}) do`, `  GenServer.call(__MODULE__, ${message})`, 'end']
  })
  return {
    before: [
      '@doc "Starts the server under its own name."',
      'def start_link(opts), do: GenServer.start_link(__MODULE__, opts, name: __MODULE__)',
      ...api,
      '',
      '@impl true',
      `def init(opts), do: {:ok, Map.new(opts), {:continue, :load}}`,
      '',
      '@impl true',
      `def handle_continue(:load, state), do: {:noreply, Map.put(state, :${scope.random.one(KEYS)}, ${scope.random.below(100)})}`,
    ],
    functions: [...clauses, '', '@impl true', 'def handle_info(message, state) do', `  Logger.debug("${scope.random.one(TEXTS)}: #{inspect(message)}")`, '  {:noreply, state}', 'end'],
  }
}

function agent(scope: Scope): Parts {
  const functions = scope.own.functions.flatMap((fn) => {
    const inner: Scope = { ...scope, variables: [...fn.parameters, { name: 'state', type: 'map' }] }
    const body = [`Agent.get_and_update(__MODULE__, fn state ->`, `  {${expression(inner, fn.returns, 1)}, Map.put(state, :${scope.random.one(KEYS)}, ${expression(inner, 'int', 1)})}`, 'end)']
    const head = fn.defaults === 0 ? [] : [`def ${fn.name}(${headWithDefaults(fn)})`, '']
    return ['', ...docs(scope, fn), ...head, ...definition('def', fn.name, fn.parameters, '', body)]
  })
  return { before: ['def start_link(opts), do: Agent.start_link(fn -> Map.new(opts) end, name: __MODULE__)'], functions }
}

function serversOf(scope: Scope, contexts: readonly number[]): string[] {
  return contexts
    .map((first) => first + SERVER_AT)
    .filter((index) => index < scope.project.modules)
    .map((index) => `{${scope.project.plan(index).name}, []}`)
}

function supervisor(scope: Scope): Parts {
  const children = serversOf(scope, [contextOf(scope.own.index)])
  const strategy = scope.random.one(['one_for_one', 'rest_for_one', 'one_for_all'])
  return {
    before: ['def start_link(opts), do: Supervisor.start_link(__MODULE__, opts, name: __MODULE__)', '', '@impl true', 'def init(_opts) do', ...indent(['children = [', ...commas(children), ']', '', `Supervisor.init(children, strategy: :${strategy}, max_restarts: ${1 + scope.random.below(9)})`]), 'end'],
    functions: [],
  }
}

const commas = (items: readonly string[]): string[] => items.map((item, i) => `  ${item}${i === items.length - 1 ? '' : ','}`)

function application(scope: Scope): Parts {
  const contexts = Array.from({ length: STARTED_CONTEXTS }, (_, i) => PREFIX + i * CONTEXT_SIZE)
  return {
    before: ['@impl true', 'def start(_type, _args) do', ...indent(['children = [', ...commas(serversOf(scope, contexts)), ']', '', `Supervisor.start_link(children, strategy: :one_for_one, name: ${APP}.Supervisor)`]), 'end'],
    functions: [],
  }
}

function callbackName(i: number): string {
  return `on_${VERBS[i % VERBS.length] ?? 'event'}`
}

const CALLBACKS = 3

function behaviour(scope: Scope): Parts {
  const callbacks = Array.from({ length: CALLBACKS }, (_, i) => [`@doc "${sentence(scope.random)}"`, `@callback ${callbackName(i)}(map(), keyword()) :: {:ok, map()} | {:error, term()}`, ''])
  return {
    before: [...callbacks.flat(), '@doc "Asks an implementation."', '@spec dispatch(module(), map(), keyword()) :: {:ok, map()} | {:error, term()}', `def dispatch(impl, event, opts \\\\ []), do: impl.${callbackName(0)}(event, opts)`],
    functions: functionsOf(scope),
  }
}

function adapter(scope: Scope): Parts {
  const callbacks = Array.from({ length: CALLBACKS }, (_, i) => {
    const inner: Scope = { ...scope, variables: [{ name: 'event', type: 'map' }, { name: 'opts', type: 'opts' }] }
    return ['@impl true', ...definition('def', callbackName(i), inner.variables, '', [expression(inner, 'ok', 2)]), '']
  })
  return { before: [`@behaviour ${scope.project.plan(scope.own.about).name}`, '', ...callbacks.flat().slice(0, -1)], functions: functionsOf(scope) }
}

function worker(scope: Scope): Parts {
  const inner: Scope = { ...scope, variables: [{ name: 'job', type: 'map' }] }
  return {
    before: [`@queue :${scope.random.one(ATOMS)}`, '', '@impl true', 'def queue, do: @queue', '', '@impl true', ...definition('def', 'perform', inner.variables, '', [expression(inner, 'ok', 2)])],
    functions: functionsOf(scope),
  }
}

/** Implementations of a protocol stand beside it. */
function outside(scope: Scope): string[] {
  const { own, random } = scope
  if (own.kind !== 'protocol') return []
  return ['Integer', 'Map', '[List, Tuple]'].slice(0, 1 + random.below(3)).flatMap((target) => [
    '',
    `defimpl ${own.name}, for: ${target} do`,
    ...own.functions.flatMap((fn, i) => [...gap(i).map(() => ''), ...indent(definition('def', fn.name, [{ name: 'value', type: 'map' }, ...fn.parameters], '', [`"${random.one(TEXTS)}: #{inspect(value)}"`]))]),
    'end',
  ])
}

function tests(scope: Scope): Parts {
  const { project, own, random } = scope
  const tested = project.plan(own.about)
  const blocks = tested.functions.slice(0, Math.max(1, Math.round(own.lines / 8))).map((fn) => [
    '',
    `test "${fn.name.replaceAll('_', ' ')} can be called with ${fn.parameters.length} arguments" do`,
    `  assert function_exported?(${shortName(tested)}, :${fn.name}, ${fn.parameters.length + (tested.kind === 'protocol' ? 1 : 0)})`,
    ...(random.chance(0.5) ? [`  refute function_exported?(${shortName(tested)}, :${fn.name}, ${fn.parameters.length + 7})`] : []),
    'end',
  ])
  const isNamed = tested.name.includes('.')
  return { before: [...(isNamed ? [`alias ${tested.name}`, ''] : []), 'setup_all do', `  {:module, module} = Code.ensure_loaded(${shortName(tested)})`, '  %{tested: module}', 'end', '', 'test "the module is there", %{tested: tested} do', `  assert tested == ${tested.name}`, 'end'], functions: blocks.flat() }
}
