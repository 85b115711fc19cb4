/**
 * Random Elixir: prints dense, mostly valid source text from a grammar, for comparison with Elixir's own parser.
 *
 * Invariant: `programFrom` is a pure function of its numbers. Most programs are accepted by Elixir 1.14; about
 * one in twenty has a token deleted, doubled or put in its place, so that rejection is compared as well.
 * Three levels keep the grammar's promises: `statement` may hold anything, `element` stands in brackets and
 * has no call without parentheses of several arguments, `operand` has no do-block either.
 */
import { array, nat, type Arbitrary } from 'fast-check'
import { build, chooseFrom, one, rarely, several, type Choose } from './elixir-choices.ts'
import { alias, functionName, key, literal, number, operatorName, remoteName, variable } from './elixir-lexemes.ts'

/** Where a rule stands: the choices, and how many levels may still be opened below it. */
type Place = { readonly c: Choose; readonly depth: number }

const BINARY = [
  '+', '-', '*', '/', '**', '++', '--', '+++', '---', '<>', '..', '==', '!=', '=~', '===', '!==', '<', '>', '<=', '>=', '&&', '||',
  '&&&', '|||', 'and', 'or', 'in', 'not in', '|>', '<<<', '>>>', '<<~', '~>>', '<~', '~>', '<~>', '<|>', '^^^', '=',
] as const
const LOOSE = ['when', '::', '|', '<-', '\\\\'] as const
const UNARY = ['-', '+', '!', 'not ', '@', '^', '~~~', '&', '- ', '! ', 'not', '@ ', '& '] as const
const SECTIONS = ['else', 'rescue', 'catch', 'after'] as const

const below = (p: Place): Place => ({ c: p.c, depth: p.depth - 1 })

const blank = (c: Choose): string => one(c, [' ', ' ', ' ', '  ', '\t', ' \\\n '])
const newline = (c: Choose): string => one(c, ['\n', '\n', '\n  ', '\n\n', ' # é "#{ do\n', '\n# c\n\n    ', ' \n'])
/** Optional space in brackets, where a line may end. */
const gap = (c: Choose): string => (c(6) === 5 ? newline(c) : one(c, ['', '', '', ' ', '  ']))
const comma = (c: Choose): string => one(c, [', ', ', ', ',', ' , ', ',\n  ', ', # c\n'])
const separator = (c: Choose): string => one(c, ['\n', '\n', '; ', ';', '\n\n', ' ;', newline(c)])

/** Whether two texts may touch without a space and keep their tokens apart. */
function mayTouch(left: string, right: string): boolean {
  return /[\p{L}\p{N}_)\]}"']$/u.test(left) && /^[\p{L}\p{N}_([{"']/u.test(right)
}

function joinOperator(c: Choose, left: string, operator: string, right: string): string {
  const word = /[a-z]/.test(operator)
  const spelled = operator === 'not in' ? one(c, ['not in', 'not  in']) : operator
  const dual = operator === '+' || operator === '-'
  switch (c(10)) {
    case 5:
      return `${left} ${spelled}${newline(c)}${right}`
    case 6:
      return dual ? `${left} ${spelled} ${right}` : `${left}${newline(c)}${spelled} ${right}`
    case 7:
    case 8:
      return !word && mayTouch(left, right) ? left + spelled + right : `${left} ${spelled} ${right}`
    case 9:
      return !word && mayTouch(left, right) && (!dual || /[)\]}"'\d]$/.test(left)) ? `${left} ${spelled}${right}` : `${left}  ${spelled}  ${right}`
    default:
      return `${left} ${spelled} ${right}`
  }
}

function range(p: Place): string {
  const side = (): string =>
    build(p.c, [() => number(p.c), () => variable(p.c), () => call(below(p)), () => `(${statement(below(p))})`, () => list(below(p)), () => `-${number(p.c)}`])
  const plain = `${side()} .. ${side()}`
  return one(p.c, [`${plain} // ${side()}`, `1..2//3`, plain, `(${plain}//${side()})`, `${variable(p.c)}..${variable(p.c)}`])
}

