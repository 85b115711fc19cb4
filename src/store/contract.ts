/**
 * What the static side's storage offers, as types: the writer (one, in the repository thread) and readers (one per
 * thread that reads). Invariant: a read sees one epoch; a write is all or nothing, and makes at most one new epoch.
 *
 * Failure: what a caller can cause is a value (`Result`). What only the disk can cause inside a read (a damaged row, a
 * vanished database), an expired snapshot and a cursor that no page gave throw `FailureError`, which the gateway catches
 * once per request.
 *
 * Absent on purpose: wire records, timers, threads. Time comes in as `now`, the host ends old snapshots.
 */

import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import type { CallFacts, CallGrade, FunctionFacts, FunctionKind, ModuleFacts, ModuleKind } from '../model/facts.ts'
import type { Mfa, ModuleName } from '../model/names.ts'
import type { NodeId } from '../model/node-id.ts'
import type { Problem } from '../model/problem.ts'

export type Origin = 'file' | 'client'

/** A page of a list. `next` is null on the last page, else what `after` of the next call takes; opaque. */
export type Page<T> = { readonly items: readonly T[]; readonly next: string | null }
export type PageRequest = { readonly limit: number; readonly after?: string | undefined }

// ---------------------------------------------------------------------------------------------------------------- rows

/** The facts of a module without what has rows of its own. `name` is as the source says; the key may add `@2`. */
export type ModuleDetails = Omit<ModuleFacts, 'functions' | 'bodyCalls'>
/** The facts of a function without its calls (`Snapshot.calleesOf`). */
export type FunctionDetails = Omit<FunctionFacts, 'calls'>

export type ModuleRow = {
  readonly id: number
  /** `Name`, or `Name@2` for the second of several definitions in (path, offset) order. */
  readonly key: ModuleName
  readonly kind: ModuleKind
  readonly origin: Origin
  /** Null for a client's module that named no file. */
  readonly path: string | null
  /** Null when unknown (0 in the facts). */
  readonly line: number | null
  /** Number of functions. */
  readonly functions: number
  readonly linesOfCode: number
  /** Highest among the functions, 0 without any. */
  readonly cyclomatic: number
  /** Epoch of the last change of the module or of any of its functions. */
  readonly version: number
  /** Milliseconds since 1970 of that change. */
  readonly updatedAtMs: number
}

/** `document` is what a client stated, as it stated it; null for a module from a file. */
export type ModuleRecord = ModuleRow & { readonly facts: ModuleDetails; readonly document: unknown }

export type FunctionRow = {
  readonly id: number
  readonly moduleId: number
  readonly moduleKey: ModuleName
  readonly name: string
  readonly arity: number
  readonly defaults: number
  readonly kind: FunctionKind
  readonly origin: Origin
  readonly path: string | null
  readonly line: number | null
  readonly clauses: number
  readonly calls: number
  readonly cyclomatic: number
  readonly linesOfCode: number
  readonly version: number
  readonly updatedAtMs: number
  /** Null for one that is there. A stale one is not: it went while its file did not parse, and has no id. */
  readonly stale: { readonly since: Moment; readonly reason: string } | null
}

export type FunctionRecord = FunctionRow & { readonly facts: FunctionDetails }

/** Who calls, and where. `caller.function` is null when the module's own body calls. */
export type CallerSite = {
  readonly caller: {
    readonly moduleKey: ModuleName
    readonly function: { readonly id: number; readonly name: string; readonly arity: number } | null
  }
  readonly origin: Origin
  readonly path: string | null
  readonly line: number
  readonly column: number
  readonly node: NodeId
  readonly kind: CallFacts['kind']
  readonly grade: CallGrade
  /** The arity called: below the function's own where defaults fill in. */
  readonly arity: number
}

export type FileRow = {
  readonly id: number
  readonly path: string
  readonly sourceHash: string
  readonly bytes: number
  readonly lines: number
  /** False when the file could not be read: it then has one problem, and no modules. */
  readonly readable: boolean
  readonly version: number
  readonly updatedAtMs: number
}

