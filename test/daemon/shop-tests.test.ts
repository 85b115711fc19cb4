/**
 * The tests of the example shop under the agent: each is told with its name and how it ended, what it caused is tied to it, also in the
 * servers that it asked, and what no test caused is found. Skipped where mix is missing.
 */

import { expect, test } from 'vitest'
import { value } from './running-daemon.ts'
import { startIn } from './set-up.ts'
import { createShop, hasMix, mixUnderAgent, traceAll } from './shop-under-agent.ts'

const COUPONS = 'test:Shop.PricingTest.test coupons'
const VISIT = 'test:ShopTest.test a visit ends with a delivered order'

test.skipIf(!hasMix)('what each test of the shop causes is tied to it, and what none causes is untested (skipped without mix)', { timeout: 120_000 }, async () => {
  const box = createShop()
  const { client } = await startIn(box)
  await traceAll(client)
  const printed = await mixUnderAgent(box, ['test'], { MIX_ENV: 'test', ELIXIR_SCOPE_TESTS: '1', ELIXIR_SCOPE_PRELOAD: '1' })
  const [, doctests = '0', tests = '0'] = /(\d+) doctests, (\d+) tests, 0 failures/.exec(printed) ?? []
  const expected = Number(doctests) + Number(tests)
  expect(expected).toBeGreaterThan(10)

  const starts = await value(client.call('query_events', { event_type: 'test_start', limit: 1000 }))
  const ends = await value(client.call('query_events', { event_type: 'test_end', limit: 1000 }))
  const ids = new Set(starts.events.map((event) => event.correlation_id))
  expect([ids.size, starts.events.length, ends.events.length]).toEqual([expected, expected, expected])
  expect(new Set(ends.events.map((event) => event.correlation_id))).toEqual(ids)
  for (const { payload } of ends.events) expect(payload).toMatchObject({ test: { state: 'passed' } })

  const callsOf = async (correlationId: string): Promise<readonly string[]> => {
    const { events, completeness } = await value(client.call('query_events', { event_type: 'call', correlation_id: correlationId, limit: 1000 }))
    // The shop's tests are few: nothing of them is ever too much.
    expect(completeness).toMatchObject({ complete: true })
    return events.map(({ mfa }) => mfa ?? '')
  }
  // As often as the test says it, and nothing that only other tests do.
  const coupons = await callsOf(COUPONS)
  expect(coupons.filter((mfa) => mfa === 'Shop.Pricing.Coupon.discount/2')).toHaveLength(5)
  expect(coupons).not.toContain('Shop.Stats.bump/1')
  // A cart is a server of its own, which a supervisor starts: what it does, it does for who asked.
  expect(await callsOf(VISIT)).toContain('Shop.Cart.Server.handle_call/3')

  const untested = await value(client.call('find_untested', { limit: 1000 }))
  const names = untested.functions.map(({ mfa }) => mfa)
  // The application starts before the first test.
  expect(names).toEqual(expect.arrayContaining(['Shop.Application.start/2', 'Shop.Cache.init/1']))
  for (const tested of ['Shop.Pricing.Coupon.discount/2', 'Shop.Cart.Server.handle_call/3', 'Shop.Inventory.handle_call/3', 'Shop.Load.visit/1']) expect(names).not.toContain(tested)
})
