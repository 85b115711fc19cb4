/**
 * JSON merge patch (RFC 7396): objects merge, null removes a member, anything else replaces. Own members only, so that a
 * patch cannot reach a prototype.
 */

export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const merged: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  if (isObject(target)) Object.assign(merged, target)
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) delete merged[key]
    else merged[key] = mergePatch(merged[key], change)
  }
  return { ...merged }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
}
