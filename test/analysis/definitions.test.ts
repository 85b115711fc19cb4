import { expect, test } from 'vitest'
import { analyseText, functionOf, moduleOf, showModule } from './support/show.ts'

function check(source: string, expected: readonly string[]): void {
  expect(analyseText(source).modules.flatMap(showModule)).toEqual(expected)
}

test('clauses, guards, defaults and heads without a body', () => {
  check(
    `defmodule A do
      def f(x, y \\\\ nil)
      def f(x, nil) when is_list(x), do: x
      def f(%{a: a} = x, [b | _]), do: {x, a, b}
      defp g, do: 1
      def h(a \\\\ 1, b, c \\\\ [1, 2]) when a > b do
        c
      end
      def no_parens a, b do a + b end
      def only_head(x)
    end`,
    [
      'module A',
      '  def f/2 -1 (x, nil) when is_list(x) | (%{a: a} = x, [b | _])',
      '  defp g/0 ()',
      '  def h/3 -2 (a \\\\ 1, b, c \\\\ [1, 2]) when a > b',
      '  def no_parens/2 (a, b)',
      '  def only_head/1 (x)',
    ],
  )
})

test('macros, guards, operators, sigils and names made by unquote', () => {
  check(
    `defmodule A do
      defmacro m(x), do: x
      defmacrop mp(x, do: block), do: {x, block}
      defguard is_even(x) when rem(x, 2) == 0
      defguardp is_odd(x) when rem(x, 2) == 1
      def left <~> right, do: {left, right}
      def a |> b when is_list(a), do: {a, b}
      def -a, do: a
      def sigil_x(string, []), do: string
      def unquote(name)(a, b), do: {a, b}
      def unquote(name)(), do: 1
      def unquote(:"odd name")(x), do: x
    end`,
    [
      'module A',
      '  defmacro m/1 (x)',
      '  defmacrop mp/2 (x, do: block)',
      '  defguard is_even/1 (x) when rem(x, 2) == 0',
      '  defguardp is_odd/1 (x) when rem(x, 2) == 1',
      '  def <~>/2 (left, right)',
      '  def |>/2 (a, b) when is_list(a)',
      '  def -/1 (a)',
      '  def sigil_x/2 (string, [])',
      '  def ~dynamic/2 (a, b)',
      '  def ~dynamic/0 ()',
      '  def odd name/1 (x)',
    ],
  )
})

test('nested modules, protocols and implementations', () => {
  check(
    `defmodule A do
      defmodule B do
        def f, do: 1
        defmodule C.D, do: (def f, do: 1)
      end
      defimpl P, do: (def p(x), do: x)
      defprotocol Q do
        @doc "q"
        def q(x)
        def q(x, y)
      end
    end
    defimpl P, for: [A, Integer] do
      def p(x), do: x
    end
    defimpl A.Q, for: Any, do: (def q(x), do: x)
    defmodule :erl, do: (def f, do: 1)
    if true do
      defmodule InIf, do: nil
    end
    defmodule Module.concat(A, B), do: nil`,
    [
      'module A', 'module A.B', '  def f/0 ()', 'module A.B.C.D', '  def f/0 ()', 'implementation P.A', '  def p/1 (x)', 'protocol A.Q', '  def q/1 (x)',
      '  def q/2 (x, y)', 'implementation P.A', '  def p/1 (x)', 'implementation P.Integer', '  def p/1 (x)', 'implementation A.Q.Any', '  def q/1 (x)',
      'module :erl', '  def f/0 ()', 'module InIf', 'module ~dynamic',
    ],
  )
})

test('an implementation knows its protocol and target, aliases resolved', () => {
  const source = 'defmodule A do\n alias X.P\n defstruct [:a]\n defimpl P, for: __MODULE__ do\n def p(x), do: x\n end\nend'
  expect(moduleOf(source, 'X.P.A').implements).toEqual({ protocol: 'X.P', target: 'A' })
  expect(moduleOf(source, 'X.P.A').functions[0]?.calls).toEqual([])
})

