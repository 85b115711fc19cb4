/**
 * What one transaction has done so far to files, modules and functions, as plain notes by row id: cheap enough to be taken
 * of every write. `settle-changes.ts` makes of them what changed after all, once keys are settled.
 */

export type FunctionNote = { readonly id: number; readonly moduleId: number; readonly name: string; readonly arity: number; readonly ordinal: number }

/** Moments of a row: when it was first there, and when it last became another. */
export type Moments = { readonly first_epoch: number; readonly first_ms: number; readonly modified_epoch: number; readonly modified_ms: number }

export type GoneModule = Moments & { readonly id: number; readonly key: string; readonly origin: number; readonly path: string; readonly source: string }

/** The row as it was; `moved`: it lives on under another key. */
export type GoneFunction = Moments & FunctionNote & {
  readonly key: string
  readonly origin: number
  readonly path: string
  readonly brokenBy: string | null
  readonly moved: 'no' | 'moved'
  readonly defaults: number
  readonly kind: number
  readonly line: number
  readonly clauses: number
  readonly n_calls: number
  readonly cyclomatic: number
  readonly loc: number
  readonly data: Uint8Array
  readonly calls: Uint8Array | null
}

export type FileChange = 'added' | 'changed' | 'removed'

export type ChangeLog = {
  readonly files: Map<string, FileChange>
  readonly addedModules: Set<number>
  readonly changedModules: Set<number>
  readonly goneModules: GoneModule[]
  readonly addedFunctions: FunctionNote[]
  readonly modifiedFunctions: FunctionNote[]
  readonly goneFunctions: GoneFunction[]
  /** Modules that were there before under another key. */
  readonly rekeyed: Map<number, string>
  /** Files that parse now, or are no more: nothing of them is stale. */
  readonly mended: Set<string>
}

export function createChangeLog(): ChangeLog {
  return {
    files: new Map(), addedModules: new Set(), changedModules: new Set(), goneModules: [], addedFunctions: [], modifiedFunctions: [], goneFunctions: [],
    rekeyed: new Map(), mended: new Set(),
  }
}

export function noteFile({ files }: ChangeLog, path: string, change: FileChange): void {
  const before = files.get(path)
  if (before === 'added' && change === 'removed') files.delete(path)
  else if (before === 'removed' && change === 'added') files.set(path, 'changed')
  else if (before !== 'added') files.set(path, change)
}
