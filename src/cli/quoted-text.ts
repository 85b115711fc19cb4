/** What `ast FILE` prints: the quoted form as Elixir inspects it, with the file's problems as `line:column: message`. */

import { parse } from '../syntax/parse.ts'
import { print } from '../syntax/print.ts'
import { quoted } from '../syntax/quoted.ts'
import { harmless } from './render/text.ts'

export type QuotedText = { readonly text: string; readonly problems: readonly string[] }

export function quotedText(source: Uint8Array): QuotedText {
  const tree = parse(source)
  return {
    text: print(quoted(tree)),
    problems: tree.problems.map((problem) => `${problem.line}:${problem.column}: ${harmless(problem.message)}`),
  }
}
