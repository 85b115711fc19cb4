/**
 * Two hashes of a quoted form: of its structure, and of its structure with positions. Both are SHA-256 of a canonical text,
 * so that any other reader of Elixir can be compared with this one:
 *
 *     atom :"…" (JSON)   integer i42   float f + 8 bytes in hex   binary b + bytes in hex   list [a,b]   2-tuple {a,b}
 *     node (form|args), with positions (form@LINE:COLUMN|args), 0 where there is none
 */

import { createHash } from 'node:crypto'
import { quoted } from './quoted.ts'
import type { Quoted } from './quoted.ts'
import { parse } from './parse.ts'
import type { Tree } from './tree.ts'

export type Digest = { readonly structure: string; readonly positions: string }
export type DigestError = { readonly error: true; readonly line: number; readonly column: number }

/** The digest of a tree, or where its first problem is. */
export function digest(tree: Tree): Digest | DigestError {
  const [first] = tree.problems
  if (first !== undefined) return { error: true, line: first.line, column: first.column }
  const form = quoted(tree)
  return { structure: sha256(canonical(form, 'structure')), positions: sha256(canonical(form, 'positions')) }
}

/** `PATH TAB STRUCTURE TAB POSITIONS`, or `PATH TAB error TAB LINE:COLUMN`. */
export function digestLine(path: string, source: Uint8Array): string {
  const result = digest(parse(source))
  if ('error' in result) return `${path}\terror\t${result.line}:${result.column}`
  return `${path}\t${result.structure}\t${result.positions}`
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** What is still to be written: text, or a value. */
type Pending = { readonly text: string } | { readonly value: Quoted }

/** The canonical text of a quoted form. */
export function canonical(form: Quoted, detail: 'structure' | 'positions'): string {
  const out: string[] = []
  const pending: Pending[] = [{ value: form }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if ('text' in next) out.push(next.text)
    else write(next.value, detail, out, pending)
  }
  return out.join('')
}

function write(value: Quoted, detail: 'structure' | 'positions', out: string[], pending: Pending[]): void {
  if (typeof value === 'string') out.push(atom(value))
  else if (typeof value === 'number' || typeof value === 'bigint') out.push(`i${value}`)
  else if (value instanceof Uint8Array) out.push(`b${hex(value)}`)
  else if ('float' in value) out.push(float(value.float))
  else if ('left' in value) {
    out.push('{')
    pending.push({ text: '}' }, { value: value.right }, { text: ',' }, { value: value.left })
  } else if ('form' in value) {
    out.push('(')
    const at = detail === 'positions' ? `@${value.line}:${value.column}` : ''
    pending.push({ text: ')' }, { value: value.args ?? 'nil' }, { text: `${at}|` }, { value: value.form })
  } else {
    out.push('[')
    pending.push({ text: ']' })
    for (let i = value.length - 1; i >= 0; i--) {
      pending.push({ value: value[i] as Quoted })
      if (i > 0) pending.push({ text: ',' })
    }
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

function float(value: number): string {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return `f${hex(bytes)}`
}

const escape: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\' }

function atom(name: string): string {
  // oxlint-disable-next-line no-control-regex
  const escaped = name.replace(/["\\\u0000-\u001f]/g, (char) => {
    return escape[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  return `:"${escaped}"`
}
