/**
 * Which definition of a name is `Name` and which `Name@2`, `Name@3`: by (path, offset) over the whole project, settled
 * at the end of every transaction for the names it touched. Each further definition is a problem of its file. Invariant:
 * the keys depend on the files that are there, not on the order in which they came.
 */

import { DYNAMIC } from '../model/names.ts'
import { unsealed } from './bytes.ts'
import { all, one, run } from './connection.ts'
import { decodeModule } from './facts-codec.ts'
import type { Work } from './work.ts'

/** Problems with a seq from here on are the store's: this plus the module's id. */
export const STORE_PROBLEMS = 1_000_000

type Definition = {
  readonly id: number
  readonly key: string
  readonly path: string
  readonly line: number
  readonly data: Uint8Array
}

/** `@` is the character before `A`: the range holds exactly the keys that start with `name@`. */
const DEFINITIONS = `FROM modules m CROSS JOIN files f ON f.id = m.file_id
  WHERE (m.key = ?1 OR (m.key >= ?1 || '@' AND m.key < ?1 || 'A')) AND m.origin = 0 AND m.name = ?1`

export function settleKeys(work: Work): void {
  const names = new Set([...work.unsettled].flatMap(withBases))
  for (const name of [...names].sort((a, b) => a.length - b.length)) settleName(work, name)
  work.unsettled.clear()
}

/** `:foo@2` is a legal atom: when such a module comes or goes, the numbers of `:foo` change too, and are settled first. */
function withBases(name: string): string[] {
  const base = /^(.+)@[1-9]\d*$/s.exec(name)?.[1]
  return base === undefined ? [name] : [...withBases(base), name]
}

function settleName(work: Work, name: string): void {
  const definitions = all<Definition>(work.connection, `SELECT m.id, m.key, f.path, m.line, m.data ${DEFINITIONS} ORDER BY f.path, m.start, m.position`, name)
  const keys = chooseKeys(work, name, definitions.length)
  const moved = definitions.filter((definition, index) => definition.key !== keys[index])
  // In two steps, because a key may still be another's.
  for (const { id } of moved) run(work.connection, 'UPDATE modules SET key = ? WHERE id = ?', `${name}@+${id}`, id)
  for (const [index, definition] of definitions.entries()) {
    const key = keys[index] ?? name
    if (definition.key !== key) {
      run(work.connection, 'UPDATE modules SET key = ?, version = ?, updated_at_ms = ? WHERE id = ?', key, work.version, work.nowMs, definition.id)
      if (!definition.key.includes('@+')) work.changes.rekeyed.set(definition.id, definition.key)
      work.rowsChanged++
    }
    settleProblem(work, name, definition, key)
  }
}

/** `Name`, `Name@2`, …; passes over what is the true name of another module. */
function chooseKeys(work: Work, name: string, count: number): string[] {
  const keys: string[] = []
  for (let number = 1; keys.length < count; number++) {
    const key = number === 1 ? name : `${name}@${number}`
    if (number === 1 || one(work.connection, `SELECT 1 ${DEFINITIONS}`, key) === undefined) keys.push(key)
  }
  return keys
}

/** Whether a module of this key defines once more what another does. Names that are made when the code runs only look alike. */
export function isRedefinition(key: string, name: string): boolean {
  return key !== name && !name.startsWith(DYNAMIC)
}

function settleProblem(work: Work, name: string, definition: Definition, key: string): void {
  const seq = STORE_PROBLEMS + definition.id
  if (!isRedefinition(key, name)) {
    dropRedefinition(work, definition.path, definition.id)
    return
  }
  const payload = unsealed(definition.data)
  const span = payload === undefined ? undefined : decodeModule(payload, { kind: 'module', linesOfCode: 0 }).span
  const message = `${name} is defined more than once; this definition is known as ${key}, by path and place in the file`
  const known = one(work.connection, 'SELECT 1 FROM problems WHERE path = ? AND seq = ?', definition.path, seq)
  run(work.connection, `INSERT INTO problems (path, seq, code, message, line, col, start, end) VALUES (?,?,?,?,?,?,?,?)
    ON CONFLICT DO UPDATE SET message = excluded.message, line = excluded.line, col = excluded.col, start = excluded.start, end = excluded.end`,
    definition.path, seq, 'module_redefined', message, definition.line, span?.column ?? 1, span?.start ?? 0, span?.end ?? 0)
  if (known === undefined) work.state.n_problems++
}

/** For a definition that goes, or is the first again. */
export function dropRedefinition(work: Work, path: string, moduleId: number): void {
  work.state.n_problems -= run(work.connection, 'DELETE FROM problems WHERE path = ? AND seq = ?', path, STORE_PROBLEMS + moduleId)
}
