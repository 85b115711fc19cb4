import { expect, test } from 'vitest'
import type { ModuleFacts } from '../../src/model/facts.ts'
import { analyseText, functionOf, moduleOf } from './support/show.ts'

function check(source: string, expected: Partial<ModuleFacts>): void {
  expect(moduleOf(source)).toMatchObject(expected)
}

test('docs: heredocs lose their indentation, escapes are read, false hides', () => {
  check('defmodule A do\n  @moduledoc """\n  First.\n\n    Second \\"x\\" \\u00e9.\n  """\nend', { doc: { text: 'First.\n\n  Second "x" é.\n', hidden: false } })
  check('defmodule A do\n  @moduledoc ~S"""\n  Raw \\n #{x}.\n  """\nend', { doc: { text: 'Raw \\n #{x}.\n', hidden: false } })
  check('defmodule A do\n  @moduledoc false\nend', { doc: { text: null, hidden: true } })
  check('defmodule A do\n  @moduledoc "one" <> "two"\n  @moduledoc since: "1"\nend', { doc: { text: '"one" <> "two"', hidden: false } })
  check('defmodule A do\nend', { doc: { text: null, hidden: false } })
})

test('doc, spec, impl and deprecated go to the definition that follows', () => {
  const source = `defmodule A do
    @doc "Does f."
    @doc since: "1.1"
    @spec f(integer()) :: integer()
    @spec f(x) :: x when x: var
    @deprecated "Use g/1"
    @impl true
    def f(1), do: 1
    def f(x), do: x

    @doc false
    @impl A.B
    def g(x), do: x

    @doc "for the callback"
    @callback h(x :: term) :: term
    def i, do: 1
    @spec a + b :: integer
    def a + b, do: {a, b}
    @doc deprecated: "gone"
    def j, do: 1
  end`
  expect(functionOf(source, 'f/1')).toMatchObject({
    doc: { text: 'Does f.', hidden: false }, deprecated: 'Use g/1', impl: true, specs: ['f(integer()) :: integer()', 'f(x) :: x when x: var'],
  })
  expect(functionOf(source, 'g/1')).toMatchObject({ doc: { text: null, hidden: true }, deprecated: null, impl: 'A.B', specs: [] })
  expect(functionOf(source, 'i/0')).toMatchObject({ doc: { text: null, hidden: false } })
  expect(functionOf(source, '+/2').specs).toEqual(['a + b :: integer'])
  expect(functionOf(source, 'j/0').deprecated).toBe('gone')
})

test('types, callbacks, behaviours and the other attributes', () => {
  check(
    `defmodule A do
      alias X.Behaviour
      @behaviour Behaviour
      @behaviour :gen_event
      @type t :: %__MODULE__{}
      @typep pair(a, b) :: {a, b}
      @opaque id :: integer
      @callback call(term) :: Foo.Bar.t()
      @macrocallback expand(Macro.t) :: Macro.t
      @optional_callbacks call: 1
      @timeout 5_000
      @derive {Jason.Encoder, only: [:a]}
      @typedoc "not an attribute to list"
      def f, do: @timeout
    end`,
    {
      behaviours: ['X.Behaviour', ':gen_event'],
      types: [
        { kind: 'type', name: 't', arity: 0, text: 't :: %__MODULE__{}', line: 5 },
        { kind: 'typep', name: 'pair', arity: 2, text: 'pair(a, b) :: {a, b}', line: 6 },
        { kind: 'opaque', name: 'id', arity: 0, text: 'id :: integer', line: 7 },
      ],
      callbacks: [
        { kind: 'callback', name: 'call', arity: 1, text: 'call(term) :: Foo.Bar.t()', optional: true, line: 8 },
        { kind: 'macrocallback', name: 'expand', arity: 1, text: 'expand(Macro.t) :: Macro.t', optional: false, line: 9 },
      ],
      attributes: [
        { name: 'timeout', text: '5_000', line: 11, column: 7 },
        { name: 'derive', text: '{Jason.Encoder, only: [:a]}', line: 12, column: 7 },
      ],
      dependencies: ['Foo.Bar', 'Jason.Encoder', 'Macro', 'X.Behaviour'],
    },
  )
})

