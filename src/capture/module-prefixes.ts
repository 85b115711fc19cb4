/** What the names of the project's modules begin with: a plan that names no modules means these. */

import type { Snapshot } from '../store/contract.ts'

const PAGE = 1000
const MAX_PREFIXES = 100

/** The first parts of the names, sorted. Of a project with more than 100 of them the first. */
export function modulePrefixes(snapshot: Snapshot): readonly string[] {
  const prefixes = new Set<string>()
  let after: string | undefined
  do {
    const page = snapshot.listModules({ limit: PAGE, origin: 'file', ...(after === undefined ? {} : { after }) })
    for (const { key } of page.items) {
      const [first = ''] = key.split(/[.@]/)
      // Erlang's modules, and names that only run time knows, are no beginning of others.
      if (!/^[:~]/.test(first)) prefixes.add(first)
    }
    after = page.next ?? undefined
  } while (after !== undefined && prefixes.size < MAX_PREFIXES)
  return [...prefixes].sort()
}