/** What the importer compares with the disk; `changedNs`: when the file was last changed, however its time was set. */
export type FileState = { readonly sourceHash: string; readonly size: number; readonly changedNs: bigint; readonly readable: boolean }

export type ProblemRow = Problem & { readonly path: string }

export type ExportRow =
  | { readonly table: 'file'; readonly row: FileRow }
  | { readonly table: 'module'; readonly row: ModuleRecord; readonly bodyCalls: readonly CallFacts[] }
  | { readonly table: 'function'; readonly row: FunctionRecord; readonly calls: readonly CallFacts[] }
  | { readonly table: 'problem'; readonly row: ProblemRow }

/** How far the import has come; the shape of `last` belongs to the importer (plain data). */
export type ImportState = {
  readonly state: 'never' | 'running' | 'complete' | 'interrupted'
  readonly filesDone: number
  readonly filesTotal: number
  readonly last: unknown
}

export type StoreStatistics = {
  readonly repositoryId: string
  readonly createdAt: string
  readonly lastUpdated: string
  readonly schemaVersion: number
  readonly epoch: number
  readonly files: number
  readonly unreadableFiles: number
  /** Modules from files; `clientModules` counts the others. */
  readonly modules: number
  readonly clientModules: number
  readonly functions: number
  readonly clauses: number
  readonly calls: number
  readonly callees: number
  readonly problems: number
  readonly sourceBytes: number
  readonly sourceBytesStored: number
  /** Earlier contents that are kept, and the bytes of their sources, compressed. */
  readonly versions: number
  readonly versionBytes: number
  /** The oldest epoch to which `filesAt` goes back. */
  readonly oldestEpoch: number
  readonly staleFunctions: number
  readonly databaseBytes: number
  readonly walBytes: number
  /** Bytes of pages by table and index. Walks the whole database: absent unless asked for. */
  readonly bytesByTable: Readonly<Record<string, number>> | null
  readonly import: ImportState
}

/** Bytes of the rows themselves: pages, indexes and sources apart. */
export type BytesHeld = {
  /** Pages of indexes, and of the tables that are there to find callers by. */
  readonly indexBytes: number
  readonly modules: readonly { readonly linesOfCode: number; readonly bytes: number }[]
}

// ------------------------------------------------------------------------------------------------------------- history

/** `atMs`: milliseconds since 1970. */
export type Moment = { readonly epoch: number; readonly atMs: number }

/** When a module or function was first there, and when anything about it but its place last changed. */
export type Moments = { readonly firstSeen: Moment; readonly lastModified: Moment }

/** A content of a file. `until`: the epoch with which it gave way or the file went; null for the present one. */
export type FileVersion = {
  /** From 1; goes on where a file of that path had ended. */
  readonly number: number
  /** Empty when the file could not be read. */
  readonly sourceHash: string
  readonly bytes: number
  readonly readable: boolean
  readonly epoch: number
  readonly atMs: number
  readonly until: Moment | null
}

/** What a file had at an epoch; null: it was not there. */
export type PastFile = { readonly path: string; readonly content: { readonly source: Uint8Array } | { readonly problem: Problem } | null }

export type ChangeCounts = { readonly added: number; readonly modified: number; readonly removed: number }
export type ChangedNames = { readonly added: readonly string[]; readonly modified: readonly string[]; readonly removed: readonly string[] }

/** What one commit changed: paths, module keys, MFAs, each sorted. `truncated`: too many to name, the lists are empty. */
export type CommitChanges = {
  readonly epoch: number
  readonly atMs: number
  readonly truncated: boolean
  readonly counts: { readonly files: ChangeCounts; readonly modules: ChangeCounts; readonly functions: ChangeCounts }
  readonly files: ChangedNames
  /** Modified: anything in it but its place. */
  readonly modules: ChangedNames
  readonly functions: ChangedNames
}

