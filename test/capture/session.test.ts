/** One agent's connection: who is let in, what is answered, when it is given up. Time is the test's. */

import { expect, test } from 'vitest'
import { failure } from '../../src/base/failure.ts'
import { createFrameReader, decodeFrame, encodeFrame } from '../../src/capture/frames.ts'
import { createSession, type SessionPorts } from '../../src/capture/session.ts'

const HELLO = {
  protocol: 1, session: new Uint8Array(16).fill(7), node: 'shop@host', node_start_ns: 1_700_000_000_000_000_000n, otp: '25', elixir: '1.14.0', agent: '0.1.0',
  os_pid: '42', cwd: '/shop', trace: 'legacy',
}

function connect(more: Partial<SessionPorts> = {}) {
  const sent: unknown[][] = []
  const told: string[] = []
  const reader = createFrameReader()
  const ports: SessionPorts = {
    send: (frame) => void sent.push(...(reader.push(frame) ?? []).map((bytes) => [...(decodeFrame(bytes) ?? [])])),
    close: () => void told.push('closed'),
    admit: () => ({ durable: 3, plan: null, credits: 8 }),
    ingest: (hello, bytes) => {
      told.push(`batch of ${hello.node}, ${bytes.length} bytes`)
      return undefined
    },
    modules: (_hello, modules) => void told.push(`modules ${modules.map(({ module, md5 }) => `${module} ${md5.slice(0, 4)}`).join()}`),
    planned: (_hello, outcome) => void told.push(`planned ${JSON.stringify(outcome)}`),
    ended: (hello, why) => void told.push(`${hello?.node ?? 'nobody'} ended: ${why}`),
    ...more,
  }
  const session = createSession(ports, { nowMs: 0 })
  return { session, sent, told, say: (nowMs: number, ...parts: unknown[]) => session.receive(encodeFrame(parts), nowMs) }
}

test('an agent is welcomed with what is on disk, and its batches are acknowledged when they are', () => {
  const { session, sent, told, say } = connect()
  say(1, 'hello', HELLO)
  expect(sent).toEqual([['welcome', { protocol: 1, credits: 8, durable: 3, plan: null }]])
  say(2, 'batch', 4, 'whatever it holds')
  expect(told).toEqual(['batch of shop@host, 26 bytes'])
  session.acknowledge(4, 8)
  expect(sent.at(-1)).toEqual(['ack', 4, 8])
  say(3, 'bye', { reason: 'normal' })
  expect(told.slice(1)).toEqual(['closed', 'shop@host ended: the agent has ended the capture'])
  session.acknowledge(5, 8)
  expect(sent.at(-1)).toEqual(['ack', 4, 8])
})

test.each([
  ['a batch before the hello', ['batch', 1], 'malformed', /first frame must be a hello/],
  ['a hello without a node', ['hello', { ...HELLO, node: '' }], 'malformed', /node/],
  ['a hello of another protocol', ['hello', { ...HELLO, protocol: 2 }], 'protocol', /speaks protocol 1, the agent 2/],
  ['a start that no 64 bits hold', ['hello', { ...HELLO, node_start_ns: 2n ** 63n }], 'malformed', /64 bits/],
  ['a session that is no session', ['hello', { ...HELLO, session: new Uint8Array(3) }], 'malformed', /16 bytes/],
])('%s is refused with the reason', (_what, parts, code, message) => {
  const { sent, told, say } = connect()
  say(1, ...parts)
  expect(sent).toEqual([['refused', code, expect.stringMatching(message)]])
  expect(told[0]).toBe('closed')
})

test('a batch that is not understood is refused, by its place since the welcome', () => {
  const wrong = [undefined, failure('invalid_argument', 'columns.ts[3] is no whole number')]
  const { sent, say } = connect({ ingest: () => wrong.shift() })
  say(1, 'hello', HELLO)
  say(2, 'batch', 4)
  say(2, 'batch', 5)
  expect(sent.at(-1)).toEqual(['refused', 'malformed', 'columns.ts[3] is no whole number', 2])
})

test('modules are read with their md5, and unknown frames refused by name', () => {
  const { sent, told, say } = connect()
  say(1, 'hello', HELLO)
  say(2, 'modules', [['Shop.Cart', new Uint8Array(16).fill(0xab), 'lib/cart.ex', [['add', 2, [3, 9]]]], [':lists', new Uint8Array(16), null, null]])
  say(3, 'planned', { matched: {} })
  expect(told).toEqual(['modules Shop.Cart abab,:lists 0000', 'planned {"matched":{}}'])
  say(4, 'dance')
  expect(sent.at(-1)).toEqual(['refused', 'malformed', 'there is no frame "dance"'])
})

test.each<[string, unknown]>([
  ['too deep', Array.from({ length: 200 }).reduce<unknown>((inner) => [inner], 1)],
  ['of no plain kind', { at: new Date(0) }],
])('what is %s goes no further', async (_what, value) => {
  const { session, sent, told, say } = connect()
  say(1, 'hello', HELLO)
  const asked = session.ask('stats', 5000)
  say(2, 'answer', 1, value)
  expect(await asked).toBeInstanceOf(Error)
  say(3, 'planned', value)
  expect(sent.at(-1)?.slice(0, 2)).toEqual(['refused', 'malformed'])
  expect(told).toEqual(['closed', expect.stringMatching(/^shop@host ended/)])
})

test('silence is asked after, then taken for the end; a hello is waited for 5 s', () => {
  const waiting = connect()
  waiting.session.tick(4999)
  expect(waiting.told).toEqual([])
  waiting.session.tick(5000)
  expect(waiting.told).toEqual(['closed', 'nobody ended: nothing was heard for 5 s'])

  const { session, sent, told, say } = connect()
  say(0, 'hello', HELLO)
  for (let now = 1000; now < 15_000; now += 1000) session.tick(now)
  expect(sent.slice(1)).toEqual([['ping', 5000], ['ping', 10_000]])
  say(14_500, 'pong', 10_000)
  session.tick(29_000)
  expect(told).toEqual([])
  session.tick(29_500)
  expect(told).toEqual(['closed', 'shop@host ended: nothing was heard for 15 s'])
})

test('a question is answered, or settles when its time is over or the connection ends', async () => {
  const { session, sent, say } = connect()
  say(0, 'hello', HELLO)
  const answered = session.ask('stats', 100)
  const late = session.ask('supervision', 100)
  const lost = session.ask('processes', 10_000)
  expect(sent.slice(1)).toEqual([['ask', 1, 'stats'], ['ask', 2, 'supervision'], ['ask', 3, 'processes']])
  say(10, 'answer', 1, { queue: 0 })
  session.tick(100)
  session.closed()
  expect(await answered).toEqual({ queue: 0 })
  expect(await late).toEqual(new Error('the node did not answer in time'))
  expect(await lost).toEqual(new Error('the connection to the node has ended'))
})

test('an agent that is asked to stop has 5 s for its last word, and what comes meanwhile is taken', () => {
  const { session, sent, told, say } = connect()
  say(0, 'hello', HELLO)
  session.stop(100)
  expect(sent.at(-1)).toEqual(['stop'])
  say(200, 'batch', 4)
  expect(told).toEqual(['batch of shop@host, 8 bytes'])
  session.tick(5199)
  expect(told).toHaveLength(1)
  session.tick(5200)
  expect(told.at(-1)).toBe('shop@host ended: nothing was heard for 5 s')
})
