/**
 * Reads the .gitignore files that rule a project: those above its root within the same git work tree, and, one by one,
 * those of the directories that a walk enters. A file that cannot be read counts as empty, as it does for git.
 */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { addRules, isIgnored, NO_RULES, ruleLines, type IgnoreRules } from './ignore-rules.ts'

/**
 * The rules of .gitignore files above the root, up to the top of its git work tree. Rules that ignore the root itself
 * are left aside: whoever names a directory wants to see it.
 */
export function rulesAbove(root: string): { readonly rules: IgnoreRules; readonly prefix: string } {
  const top = gitTop(root)
  if (top === undefined || top === root) return { rules: NO_RULES, prefix: '' }
  const names = relative(top, root).split(sep)
  let rules = NO_RULES
  for (let depth = 0; depth < names.length; depth++) {
    rules = readRules(rules, join(top, ...names.slice(0, depth)), names.slice(0, depth).join('/'))
    if (isIgnored(rules, names.slice(0, depth + 1).join('/'), 'directory')) return { rules: NO_RULES, prefix: '' }
  }
  return { rules, prefix: `${names.join('/')}/` }
}

/** The rules with those of the .gitignore in `realPath`, which lies at `scope` from where all rules count. */
export function readRules(rules: IgnoreRules, realPath: string, scope: string): IgnoreRules {
  try {
    return addRules(rules, scope.replace(/\/$/, ''), ruleLines(readFileSync(join(realPath, '.gitignore'), 'utf8')))
  } catch {
    return rules // none there, or not to be read: git goes on without it too
  }
}

function gitTop(root: string): string | undefined {
  for (let directory = root; ; directory = dirname(directory)) {
    if (existsSync(join(directory, '.git'))) return directory
    if (directory === dirname(directory)) return undefined
  }
}