test('structs and exceptions', () => {
  check('defmodule A do\n  @enforce_keys [:a]\n  defstruct [:a, b: %{x: 1}, c: nil]\nend', {
    struct: { kind: 'struct', fields: [{ name: 'a', default: null }, { name: 'b', default: '%{x: 1}' }, { name: 'c', default: 'nil' }], enforced: ['a'], line: 3 },
  })
  check('defmodule A do\n  @enforce_keys ~w(a b)a\n  defstruct ~w(a b)a\nend', {
    struct: { kind: 'struct', fields: [{ name: 'a', default: null }, { name: 'b', default: null }], enforced: ['a', 'b'], line: 3 },
  })
  check('defmodule A do\n  defexception message: "no", code: 1\nend', {
    struct: { kind: 'exception', fields: [{ name: 'message', default: '"no"' }, { name: 'code', default: '1' }], enforced: [], line: 2 },
  })
  check('defmodule A do\n  defstruct @fields\nend', { struct: { kind: 'struct', fields: [], enforced: [], line: 2 } })
})

test('directives keep what they say', () => {
  check(
    `defmodule A do
      alias B.{C, D.E}
      alias B.F, as: G, warn: false
      import Ecto.Query, only: [from: 2, where: 3]
      import Kernel, except: [inspect: 1]
      import Bitwise, only: :functions
      require Logger
      require B.Macros, as: M
      use B.Web, :controller
      def f do
        alias B.Inner
        Inner.f()
      end
    end`,
    {
      directives: [
        { kind: 'alias', module: 'B.C', as: 'C', only: null, except: null, argument: null, line: 2, column: 7 },
        { kind: 'alias', module: 'B.D.E', as: 'E', only: null, except: null, argument: null, line: 2, column: 7 },
        { kind: 'alias', module: 'B.F', as: 'G', only: null, except: null, argument: 'as: G, warn: false', line: 3, column: 7 },
        { kind: 'import', module: 'Ecto.Query', as: null, only: ['from/2', 'where/3'], except: null, argument: 'only: [from: 2, where: 3]', line: 4, column: 7 },
        { kind: 'import', module: 'Kernel', as: null, only: null, except: ['inspect/1'], argument: 'except: [inspect: 1]', line: 5, column: 7 },
        { kind: 'import', module: 'Bitwise', as: null, only: [':functions'], except: null, argument: 'only: :functions', line: 6, column: 7 },
        { kind: 'require', module: 'Logger', as: null, only: null, except: null, argument: null, line: 7, column: 7 },
        { kind: 'require', module: 'B.Macros', as: 'M', only: null, except: null, argument: 'as: M', line: 8, column: 7 },
        { kind: 'use', module: 'B.Web', as: null, only: null, except: null, argument: ':controller', line: 9, column: 7 },
        { kind: 'alias', module: 'B.Inner', as: 'Inner', only: null, except: null, argument: null, line: 11, column: 9 },
      ],
      dependencies: ['B.C', 'B.D.E', 'B.F', 'B.Inner', 'B.Macros', 'B.Web', 'Bitwise', 'Ecto.Query', 'Kernel', 'Logger'],
    },
  )
})

test('long texts are cut where it is documented', () => {
  const long = `[${'1, '.repeat(2000)}1]`
  const { attributes, functions } = moduleOf(`defmodule A do\n  @list ${long}\n  def f(x \\\\ ${long}), do: x\nend`)
  expect(attributes[0]?.text).toHaveLength(501)
  expect(attributes[0]?.text.endsWith('…')).toBe(true)
  expect(functions[0]?.clauses[0]?.parameters[0]).toHaveLength(501)
})

test('a module and a file know their size', () => {
  const file = analyseText('# one\n\ndefmodule A do\n  @moduledoc """\n  # in a string\n\n  text\n  """\n  # no code\n  def f do\n    1 # code\n\n  end\nend\n')
  expect(file.lines).toBe(14)
  expect(file.modules[0]?.linesOfCode).toBe(9)
  expect(file.modules[0]?.functions[0]?.linesOfCode).toBe(3)
})
