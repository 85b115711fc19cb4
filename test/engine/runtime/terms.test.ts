/** Terms as Elixir prints them: what the agent packs is printed here as `inspect` and `Exception` print it there. Skipped without elixir. */

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { readPayload } from '../../../src/engine/runtime/payload.ts'
import { crashOf, raisedText } from '../../../src/engine/runtime/raised.ts'
import { termText, tupleOf, type Term } from '../../../src/engine/runtime/terms.ts'

const AGENT = fileURLToPath(new URL('../../../agent/lib/elixir_scope_agent', import.meta.url))
const hasElixir = spawnSync('elixir', ['--version']).status === 0

const beams = mkdtempSync(join(tmpdir(), 'es-terms-'))
afterAll(() => rmSync(beams, { recursive: true, force: true }))

/** What Elixir code says of the variable `term`, for each of these, beside the term as it arrives here. */
function asked(terms: readonly string[], said: string): { readonly term: Term; readonly said: string }[] {
  execFileSync('elixirc', ['-o', beams, ...['lists', 'msgpack', 'names', 'term'].map((name) => join(AGENT, `${name}.ex`))])
  const script = `
  limits = ElixirScopeAgent.Term.limits(20, 100_000, [])
  for term <- [${terms.join(', ')}] do
    packed = term |> ElixirScopeAgent.Term.encode(limits) |> IO.iodata_to_binary() |> Base.encode64()
    IO.puts(packed <> " " <> Base.encode64(${said}))
  end`
  const printed = execFileSync('elixir', ['-pa', beams, '-e', script], { encoding: 'utf8' })
  return printed.trim().split('\n').map((line) => {
    const [packed = '', text = ''] = line.split(' ')
    return { term: readPayload(Buffer.from(packed, 'base64')) ?? null, said: Buffer.from(text, 'base64').toString() }
  })
}

const TERMS = [
  'nil', 'true', ':ok', ':"two words"', ':what?', ':+', ':<<>>', ':%{}', 'Foo.Bar', ':EUR', '%{EUR: 1}', '[EUR: 1]', ':"A b"', ':"Foo.Bar"', '%{EUR => 1, :EUR => 2}', ':é', ':a@b', ':"9a"', ':""', ':nil',
  '0', '-17', '123456789012345678901234567890', '1.0', '100.0', '-0.5', '0.1', '0.01', '0.001', '0.0001', '0.00012', '0.0012', '123456.75', '1.0e20', '1.5e300', '5.0e-324', '0.1 + 0.2', '1200.0',
  '"text"', '"a\\"b\\\\c\\n\\t\\r\\e\\a\\d"', '"\\#{x} #"', '"é☃"', '""', '<<0>>', '"\\0"', '"a\\x01"', '<<255, 1>>', ':binary.copy(<<200>>, 60)', '<<1::3>>', '"\\u0085"',
  '[]', '[1, 2]', '[1, :two, "three"]', '[1 | 2]', '[a: 1, b: [c: nil]]', '[{:a, 1}, 2]', '[{Foo, 1}]', '["two words": 1]', '[nil: 1, +: 2]', '[{:a, 1, 2}]', '[[], {}]',
  '{}', '{:ok, [a: 1]}', '{1}', '%{}', '%{b: 1, a: 2}', '%{:b => 1, "a" => 2, 3 => 4}', '%{"b" => 1, "a" => %{c: 1}}', '%{Foo => 1}', '%{"two words": 1}', '%{nil => 1}', '%{{1, 2} => 3}', '%{10 => 1, 9 => 2}',
  'self()', ':erlang.make_ref()', '&Enum.map/2', '~D[2026-01-02]', '~D[-0005-01-02]', '~T[01:02:03.004]', '~T[01:02:03]', '~N[2026-01-02 03:04:05.60]', '~U[2026-01-02 03:04:05.000006Z]',
  '1..3', '3..1//-1', '1..10//2', 'MapSet.new([2, 1])', 'MapSet.new(["b", :a])', 'MapSet.new([])', '~r/a+/iu', '%RuntimeError{message: "oops"}', '%ArithmeticError{}', '{:error, %RuntimeError{message: "in"}}',
]

test.skipIf(!hasElixir)('what the agent packs is printed as inspect prints it (skipped without elixir)', () => {
  // Fields of a struct are in order of their names here, and charlists have the form of newer versions.
  const said = asked(TERMS, 'inspect(term, charlists: :as_lists)')
  expect(said.map(({ term }) => termText(term))).toEqual(said.map((one) => one.said))
  expect(said).toHaveLength(TERMS.length)
})

