/**
 * The stack of open nodes during the walk: where each ends, what its id is, and which labels its children have had so
 * far. Frames are rows of growable columns, because there is one for every node that has children. A transparent node
 * shares the labels of the labelled node above it, whose children's keys lie in one piece on a second stack.
 */

import { encodeLabel } from '../model/node-id.ts'
import { labelText, NO_LABEL, type Labels } from './labels.ts'

export type Frames = {
  top: number
  node: Int32Array
  /** First node after the subtree. */
  end: Int32Array
  /** The nearest frame, itself included, that has a label or is a root. */
  labelled: Int32Array
  key: Float64Array
  ordinal: Int32Array
  /** Where the keys of its children begin. */
  base: Int32Array
  ids: (string | undefined)[]
  /** How often each key occurred, for frames with so many children that looking through them is slow. */
  counts: (Map<number, number> | undefined)[]
  keys: Float64Array
  nKeys: number
}

/** Children whose keys are looked through one by one; beyond it they are counted in a map. */
const FEW = 24

export function makeFrames(): Frames {
  const depth = 64
  return {
    top: -1, node: new Int32Array(depth), end: new Int32Array(depth), labelled: new Int32Array(depth), key: new Float64Array(depth),
    ordinal: new Int32Array(depth), base: new Int32Array(depth), ids: [], counts: [], keys: new Float64Array(256), nKeys: 0,
  }
}

/** Opens a node; `rootId` is given for a root, whose id does not hang on the nodes above. */
export function pushFrame(frames: Frames, node: number, end: number, key: number, ordinal: number, rootId: string | undefined): void {
  const parent = frames.top
  const top = ++frames.top
  if (top === frames.node.length) growDepth(frames)
  frames.node[top] = node
  frames.end[top] = end
  frames.key[top] = key
  frames.ordinal[top] = ordinal
  frames.base[top] = frames.nKeys
  frames.ids[top] = rootId
  frames.counts[top] = undefined
  frames.labelled[top] = (key === NO_LABEL && rootId === undefined && parent >= 0) ? (frames.labelled[parent] as number) : top
}

export function popFrame(frames: Frames): void {
  const { top } = frames
  if (frames.labelled[top] === top) frames.nKeys = frames.base[top] as number
  frames.top--
}

/** Counts one more child with this key under the innermost labelled frame; its ordinal from 1. */
export function countKey(frames: Frames, key: number): number {
  const owner = frames.labelled[frames.top] as number
  const base = frames.base[owner] as number
  const counts = frames.counts[owner]
  if (counts !== undefined) {
    const ordinal = (counts.get(key) ?? 0) + 1
    counts.set(key, ordinal)
    return ordinal
  }
  const { keys } = frames
  let ordinal = 1
  for (let i = base; i < frames.nKeys; i++) if (keys[i] === key) ordinal++
  if (frames.nKeys - base >= FEW) startCounting(frames, owner, base)
  if (frames.nKeys === keys.length) frames.keys = widen(keys, new Float64Array(keys.length * 2))
  frames.keys[frames.nKeys++] = key
  if (frames.counts[owner] !== undefined) frames.counts[owner]?.set(key, ordinal)
  return ordinal
}

function startCounting(frames: Frames, owner: number, base: number): void {
  const counts = new Map<number, number>()
  for (let i = base; i < frames.nKeys; i++) {
    const key = frames.keys[i] as number
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  frames.counts[owner] = counts
}

/** The id of a child of the innermost frame, by its key and ordinal. */
export function childId(frames: Frames, labels: Labels, key: number, ordinal: number): string {
  return extendId(frameId(frames, labels, frames.labelled[frames.top] as number), segment(labels, key, ordinal))
}

/** The id of a labelled frame. Frames between it and the nearest id already made get theirs, outermost first. */
function frameId(frames: Frames, labels: Labels, wanted: number): string {
  const made = frames.ids[wanted]
  if (made !== undefined) return made
  const missing: number[] = []
  let at = wanted
  while (at > 0 && frames.ids[at] === undefined) {
    missing.push(at)
    at = frames.labelled[at - 1] as number
  }
  let id = frames.ids[at] ?? ''
  for (let i = missing.length - 1; i >= 0; i--) {
    const frame = missing[i] as number
    id = extendId(id, segment(labels, frames.key[frame] as number, frames.ordinal[frame] as number))
    frames.ids[frame] = id
  }
  return id
}

/**
 * An id that has this many characters grows no further: the nodes below carry it, too. It keeps the ids of absurdly deep
 * nesting from taking quadratic space.
 */
export const ID_LIMIT = 1000

export function extendId(id: string, step: string): string {
  return id.length < ID_LIMIT ? `${id}/${step}` : id
}

/** One step of a path, percent-encoded; the ordinal is written from the second on. */
export function segment(labels: Labels, key: number, ordinal: number): string {
  let text = labels.segments.get(key)
  if (text === undefined) {
    text = encodeLabel(labelText(labels, key))
    labels.segments.set(key, text)
  }
  return ordinal === 1 ? text : `${text}:${ordinal}`
}

function growDepth(frames: Frames): void {
  const size = frames.node.length * 2
  frames.node = widen(frames.node, new Int32Array(size))
  frames.end = widen(frames.end, new Int32Array(size))
  frames.labelled = widen(frames.labelled, new Int32Array(size))
  frames.key = widen(frames.key, new Float64Array(size))
  frames.ordinal = widen(frames.ordinal, new Int32Array(size))
  frames.base = widen(frames.base, new Int32Array(size))
}

function widen<T extends Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
