/**
 * The quoted form as text, as Elixir's `inspect` shows it: on one line where it fits into 98 columns, else one element a
 * line. Works with stacks of its own, so that no depth of nesting can overflow. Metadata shows line and column alone.
 */

import type { Quoted, QuotedFloat, QuotedNode, QuotedTuple } from './quoted.ts'

const WIDTH = 98

export function print(form: Quoted): string {
  const widths = flatWidths(form)
  const out: string[] = []
  const todo: Step[] = [{ item: form, prefix: '', suffix: '', indent: 0, column: 0 }]
  for (let step = todo.pop(); step !== undefined; step = todo.pop()) {
    if (step.column >= 0) out.push('\n'.slice(0, out.length), ' '.repeat(step.column))
    out.push(step.prefix)
    const shape = shapeOf(step.item)
    const room = WIDTH - step.indent - step.prefix.length - step.suffix.length
    if (typeof shape === 'string') out.push(shape, step.suffix)
    else if (shape.items.length === 0 || (widths.get(step.item) ?? 0) <= room) out.push(flat(step.item), step.suffix)
    else pushBroken(todo, out, shape, step)
  }
  return out.join('')
}

/** One element, and what stands around it. `column` is that of its line's beginning, -1 when its line is begun. */
type Step = { readonly item: Item; readonly prefix: string; readonly suffix: string; readonly indent: number; readonly column: number }
/** A ready text stands as an object, so that it is not taken for an atom. */
type Text = { readonly text: string }
type Item = Quoted | Text
type Element = { readonly prefix: string; readonly item: Item }
type Shape = { readonly open: string; readonly items: readonly Element[]; readonly close: string }

function pushBroken(todo: Step[], out: string[], { open, items, close }: Shape, step: Step): void {
  out.push(open.trimEnd())
  const indent = step.indent + 2
  todo.push({ item: { text: close }, prefix: '', suffix: step.suffix, indent: step.indent, column: step.indent })
  for (let i = items.length - 1; i >= 0; i--) {
    const { prefix, item } = items[i] as Element
    todo.push({ item, prefix, suffix: i < items.length - 1 ? ',' : '', indent, column: indent })
  }
}

/** The text of an element that fits on its line. */
function flat(item: Item): string {
  const out: string[] = []
  const todo: (Item | Element)[] = [item]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { prefix, item: inner } = isElement(next) ? next : { prefix: '', item: next }
    const shape = shapeOf(inner)
    out.push(prefix, typeof shape === 'string' ? shape : shape.open)
    if (typeof shape === 'string') continue
    todo.push({ text: shape.close })
    for (let i = shape.items.length - 1; i >= 0; i--) {
      todo.push(shape.items[i] as Element)
      if (i > 0) todo.push({ text: ', ' })
    }
  }
  return out.join('')
}

/** Width of each composite on one line, from the leaves up; those that cannot fit anywhere are all as wide as the line. */
function flatWidths(form: Quoted): Map<Item, number> {
  const order: { readonly item: Item; readonly shape: Shape }[] = []
  const todo: Item[] = [form]
  for (let item = todo.pop(); item !== undefined; item = todo.pop()) {
    const shape = shapeOf(item)
    if (typeof shape === 'string') continue
    order.push({ item, shape })
    for (const element of shape.items) todo.push(element.item)
  }
  const widths = new Map<Item, number>()
  for (let i = order.length - 1; i >= 0; i--) {
    const { item, shape } = order[i] as (typeof order)[number]
    let width = shape.open.length + shape.close.length + Math.max(0, shape.items.length - 1) * 2
    for (const { prefix, item: inner } of shape.items) {
      const own = shapeOf(inner)
      width += prefix.length + (typeof own === 'string' ? own.length : (widths.get(inner) ?? 0))
      if (width > WIDTH) break
    }
    widths.set(item, Math.min(width, WIDTH + 1))
  }
  return widths
}

