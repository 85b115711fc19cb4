/**
 * Names with a fixed symbol id in every tree, so that readers compare numbers: operators, reserved words, and the
 * definitions and directives that nearly every file contains. The id is the place in the list; only the list's order
 * gives meaning, so nothing may store these ids.
 */

const names = [
  // Operators, in the spelling of the quoted form.
  '@', '.', '+', '-', '!', '^', 'not', '~~~', '&', '**', '*', '/', '++', '--', '+++', '---', '<>', '..', '..//',
  '^^^', 'in', 'not in', '|>', '<<<', '>>>', '<<~', '~>>', '<~', '~>', '<~>', '<|>', '<', '>', '<=', '>=', '==',
  '!=', '=~', '===', '!==', '&&', '&&&', 'and', '||', '|||', 'or', '=', '=>', '|', '::', 'when', '<-', '\\\\',
  '->', '//', ',', ';', '...', '%', '%{}', '{}', '<<>>', '[]',
  // Literals, reserved words and sections of do-blocks.
  'true', 'false', 'nil', 'do', 'end', 'fn', 'after', 'else', 'catch', 'rescue',
  // Definitions.
  'defmodule', 'def', 'defp', 'defmacro', 'defmacrop', 'defguard', 'defguardp', 'defdelegate', 'defstruct',
  'defexception', 'defprotocol', 'defimpl', 'defoverridable', 'defrecord', 'defrecordp',
  // Directives and special forms.
  'alias', 'import', 'require', 'use', 'quote', 'unquote', 'unquote_splicing', 'super', '__MODULE__', '__DIR__',
  '__ENV__', '__CALLER__', '__STACKTRACE__', '__block__', '__aliases__', '_',
  // Control flow.
  'if', 'unless', 'case', 'cond', 'with', 'for', 'receive', 'try', 'raise', 'reraise', 'throw', 'send', 'spawn',
  'spawn_link',
  // Attributes.
  'moduledoc', 'doc', 'typedoc', 'spec', 'type', 'typep', 'opaque', 'callback', 'macrocallback',
  'optional_callbacks', 'behaviour', 'impl', 'deprecated', 'derive', 'enforce_keys', 'compile', 'moduletag', 'tag',
  // Options that carry structure.
  'as', 'only', 'except', 'for', 'into', 'uniq', 'reduce', 'warn', 'to',
  'test', 'describe', 'setup', 'setup_all', 'assert',
] as const

export type WellKnownName = (typeof names)[number]

/** Every name once, in the order of its symbol id. */
export const wellKnownNames: readonly WellKnownName[] = [...new Set(names)]

/** The symbol id of a well-known name: `Sym.defmodule`, `Sym['|>']`. */
export const Sym: Readonly<Record<WellKnownName, number>> = Object.freeze(
  Object.fromEntries(wellKnownNames.map((name, id) => [name, id])) as Record<WellKnownName, number>,
)
