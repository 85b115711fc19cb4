/** The unit of systemd as it is shipped, printed and explained: one text, and timeouts that fit the daemon's own. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DEFAULTS } from '../../config/defaults.ts'

const ROOT = join(import.meta.dirname, '../..')
const unit = readFileSync(join(ROOT, 'packaging/elixir-scope@.service'), 'utf8')
const settings = new Map(unit.split('\n').filter((line) => /^\w+=/.test(line)).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
const operations = readFileSync(join(ROOT, 'docs/OPERATIONS.md'), 'utf8')

test('docs/OPERATIONS.md prints the unit', () => {
  expect(operations).toContain(`\`\`\`ini\n${unit}\`\`\``)
})

test('it hears from the daemon, asks the command alone, and leaves the daemon its time', () => {
  expect(Object.fromEntries(settings)).toMatchObject({ Type: 'notify', NotifyAccess: 'all', KillMode: 'mixed', Restart: 'on-failure' })
  expect(settings.get('ExecStart')).toBe('elixir-scope start %f --foreground')
  expect(Number(settings.get('TimeoutStopSec')) * 1000).toBeGreaterThan(DEFAULTS.supervision.stopTimeoutMs)
})

test('the limits are heart\'s', () => {
  expect([Number(settings.get('StartLimitBurst')), Number(settings.get('StartLimitIntervalSec'))]).toEqual([DEFAULTS.heart.intensity, DEFAULTS.heart.periodS])
  const { backOffMs, maxBackOffMs, periodS, intensity } = DEFAULTS.heart
  for (const told of [`\`heart.backOffMs\` (${backOffMs / 1000} s)`, `\`heart.maxBackOffMs\` (${maxBackOffMs / 1000} s)`, `\`heart.periodS\` (${periodS} s)`, `\`heart.intensity\` (${intensity})`]) {
    expect(operations.replaceAll('\n', ' ')).toContain(told)
  }
})
