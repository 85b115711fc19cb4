/**
 * Whether a store says what its files say: a second one is built beside it, by the same import, and the two are compared
 * file by file; then the store is checked in itself, which covers what no single file has: every posting, every index.
 *
 *   settle, rebuild -> compare all files
 *   settle, bring the second store up to date -> nothing had changed: the last comparison stands
 *                                             -> else what changed and what differed is compared again, at most ROUNDS times
 *
 * So that a file which is saved meanwhile, with the callers of what it defines, is a difference only if it remains one. What
 * clients stated, functions that are stale and the history follow from no file and are left out. Invariant: of the store
 * that is verified nothing is written, and no snapshot is held for longer than one file takes, but for the check in itself.
 */

import { failure, type Failure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { openReader } from '../../store/reader.ts'
import type { Reader, Writer } from '../../store/contract.ts'
import { verifyPath } from '../../store/verify.ts'
import { openWriter } from '../../store/writer.ts'
import type { NotificationParams } from '../../wire/methods.ts'
import type { DifferenceRecord as Difference, VerificationRecord as Verification } from '../../wire/records.ts'
import { importProject, type ImportPorts } from '../import-project.ts'
import { compareFile, compareWhole, cut } from './compare.ts'

export type VerifyProgress = NotificationParams<'verify_progress'>

export type VerifyPorts = Pick<ImportPorts, 'admitted' | 'discover' | 'parse' | 'tasksInFlight' | 'nowMs'> & {
  readonly storePath: string
  /** Where the second store is built; removed at the end. */
  readonly scratchPath: string
  /** Settles when every change saved before is in the store, as far as anybody follows the files. */
  readonly settle: () => Promise<Result<unknown, Failure>>
  readonly progress: (progress: VerifyProgress) => void
  /** So many differences are named; the others are counted. */
  readonly limit: number
}

/** `paths` has every file that differs, however many are named. */
export type Verified = { readonly verification: Verification; readonly paths: readonly string[] }

/** Files that are saved again and again are not waited for any longer. */
const ROUNDS = 10
const FILES_PER_TURN = 20
const REPORT_EVERY = 200

type Run = { readonly ports: VerifyPorts; readonly live: Reader; readonly rebuilt: Reader; readonly writer: Writer }
type Found = { readonly differing: ReadonlySet<string>; readonly named: readonly Difference[]; readonly total: number }

export async function verifyProject(ports: VerifyPorts): Promise<Result<Verified, Failure>> {
  const startedMs = ports.nowMs()
  const live = openReader({ path: ports.storePath, now: Date.now })
  if (!live.ok) return live
  try {
    const verified = await beside(ports, live.value)
    if (!verified.ok) return verified
    if (live.value.place() !== 'in place') return fail(failure('unavailable', 'the store was replaced while it was verified', { hint: 'verify again' }))
    return ok({ ...verified.value, verification: { ...verified.value.verification, duration_ms: Math.round(ports.nowMs() - startedMs) } })
  } finally {
    live.value.close()
  }
}

async function beside(ports: VerifyPorts, live: Reader): Promise<Result<Verified, Failure>> {
  const writer = openWriter({ path: ports.scratchPath, storage: 'memory', now: Date.now, repositoryId: 'verification' })
  if (!writer.ok) return writer
  const rebuilt = openReader({ path: ports.scratchPath, now: Date.now })
  try {
    return rebuilt.ok ? await verify({ ports, live, rebuilt: rebuilt.value, writer: writer.value }) : rebuilt
  } finally {
    if (rebuilt.ok) rebuilt.value.close()
    writer.value.close()
  }
}

async function verify(run: Run): Promise<Result<Verified, Failure>> {
  const first = await refresh(run)
  if (!first.ok) return first
  const hiding = hidingDirectory(run)
  if (hiding !== undefined) {
    return fail(failure('unavailable', `${hiding} cannot be read as a whole, and files of the repository lie beneath it: whether they are as they were is unknown`, {
      hint: 'see `elixir-scope problems`; let the daemon read it, or leave it out (project.exclude)',
    }))
  }
  let found = await compare(run, run.rebuilt.snapshot((made) => new Set([...made.fileStates().keys(), ...livePaths(run.live)])))
  let changed: ReadonlySet<string> = new Set()
  for (let round = 0; round < ROUNDS; round++) {
    const refreshed = await refresh(run)
    if (!refreshed.ok) return refreshed
    changed = refreshed.value
    // What differed may have been in the second store before it was in the first.
    if (changed.size > 0 || found.differing.size > 0) found = await compare(run, new Set([...found.differing, ...changed]))
    if (changed.size === 0) break
  }
  const whole = inItself(run, changed.size === 0)
  return whole.ok ? ok(summary(run, found, whole.value, changed)) : whole
}

/** Brings the second store up to date, after the first; the files that were others than before. */
async function refresh({ ports, rebuilt, writer }: Run): Promise<Result<ReadonlySet<string>, Failure>> {
  const settled = await ports.settle()
  if (!settled.ok) return settled
  const before = writer.fileStates()
  const imported = await importProject({
    ...ports, writer, maxModules: Infinity, statistics: () => rebuilt.snapshot((snapshot) => snapshot.statistics()),
    progress: ({ files_done, files_total }) => ports.progress({ phase: 'rebuilding', files_done, files_total, differences: 0 }),
  }, 'changed')
  if (!imported.ok) return imported
  const after = writer.fileStates()
  const paths = new Set([...before.keys(), ...after.keys()])
  return ok(new Set([...paths].filter((path) => before.get(path)?.sourceHash !== after.get(path)?.sourceHash)))
}

/**
 * A directory that the second store knows as unreadable, with files beneath it that the first one still has: they are neither
 * gone nor known, and whoever took them for differences would have them removed.
 */
function hidingDirectory({ live, rebuilt }: Run): string | undefined {
  const made = rebuilt.snapshot((snapshot) => snapshot.fileStates())
  for (const path of livePaths(live)) {
    if (made.has(path)) continue
    const names = path.split('/')
    const hiding = names.map((_name, n) => names.slice(0, n).join('/') || '.').find((directory) => made.get(directory)?.readable === false)
    if (hiding !== undefined) return hiding
  }
  return undefined
}

function livePaths(live: Reader): Iterable<string> {
  return live.snapshot((snapshot) => snapshot.fileStates().keys())
}

async function compare({ ports, live, rebuilt }: Run, among: ReadonlySet<string>): Promise<Found> {
  const differing = new Set<string>()
  const named: Difference[] = []
  let total = 0
  let done = 0
  for (const path of [...among].sort()) {
    const differences = compareFile(live, rebuilt, path)
    if (differences.length > 0) differing.add(path)
    named.push(...differences.slice(0, ports.limit - named.length))
    total += differences.length
    done += 1
    if (done % FILES_PER_TURN === 0) await new Promise<void>((resolve) => void setImmediate(resolve))
    if (done % REPORT_EVERY === 0 || done === among.size) ports.progress({ phase: 'comparing', files_done: done, files_total: among.size, differences: total })
  }
  return { differing, named, total }
}

/** What no single file has. Counts are compared where no file has changed since. */
function inItself({ ports, live, rebuilt }: Run, isStill: boolean): Result<readonly Difference[], Failure> {
  ports.progress({ phase: 'checking', files_done: 0, files_total: 0, differences: 0 })
  const sentences = verifyPath(ports.storePath)
  // A page that cannot be read ends the check.
  if (!sentences.ok && sentences.error.code !== 'damaged') return sentences
  const wrong = sentences.ok ? sentences.value : [sentences.error.message]
  const statistics = (reader: Reader) => reader.snapshot((snapshot) => snapshot.statistics({ bytesByTable: 'yes' }))
  return ok([
    ...wrong.map((sentence): Difference => ({ what: 'store', where: 'in itself', path: null, field: null, live: cut(sentence), rebuilt: null })),
    ...(isStill ? compareWhole(statistics(live), statistics(rebuilt)) : []),
  ])
}

function summary({ ports, live, rebuilt }: Run, found: Found, whole: readonly Difference[], changed: ReadonlySet<string>): Verified {
  const [now, made] = [live.snapshot((snapshot) => snapshot.statistics()), rebuilt.snapshot((snapshot) => snapshot.statistics())]
  const verification: Verification = {
    differences: [...whole, ...found.named].slice(0, ports.limit), total: whole.length + found.total, files_differing: found.differing.size,
    files: made.files, modules: made.modules, functions: made.functions, calls: made.calls, problems: made.problems,
    not_compared: { client_modules: now.clientModules, stale_functions: now.staleFunctions, files_changing: [...changed].sort().slice(0, ports.limit) },
    epoch: now.epoch, duration_ms: 0,
  }
  return { verification, paths: [...found.differing].sort() }
}