/** What is kept: earlier contents of each file, and bytes of them all, compressed. */
export type HistoryLimits = { readonly versions: number; readonly bytes: number }

// -------------------------------------------------------------------------------------------------------------- reader

export type ModuleFilter = { readonly origin?: Origin | 'all' | undefined; readonly prefix?: string | undefined }

/**
 * One epoch of the store, until released. Everything is synchronous. A lookup that finds nothing answers undefined; a
 * list of nothing is an empty page. Lookups by name prefer what came from a file over what a client stated.
 */
export type Snapshot = {
  readonly epoch: number
  /** When the epoch was committed, ISO 8601 UTC. */
  readonly writtenAt: string
  readonly repositoryId: string
  readonly importState: ImportState
  readonly unreadableFiles: number
  /** By key: `Name` or `Name@2`. `origin` asks for one origin alone. */
  findModule(key: ModuleName, origin?: Origin): ModuleRecord | undefined
  findModuleRow(key: ModuleName, origin?: Origin): ModuleRow | undefined
  /** Any arity that defaults generate finds the function; its own arity wins. */
  findFunction(mfa: Mfa, origin?: Origin): FunctionRecord | undefined
  functionById(id: number): FunctionRecord | undefined
  moduleById(id: number): ModuleRecord | undefined
  /** In source order; stale functions come behind the others. */
  functionsOf(moduleId: number, page: PageRequest): Page<FunctionRow>
  /** In source order; empty for a file that defines none, undefined for an unknown file. */
  modulesOfFile(path: string): readonly ModuleRow[] | undefined
  /** By key. */
  listModules(page: PageRequest & ModuleFilter): Page<ModuleRow>
  /** By module key, name, arity; `prefix` is of the module key. Stale functions are among them. */
  listFunctions(page: PageRequest & ModuleFilter): Page<FunctionRow>
  /**
   * Call sites, by caller, then in source order. Asked with the arity of the definition, calls with fewer arguments
   * (defaults) are included; asked with a generated arity, only those. `module: null` asks for the bare names that could
   * not be resolved; they are never counted for a module's function. Definitions of one name (`Name@2`) share callers,
   * because the source calls them by the one name.
   */
  callers(callee: { readonly module: ModuleName | null; readonly name: string; readonly arity: number }, page: PageRequest): Page<CallerSite>
  functionMoments(id: number): Moments | undefined
  moduleMoments(id: number): Moments | undefined
  /** A function that is no more, because its file does not parse; its calls as they were. */
  findStale(mfa: Mfa): { readonly record: FunctionRecord; readonly calls: readonly CallFacts[]; readonly moments: Moments } | undefined
  /** The file that a module was last in which is no more. */
  pathOfDeparted(module: ModuleName): string | undefined
  /** The newest first, of what is kept. */
  versionsOf(path: string): readonly FileVersion[]
  /** Undefined for a version that is not kept, or could not be read. */
  versionSource(path: string, number: number): Uint8Array | undefined
  /** In source order. */
  calleesOf(functionId: number, page: PageRequest): Page<CallFacts>
  /** Calls of a module's body outside its functions, in source order. */
  bodyCallsOf(moduleId: number, page: PageRequest): Page<CallFacts>
  findFile(path: string): FileRow | undefined
  /** Files in this directory or further down, by path, at most `limit`. */
  filesBelow(directory: string, limit: number): readonly FileRow[]
  /** The bytes of a file as they were analysed. */
  sourceOf(path: string): Uint8Array | undefined
  /** By path, then in the order of the facts. */
  problems(page: PageRequest & { readonly path?: string | undefined }): Page<ProblemRow>
  statistics(options?: { readonly bytesByTable?: 'yes' | 'no' }): StoreStatistics
  /** Walks the whole database. */
  bytesHeld(): BytesHeld
  fileStates(): Map<string, FileState>
  /** Files, modules, functions, problems: everything, a page at a time. */
  exportRows(page: PageRequest): Page<ExportRow>
  /** Gives this hold back; the read transaction ends with the last hold. Idempotent per hold. */
  release(): void
}

