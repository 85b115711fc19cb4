/**
 * The stretches of events that were stored and are no more: by damage, or because a file has lost its end. The list is on disk
 * (`lost`: crc32 u32 of what follows | MessagePack), so that every answer that a stretch touches can say so, in any process and for as long
 * as blocks from before it was found are kept. It is replaced as a whole, and where it cannot be read itself that is a loss too.
 */

import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Failure } from '../base/failure.ts'
import { ok, type Result } from '../base/result.ts'
import { packValue, unpackValue } from './block-entry.ts'
import { attempt, type Disk } from './disk.ts'

export type Loss = {
  /** The file that they were in, and where: each place counts once. */
  readonly key: string
  readonly why: string
  /** From the first to the last of them; null where nobody knows. */
  readonly minNs: bigint | null
  readonly maxNs: bigint | null
  readonly events: number | null
  /** The lost blocks had lower numbers. */
  readonly before: number
}

const LOSSES = 'lost'
/** More are joined with the one before. */
const MAX_LOSSES = 1000
const UNREADABLE: Loss = { key: LOSSES, why: 'the list of lost events is damaged itself', minNs: null, maxNs: null, events: null, before: Infinity }

/** The latest last. */
export function readLosses(disk: Disk, directory: string): Result<readonly Loss[], Failure> {
  const path = join(directory, LOSSES)
  return attempt('read what events are lost', () => {
    if (disk.stat(path) === undefined) return []
    const file = disk.open(path, 'read')
    try {
      const whole = Buffer.alloc(file.size())
      return lossesIn(whole.subarray(0, file.read(whole, 0))) ?? [UNREADABLE]
    } finally {
      file.close()
    }
  })
}

export function keepLoss(disk: Disk, directory: string, loss: Loss): Result<void, Failure> {
  const known = readLosses(disk, directory)
  if (!known.ok) return known
  return known.value.some(({ key }) => key === loss.key) ? ok(undefined) : write(disk, directory, bounded([...known.value, loss]))
}

/** Forgets those whose neighbours are all gone: no block is left that is older than `oldest`. */
export function forgetLosses(disk: Disk, directory: string, oldest: number): Result<void, Failure> {
  const known = readLosses(disk, directory)
  if (!known.ok) return known
  const left = known.value.filter(({ before }) => before > oldest)
  return left.length === known.value.length ? ok(undefined) : write(disk, directory, left)
}

/** Changes whenever the list does; undefined where there is none. */
export function lossesStamp(disk: Disk, directory: string): string | undefined {
  const stat = disk.stat(join(directory, LOSSES))
  return stat === undefined ? undefined : `${stat.nBytes} ${stat.lastUsedMs}`
}

function write(disk: Disk, directory: string, losses: readonly Loss[]): Result<void, Failure> {
  const path = join(directory, LOSSES)
  return attempt('write down what events are lost', () => {
    const body = packValue(losses.map(({ key, why, minNs, maxNs, events, before }) => [key, why, minNs, maxNs, events, before]))
    const sum = Buffer.alloc(4)
    sum.writeUInt32LE(crc32(body))
    const file = disk.open(`${path}.new`, 'new')
    try {
      file.write([sum, body], 0)
      file.sync()
    } finally {
      file.close()
    }
    disk.rename(`${path}.new`, path)
    disk.syncDirectory(directory)
  })
}

function lossesIn(whole: Buffer): readonly Loss[] | undefined {
  if (whole.length < 4 || crc32(whole.subarray(4)) !== whole.readUInt32LE(0)) return undefined
  type Row = readonly [string, string, bigint | number | null, bigint | number | null, number | null, number]
  return (unpackValue(whole.subarray(4)) as readonly Row[]).map(([key, why, minNs, maxNs, events, before]) => ({
    key, why, events, before, minNs: minNs === null ? null : BigInt(minNs), maxNs: maxNs === null ? null : BigInt(maxNs),
  }))
}

function bounded(losses: readonly Loss[]): readonly Loss[] {
  const [first, second, ...rest] = losses
  return losses.length <= MAX_LOSSES || first === undefined || second === undefined ? losses : [joined(first, second), ...rest]
}

function joined(a: Loss, b: Loss): Loss {
  return {
    ...b, before: Math.max(a.before, b.before), events: a.events === null || b.events === null ? null : a.events + b.events,
    minNs: a.minNs === null || b.minNs === null ? null : a.minNs < b.minNs ? a.minNs : b.minNs, maxNs: a.maxNs === null || b.maxNs === null ? null : a.maxNs > b.maxNs ? a.maxNs : b.maxNs,
  }
}
