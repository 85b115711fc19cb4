/** The known name that a mistyped one was probably meant to be, for hints in error messages. */

/**
 * The candidate with the fewest edits (insert, delete, replace, swap of neighbours), the first of equals; undefined when
 * even that one differs in more than a third of its letters.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestEdits = Infinity
  const typed = name.slice(0, 64).toLowerCase()
  for (const candidate of candidates) {
    const edits = editDistance(typed, candidate.toLowerCase())
    if (edits < bestEdits && edits <= Math.max(1, Math.floor(candidate.length / 3))) {
      best = candidate
      bestEdits = edits
    }
  }
  return best
}

/** Optimal string alignment, three rows at a time. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (before[j - 2] ?? 0) + 1)
      row.push(least)
    }
    before = above
    above = row
  }
  return above[b.length] ?? 0
}