test('what quoted code or a function would define is no definition', () => {
  check(
    `defmodule A do
      defmacro __using__(_) do
        quote do
          def injected, do: 1
          defmodule Injected, do: nil
        end
      end
      def f do
        defmodule Later, do: (def g, do: h())
      end
      for name <- [:a, :b], do: (def unquote(name)(), do: name)
      Enum.each([1], fn x -> def from_fn(x), do: x end)
    end`,
    ['module A', '  defmacro __using__/1 (_)', '  def f/0 ()', '  def ~dynamic/0 ()', '  def from_fn/1 (x)'],
  )
})

test('tests are functions named as ExUnit names them', () => {
  check(
    `defmodule ATest do
      use ExUnit.Case, async: true
      setup do: :ok
      test "adds items #1", %{cart: cart} do
        defmodule Local, do: (def f, do: 1)
        assert cart
      end
      describe "remove/1" do
        test "removes", do: :ok
        test "is #{1 + 1}" do
          :ok
        end
      end
      test "not yet"
    end
    defmodule NoTest do
      test "nothing used", do: 1
    end`.replace('#{1', '#{1'),
    [
      'module ATest', '  def test adds items #1/1 (%{cart: cart})', '  def test remove/1 removes/1 ()', '  def ~dynamic/1 ()', '  def test not yet/1 ()',
      'module ATest.Local', '  def f/0 ()', 'module NoTest',
    ],
  )
})

test('delegates: one, several at once, renamed, to what only run time knows', () => {
  const source = `defmodule A do
    alias X.Y
    defdelegate f(a, b \\\\ 1), to: Y
    defdelegate [g(a), h(a, b)], to: Y
    defdelegate i(a), to: Y, as: :other
    defdelegate j(a), to: @target
  end`
  check(source, [
    'module A', '  defdelegate f/2 -1 (a, b \\\\ 1)', '  defdelegate g/1 (a)', '  defdelegate h/2 (a, b)', '  defdelegate i/1 (a)', '  defdelegate j/1 (a)',
  ])
  expect(functionOf(source, 'h/2').delegateTo).toEqual({ module: 'X.Y', name: 'h' })
  expect(functionOf(source, 'i/1').delegateTo).toEqual({ module: 'X.Y', name: 'other' })
  expect(functionOf(source, 'j/1').delegateTo).toBeNull()
  expect(functionOf(source, 'j/1').calls).toMatchObject([{ kind: 'delegate', dynamic: true, module: null, name: 'j', arity: 1 }])
})

test('spans reach from the first clause to the end of the last, and count lines and columns from 1', () => {
  const source = 'defmodule A do\n  def f(1), do: 1\n\n  # between\n  def f(é), do: é\nend\n'
  const fn = functionOf(source, 'f/1')
  expect(fn.span).toMatchObject({ line: 2, column: 3, endLine: 5, endColumn: 18 })
  expect(fn.clauses.map(({ span }) => `${span.line}:${span.column}-${span.endLine}:${span.endColumn}`)).toEqual(['2:3-2:18', '5:3-5:18'])
  expect(moduleOf(source).span).toMatchObject({ line: 1, column: 1, endLine: 6, endColumn: 4, start: 0 })
})

test('what a `def…` macro with a head and a body defines is read as the function of that head', () => {
  check(
    `defmodule A do
      defcounted total(cart, opts \\\\ []) when is_list(opts) do
        {cart, opts}
      end
      defnp add(a, b), do: a + b
      defenum Status, do: [:a]
      defparsec :rule, do: 1
      defschema user do
        1
      end
      defrecord point(x)
    end`,
    ['module A', '  def total/2 -1 (cart, opts \\\\ []) when is_list(opts)', '  defp add/2 (a, b)'],
  )
})
