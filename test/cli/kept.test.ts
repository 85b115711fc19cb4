/** kept: what is asked of the daemon, what is shown, and what is refused before anything is deleted. */

import { expect, test } from 'vitest'
import { runCli } from '../../src/cli/program.ts'
import { makeWorld } from './fake.ts'

const STATS = {
  total_events: 44_228, oldest_ns: 1_795_275_110_489_000_000n, newest_ns: 1_795_275_111_700_000_000n, blocks: 2, resident_blocks: 1, files: 1, cold_files: 0, frozen_files: 1,
  bytes_on_disk: 480_000, bytes_frozen: 1000, index_entries: {}, events_by_type: { call: 20_000, return: 20_100 }, set_aside: [], commits: 3, waiting_blocks: 0, last_problem: null,
}

async function ask(line: string) {
  const made = makeWorld({
    handlers: { get_event_stats: () => STATS, freeze_events: () => ({ moved_files: 2 }), thaw_events: () => ({ events: 7 }), cleanup_old_events: () => ({ removed: 9 }), clear_events: () => ({ removed: 0 }) },
  })
  const code = await runCli(line.split(' '), made.ports)
  return { code, ...made.written, calls: made.calls.filter(({ method }) => method.includes('event')) }
}

test('what is kept, in words', async () => {
  const { code, out } = await ask('kept')
  expect(code).toBe(0)
  expect(out).toContain('44,228, from 2026-11-21 15:31:50 to 2026-11-21 15:31:51 UTC')
  expect(out).toContain('20,100 return, 20,000 call')
  expect(out).toMatch(/frozen +1 file/)
})

test.each([
  ['kept freeze --older-than 2d', 'freeze_events', { unused_ms: 172_800_000 }, '2 files moved to the archive'],
  ['kept thaw', 'thaw_events', {}, '7 events brought back'],
  ['kept delete --older-than 7', 'cleanup_old_events', { older_than_ms: 604_800_000 }, '9 events deleted'],
  ['kept delete --keep 100 --keep-bytes 4096', 'cleanup_old_events', { max_events: 100, max_bytes: 4096 }, '9 events deleted'],
  ['kept clear --yes', 'clear_events', {}, 'nothing to delete'],
])('%s', async (line, method, args, said) => {
  const { code, out, calls } = await ask(line)
  expect(code).toBe(0)
  expect(calls).toEqual([expect.objectContaining({ method, args })])
  expect(out).toContain(said)
})

test.each([
  ['kept clear', 'deletes every event'], ['kept delete', 'needs --older-than, --keep or --keep-bytes'], ['kept freeze', 'needs --older-than'], ['kept burn', 'choices are show, freeze'],
])('%s is refused, and nothing is asked of the daemon', async (line, why) => {
  const { code, err, calls } = await ask(line)
  expect(code).toBe(2)
  expect(err).toContain(why)
  expect(calls).toEqual([])
})
