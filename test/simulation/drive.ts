/**
 * How a simulated world goes on, one step at a time with promises settling in between, and what must hold of it all the way:
 * no call hangs, no request is carried out twice, no older content of a file
 * follows a newer one, no queue passes its bound. The first breach ends it.
 */

import type { Client } from './client.ts'
import { WIRES } from './daemon.ts'
import type { Change } from './disk.ts'
import type { FaultWorld } from './faults.ts'
import type { HeartEvent } from '../../src/host/heart.ts'

export type World = FaultWorld & {
  readonly clients: Client[]
  readonly counts: Map<string, number>
  readonly broken: string[]
  up: boolean
  heartEnded: boolean
  nDaemons: number
  feedHeart(event: HeartEvent): void
  /** Commits looked at, and the requests they carried out. */
  readonly carriedOut: Set<string>
  /** File -> the number of its content in the last of them. */
  readonly following: Map<string, number>
  isResting: boolean
  nLooked: number
}

export class Breach extends Error {}

const CHECK_EVERY = 64
const GRACE_MS = 30_000

/** One step at a time; promises settle in between. */
export function drive(world: World, isDone: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const turn = (): void => {
      try {
        if (isDone()) return resolve()
        if (!world.scheduler.step()) world.breach('nothing will ever happen again')
        if (world.scheduler.nSteps() % CHECK_EVERY === 0) look(world)
        if (world.broken.length > 0) return reject(new Breach(world.broken[0]))
        setImmediate(turn)
      } catch (thrown) {
        reject(thrown)
      }
    }
    turn()
  })
}

/** Until it is so, but no longer than `ms`. */
export async function until(world: World, ms: number, what: string, isSo: () => boolean, why: () => string = () => ''): Promise<void> {
  const dueMs = world.scheduler.clock.nowMs() + ms
  await drive(world, () => {
    if (isSo()) return true
    if (world.scheduler.clock.nowMs() > dueMs) world.breach(`not within ${ms} ms: ${what} ${why()}`)
    return world.broken.length > 0
  })
  if (world.broken.length > 0) throw new Breach(world.broken[0])
}

export async function pass(world: World, ms: number): Promise<void> {
  const untilMs = world.scheduler.clock.nowMs() + ms
  await drive(world, () => world.scheduler.clock.nowMs() >= untilMs)
}

function look(world: World): void {
  const { disk, scheduler: { clock }, open, carriedOut, breach } = world
  for (const promise of open) {
    const { process, dueMs, what } = promise
    if (!process.isAlive) open.delete(promise)
    else if (!process.isHung && clock.nowMs() > Math.max(dueMs, process.resumedMs) + GRACE_MS) breach(`${process.name}: the call ${what} hangs`)
  }
  for (; world.nLooked < disk.log.length; world.nLooked++) {
    const { requestId, changes = [] } = disk.log[world.nLooked] ?? {}
    lookAtFiles(world, changes)
    if (requestId === undefined) continue
    if (carriedOut.has(requestId)) breach(`the request ${requestId} was carried out twice`)
    carriedOut.add(requestId)
  }
  for (const { channel, process } of world.daemon()?.channels() ?? []) {
    const { maxInFlight = 1024, maxCasts = 4096 } = WIRES.find(({ from, name }) => name === channel.name && process.name.startsWith(from)) ?? {}
    const { nInFlight, nCastsUnread } = channel.stats()
    if (nInFlight > maxInFlight || nCastsUnread > maxCasts) breach(`${process.name}: ${channel.name} has ${nInFlight} calls and ${nCastsUnread} casts under way`)
  }
  if (world.ports.longest() > 10_000) breach('more than 10,000 messages wait at a port')
}

function lookAtFiles({ following, breach }: World, changes: readonly Change[]): void {
  for (const { key, token } of changes) {
    if (!key.startsWith('file ')) continue
    const n = Number.parseInt(token, 10)
    if (n < (following.get(key) ?? 0)) breach(`${key} is ${token} in the store, after ${following.get(key)}`)
    following.set(key, n)
  }
}
