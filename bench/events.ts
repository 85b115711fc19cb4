/**
 * Events taken in, on one core and without the disk: frames decoded, appended with pairing, blocks sealed; and the bytes
 * that an event takes in memory with its postings and names. Beside it, where Erlang is present, a store of six ETS
 * tables (`events.escript`) is fed events of the same kind in the same run, and measured in processor time too.
 *
 * What the profile says: names cost more than events. A batch of 16,384 events with 400 processes and 900 sites takes 15 ns an event
 * to decode, 75 to append and 50 to seal; the same names on 1,000 events take 150 and 220. Rows that came late cost sealing
 * twice to three times as much. Of appending, pairing is a third; of sealing, the summary is half.
 */

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { must } from '../src/base/assert.ts'
import { type Batch, decodeBatch, encodeBatch } from '../src/event/batch.ts'
import { type Block, BLOCK_CAPACITY, blockBytes, type Counts, counts, isSorted, layOut, lengthOf, SECTION_NAMES, widthOf } from '../src/event/block.ts'
import { seal } from '../src/event/seal.ts'
import { append, beginBlock } from '../src/event/writer.ts'
import { openWriter, type Writer, writerStats } from '../src/event/writer-state.ts'
import { LOAD, loadBatches } from './events-load.ts'

const SOURCE = { node: 'shop@localhost', startNs: 1_789_000_000_000_000_000n }
const PASSES = 5

/** Of processor time, threads that collect garbage and compile included: what else the machine does is not counted. */
type Seconds = { decode: number; append: number; seal: number }

export function benchEvents(): object {
  const frames = Array.from(loadBatches(), (batch) => encodeBatch(batch))
  const nEvents = LOAD.batches * LOAD.eventsPerBatch
  const passes = Array.from({ length: PASSES }, () => pass(frames))
  // The first warms up; of the others the median.
  const { seconds, bytes, writer } = must(passes.slice(1).sort((a, b) => total(a.seconds) - total(b.seconds))[Math.floor((PASSES - 1) / 2)], 'a pass')
  const perEventNs = (part: number): number => Math.round((part / nEvents) * 1e10) / 10
  const ours = {
    events: nEvents, events_per_s: Math.round(nEvents / total(seconds)),
    ns_per_event: { decode: perEventNs(seconds.decode), append: perEventNs(seconds.append), seal: perEventNs(seconds.seal) },
    bytes_per_event: bytes / nEvents, frame_bytes_per_event: frames.reduce((sum, frame) => sum + frame.length, 0) / nEvents,
    ...writerStats(writer),
  }
  const ets = onErlang()
  return ets === undefined ? { ours } : { ours, ets, ratios: { events_per_s: ours.events_per_s / ets.events_per_s, bytes_per_event: ours.bytes_per_event / ets.bytes_per_event } }
}

function pass(frames: readonly Uint8Array[]): { seconds: Seconds; bytes: number; writer: Writer } {
  const seconds = { decode: 0, append: 0, seal: 0 }
  const writer = openWriter()
  const buffers = [new SharedArrayBuffer(blockBytes(BLOCK_CAPACITY)), new SharedArrayBuffer(blockBytes(BLOCK_CAPACITY))]
  let number = 1
  let block = layOut(must(buffers[0], 'a buffer'), BLOCK_CAPACITY)
  let bytes = 0
  beginBlock(writer, block, number)
  const timed = <T>(part: keyof Seconds, run: () => T): T => {
    const from = process.cpuUsage()
    const result = run()
    const { user, system } = process.cpuUsage(from)
    seconds[part] += (user + system) / 1e6
    return result
  }
  const end = (): void => {
    timed('seal', () => seal(block))
    bytes += filledBytes(block)
  }
  for (const frame of frames) {
    const batch = timed('decode', () => sound(frame))
    if (timed('append', () => append(writer, batch, SOURCE, resolve)) === 'appended') continue
    end()
    block = layOut(must(buffers[++number % 2], 'a buffer'), BLOCK_CAPACITY)
    timed('append', () => {
      beginBlock(writer, block, number)
      append(writer, batch, SOURCE, resolve)
    })
  }
  end()
  return { seconds, bytes, writer }
}

/** What the sections of a block take as they are filled. */
function filledBytes(block: Block): number {
  const filled: Counts = counts(block)
  const names = SECTION_NAMES.filter((name) => name !== 'order' || !isSorted(block))
  return names.reduce((sum, name) => sum + lengthOf(name, filled) * widthOf(name), 0)
}

function sound(frame: Uint8Array): Batch {
  const result = decodeBatch(frame)
  if (!result.ok) throw new Error(`${result.error.where}: ${result.error.message}`)
  return result.value
}

const resolve = ({ caller }: { caller: { module: string; function: string } | null }): { nodeId: string | null; evidence: 'exact' | 'function'; isAny: boolean } =>
  caller === null ? { nodeId: null, evidence: 'function', isAny: true } : { nodeId: `${caller.module}.${caller.function}/1#1/Worker.call`, evidence: 'exact', isAny: true }

function total({ decode, append: appended, seal: sealed }: Seconds): number {
  return decode + appended + sealed
}

type EtsFigures = { readonly events: number; readonly events_per_s: number; readonly bytes_per_event: number }

function onErlang(): EtsFigures | undefined {
  try {
    const output = execFileSync('escript', [join(import.meta.dirname, 'events.escript')], { encoding: 'utf8', timeout: 120_000 })
    const [events = 0, perSecond = 0, bytes = 0] = output.trim().split(' ').map(Number)
    return { events, events_per_s: perSecond, bytes_per_event: bytes }
  } catch (thrown) {
    process.stderr.write(`no figures of Erlang: ${String(thrown)}\n`)
    return undefined
  }
}
