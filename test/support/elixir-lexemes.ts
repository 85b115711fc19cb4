/**
 * The words of random Elixir: names, numbers, atoms, texts with escapes and interpolation, sigils, heredocs.
 *
 * Invariant: each function returns a whole expression or name that Elixir 1.14 accepts where one may stand;
 * what is interpolated comes in through `inner`, so this file knows nothing of expressions.
 * Deliberately absent: forms that are rejected (the mutations in elixir-grammar.ts make those).
 */
import { build, one, rarely, several, type Choose } from './elixir-choices.ts'

/** Makes the source of an expression to stand inside `#{}`. */
export type Inner = () => string

const VARIABLES = [
  'a', 'b', 'x', 'foo', 'bar_baz', 'x1', '_', '_x', 'é', 'λ', '日本', 'ação', 'straße', 'переменная', 'हिन्दी',
  'do_it', 'end_of', 'fn_x', 'not_a', 'in_a', 'nilly', 'aB', '__MODULE__', '__ENV__', 'e\u0301t',
] as const
const FUNCTIONS = ['f', 'foo', 'run', 'valid?', 'save!', 'größe?', 'unquote', 'do_it', '_f', 'x2', '関数', 'if', 'quote', 'def'] as const
const OPERATOR_NAMES = [
  '+', '-', '*', '/', '**', '++', '--', '+++', '---', '<>', '==', '!=', '===', '!==', '=~', '<', '>', '<=', '>=',
  '&&', '||', '!', '&&&', '|||', '|>', '<|>', '<~', '~>', '<~>', '<<~', '~>>', '<<<', '>>>', '^^^', '~~~', '^', '@',
  '&', '|', '=', '<-', '\\\\', '..', 'and', 'or', 'not', 'in', 'when',
] as const
const RESERVED = ['do', 'end', 'fn', 'true', 'false', 'nil', 'and', 'or', 'not', 'in', 'when', 'else', 'after', 'rescue', 'catch'] as const
const CHARACTERS = [
  'a', 'b', ' ', 'Z', '0', '.', ',', ':', ';', '-', '+', '#', '@', '?', '!', '%', '&', '$', '^', '~', '`', '=',
  'é', '日', '😀', '👨‍👩‍👧', 'e\u0301', '🇩🇪', '\t', '\n', '  ',
] as const
const ESCAPES = [
  '\\n', '\\t', '\\s', '\\\\', '\\"', "\\'", '\\#', '\\a', '\\b', '\\d', '\\e', '\\f', '\\r', '\\v', '\\0', '\\x41',
  '\\x7f', '\\u0041', '\\u00e9', '\\u{1F600}', '\\u{e9}', '\\z', '\\é', '\\#{', '\\\n',
] as const

export const variable = (c: Choose): string => one(c, VARIABLES)
export const functionName = (c: Choose): string => one(c, FUNCTIONS)
/** A name after a dot: reserved words and operators may stand there too. */
export const remoteName = (c: Choose): string =>
  build(c, [() => functionName(c), () => variable(c).replace(/^__.*/, 'm'), () => one(c, RESERVED), () => one(c, OPERATOR_NAMES), () => '"a b"', () => "'c'"])
export const operatorName = (c: Choose): string => one(c, OPERATOR_NAMES)
export const alias = (c: Choose): string =>
  one(c, ['A', 'Foo', 'Foo.Bar', 'A.B.C', 'X1_y', 'Elixir.A', '__MODULE__.B', 'Foo . Bar', 'Foo.\nBar', 'HTTPServer'])

const digits = (c: Choose, alphabet: string, max: number): string =>
  several(c, 1, max, () => alphabet[c(alphabet.length)] ?? '0', () => (rarely(c, 5) ? '_' : ''))

/** An integer in any base, a float, or a code point. */
export function number(c: Choose): string {
  const decimal = (): string => digits(c, '0123456789', 6)
  return build(c, [
    () => '1',
    decimal,
    () => `0x${digits(c, '0123456789abcdefABCDEF', 18)}`,
    () => `0b${digits(c, '01', 12)}`,
    () => `0o${digits(c, '01234567', 8)}`,
    () => `${decimal()}.${decimal()}`,
    () => `${decimal()}.${decimal()}${one(c, ['e', 'E'])}${one(c, ['', '-', '+'])}${digits(c, '0123456789', 2)}`,
    () => digits(c, '0123456789', 40),
    () => `?${one(c, ['a', 'Z', '0', '\\n', '\\s', '\\\\', 'é', '日', '😀', '"', "'", '(', ')', '#', ':', ';', ',', '}', '\\"', '\\0', '?'])}`,
  ])
}

