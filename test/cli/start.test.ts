/** The first minutes: start in background and foreground, progress, what was found, what to type next, Ctrl-C. */

import { expect, test } from 'vitest'
import { runCli } from '../../src/cli/program.ts'
import { IMPORTED, makeWorld, ROOT, run, type WorldOptions } from './fake.ts'

const FOUND = `Found in /home/ann/shop: 28 files (28 parsed, 0 unchanged), 43.2 kB, in 312 ms
  3 modules, 3 functions, 1,610 calls, 1 problem

Most complex functions
  FUNCTION           KIND  CLAUSES  COMPLEXITY  LINES  PLACE
  Shop.Cart.add/2    def         3          12     31  lib/shop/cart.ex:12
  Shop.Cart.total/1  defp        1           2      4  lib/shop/cart.ex:70
  Shop.Cart.add/3    def         1           1      4  lib/shop/cart.ex:50

What to type next
  elixir-scope show Shop.Cart            # a module with its functions
  elixir-scope show Shop.Cart.add/2      # a function: clauses, docs, calls
  elixir-scope callers Shop.Money.sum/1  # who calls it
  elixir-scope problems                  # what is wrong in the files
  elixir-scope modules                   # all modules
  elixir-scope status                    # the daemon and its services
`

const PROGRESS: WorldOptions['progress'] = [
  { files_done: 0, files_total: 0, phase: 'scanning' },
  { files_done: 0, files_total: 28, phase: 'parsing' },
  { files_done: 14, files_total: 28, phase: 'parsing' },
  { files_done: 28, files_total: 28, phase: 'writing' },
  { files_done: 28, files_total: 28, phase: 'done' },
]

test('start in the background starts, imports, and shows what was found', async () => {
  expect(await run('start', { running: false, progress: PROGRESS })).toEqual({
    code: 0, out: FOUND,
    err: 'started for /home/ann/shop (process 4711)\nscanning files\nparsing 28 files\nwriting 28 files\n',
  })
})

test('an import that parses nothing names no size and no phases of nothing; one file is one file', async () => {
  const unchanged = { ...IMPORTED, parsed: 0, unchanged: 28, bytes: 0 }
  const nothing = await run('import', {
    handlers: { import_project: () => ({ value: unchanged }) },
    progress: [{ files_done: 0, files_total: 0, phase: 'scanning' }, { files_done: 0, files_total: 0, phase: 'writing' }],
  })
  expect(nothing).toMatchObject({ err: 'scanning files\n', out: expect.stringContaining('28 files (0 parsed, 28 unchanged), in 312 ms') as string })
  const one = await run('import', { progress: [{ files_done: 0, files_total: 1, phase: 'writing' }] })
  expect(one.err).toBe('writing 1 file\n')
})

test.each(['start', 'import'])('%s that finds no files warns and says where to look', async (line) => {
  const handlers: WorldOptions['handlers'] = { import_project: () => ({ value: { ...IMPORTED, files: 0, parsed: 0, bytes: 0 } }) }
  const { code, err } = await run(line, { handlers })
  expect(code).toBe(0)
  expect(err).toContain('warning: no Elixir files found; the configuration key project.include says where to look\n')
  expect((await run(`${line} --json`, { handlers })).err).not.toContain('warning')
})

test('start of a running daemon says so and shows the same', async () => {
  expect(await run('start')).toEqual({ code: 0, out: FOUND, err: 'already running for /home/ann/shop\n' })
})

test('start of a running daemon with a configuration says that it is not heard', async () => {
  const err = 'already running for /home/ann/shop\nwarning: its configuration stays as it is; to change it: elixir-scope restart, with the same options\n'
  expect(await run('start --set http.port=4040')).toEqual({ code: 0, out: FOUND, err })
  expect(await run('start --config other.json')).toEqual({ code: 0, out: FOUND, err })
})

test('what the daemon had read before was found too', async () => {
  const { out } = await run('start', { handlers: { import_project: () => ({ value: { ...IMPORTED, parsed: 0, unchanged: 28, bytes: 0 } }) } })
  expect(out).toContain('Found in /home/ann/shop: 28 files, 43.2 kB\n')
})

test('what to type next names the project where the place does not tell it', async () => {
  const below = await run(`start ${ROOT}`, { cwd: '/home/ann' })
  expect(below.out).toContain('  elixir-scope --project shop show Shop.Cart ')
  const elsewhere = await run(`start ${ROOT}`, { cwd: '/tmp' })
  expect(elsewhere.out).toContain('  elixir-scope --project /home/ann/shop show Shop.Cart ')
})

