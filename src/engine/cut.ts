/** Long texts and lists are cut at a stated length, and say so: `cut_at` is what was kept, null when nothing was lost. */

export type CutText = { text: string; cut_at: number | null }

/** At most `limit` UTF-16 units, never half a character. */
export function cutText(text: string, limit: number): CutText {
  if (text.length <= limit) return { text, cut_at: null }
  const last = text.charCodeAt(limit - 1)
  const splitsPair = last >= 0xd800 && last <= 0xdbff
  const kept = splitsPair ? limit - 1 : limit
  return { text: text.slice(0, kept), cut_at: kept }
}

export function cutList<T>(items: readonly T[], limit: number): { items: readonly T[]; cutAt: number | null } {
  return items.length <= limit ? { items, cutAt: null } : { items: items.slice(0, limit), cutAt: limit }
}