function part(c: Choose, inner: Inner): string {
  return build(c, [() => one(c, CHARACTERS), () => one(c, CHARACTERS), () => one(c, ESCAPES), () => `#{${inner()}}`])
}

/** Text between `open` and `close`; the close may not stand in it unescaped. */
function delimited(c: Choose, open: string, close: string, inner: Inner): string {
  const closes = (piece: string): boolean => !piece.startsWith('#{') && (piece.startsWith('\\') ? piece.slice(2) : piece).includes(close)
  const clean = (piece: string): string => (closes(piece) ? '' : piece)
  return open + several(c, 0, 4, () => clean(part(c, inner)), () => '') + close
}

export const string = (c: Choose, inner: Inner): string => delimited(c, '"', '"', inner)
const charlist = (c: Choose, inner: Inner): string => delimited(c, "'", "'", inner)

/** A heredoc whose lines are indented as much as its end, or more, or less, or are empty. */
export function heredoc(c: Choose, inner: Inner): string {
  const quotes = one(c, ['"""', "'''"])
  const open = one(c, ['', '', '~s', '~S', '~w'])
  const indent = ' '.repeat(c(4))
  const text = (): string => (open === '~S' ? one(c, ['a', 'b #{', '\\n', '"', 'é 😀']) : part(c, inner).replace(/^\\\n$/, 'x'))
  const line = (): string =>
    one(c, [indent, indent, `${indent}  `, indent.slice(1)]) + several(c, 0, 3, text, () => '') + one(c, ['\n', '\n', '\n\n', '  \n'])
  return `${open}${quotes}\n${several(c, 0, 3, line, () => '')}${indent}${quotes}${open === '~w' ? one(c, ['', 'a', 's']) : ''}`
}

type Pair = readonly [open: string, close: string]
const DELIMITERS: readonly [Pair, ...Pair[]] = [['(', ')'], ['[', ']'], ['{', '}'], ['<', '>'], ['|', '|'], ['/', '/'], ['"', '"'], ["'", "'"]]

export function sigil(c: Choose, inner: Inner): string {
  const [open, close] = one(c, DELIMITERS)
  const modifiers = one(c, ['', '', 'a', 'iu', 'X'])
  if (c(3) === 1) {
    const body = several(c, 0, 3, () => one(c, ['a', ' ', '\\d', '#', '#{', '\n', `\\${close}`, 'é']), () => '')
    return `~${one(c, ['S', 'R', 'W', 'D', 'C'])}${open}${body}${close}${modifiers}`
  }
  return `~${one(c, ['s', 'r', 'w', 'c', 'q'])}${delimited(c, open, close, inner)}${modifiers}`
}

export function atom(c: Choose, inner: Inner): string {
  return build(c, [
    () => ':ok',
    () => `:${variable(c)}`,
    () => `:${functionName(c)}`,
    () => `:${one(c, RESERVED)}`,
    () => `:${operatorName(c)}`,
    () => `:${one(c, ['A', 'Foo', 'a@b', '{}', '%{}', '%', '<<>>', '...', '..//', '.', 'a1'])}`,
    () => `:${string(c, inner)}`,
    () => `:${charlist(c, inner)}`,
    () => one(c, ['true', 'false', 'nil']),
  ])
}

/** The key of a keyword pair with its colon, without the space that has to follow. */
export function key(c: Choose, inner: Inner): string {
  return build(c, [
    () => 'a:',
    () => `${variable(c)}:`,
    () => `${functionName(c)}:`,
    () => `${one(c, RESERVED)}:`,
    () => `${one(c, ['+', '-', '*', '/', '++', '<>', '==', '|>', '&&', '!', '..', '<-', '&', '@', '{}', '%{}', '<<>>', 'Foo', 'A1'])}:`,
    () => `${string(c, inner)}:`,
    () => `${charlist(c, inner)}:`,
  ])
}

/** Any literal that stands by itself. */
export function literal(c: Choose, inner: Inner): string {
  return build(c, [() => number(c), () => atom(c, inner), () => string(c, inner), () => charlist(c, inner), () => sigil(c, inner), () => alias(c), () => heredoc(c, inner)])
}
