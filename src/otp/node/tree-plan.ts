/**
 * What a tree's spec says about threads, pools and actors before anything runs: their ids, where each named actor will live,
 * and the wires on which actors are reached. Breaches are bugs of ours and throw.
 */

import { assert, must } from '../../base/assert.ts'
import { actorWireOf } from '../actor-service.ts'
import type { Wire } from './control.ts'
import type { NodeSpec, ThreadStart } from './tree-spec.ts'
import { MAIN } from './wiring.ts'

export type TreePlan = {
  /** In the order in which they become ready. */
  readonly threads: ReadonlyMap<string, ThreadStart>
  readonly pools: ReadonlySet<string>
  /** Name of an actor -> the thread it lives in. */
  readonly places: ReadonlyMap<string, string>
  /** Threads that host actors; `main` when one there has a name. */
  readonly hosts: ReadonlySet<string>
}

/** Threads and pools are found by id and actors by name, so each may occur once only. */
export function planOf(root: NodeSpec): TreePlan {
  const [pools, hosts] = [new Set<string>(), new Set<string>()]
  const threads = new Map<string, ThreadStart>()
  const places = new Map<string, string>()
  const visit = ({ id, start }: NodeSpec): void => {
    if (start?.kind === 'supervisor') return start.children.forEach(visit)
    if (start?.kind === 'actor') {
      const thread = 'thread' in start ? start.thread : MAIN
      if (thread !== MAIN || start.name !== undefined) hosts.add(thread)
      if (start.name === undefined) return
      assert(!places.has(start.name), `two actors of the tree are named ${start.name}`)
      return void places.set(start.name, thread)
    }
    if (start === undefined) return
    const name = must(id, 'an id')
    assert(!threads.has(name) && !pools.has(name), `two children of the tree are named ${name}`)
    if (start.kind === 'thread') threads.set(name, start)
    else pools.add(name)
  }
  assert(root.start?.kind === 'supervisor', 'the root of a tree is a supervisor')
  visit(root)
  for (const host of hosts) assert(host === MAIN || threads.has(host), `an actor is placed in ${host}, which is no thread of the tree`)
  return { threads, pools, places, hosts }
}

const MAX_CALLS = 4096

/** From everybody to every thread that hosts actors: monitors are calls that last, so there may be many. */
export function actorWires({ threads, hosts }: TreePlan): readonly Wire[] {
  return [...hosts].flatMap((to) =>
    [MAIN, ...threads.keys()].filter((from) => from !== to).map((from): Wire => ({ from, to, name: actorWireOf(to), maxInFlight: MAX_CALLS })))
}
