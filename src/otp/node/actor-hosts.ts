/**
 * Main's side of the actors that live in threads: which threads are ready, who waits for them, and whose news is whose. It
 * also keeps the one table of where each named actor lives, which every thread has a copy of.
 */

import type { ActorHosts, Guest, HostedLoad, Tenant } from '../placed-actor.ts'
import type { ChildEvent } from '../starter.ts'
import type { ThreadHandle } from './thread-child.ts'

export type Hosts = ActorHosts & {
  readonly places: ReadonlyMap<string, string>
  /** A named actor starts in `thread`; all threads are told when that is new. */
  place(name: string, thread: string): void
  spawned(handle: ThreadHandle): void
  ready(handle: ThreadHandle): void
  gone(handle: ThreadHandle): void
  /** The supervisor of this thread has ended; until the thread is spawned again nobody need wait for it. */
  abandoned(thread: string): void
  event(handle: ThreadHandle, key: number, event: ChildEvent): void
  loads(handle: ThreadHandle, loads: readonly (readonly [key: number, load: HostedLoad])[]): void
}

/** A guest who joins while others are told may be told twice: in the wrong mode, guests do nothing. */
type House = { handle: ThreadHandle | undefined; isReady: boolean; isAbandoned: boolean; readonly guests: Set<Guest>; readonly tenants: Map<number, Tenant> }

export function createHosts(known: ReadonlyMap<string, string>): Hosts {
  const houses = new Map<string, House>()
  const places = new Map(known)
  let lastKey = 0

  const houseOf = (thread: string): House => {
    const known = houses.get(thread)
    if (known !== undefined) return known
    const house: House = { handle: undefined, isReady: false, isAbandoned: false, guests: new Set(), tenants: new Map() }
    houses.set(thread, house)
    return house
  }
  return {
    places,
    place(name, thread) {
      if (places.get(name) === thread) return
      places.set(name, thread)
      for (const { handle } of houses.values()) handle?.send({ type: 'place', name, thread })
    },
    join(thread, guest) {
      const { guests, isReady, isAbandoned } = houseOf(thread)
      guests.add(guest)
      if (isReady) guest.ready()
      else if (isAbandoned) guest.abandoned()
      return () => void guests.delete(guest)
    },
    lease(thread, tenant) {
      lastKey += 1
      houseOf(thread).tenants.set(lastKey, tenant)
      return lastKey
    },
    release: (thread, key) => void houseOf(thread).tenants.delete(key),
    send: (thread, message) => houseOf(thread).handle?.send(message),
    spawned(handle) {
      const house = houseOf(handle.name)
      house.handle = handle
      house.isAbandoned = false
    },
    ready(handle) {
      const house = houseOf(handle.name)
      house.isReady = true
      for (const guest of house.guests) guest.ready()
    },
    gone(handle) {
      const house = houseOf(handle.name)
      if (house.handle !== handle) return
      house.handle = undefined
      house.isReady = false
      for (const guest of house.guests) guest.gone()
    },
    abandoned(thread) {
      const house = houseOf(thread)
      if (house.handle !== undefined) return
      house.isAbandoned = true
      for (const guest of house.guests) guest.abandoned()
    },
    event(handle, key, event) {
      const house = houseOf(handle.name)
      if (house.handle === handle) house.tenants.get(key)?.event(event)
    },
    loads(handle, loads) {
      const { tenants } = houseOf(handle.name)
      for (const [key, load] of loads) tenants.get(key)?.load(load)
    },
  }
}
