/** A placed actor against a host that only writes down what it is told: every mode, and every way out of it. */

import { expect, test } from 'vitest'

import { createSimulatedClock } from '../../src/base/clock.ts'
import type { SimulatedClock } from '../../src/base/clock.ts'
import { formatReason, SHUTDOWN } from '../../src/otp/exit-reason.ts'
import { startPlacedActor, WAIT_FOR_THREAD_MS } from '../../src/otp/placed-actor.ts'
import type { Guest, Tenant } from '../../src/otp/placed-actor.ts'
import type { RunningChild } from '../../src/otp/starter.ts'

type House = { readonly clock: SimulatedClock; readonly child: RunningChild; readonly guest: Guest; readonly tenants: Map<number, Tenant>; news(): string; nGuests(): number }

/** Opens a house whose thread is not ready yet. */
function house({ isAbandoned = false } = {}): House {
  const lines: string[] = []
  const guests = new Set<Guest>()
  const tenants = new Map<number, Tenant>()
  let lastKey = 0
  const clock = createSimulatedClock()
  const child = startPlacedActor({ kind: 'actor', thread: 't', actor: 'x' }, {
    id: 'a', path: 'root/a', epoch: 1, args: undefined, clock, log: () => undefined,
    report: (event) => lines.push('reason' in event ? `${event.type} ${formatReason(event.reason)}` : event.type),
  }, {
    join(_thread, guest) {
      guests.add(guest)
      if (isAbandoned) guest.abandoned()
      return () => void guests.delete(guest)
    },
    lease(_thread, tenant) {
      lastKey += 1
      tenants.set(lastKey, tenant)
      return lastKey
    },
    release: (_thread, key) => void tenants.delete(key),
    send: (_thread, { type, key }) => lines.push(`${type} ${key}`),
  })
  const [guest = { ready: () => undefined, gone: () => undefined, abandoned: () => undefined }] = guests
  return { clock, child, guest, tenants, news: () => lines.splice(0).join(', '), nGuests: () => guests.size }
}

/** Up to `running`, with no news. */
function running(): House {
  const h = house()
  h.guest.ready()
  h.tenants.get(1)?.event({ type: 'started' })
  expect(h.news()).toBe('start_actor 1, started')
  return h
}

const isGone = (h: House): boolean => h.nGuests() === 0 && h.tenants.size === 0

test('it waits for its thread, and asks again when the thread goes before it has answered', () => {
  const h = house()
  h.guest.gone()
  expect(h.news()).toBe('')
  h.guest.ready()
  h.guest.gone()
  expect(h.tenants.size).toBe(0)
  h.guest.ready()
  h.guest.ready()
  expect(h.news()).toBe('start_actor 1, start_actor 2')
  h.tenants.get(2)?.event({ type: 'started' })
  expect(h.news()).toBe('started')
})

test('it does not wait for ever: whoever would bring the thread back may wait for it', () => {
  const never = house()
  never.clock.advance(WAIT_FOR_THREAD_MS - 1)
  expect(never.news()).toBe('')
  never.clock.advance(1)
  expect([never.news(), isGone(never)]).toEqual(['start_failed noconnection', true])
  const again = house()
  again.guest.ready()
  again.clock.advance(2 * WAIT_FOR_THREAD_MS)
  again.guest.gone()
  again.clock.advance(WAIT_FOR_THREAD_MS)
  expect([again.news(), isGone(again)]).toEqual(['start_actor 1, start_failed noconnection', true])
  for (const { clock } of [never, again, running()]) expect(clock.nTimers()).toBe(0)
})

test('a thread whose supervisor has ended is not waited for', () => {
  const waiting = house()
  waiting.guest.abandoned()
  expect([waiting.news(), isGone(waiting)]).toEqual(['start_failed noconnection', true])
  const asked = house()
  asked.guest.ready()
  asked.guest.gone()
  asked.guest.abandoned()
  expect([asked.news(), isGone(asked)]).toEqual(['start_actor 1, start_failed noconnection', true])
  const early = house({ isAbandoned: true })
  expect([early.news(), isGone(early)]).toEqual(['start_failed noconnection', true])
  for (const { clock } of [waiting, asked, early]) expect(clock.nTimers()).toBe(0)
})

test('running, it ends once: by its own exit, or lost with its thread', () => {
  const own = running()
  own.tenants.get(1)?.event({ type: 'exit', reason: SHUTDOWN })
  own.guest.gone()
  expect([own.news(), isGone(own)]).toEqual(['exit shutdown', true])
  const lost = running()
  lost.guest.gone()
  lost.guest.ready()
  expect([lost.news(), isGone(lost)]).toEqual(['lost', true])
})

test('a start that is ignored or fails is over', () => {
  for (const [event, line] of [[{ type: 'ignored' }, 'ignored'], [{ type: 'start_failed', reason: SHUTDOWN }, 'start_failed shutdown']] as const) {
    const h = house()
    h.guest.ready()
    h.tenants.get(1)?.event(event)
    expect([h.news(), isGone(h)]).toEqual([`start_actor 1, ${line}`, true])
  }
})

test('stopped: at once while it waits, else by message; a thread that goes meanwhile settles it', () => {
  const waiting = house()
  waiting.child.stop(SHUTDOWN)
  waiting.guest.ready()
  expect([waiting.news(), isGone(waiting)]).toEqual(['start_failed shutdown', true])
  const asked = house()
  asked.guest.ready()
  asked.child.stop(SHUTDOWN)
  asked.guest.gone()
  expect([asked.news(), isGone(asked)]).toEqual(['start_actor 1, stop_actor 1, start_failed noconnection', true])
  const up = running()
  up.child.stop(SHUTDOWN)
  up.guest.gone()
  up.child.stop(SHUTDOWN)
  expect([up.news(), isGone(up)]).toEqual(['stop_actor 1, lost', true])
})

test('killed: gone at once, whatever the thread does; its late words reach nobody', () => {
  const up = running()
  const tenant = up.tenants.get(1)
  up.child.kill()
  up.child.kill()
  expect([up.news(), isGone(up)]).toEqual(['kill_actor 1, exit killed', true])
  expect(tenant).toBeDefined()
  const waiting = house()
  waiting.child.kill()
  expect(waiting.news()).toBe('start_failed killed')
})

test('what it tells about itself', () => {
  const h = running()
  h.tenants.get(1)?.load({ mailbox: 3, nShed: 2 })
  expect(h.child.info()).toEqual({ thread: 't', mailbox: 3, stats: { shed: 2 } })
})
