/**
 * A damaged store is moved out of the way, never deleted: `damaged-<UTC time>/` beside it, the last KEPT of them. In each,
 * `report.json` says why, and what was carried over into the store that took its place; until it is there, whoever
 * opens the store carries over what clients had stated, so that an end in between loses nothing more.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { DamageReason, Examined } from './examine.ts'
import { BESIDE } from './files.ts'

type Damage = Omit<Extract<Examined, { state: 'damaged' }>, 'state'>

/** What became of what clients had stated. */
export type CarriedOver = {
  readonly kept: number
  /** Null when it cannot be told how many there were. */
  readonly lost: number | null
}

export type SetAside = {
  /** The directory. */
  readonly path: string
  /** ISO 8601 UTC. */
  readonly at: string
  readonly reason: DamageReason
  readonly why: string
  /** Null until it is done. */
  readonly carriedOver: CarriedOver | null
}

const PREFIX = 'damaged-'
const CAUSE = 'damage.json'
const REPORT = 'report.json'
const KEPT = 3

export function setAside(databasePath: string, { reason, why }: Damage, nowMs: number): SetAside {
  const at = new Date(nowMs).toISOString()
  const path = freeName(join(dirname(databasePath), `${PREFIX}${at.replaceAll(':', '-')}`))
  mkdirSync(path, { mode: 0o700 })
  writeFileSync(join(path, CAUSE), JSON.stringify({ at, reason, why }))
  // The database just before the checksums, without which it is damaged: a move that is cut short is taken up again.
  for (const suffix of [...BESIDE.slice(0, -1), '', ...BESIDE.slice(-1)]) {
    if (existsSync(databasePath + suffix)) renameSync(databasePath + suffix, join(path, basename(databasePath) + suffix))
  }
  const others = directories(databasePath).filter((each) => each !== path)
  for (const old of others.slice(KEPT - 1)) rmSync(old, { recursive: true, force: true })
  return { path, at, reason, why, carriedOver: null }
}

export function reportSetAside({ path }: SetAside, carriedOver: CarriedOver): void {
  writeFileSync(join(path, REPORT), JSON.stringify(carriedOver))
}

/** The last one, if any. */
export function lastSetAside(databasePath: string): SetAside | undefined {
  for (const path of directories(databasePath)) {
    const cause = readJson<Pick<SetAside, 'at' | 'reason' | 'why'>>(join(path, CAUSE))
    if (cause !== undefined) return { path, at: cause.at, reason: cause.reason, why: cause.why, carriedOver: readJson<CarriedOver>(join(path, REPORT)) ?? null }
  }
  return undefined
}

export function databaseIn({ path }: SetAside, databasePath: string): string {
  return join(path, basename(databasePath))
}

/** The newest first. */
function directories(databasePath: string): string[] {
  const directory = dirname(databasePath)
  return readdirSync(directory).filter((name) => name.startsWith(PREFIX)).sort().toReversed().map((name) => join(directory, name))
}

function freeName(wanted: string): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}-${number}`
    if (!existsSync(name)) return name
  }
}

/** Undefined when it is not there, or not whole. */
function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch {
    return undefined
  }
}