test('charlists, and what was left out', () => {
  expect(termText([104, 105, 10, 34])).toBe('~c"hi\\n\\""')
  expect(termText([104, { $more: 3 }])).toBe('[104, … 3 more]')
  expect(termText({ '…': { $more: 3 }, ':b': 1, ':a': { $redacted: 'token' } })).toBe('%{a: **redacted: token**, b: 1, … 3 more}')
  expect(termText({ __struct__: { $atom: 'A.B' }, ':x': 1, '…': { $more: 2 } })).toBe('%A.B{x: 1, … 2 more}')
  expect(termText({ __struct__: { $atom: 'Date' }, '…': { $more: 4 } })).toBe('%Date{… 4 more}')
  expect(termText({ __struct__: { $atom: 'MapSet' }, ':map': { $more: 2 } })).toBe('%MapSet{map: … 2 more}')
})

test('what looks like a tag and is none is a map of the program', () => {
  const texts = [{ $map: 1 }, { $map: [1] }, { $map: [[1]] }, { $tuple: 1 }, { __struct__: { $atom: 'MapSet' }, ':map': { $map: [1] } }] satisfies Term[]
  expect(texts.map(termText)).toEqual(['%{"$map" => 1}', '%{"$map" => [1]}', '%{"$map" => [[1]]}', '%{"$tuple" => 1}', '%MapSet{map: %{"$map" => [1]}}'])
  const time = { __struct__: { $atom: 'Time' }, ':calendar': { $atom: 'Calendar.ISO' }, ':hour': 1, ':minute': 2, ':second': 3 }
  expect(termText({ ...time, ':microsecond': { $tuple: 4 } })).toBe('%Time{calendar: Calendar.ISO, hour: 1, microsecond: %{"$tuple" => 4}, minute: 2, second: 3}')
})

const RAISED = [
  '%RuntimeError{message: "oops"}', ':badarith', '%ArithmeticError{}', '{:badmatch, {:error, 1}}', '{:case_clause, 7}', '{:with_clause, :x}', '{:try_clause, 1}', ':cond_clause', '{:badmap, 1}', '{:badfun, 1}',
  ':system_limit', '{:badkey, :a, %{b: 1}}', '%KeyError{key: :a, term: %{b: 1}}', '%MatchError{term: 1}', '%CaseClauseError{term: nil}', '%FunctionClauseError{module: Enum, function: :map, arity: 2}',
  ':anything', '{:anything, 1}', '%ErlangError{original: :x}',
]

test.skipIf(!hasElixir)('what was raised is headed as Exception heads it (skipped without elixir)', () => {
  const said = asked(RAISED, 'Exception.format_banner(:error, term)')
  expect(said.map(({ term }) => raisedText({ $atom: 'error' }, term))).toEqual(said.map((one) => one.said))
  const thrown = asked(['{:stop, 1}'], 'Exception.format_banner(:throw, term)')
  expect(thrown.map(({ term }) => raisedText({ $atom: 'throw' }, term))).toEqual(thrown.map((one) => one.said))
})

test('an exception whose message only its own code knows shows its fields; a crash has its functions', () => {
  const printer: Term = { __struct__: { $atom: 'Shop.PrinterError' }, ':__exception__': true, ':customer': 15 }
  expect(raisedText({ $atom: 'error' }, printer)).toBe('** (Shop.PrinterError) %Shop.PrinterError{customer: 15}')
  const entry = { $tuple: [{ $atom: 'Shop.Courier' }, { $atom: 'deliver' }, 1, [{ $more: 2 }]] }
  expect(crashOf({ $tuple: [printer, [entry, { $tuple: [{ $atom: 'proc_lib' }, { $atom: 'init_p' }, [1, 2, 3], []] }, { $more: 4 }]] })).toEqual({
    text: '** (Shop.PrinterError) %Shop.PrinterError{customer: 15}', stack: ['Shop.Courier.deliver/1', ':proc_lib.init_p/3'],
  })
  for (const reason of [{ $atom: 'normal' }, { $tuple: [{ $atom: 'shutdown' }, []] }, { $tuple: [{ $atom: 'shutdown' }, [{ $tuple: [1, 2] }]] }] satisfies Term[]) expect(crashOf(reason)).toBeUndefined()
  expect(tupleOf({ $tuple: 1 })).toBeUndefined()
})
