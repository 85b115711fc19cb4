/**
 * Rules in the syntax of .gitignore, from several files at several depths, as one list: a rule of a nested file is
 * rewritten to say from where it counts, so that the last rule that matches decides, as in git. A set of rules is never
 * changed; adding gives a new one.
 *
 * Absent on purpose: reading files, git's own exclude files outside the tree (`info/exclude`, `core.excludesFile`).
 */

import ignore, { type Ignore } from 'ignore'

export type IgnoreRules = { readonly matcher: Ignore; readonly nRules: number }

export const NO_RULES: IgnoreRules = { matcher: newMatcher(), nRules: 0 }

/**
 * The rules with those of one more file. `directory` is where the file lies, relative to the same base as the paths that
 * are asked for, without slashes at its ends; '' for the base. Lines that are no valid rule are left out.
 */
export function addRules(rules: IgnoreRules, directory: string, lines: readonly string[]): IgnoreRules {
  const scoped = lines.map((line) => scopeRule(directory, line)).filter((rule) => rule !== undefined).filter(isUsable)
  if (scoped.length === 0) return rules
  return { matcher: newMatcher().add(rules.matcher).add(scoped.map((pattern) => ({ pattern }))), nRules: rules.nRules + scoped.length }
}

/** The lines of a .gitignore file, as git splits them. */
export function ruleLines(text: string): string[] {
  return text.replace(/^\uFEFF/, '').split('\n').map((line) => line.replace(/\r$/, ''))
}

/** Whether a path relative to the base is left out; `kind` matters to rules that end in a slash. */
export function isIgnored(rules: IgnoreRules, path: string, kind: 'file' | 'directory'): boolean {
  return rules.nRules > 0 && rules.matcher.ignores(kind === 'directory' ? `${path}/` : path)
}

function newMatcher(): Ignore {
  return ignore({ ignorecase: false })
}

/** The same rule, counted from the base; undefined for a comment or an empty line. */
function scopeRule(directory: string, line: string): string | undefined {
  if (line.startsWith('#') || line.trim() === '') return undefined
  if (directory === '') return line
  const sign = line.startsWith('!') ? '!' : ''
  const rule = line.slice(sign.length)
  const unescaped = /^\\[!#]/.test(rule) ? rule.slice(1) : rule
  const anchored = rule.replace(/[ /]+$/, '').includes('/')
  const body = unescaped.replace(/^\//, '')
  return body === '' ? undefined : `${sign}/${escapeGlob(directory)}/${anchored ? '' : '**/'}${body}`
}

function escapeGlob(directory: string): string {
  return directory.replaceAll(/[\\*?[\]!# ]/g, String.raw`\$&`)
}

/** A rule that the library cannot read is as good as none; asking once finds out. */
function isUsable(rule: string): boolean {
  try {
    newMatcher().add({ pattern: rule }).ignores('a/b')
    return true
  } catch {
    return false
  }
}