/** A leaf as its text, anything else as what is between its brackets. */
function shapeOf(item: Item): string | Shape {
  if (typeof item === 'string') return atom(item)
  if (typeof item === 'number' || typeof item === 'bigint') return String(item)
  if (item instanceof Uint8Array) return binary(item)
  if (isList(item)) return list(item)
  if ('text' in item) return item.text
  if ('float' in item) return float(item)
  if ('left' in item) return { open: '{', items: plain([item.left, item.right]), close: '}' }
  return node(item)
}

function node({ form, line, column, args }: QuotedNode): Shape {
  const meta = [line > 0 ? `line: ${line}` : '', column > 0 ? `column: ${column}` : ''].filter((entry) => entry !== '').join(', ')
  if (typeof form === 'string') return { open: `{${atom(form)}, [${meta}], `, items: plain([args ?? 'nil']), close: '}' }
  return { open: '{', items: plain([form, { text: `[${meta}]` }, args ?? 'nil']), close: '}' }
}

function list(items: readonly Quoted[]): string | Shape {
  if (items.length > 0 && items.every(isPrintableCode)) return `'${escapeText(String.fromCharCode(...(items as number[])), "'")}'`
  const pairs = items.length > 0 && items.every(isKeywordPair)
  const elements = pairs ? (items as QuotedTuple[]).map(({ left, right }) => ({ prefix: `${key(left as string)} `, item: right })) : plain(items)
  return { open: '[', items: elements, close: ']' }
}

const plain = (items: readonly Item[]): Element[] => items.map((item) => ({ prefix: '', item }))

const isList = (item: Item): item is readonly Quoted[] => Array.isArray(item)
const isElement = (value: Item | Element): value is Element => typeof value === 'object' && 'prefix' in value
const isKeywordPair = (item: Quoted): boolean => typeof item === 'object' && 'left' in item && typeof item.left === 'string' && !item.left.startsWith('Elixir.')
const isPrintableCode = (item: Quoted): boolean => typeof item === 'number' && ((item >= 32 && item <= 126) || (item >= 7 && item <= 13) || item === 27)

const PLAIN_ATOM = /^(?:[\p{L}_][\p{L}\p{N}\p{M}_@]*[?!]?|[-+*/<>=!^&|~.@]+|%\{\}|%|\{\}|<<>>|::|\\\\|\.\.\/\/)$/u
const PLAIN_KEY = /^[\p{L}_][\p{L}\p{N}\p{M}_@]*[?!]?$/u

function atom(name: string): string {
  if (name === 'nil' || name === 'true' || name === 'false') return name
  if (name.startsWith('Elixir.')) return name.slice(7)
  return PLAIN_ATOM.test(name) ? `:${name}` : `:"${escapeText(name, '"')}"`
}

function key(name: string): string {
  return PLAIN_KEY.test(name) ? `${name}:` : `"${escapeText(name, '"')}":`
}

function float({ float: value }: QuotedFloat): string {
  const text = String(value)
  if (/^-?\d+$/.test(text)) return `${text}.0`
  return /^-?\de/.test(text) ? text.replace('e', '.0e').replace('e+', 'e') : text.replace('e+', 'e')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function binary(bytes: Uint8Array): string {
  try {
    const text = utf8.decode(bytes)
    if (PRINTABLE.test(text)) return `"${escapeText(text, '"')}"`
  } catch {
    // no text: shown as bytes
  }
  return `<<${[...bytes].join(', ')}>>`
}

/** How inspect writes characters that are not shown as they are; a hash only where it would open an interpolation. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\n', 'n'], ['\r', 'r'], ['\t', 't'], ['\v', 'v'], ['\b', 'b'], ['\f', 'f'], [String.fromCharCode(7), 'a'], [String.fromCharCode(27), 'e'], ['\\', '\\'],
])
const PRINTABLE = new RegExp(`^[\\P{C}${[...ESCAPES.keys()].slice(0, -1).join('')}]*$`, 'u')

function escapeText(text: string, quote: string): string {
  let escaped = ''
  for (const char of text) {
    const name = char === quote ? quote : ESCAPES.get(char)
    escaped += name === undefined ? char : `\\${name}`
  }
  return escaped.replaceAll('#{', String.raw`\#{`)
}
