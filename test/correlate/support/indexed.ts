/** An index over texts, without a store: versions of one file, the newest first. */

import { analyseSource } from '../../../src/analysis/analyse.ts'
import type { ModuleCode, StaticIndex } from '../../../src/correlate/code.ts'
import { moduleCode, readModules } from '../../../src/correlate/static-index.ts'

export function indexed(...versions: readonly string[]): StaticIndex {
  const codes = versions.flatMap((text, idx) => readModules(analyseSource, 'lib/a.ex', Buffer.from(text))
    .map((read): ModuleCode => moduleCode(read, { key: read.facts.name, path: 'lib/a.ex', number: versions.length - idx })))
  const byModule = Map.groupBy(codes, ({ module }) => module)
  return { versionsOf: (module) => byModule.get(module) ?? [] }
}