test('an empty project still gives a next step', async () => {
  const { out } = await run('start', { handlers: { list_functions: () => ({ value: { functions: [], cursor: null } }) } })
  expect(out).not.toContain('Most complex')
  expect(out).not.toContain('undefined')
  expect(out).toContain('elixir-scope modules')
})

test('on a terminal the bar is redrawn in place and cleared', async () => {
  const { err } = await run('start', { running: false, columns: 80, env: { NO_COLOR: '1' }, progress: PROGRESS })
  expect(err).toContain('\r\u001b[2K░░░░░░░░░░░░░░░░░░░░░░░░ scanning 0 of 0 files')
  expect(err).toContain('\r\u001b[2K████████████████████████ done 28 of 28 files')
  expect(err.endsWith('\r\u001b[2K')).toBe(true)
})

test('foreground: runs until Ctrl-C, which stops the daemon in order', async () => {
  const world = makeWorld({ running: false })
  const ended = runCli(['start', '--foreground'], world.ports)
  await until(() => world.written.err.includes('Press Ctrl-C'))
  expect(world.written.out).toBe(FOUND)
  world.interrupt()
  expect(world.daemon.stops).toBe(1)
  world.daemon.endedWith(0)
  expect(await ended).toBe(0)
})

test('foreground: a second Ctrl-C does not wait', async () => {
  const world = makeWorld({ running: false })
  const ended = runCli(['start', '--foreground'], world.ports)
  await until(() => world.written.err.includes('Press Ctrl-C'))
  world.interrupt()
  world.interrupt()
  expect(await ended).toBe(130)
})

test('foreground: a daemon that stops by itself gives its exit code', async () => {
  const world = makeWorld({ running: false })
  const ended = runCli(['start', '--foreground'], world.ports)
  await until(() => world.written.err.includes('Press Ctrl-C'))
  world.daemon.endedWith(7)
  expect(await ended).toBe(7)
})

test('flags reach the daemon as configuration', async () => {
  const world = makeWorld({ running: false })
  const seen: unknown[] = []
  const start = world.ports.daemons.start
  const ports = { ...world.ports, daemons: { ...world.ports.daemons, start: (options: Parameters<typeof start>[0]) => {
    seen.push(options)
    return start(options)
  } } }
  const argv = ['start', 'sub', '--config', 'c.json', '--profile', 'production', '--set', 'http.port=4040', '--set', 'log.level=debug']
  expect(await runCli(argv, ports)).toBe(0)
  expect(seen).toEqual([{
    projectRoot: `${ROOT}/sub`, configPath: 'c.json', flags: { 'http.port': '4040', 'log.level': 'debug', profile: 'production' },
  }])
})

test('all failures of a start are told', async () => {
  const world = makeWorld({ running: false })
  const ports = { ...world.ports, daemons: { ...world.ports.daemons, start: () => Promise.resolve({ ok: false as const, error: [
    { code: 'invalid_argument' as const, message: 'http.port: 99999 is too large', hint: 'a number from 0 to 65535' },
    { code: 'storage_full' as const, message: 'no space left' },
  ] }) } }
  expect(await runCli(['start'], ports)).toBe(2)
  expect(world.written.err).toBe('error: http.port: 99999 is too large\n  a number from 0 to 65535\nerror: no space left\n')
})

test('a daemon that does not come up is a failure of the command', async () => {
  const world = makeWorld({ running: false })
  const failed = () => Promise.resolve({ ok: false as const, error: [{ code: 'unavailable' as const, message: 'it ended' }] })
  const ports = { ...world.ports, daemons: { ...world.ports.daemons, start: failed, run: failed } }
  expect(await runCli(['start'], ports)).toBe(1)
  expect(await runCli(['start', '--foreground'], ports)).toBe(1)
})

test('restart stops first', async () => {
  const world = makeWorld()
  expect(await runCli(['restart'], world.ports)).toBe(0)
  expect(world.written.err).toContain('started for /home/ann/shop')
})

test('restart with a bad configuration leaves the daemon as it is', async () => {
  const world = makeWorld()
  expect(await runCli(['restart', '--set', 'bogus=1'], world.ports)).toBe(2)
  expect(world.written.err).toBe('error: there is no key bogus\n')
  expect(world.daemon.running).toBe(true)
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => { setImmediate(resolve) })
}
