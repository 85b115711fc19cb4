/**
 * The node of a site, as the event store asks for it: from the repository as it is at that moment, and from what the BEAM node
 * said of the code it runs. A site is asked for once per block, so the analysis of files that it needs is no matter of speed.
 */

import { FailureError } from '../src/base/failure.ts'
import { createAnalyser } from '../src/analysis/analyse.ts'
import type { Hello, LoadedModule } from '../src/capture/hello.ts'
import type { StaticIndex } from '../src/correlate/code.ts'
import { createCorrelator } from '../src/correlate/correlator.ts'
import { createStaticCache } from '../src/correlate/static-index.ts'
import type { Resolve } from '../src/event/writer-state.ts'
import type { Reader, Snapshot } from '../src/store/contract.ts'

export type CodeResolver = {
  readonly resolve: Resolve
  /** The node runs this code from now on. */
  learnt(hello: Hello, modules: readonly LoadedModule[]): void
}

const UNKNOWN = { nodeId: null, evidence: 'none' } as const

export function createCodeResolver(reader: Reader): CodeResolver {
  const cache = createStaticCache(createAnalyser())
  const correlator = createCorrelator()
  let held: { readonly snapshot: Snapshot; readonly code: StaticIndex } | undefined
  const release = (): void => {
    held?.snapshot.release()
    held = undefined
  }
  /** The same for all that a batch asks: to begin a snapshot takes longer than most answers. */
  const codeNow = (): StaticIndex => {
    if (held === undefined) {
      const snapshot = reader.begin()
      held = { snapshot, code: cache.at(snapshot) }
      queueMicrotask(release)
    }
    return held.code
  }
  return {
    resolve: (site, source, situation) => {
      try {
        const { nodeId, evidence, isAny, isUnsettled, version } = correlator.resolve(codeNow(), site, source, situation)
        return { nodeId, evidence, isAny, isUnsettled, ...(version === null ? {} : { version: version.number }) }
      } catch (caught) {
        release()
        // The store is being replaced: the event is kept without its place in the code.
        if (caught instanceof FailureError) return UNKNOWN
        throw caught
      }
    },
    learnt: ({ node, nodeStartNs: startNs }, modules) => {
      for (const { module, md5, file, clauses } of modules) {
        const lines = clauses === null ? null : clauses.map((clause) => [clause.function, clause.arity, clause.lines] as const)
        correlator.loaded({ node, startNs }, { module, md5, file: file ?? '', lines })
      }
    },
  }
}
