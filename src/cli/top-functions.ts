/**
 * The functions of a CPU profile by self time, from the text of a .cpuprofile file: `nodes` are call frames in a tree,
 * `samples` names the innermost node at each sample, `timeDeltas` the microseconds before it. Pure.
 */

export type FunctionTime = { readonly name: string; readonly place: string; readonly self_ms: number }
export type ProfileSummary = {
  readonly samples: number
  /** From the first sample on. */
  readonly total_ms: number
  /** Waiting for something to do. */
  readonly idle_ms: number
  /** By self time, the most first. */
  readonly top: readonly FunctionTime[]
}

type CallFrame = { readonly functionName: string; readonly url: string; readonly lineNumber: number }
type CpuProfile = {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
  readonly startTime: number
  readonly endTime: number
}

const IDLE = '(idle)'

/** `text` is what the daemon wrote. */
export function summarizeProfile(text: string, nFunctions: number): ProfileSummary {
  const { nodes, samples, timeDeltas, startTime, endTime } = JSON.parse(text) as CpuProfile
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const times = new Map<string, FunctionTime>()
  // The time from a sample to the next is that of what it found; the end comes after the last.
  const first = startTime + (timeDeltas[0] ?? 0)
  let passed = first
  samples.forEach((id, at) => {
    const frame = frames.get(id)
    const next = at + 1 < samples.length ? passed + (timeDeltas[at + 1] ?? 0) : Math.max(passed, endTime)
    if (frame !== undefined) add(times, frame, (next - passed) / 1000)
    passed = next
  })
  const ranked = [...times.values()].filter(({ name }) => name !== IDLE).sort((a, b) => b.self_ms - a.self_ms)
  return {
    samples: samples.length, total_ms: Math.max(0, endTime - first) / 1000, idle_ms: times.get(`${IDLE} `)?.self_ms ?? 0, top: ranked.slice(0, nFunctions),
  }
}

function add(times: Map<string, FunctionTime>, { functionName, url, lineNumber }: CallFrame, ms: number): void {
  const name = functionName === '' ? '(anonymous)' : functionName
  const place = url === '' ? '' : `${shortPath(url)}:${lineNumber + 1}`
  const key = `${name} ${place}`
  times.set(key, { name, place, self_ms: (times.get(key)?.self_ms ?? 0) + ms })
}

/** From the folder of the product or of the package on. */
function shortPath(url: string): string {
  return url.replace(/^file:\/\//, '').replace(/^.*\/(?=(?:node_modules|src|workers|supervisors)\/)/, '')
}
