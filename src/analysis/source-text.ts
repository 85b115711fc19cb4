/**
 * Text of a tree, made cheaply: where the source is ASCII, byte offsets are string indices and one string serves all
 * slices; else each slice is decoded by itself. Long texts in facts are cut at a documented length, never silently in
 * the middle of a word that a reader would take for the whole: a cut text ends in `…`.
 */

import { Buffer, isAscii } from 'node:buffer'
import type { Tree } from '../syntax/tree.ts'
import { nameString } from '../syntax/names.ts'

/** Attributes, defaults, types, specs, guards and parameters are cut at this many characters. */
export const TEXT_LIMIT = 500
/** Docs are cut at this many characters. */
export const DOC_LIMIT = 65_536

export type SourceText = {
  readonly tree: Tree
  readonly bytes: Buffer
  /** The whole source, when it is ASCII. */
  readonly ascii: string | null
}

export function sourceText(tree: Tree): SourceText {
  const { source } = tree
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength)
  return { tree, bytes, ascii: isAscii(bytes) ? bytes.toString('latin1') : null }
}

/** The source between two byte offsets; invalid UTF-8 is shown as U+FFFD. */
export function slice(text: SourceText, start: number, end: number): string {
  return text.ascii === null ? text.bytes.toString('utf8', start, end) : text.ascii.slice(start, end)
}

/** The source text of a node. */
export function nodeText(text: SourceText, node: number): string {
  return slice(text, text.tree.start[node] ?? 0, text.tree.end[node] ?? 0)
}

/** The source text of a node, cut at `TEXT_LIMIT`. */
export function shortText(text: SourceText, node: number): string {
  return shortSlice(text, text.tree.start[node] ?? 0, text.tree.end[node] ?? 0)
}

/** The source between two byte offsets, cut at `TEXT_LIMIT`; decodes no more than it keeps. */
export function shortSlice(text: SourceText, start: number, end: number): string {
  return cut(slice(text, start, Math.min(end, start + TEXT_LIMIT * 4 + 4)), TEXT_LIMIT)
}

/** The text itself, or its first `limit` characters and `…`. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}…`
}

/** The name that the payload of `node` stands for. */
export function nameOf(text: SourceText, node: number): string {
  return nameString(text.tree.names, text.tree.payload[node] ?? 0)
}