/** Operands of an operator are wrapped now and then, so that both sides of each precedence occur. */
function binary(p: Place): string {
  const side = (): string => (rarely(p.c, 4) ? `(${statement(below(p))})` : operand(below(p)))
  const operator = rarely(p.c, 6) ? one(p.c, LOOSE) : one(p.c, BINARY)
  return joinOperator(p.c, side(), operator, side())
}

function unary(p: Place): string {
  const operator = one(p.c, UNARY)
  const right = operand(below(p))
  return operator === 'not' ? `not(${right})` : operator + (/^[-+!^~@&]/.test(right) ? ' ' : '') + right
}

function capture(p: Place): string {
  return build(p.c, [
    () => '&1',
    () => `&${functionName(p.c)}/${p.c(4)}`,
    () => `&${alias(p.c).replace(/\s/g, '')}.${functionName(p.c)}/1`,
    () => `&(${statement(below(p))})`,
    () => `&${operatorName(p.c)}/2`,
    () => `& &1.${functionName(p.c)}`,
    () => `&{&1, ${element(below(p))}}`,
    () => `&[${element(below(p))} | &2]`,
  ])
}

const inner = (p: Place) => (): string => (p.depth <= 0 ? variable(p.c) : several(p.c, 0, 2, () => statement(below(p)), () => separator(p.c)))
const pair = (p: Place): string => `${key(p.c, inner(below(p)))}${one(p.c, [' ', ' ', '\n', '  '])}${element(below(p))}`
const pairs = (p: Place): string => several(p.c, 1, 3, () => pair(p), () => comma(p.c))