type ReaderMetrics = {
  readonly openSnapshots: number
  /** Age of the read transaction that is open now, 0 without one. */
  readonly oldestSnapshotMs: number
  readonly begun: number
  /** Ended by `expire`. */
  readonly expired: number
}

/**
 * A read-only connection, for one thread. `begin` shares the transaction that is open, if any: a gateway begins on the
 * first lookup of an event-loop turn and releases at its end, so that the turn pays for one transaction.
 */
export type Reader = {
  begin(): Snapshot
  /** Begins, calls, releases. */
  snapshot<T>(use: (snapshot: Snapshot) => T): T
  /** Ends the open transaction when it is older than this: its snapshots answer `unavailable` from then on. */
  expire(maxAgeMs: number): void
  /** `replaced`: what it reads is a store that nobody writes any more. */
  place(): Place
  /** Gives the memory of its page cache back. */
  shrink(): void
  metrics(): ReaderMetrics
  close(): void
}

/** Whether the file that was opened is still the one at the store's path. */
export type Place = 'in place' | 'removed' | 'replaced'

export type ReaderOptions = {
  readonly path: string
  /** Milliseconds since 1970. */
  readonly now: () => number
}

// -------------------------------------------------------------------------------------------------------------- writer

/** A module as a client states it: its facts, and the statement itself, kept for later patches. */
export type ClientModule = {
  readonly facts: ModuleFacts
  readonly path: string | null
  /** Plain data. */
  readonly document: unknown
}

export type Stored = { readonly key: ModuleName; readonly version: number }

/** `version` is the epoch that the enclosing transaction will have. */
export type Transaction = {
  readonly version: number
  /** Brings the file's rows in step with the facts (of `encodeFileFacts`). Rows that did not change are not written. */
  applyFile(encoded: Uint8Array, state: { readonly size: number; readonly changedNs: bigint }): AppliedFile
  /** Same content, other size or time: no facts change, no epoch. False when the file is unknown. */
  touchFile(path: string, state: { readonly size: number; readonly changedNs: bigint }): boolean
  /** The file is there but cannot be read: it keeps one problem, and loses its modules. */
  markUnreadable(path: string, problem: Problem, state: { readonly size: number; readonly changedNs: bigint }): void
  /** Of the content that is stored; undefined for an unknown file, empty for one that could not be read. */
  sourceHashOf(path: string): string | undefined
  /** Forgets files and all they define; how many there were. */
  removeFiles(paths: readonly string[]): number
  /** Stores or replaces what clients said about the module. `expectedVersion` 0 expects none. */
  storeClientModule(module: ClientModule, expectedVersion?: number): Result<Stored, Failure>
  /**
   * Changes a stored client module: `change` gets its document. `not_found` without one, `conflict` when the version is
   * another than the expected.
   */
  changeClientModule(key: ModuleName, expectedVersion: number | undefined,
    change: (document: unknown) => Result<ClientModule, Failure>): Result<Stored, Failure>
  deleteClientModule(key: ModuleName, expectedVersion: number | undefined): Result<Stored, Failure>
  /** Like delete, but absent is fine: how many modules and functions went. */
  cleanupClientModule(key: ModuleName): number
  /**
   * Every file that has another content than at the epoch, or none, or had none. `not_found` when a source of then is no
   * longer kept.
   */
  filesAt(epoch: number): Result<readonly PastFile[], Failure>
  findClientDocument(key: ModuleName): { readonly document: unknown; readonly version: number } | undefined
  setImportState(state: ImportState): void
  /** What another store had kept for repeats; this one must be new. */
  takeOverRequests(requests: readonly KeptRequest[]): void
}

