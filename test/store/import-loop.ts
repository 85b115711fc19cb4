/**
 * A writer without end, to be killed: one transaction after the other applies all files of the next revision and notes
 * the revision in the import state. It says 0, then each revision it has committed. Run as a child process
 * (argument: the path) or as a Worker.
 */

import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { ok } from '../../src/base/result.ts'
import { encodeFileFacts } from '../../src/store/encoded-file.ts'
import { openWriter } from '../../src/store/writer.ts'
import { syntheticProject } from './synthetic.ts'

export const SHAPE = { modules: 12, functions: 6, calls: 5, linesPerFunction: 6 }
export const SEED = 7
/** Contents that take turns; made before the loop, because Node aborts when a thread ends that has begun to compress. */
const CONTENTS = 8

/** Of the revision of which the files have the same content. */
export function contentOf(revision: number): number {
  return revision % CONTENTS
}

function loop(path: string, report: (revision: number) => void): void {
  const contents = Array.from({ length: CONTENTS }, (_, content) => syntheticProject(SEED, SHAPE, content).map((file) => encodeFileFacts(file.facts, file.source)))
  report(0)
  const opened = openWriter({ path, storage: 'disk', now: Date.now, repositoryId: 'loop' })
  if (!opened.ok) throw new Error(opened.error.message)
  const writer = opened.value
  for (let revision = Number(writer.importState().last ?? 0) + 1; ; revision++) {
    const files = contents[contentOf(revision)] ?? []
    const done = writer.transaction((transaction) => {
      for (const file of files) transaction.applyFile(file, { size: revision, changedNs: BigInt(revision) })
      transaction.setImportState({ state: 'running', filesDone: revision, filesTotal: files.length, last: revision })
      return ok(null)
    })
    if (!done.ok) throw new Error(done.error.message)
    report(revision)
  }
}

export type LoopData = { readonly loop: string }

const data = workerData as Partial<LoopData> | null
const port = parentPort
if (port !== null && data?.loop !== undefined) loop(data.loop, (revision) => port.postMessage(revision))
else if (isMainThread && process.argv[2] !== undefined) loop(process.argv[2], (revision) => process.send?.(revision))