/** The items of a bracket, keywords last, `close` after them. */
function items(p: Place, open: string, close: string): string {
  const plain = several(p.c, 0, 3, () => element(below(p)), () => comma(p.c))
  const keywords = rarely(p.c, 3) && (open !== '{' || plain !== '') ? pairs(p) : ''
  const body = plain + (plain !== '' && keywords !== '' ? comma(p.c) : '') + keywords
  const trailing = body !== '' && !open.endsWith('(') && rarely(p.c, 8) ? ',' : ''
  return open + gap(p.c) + body + trailing + (/#[^\n{]*$/.test(body) ? '\n' : gap(p.c)) + close
}

const list = (p: Place): string =>
  rarely(p.c, 4) ? `[${element(below(p))}${one(p.c, [' | ', '|', '\n| ', ', 1 | '])}${element(below(p))}]` : items(p, '[', ']')

function bits(p: Place): string {
  const size = (): string =>
    one(p.c, ['8', 'binary', 'size(8)', 'utf8', 'size(x)-unit(8)', 'binary-size(2)', 'integer-signed-little', '_*8', `size(${operand(below(p))})`])
  const segment = (): string => build(p.c, [() => one(p.c, ['a', '1', '"b"', '_', '?c']), () => `(${element(below(p))})`, () => `${variable(p.c)}${one(p.c, ['::', ' :: '])}${size()}`, () => `"é"::utf8`, () => variable(p.c)])
  return `<<${gap(p.c)}${several(p.c, 0, 3, segment, () => comma(p.c))}${gap(p.c)}>>`
}

function map(p: Place): string {
  const name = one(p.c, ['', '', '', alias(p.c).replace(/\s/g, ''), '_', 'x', '^x', '@x', '__MODULE__', 'unquote(m)', 'm.n', 'm()'])
  const arrow = (): string => `${rarely(p.c, 3) ? `(${statement(below(p))})` : literal(p.c, inner(below(p)))}${one(p.c, [' => ', '=>', ' =>\n'])}${element(below(p))}`
  const arrows = several(p.c, 0, 2, arrow, () => comma(p.c))
  const keywords = rarely(p.c, 3) ? (arrows === '' ? '' : comma(p.c)) + pairs(p) : ''
  const body = arrows + keywords
  const update = body !== '' && rarely(p.c, 4) ? `${access(below(p))}${one(p.c, [' | ', '|', '\n | '])}` : ''
  return `%${name}{${gap(p.c)}${update}${body}${gap(p.c)}}`
}

/** Calls, access and dots hang on these. */
function subject(p: Place): string {
  if (p.depth <= 0) return variable(p.c)
  return build(p.c, [
    () => variable(p.c),
    () => alias(p.c),
    () => `@${functionName(p.c)}`,
    () => items(below(p), functionName(p.c) + '(', ')'),
    () => `(${statement(below(p))})`,
    () => access(below(p)),
    () => remote(below(p)),
    () => build(p.c, [() => list(below(p)), () => map(below(p)), () => bits(below(p))]),
  ])
}

const index = (p: Place): string => build(p.c, [() => `[${gap(p.c)}${element(below(p))}${gap(p.c)}]`, () => `[${pairs(below(p))}]`])
const access = (p: Place): string => (p.depth <= 0 ? variable(p.c) : subject(below(p)) + index(p))

/** A subject that a dot may follow: an atom's alias, or `@x`, would be read differently. */
function remote(p: Place): string {
  const dot = one(p.c, ['.', '.', '.', '.\n  ', '\n  .', ' . '])
  const head = subject(below(p)) + dot
  return build(p.c, [
    () => head + remoteName(p.c),
    () => head + items(below(p), `${remoteName(p.c)}(`, ')'),
    () => items(below(p), `${head}(`, ')'),
  ])
}

const call = (p: Place): string => items(p, `${functionName(p.c)}(`, ')') + (rarely(p.c, 8) ? items(below(p), '(', ')') : '')

/** `fn`, or clauses in parentheses. */
function anonymous(p: Place): string {
  if (rarely(p.c, 4)) return `(${clauses(below(p))})`
  return `fn${one(p.c, [' ', '\n', '  '])}${clauses(below(p))}${one(p.c, [' ', '\n', '; '])}end`
}

function clause(p: Place): string {
  const guard = rarely(p.c, 3) ? ` when ${operand(below(p))}` : ''
  const args = (): string => several(p.c, 1, 2, () => operand(below(p)), () => ', ')
  const left = build(p.c, [() => variable(p.c), () => args() + guard, () => `(${args()})${guard}`, () => `()${guard}`, () => `_${guard}`])
  return `${left}${one(p.c, [' -> ', ' ->\n  ', '->', '\n->\n'])}${several(p.c, 1, 2, () => statement(below(p)), () => separator(p.c))}`
}

const clauses = (p: Place): string => several(p.c, 1, 2, () => clause(p), () => one(p.c, ['\n', '; ', '\n\n']))

function section(p: Place): string {
  const body = rarely(p.c, 3) ? clauses(below(p)) : several(p.c, 0, 2, () => statement(below(p)), () => separator(p.c))
  const start = one(p.c, [' ', '\n', '\n  ', '; ', ' # c\n'])
  return start + body + one(p.c, [' ', '\n', '\n\n', body === '' ? '\n' : '; '])
}

function block(p: Place): string {
  const head = build(p.c, [
    () => functionName(p.c),
    () => call(below(p)),
    () => `${functionName(p.c)} ${several(p.c, 1, 2, () => operand(below(p)), () => ', ')}`,
    () => remote(below(p)),
    () => `${functionName(p.c)} ${operand(below(p))}, ${pairs(below(p))}`,
    () => `defmodule ${alias(p.c).replace(/\s/g, '')}`,
    () => `def ${functionName(p.c)}(${variable(p.c)}${one(p.c, ['', ' \\\\ 1', ' = b'])})${one(p.c, ['', ' when a'])}`,
  ])
  const more = several(p.c, 0, 2, () => one(p.c, SECTIONS) + section(below(p)), () => '')
  return `${head} do${section(below(p))}${more}end`
}

/** A call without parentheses, with one argument or several. */
function bare(p: Place, max: number): string {
  const name = build(p.c, [() => functionName(p.c), () => functionName(p.c), () => `${alias(p.c)}.${functionName(p.c)}`, () => `@${functionName(p.c)}`])
  if (name.startsWith('@')) return `${name} ${operand(below(p))}`
  const args = several(p.c, 1, max, () => operand(below(p)), () => comma(p.c))
  const keywords = max > 1 && rarely(p.c, 3) ? comma(p.c) + pairs(below(p)) : ''
  return `${name}${blank(p.c)}${args}${keywords}`
}

function operand(p: Place): string {
  if (p.depth <= 0) return build(p.c, [() => variable(p.c), () => literal(p.c, () => 'a')])
  return build(p.c, [
    () => variable(p.c),
    () => literal(p.c, inner(below(p))),
    () => call(below(p)),
    () => list(below(p)),
    () => items(below(p), '{', '}'),
    () => map(below(p)),
    () => bits(below(p)),
    () => access(below(p)),
    () => remote(below(p)),
    () => anonymous(below(p)),
    () => `(${several(p.c, 0, 2, () => statement(below(p)), () => separator(p.c))})`,
    () => unary(below(p)),
    () => capture(below(p)),
  ])
}

function element(p: Place): string {
  if (p.depth <= 0) return operand(p)
  return build(p.c, [() => operand(p), () => operand(p), () => operand(p), () => binary(p), () => `(${statement(below(p))})`, () => block(p), () => range(p), () => unary(p)])
}

function statement(p: Place): string {
  if (p.depth <= 0) return operand(p)
  return build(p.c, [
    () => operand(p),
    () => binary(p),
    () => binary(p),
    () => bare(p, 3),
    () => bare(p, 1),
    () => block(p),
    () => `${variable(p.c)} = ${statement(below(p))}`,
    () => `${operand(below(p))}${one(p.c, ['\n|> ', ' |> ', '\n  # c\n  |> '])}${call(below(p))}`,
    () => range(p),
    () => pipeIntoBare(p),
    () => unary(p),
    () => aliases(p),
  ])
}

const aliases = (p: Place): string =>
  `alias ${alias(p.c)}.{${gap(p.c)}${several(p.c, 1, 2, () => alias(p.c), () => comma(p.c))}${gap(p.c)}}`

const pipeIntoBare = (p: Place): string => `${operand(below(p))} ${one(p.c, ['|>', '++', '=', '<-', '+'])} ${bare(below(p), 2)}`

/** Deletes, doubles or replaces one token of `text`. */
function spoil(c: Choose, text: string): string {
  const tokens = text.match(/\w+|\s+|[^\w\s]/gu) ?? []
  const at = c(Math.max(1, tokens.length))
  const token = tokens[at] ?? ''
  tokens[at] = one(c, ['', token + token, one(c, [')', 'end', 'do', ',', '->', '"', ']', '(', 'fn', '=>', '\\', '\u202e', '%', '#{', ';', '1a', '..', 'é', '}'])])
  return tokens.join('')
}

/** The program that `numbers` decide; the empty list gives the simplest one. */
export function programFrom(numbers: readonly number[]): string {
  const c = chooseFrom(numbers)
  const p: Place = { c, depth: 5 }
  const spoiled = rarely(c, 20)
  const carriage = rarely(c, 12)
  const text = several(c, 1, 4, () => statement(p), () => separator(c)) + one(c, ['\n', '', '\n\n', ' # end'])
  const final = spoiled ? spoil(c, text) : text
  return carriage ? final.replace(/\r?\n/g, '\r\n') : final
}

/** Random Elixir programs; failing ones shrink towards a single variable. */
export function program(): Arbitrary<string> {
  return array(nat({ max: 0xffff }), { minLength: 20, maxLength: 600, size: 'max' }).map(programFrom)
}