export type AppliedFile = {
  readonly modules: number
  readonly functions: number
  /** Rows inserted, rewritten and deleted: 0 when nothing had changed. */
  readonly rowsChanged: number
}

/** `epoch` is new when `changed`, else the one before. `writtenAt`: when that was committed, ISO 8601 UTC. */
export type Committed<T> = { readonly value: T; readonly epoch: number; readonly writtenAt: string; readonly changed: boolean }

/** How a repeat is known: by the id that its maker chose, and by what is equal for equal calls. */
export type RequestName = { readonly id: string; readonly call: string }

/** What is kept of a request that was carried out; `epoch` and `atMs` are those that its answer told. */
export type KeptRequest = RequestName & { readonly epoch: number; readonly atMs: number; readonly value: unknown }

export type TransactionOptions = {
  /** Another one is a `conflict`. */
  readonly expectedEpoch?: number | undefined
  /** The value, which must be plain data, is kept with what was written. A repeat does not run: it gets what the first got, unchanged. */
  readonly request?: RequestName | undefined
}

export type WriterMetrics = {
  readonly transactions: number
  readonly rolledBack: number
  readonly rowsWritten: number
  /** Time spent waiting for the lock, and committing, in milliseconds: sum and greatest. */
  readonly waitMs: number
  readonly waitMaxMs: number
  readonly commitMs: number
  readonly commitMaxMs: number
}

export type Writer = {
  readonly repositoryId: string
  epoch(): number
  /** Like reads of a snapshot, these throw a FailureError for what the disk caused. */
  importState(): ImportState
  fileStates(): Map<string, FileState>
  /**
   * Runs `work` in one write transaction. A failed result rolls everything back, as does `conflict` when
   * `expectedEpoch` is given and the store is at another.
   */
  transaction<T>(work: (transaction: Transaction) => Result<T, Failure>, options?: TransactionOptions): Result<Committed<T>, Failure>
  /** Rebuilds the derived rows (postings, counts) from the others: compacts them, and repairs damaged ones. */
  optimize(): Result<{ readonly durationMs: number }, Failure>
  /** Drops sources that no file or kept version has any more and gives the space back: to the disk once no reader holds an older epoch. */
  vacuum(): Result<{ readonly bytesBefore: number; readonly bytesAfter: number; readonly sourcesDropped: number }, Failure>
  /** Moves the write-ahead log into the database as far as readers allow. */
  checkpoint(): Result<{ readonly walBytes: number }, Failure>
  /** Gives the memory of its page cache back. */
  shrink(): void
  /** Unless it is in place, every write is `unavailable`: what it wrote would be gone with the removed file. */
  place(): Place
  /** Looks at the next slice of the files; what it finds is final. To be called now and then. */
  scrub(): Failure | undefined
  /** The next opening finds the store damaged: for when a read or a write has met damage. */
  condemn(why: string): void
  metrics(): WriterMetrics
  close(): void
}

export type WriterOptions = {
  readonly path: string
  /** `disk`: every commit is on disk when it returns. `memory`: a throw-away file, emptied at open, removed at close. */
  readonly storage: 'disk' | 'memory'
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Used when the store is new, e.g. a UUID. */
  readonly repositoryId: string
  /** The database may not grow beyond this: `storage_full`. */
  readonly maxBytes?: number | undefined
  /** 20 versions and 256 MiB unless told. */
  readonly history?: HistoryLimits | undefined
  /** Told of every commit that made an epoch, after it is durable. Must not throw. */
  readonly onCommit?: ((changes: CommitChanges) => void) | undefined
  /** How long a write waits for a lock that another process holds, before it is `busy`. 5 s unless told. */
  readonly lockMs?: number | undefined
}

/*
 * Where these are: `openWriter` in writer.ts, `openReader` in reader.ts, `encodeFileFacts` (made in the parser pool, so
 * that the writer has little left to do) in encoded-file.ts, `storeVersion` in schema.ts, `verifyPath` in verify.ts.
 */
