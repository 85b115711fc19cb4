/** What each command prints and answers, as golden text, against a small project in memory. */

import { expect, test } from 'vitest'
import { runCli } from '../../src/cli/program.ts'
import { failure, FailureError } from '../../src/base/failure.ts'
import { renderChanges } from '../../src/cli/render/changes.ts'
import { PLAIN } from '../../src/cli/render/style.ts'
import { IMPORTED, makeWorld, MODULES, ROOT, run, STATISTICS, TREE, type Ran, type WorldOptions } from './fake.ts'
import { RUNTIME } from './runtime-fake.ts'

async function check(line: string, expected: Partial<Ran>, options: WorldOptions = {}): Promise<void> {
  expect(await run(line, options)).toEqual({ code: 0, out: '', err: '', ...expected })
}

function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('')
}

test('modules lists all, or those with a prefix', async () => {
  await check('modules', {
    out: lines(
      'MODULE          KIND      FUNCTIONS  LINES  PLACE',
      'Shop.Cart       module            3     84  lib/shop/cart.ex:1',
      'Shop.Describe   protocol          1     12  lib/shop/describe.ex:1',
      'Shop.Inventory  module            0  1,204  lib/shop/inventory.ex:1',
    ),
  })
  await check('modules Shop.I', {
    out: lines('MODULE          KIND    FUNCTIONS  LINES  PLACE', 'Shop.Inventory  module          0  1,204  lib/shop/inventory.ex:1'),
  })
  await check('modules Nope', { out: 'no modules\n' })
})

test('a list that was cut says how to go on, and the cursor goes on', async () => {
  const cut = await run('modules --limit 2')
  expect(cut.out.split('\n').length).toBe(4)
  expect(cut.err).toBe('2 shown; all with --all, the next with --cursor 2\n')
  const rest = await run('modules --cursor 2')
  expect(rest.out).toContain('Shop.Inventory')
  expect(rest.out).not.toContain('Shop.Cart')
})

test('lists come in pages and are merged, with the cursor of the last', async () => {
  const world = makeWorld({ handlers: { list_modules: pagesOfFive } })
  expect(await runCli(['--json', 'modules'], world.ports)).toBe(0)
  const answer = JSON.parse(world.written.out) as { value: { modules: unknown[]; cursor: string | null }; epoch: number }
  expect(answer).toMatchObject({ epoch: 7, value: { cursor: null } })
  expect(answer.value.modules).toHaveLength(12)
  expect(world.calls.map((call) => call.args['cursor'])).toEqual([undefined, '5', '10'])

  const limited = makeWorld({ handlers: { list_modules: pagesOfFive } })
  expect(await runCli(['--json', 'modules', '--limit', '7'], limited.ports)).toBe(0)
  expect(limited.calls.map((call) => call.args['limit'])).toEqual([7, 2])
})

function pagesOfFive({ cursor = '0', limit }: Record<string, unknown>): unknown {
  const from = Number(cursor)
  const to = Math.min(12, from + Math.min(5, Number(limit)))
  const modules = Array.from({ length: to - from }, (_, at) => ({ module_name: `M${from + at}` }))
  return { value: { modules, cursor: to < 12 ? String(to) : null }, epoch: 7, as_of: '', complete: true, verified: true }
}

const VERSION = { source_hash: 'ab'.repeat(32), bytes: 1200, readable: true }

test('history of a module, a function and a file', async () => {
  const moment = (epoch: number) => ({ epoch, at: '2026-11-21T08:00:00.000Z' })
  const value = {
    source_file: 'lib/shop/cart.ex', first_seen: moment(1), last_modified: moment(6),
    versions: [{ version: 2, ...VERSION, since: moment(6), until: null }, { version: 1, ...VERSION, since: moment(1), until: moment(6) }],
  }
  const handlers: WorldOptions['handlers'] = { version_history: () => ({ value }) }
  const table = lines(
    '',
    'VERSION  SINCE                     EPOCH  UNTIL                     BYTES  HASH',
    '      2  2026-11-21T08:00:00.000Z      6  now                       1,200  abababababab',
    '      1  2026-11-21T08:00:00.000Z      1  2026-11-21T08:00:00.000Z  1,200  abababababab',
  )
  const seen = (epoch: number): string => lines(
    'lib/shop/cart.ex', 'first seen  2026-11-21T08:00:00.000Z, epoch 1', `modified    2026-11-21T08:00:00.000Z, epoch ${epoch}`)
  await check('history Shop.Cart', { out: seen(6) + table }, { handlers })
  await check('history Shop.Cart.add/2', { out: seen(7) + table }, { handlers })
  await check('history lib/shop/cart.ex', { out: seen(6) + table }, { handlers })
})

test('diff of a module', async () => {
  const handlers: WorldOptions['handlers'] = {
    get_module_diff: ({ from, to }) => ({
      value: {
        module_name: 'Shop.Cart', source_file: 'lib/shop/cart.ex', from: from ?? 1, to: to ?? 2, change_type: 'major', name_before: 'Shop.Cart', name_after: 'Shop.Cart',
        added_functions: [{ function: 'put/2', from: 'Shop.Cart.add/2' }, { function: 'new/0', from: null }], removed_functions: [{ function: 'add/2', to: 'Shop.Cart.put/2' }],
        modified_functions: [{ function: 'total/1', changes: ['body', 'doc'] }], metadata_changes: [{ field: 'alias', removed: [], added: ['Shop.Money'] }],
        exports: 'changed', correlation_impacts: {
          broken: { count: 1, node_ids: ['Shop.Cart.add/2#1/x'], cut_at: null }, new: { count: 0, node_ids: [], cut_at: null }, maintained: { count: 40 },
        },
      },
    }),
  }
  await check('diff Shop.Cart --from 3 --to 5', {
    out: lines(
      'Shop.Cart  lib/shop/cart.ex, version 3 to 5',
      'major change; callers may be affected',
      '+ put/2  was Shop.Cart.add/2',
      '+ new/0',
      '- add/2  is Shop.Cart.put/2',
      '~ total/1  body, doc',
      '+ alias Shop.Money',
      '',
      '40 nodes maintained, 0 new, 1 broken',
      '  - Shop.Cart.add/2#1/x',
    ),
  }, { handlers })
})

test('a terminal gets 200 rows unless told otherwise', async () => {
  const rows = Array.from({ length: 300 }, (_, at) => ({
    module_name: `M${at}`, kind: 'module', source_file: 'a.ex', line: 1, functions: 0, lines_of_code: 1, origin: 'file',
  }))
  const handlers: WorldOptions['handlers'] = {
    list_modules: ({ limit }) => ({ value: { modules: rows.slice(0, Number(limit)), cursor: Number(limit) < 300 ? 'next' : null } }),
  }
  const countRows = (ran: Ran): number => ran.out.trim().split('\n').length - 1
  expect(countRows(await run('modules', { columns: 80, handlers }))).toBe(200)
  expect(countRows(await run('modules --all', { columns: 80, handlers }))).toBe(300)
  expect(countRows(await run('modules', { handlers }))).toBe(300)
})

test('show MODULE', async () => {
  await check('show Shop.Cart', {
    out: lines(
      'Shop.Cart  module  lib/shop/cart.ex:1',
      '',
      'The cart of one customer.',
      '',
      'behaviours  GenServer',
      'use         GenServer',
      'alias       Shop.Money',
      'struct      id, items',
      'types       t/0',
      'depends on  GenServer, Shop.Money',
      'size        84 lines of code, highest complexity 12',
      'hashes      source abababababab, tree abababababab',
      'first seen  2026-11-21T08:00:00.000Z, epoch 1',
      'modified    2026-11-21T08:00:00.000Z, epoch 7',
      '',
      'FUNCTION  KIND  CLAUSES  COMPLEXITY  LINES  LINE',
      'add/2     def         3          12     31    12',
      'add/3     def         1           1      4    50',
      'total/1   defp        1           2      4    70',
    ),
  })
})

const FUNCTION_SHOWN = lines(
  'Shop.Cart.add/2  def, public, answers to arities 1, 2  lib/shop/cart.ex:12',
  '',
  'Adds an item.',
  '',
  '@spec add(t, map) :: t',
  'add(cart, item \\\\ nil)',
  '',
  'size        31 lines of code, complexity 12',
  'hashes      source abababababab, tree abababababab',
  'first seen  2026-11-21T08:00:00.000Z, epoch 1',
  'modified    2026-11-21T08:00:00.000Z, epoch 7',
  '',
  'CLAUSE  LINES  COMPLEXITY  PARAMETERS                             NODE',
  '     1  12-20          12  (cart, item \\\\ nil) when is_map(cart)  Shop.Cart.add/2#1',
  '',
  'LINE  CALLS             KIND    KNOWN     NODE',
  '14:7  Shop.Money.sum/1  remote  resolved  Shop.Cart.add/2#1/Money.sum',
)

test('show MFA, with the Elixir. prefix too', async () => {
  await check('show Shop.Cart.add/2', { out: FUNCTION_SHOWN })
  await check('show Elixir.Shop.Cart.add/2', { out: FUNCTION_SHOWN })
})

test('show of a function without arity lists its arities', async () => {
  await check('show Shop.Cart.add', {
    out: lines(
      'FUNCTION         KIND  CLAUSES  COMPLEXITY  LINES  PLACE',
      'Shop.Cart.add/2  def         3          12     31  lib/shop/cart.ex:12',
      'Shop.Cart.add/3  def         1           1      4  lib/shop/cart.ex:50',
    ),
  })
})

test('show NODE_ID', async () => {
  await check('show Shop.Cart.add/2#1/Money.sum', {
    out: lines(
      'Shop.Cart.add/2#1/Money.sum  remote_call  lib/shop/cart.ex:14:7 to 14:23',
      '',
      'Money.sum(items)',
      '',
      'quoted',
      '{{:., [line: 14], [{:__aliases__, [line: 14], [:Money]}, :sum]}, [line: 14], [{:items, [line: 14], nil}]}',
      '',
      'parent  Shop.Cart.add/2#1',
      '',
      'children',
      '  Shop.Cart.add/2#1/Money.sum/items',
    ),
  })
})

test('show FILE', async () => {
  await check('show ./lib/shop/cart.ex', {
    out: lines('MODULE     KIND    FUNCTIONS  LINES  PLACE', 'Shop.Cart  module          3     84  lib/shop/cart.ex:1'),
  })
})

test('callers and callees', async () => {
  await check('callers Shop.Cart.add/2', {
    out: lines('CALLER              PLACE                  KNOWN     NODE', 'Shop.Order.place/1  lib/shop/order.ex:9:5  resolved  Shop.Order.place/1#1/Cart.add'),
  })
  await check('callees Shop.Cart.total', {
    out: lines('LINE  CALLS             KIND    KNOWN     NODE', '14:7  Shop.Money.sum/1  remote  resolved  Shop.Cart.add/2#1/Money.sum'),
  })
  await check('callers Shop.Cart.add', {
    code: 2, err: lines('error: Shop.Cart.add has several arities', '  which one: Shop.Cart.add/2, Shop.Cart.add/3?'),
  })
  await check('callees Shop.Cart', {
    code: 2, err: lines('error: Shop.Cart is no function', '  write module, function and arity, e.g. MyApp.Cart.add_item/2'),
  })
  const get_callers = (): unknown => ({ value: { callers: [], cursor: null } })
  await check('callers Shop.Money.sum/1', { out: 'nothing in the project calls Shop.Money.sum/1\n' }, { handlers: { get_callers } })
  await check('callers Shop.Cart.ad/2', {
    out: 'nothing in the project calls Shop.Cart.ad/2\n', err: 'the project does not define it; did you mean Shop.Cart.add/2?\n',
  }, { handlers: { get_callers } })
  await check('callers Ecto.Query.from/2', { out: 'nothing in the project calls Ecto.Query.from/2\n', err: 'the project does not define it\n' }, { handlers: { get_callers } })
})

test('node ids stand where the terminal is wide enough, or with --ids, never cut', async () => {
  const narrow = await run('callers Shop.Cart.add/2', { columns: 60 })
  expect(narrow.out).not.toContain('NODE')
  expect(narrow.out).toContain('lib/shop/order.ex:9:5')
  expect((await run('callers Shop.Cart.add/2', { columns: 120 })).out).toContain('Shop.Order.place/1#1/Cart.add')
  for (const line of ['callers Shop.Cart.add/2 --ids', 'callees Shop.Cart.add/2 --ids', 'show Shop.Cart.add/2 --ids']) {
    expect((await run(line, { columns: 60 })).out).toMatch(/Shop\.\S+#1\/(Cart\.add|Money\.sum)/)
  }
})

test('problems in the form that editors understand', async () => {
  await check('problems', { out: 'lib/shop/broken.ex:3:9: the string is not closed [missing_terminator]\n' })
})

test('tree', async () => {
  await check('tree', {
    out: lines(
      'ElixirScope.Supervisor  rest_for_one, up 2 min 5 s',
      '├─ Threads  one_for_one',
      '│  ├─ repository  thread, 2 restarts, up 4.2 s, heap 12.3 MB, busy 3 %',
      '│  └─ gateway [restarting]  thread',
      '└─ AST.Importer  actor, in repository, 3 waiting',
    ),
  })
})

test('tree --watch draws until Ctrl-C: in place on a terminal, one after the other elsewhere, a line each as JSON', async () => {
  const onTerminal = await run('tree --watch --no-color', { columns: 80, pauses: 2 })
  expect(onTerminal.code).toBe(0)
  expect(onTerminal.out.split('\u001b[H')).toHaveLength(3)
  expect(onTerminal.out.split('\u001b[?1049l')[1]).toMatch(/^08:\d\d:\d\d UTC, Ctrl-C ends\nElixirScope\.Supervisor/)
  expect((await run('tree --watch', { pauses: 2 })).out.match(/^ElixirScope\.Supervisor /gm)).toHaveLength(2)
  const json = (await run('--json tree --watch', { pauses: 3 })).out.trimEnd().split('\n').map((line) => JSON.parse(line) as { name: string })
  expect(json.map(({ name }) => name)).toEqual(Array.from({ length: 3 }, () => 'ElixirScope.Supervisor'))
})

test('tree --watch goes on while the daemon is away', async () => {
  let nAsked = 0
  const supervision_tree = (): unknown => {
    nAsked += 1
    if (nAsked === 1) return TREE
    throw new FailureError(failure('unavailable', 'the connection was lost'))
  }
  const { code, out } = await run('tree --watch', { pauses: 3, handlers: { supervision_tree } })
  expect([code, nAsked, out.match(/no answer: the connection was lost; trying again/g)?.length]).toEqual([0, 3, 2])
})

test('watch shows what comes in until Ctrl-C, and says what was missed', async () => {
  const names = (added: string[]) => ({ added, modified: [], removed: [] })
  const counts = (added: number) => ({ added, modified: 0, removed: 0 })
  const changed = (epoch: number) => ({
    epoch, at: '2026-11-21T08:00:00.000Z', truncated: false, counts: { files: counts(1), modules: counts(1), functions: counts(0) },
    files: names(['lib/a.ex']), modules: names(['A']), functions: names([]),
  })
  const handlers = { watch: () => ({ value: { watching: true }, epoch: 7, as_of: '', complete: true, verified: true, stale: false }) }
  const { code, out, err } = await run('watch', { handlers, changes: [changed(8), changed(10)] })
  expect([code, err]).toEqual([0, 'watching from epoch 7; Ctrl-C ends\nchanges between epoch 8 and 10 were missed\n'])
  expect(out).toBe(lines(
    '08:00:00 UTC  epoch 8  1 file added; 1 module added', '  + lib/a.ex', '  + A',
    '08:00:00 UTC  epoch 10  1 file added; 1 module added', '  + lib/a.ex', '  + A',
  ))
})

test('watch says that the daemon is away, that it is there again, and what nobody told meanwhile', async () => {
  const answers = [7, undefined, 9, 9]
  const watch = (): unknown => {
    const epoch = answers.shift()
    if (epoch === undefined) throw new FailureError(failure('unavailable', 'the connection was lost'))
    return { value: { watching: true }, epoch, as_of: '', complete: true, verified: true, stale: false }
  }
  const { code, err } = await run('watch', { handlers: { watch }, pauses: 4 })
  expect([code, err]).toEqual([0, lines(
    'watching from epoch 7; Ctrl-C ends',
    'no answer: the connection was lost; trying again',
    'the daemon is there again',
    'changes between epoch 7 and 10 were missed',
  )])
})

test.each([['watch', 'watch'], ['tree --watch', 'supervision_tree'], ['top', 'get_hotspots'], ['events --follow', 'query_events']] as const)('%s ends with Ctrl-C while an answer is awaited', async (line, hangs) => {
  const ran = await run(line, { hangs, handlers: RUNTIME, columns: 80 })
  expect(ran).toMatchObject({ code: 0, out: '' })
})

test('what changed is counted by kind', () => {
  const none = { added: [], modified: [], removed: [] }
  const [head] = renderChanges({
    epoch: 8, at: '2026-11-21T08:00:00.000Z', truncated: true, files: none, modules: none, functions: none, counts: {
      files: { added: 0, modified: 1, removed: 0 }, modules: { added: 1, modified: 0, removed: 2 }, functions: { added: 0, modified: 0, removed: 60_000 },
    },
  }, { width: Infinity, style: PLAIN })
  expect(head).toBe('08:00:00 UTC  epoch 8  1 file modified; 1 module added, 2 removed; 60,000 functions removed')
})

test('stats', async () => {
  const { out, code } = await run('stats --tables')
  expect(code).toBe(0)
  expect(out).toContain('calls        1,610 to 214 functions\n')
  expect(out).toContain('TABLE          SIZE\nmodules    120.0 kB\nfunctions   90.0 kB\n')
})

test('stats --memory tells where memory is, and what is over its limit', async () => {
  const { out, code } = await run('stats --memory')
  expect(code).toBe(0)
  expect(out).toBe(lines(
    'pressure   warning, 1 change',
    'used       1.8 GB of 2.1 GB (the default), at most 1.9 GB',
    'heaps      main 20.0 MB, gateway 30.0 MB',
    'external   12.0 MB, shared 24 B',
    'database   260.0 kB, log 0 B',
    'caches     44.0 kB of 268.4 MB',
    'cleanings  1, the last soft, 2.0 kB freed in 12 ms',
    '',
    'CACHE    ENTRIES     SIZE    HITS',
    'trees          0      0 B',
    'answers        7  44.0 kB  75.0 %',
    '',
    'Index overhead (25.0 %) exceeds limit (20 %)',
  ))
})

test('status tells the daemon and its services', async () => {
  await check('status', {
    out: lines(
      '● degraded  /home/ann/shop',
      'process  4711, up 1 h 2 min',
      'memory   181.0 MB of 2.1 GB, pressure normal',
      'files    watching, 12 directories by the system, 2 changes not in yet',
      'events   none; no node is connected',
      'asked    get_hotspots for 2.4 s, 1 question waiting, up to 300 ms',
      'load     3.4 % of a processor, 12.0 MB on disk',
      'queries  13 a second, p50 0.25 ms, p95 1 ms, p99 5 ms',
      'errors   2 busy, 1 timeout; 0.1 % of all calls by our fault',
      'cache    87.5 % hits',
      'heart    process 4700, 2 restarts',
      'version  0.1.0 on Node 24.21.0',
      'profile  default',
      'socket   /run/user/1000/es/1a2b.sock',
      'http     http://127.0.0.1:40123',
      'state    /home/ann/.local/state/elixir-scope/1a2b',
      '',
      'SERVICE     STATUS    REASON',
      'gateway     healthy',
      'repository  degraded  an import is running; wait until it ends',
    ),
  })
})

test('status of an unhealthy daemon fails', async () => {
  const { code } = await run('status', { handlers: { health_check: () => ({ status: 'unhealthy', services: [], checked_at: '' }) } })
  expect(code).toBe(1)
})

test('status --all', async () => {
  await check('status --all', {
    out: lines('PROJECT          PID  UP         VERSION  HTTP', '/home/ann/shop  4711  1 min 5 s  0.1.0    http://127.0.0.1:40123'),
  })
  await check('status --all', { out: 'no daemon is running\n' }, { running: false })
})

test('names that do not exist get a suggestion', async () => {
  await check('show Shop.Cary', { code: 3, err: lines('error: no module Shop.Cary', '  did you mean Shop.Cart?') })
  await check('show Shop.Cart.tota/1', { code: 3, err: lines('error: no function Shop.Cart.tota/1', '  did you mean Shop.Cart.total/1?') })
  await check('callers Shop.Cart.ad', { code: 3, err: lines('error: no function Shop.Cart.ad', '  did you mean Shop.Cart.add/2?') })
  await check('show lib/shop/carts.ex', { code: 3, err: lines('error: no file lib/shop/carts.ex in the project', '  did you mean lib/shop/cart.ex?') })
  await check('show Zzz', { code: 3, err: lines('error: no module Zzz', '  the command `modules` lists all modules') })
})

test('a file is meant from the working directory, absolute, or from the project; with a place too', async () => {
  const shown: WorldOptions['handlers'] = { list_problems: ({ path }) => {
    if (path === 'lib/shop/cart.ex') return { value: { problems: [], cursor: null } }
    throw Object.assign(new Error('x'), { failure: { code: 'not_found', message: `no file ${String(path)}` } })
  } }
  for (const [file, cwd] of [
    ['cart.ex', `${ROOT}/lib/shop`], ['../cart.ex:12', `${ROOT}/lib/shop/deep`], [`${ROOT}/lib/shop/cart.ex`, `${ROOT}/test`],
    ['lib/shop/cart.ex:3:9', `${ROOT}/lib/shop`], ['./lib/shop/cart.ex', ROOT],
  ] as const) {
    expect(await run(`show ${file}`, { cwd })).toMatchObject({ code: 0, out: expect.stringContaining('Shop.Cart') as string })
    await check(`problems ${file}`, { out: 'no problems\n' }, { cwd, handlers: shown })
  }
  const unknown = { code: 3, err: lines('error: no file gone/x.ex in the project', '  give it relative to the working directory or to the project; a new file is known after: import') }
  await check('show gone/x.ex:3', unknown)
  await check('problems gone/x.ex', unknown, { handlers: shown })
  await check('problems cart.ex', { code: 3, err: lines('error: no file cart.ex in the project', '  did you mean lib/shop/cart.ex?') }, { handlers: shown })
})

test('where to look: the functions of a module that exists, the arities of a function from outside', async () => {
  await check('show Shop.Cart.zzzzzz/1', { code: 3, err: lines('error: no function Shop.Cart.zzzzzz/1', '  the command `show Shop.Cart` lists its functions') })
  await check('callers Shop.Cart.zzzzzz', { code: 3, err: lines('error: no function Shop.Cart.zzzzzz', '  the command `show Shop.Cart` lists its functions') })
  const handlers: WorldOptions['handlers'] = {
    get_callers: ({ mfa }) => ({ value: { callers: mfa === 'Enum.map/2' ? [{}] : [], cursor: null } }),
  }
  await check('callers Enum.map', { code: 2, err: lines('error: Enum.map needs its arity', '  which one: Enum.map/2?') }, { handlers })
  expect(await run('callers Zzzzz.map', { handlers: { get_callers: () => ({ value: { callers: [], cursor: null } }) } })).toMatchObject({ code: 3 })
})

test('a name that means nothing is wrong usage', async () => {
  const { code, err } = await run('show foo!bar')
  expect(code).toBe(2)
  expect(err).toContain('"foo!bar" is no module, function, node or file')
})

test('the daemon\'s own suggestion is kept where no name is nearer', async () => {
  const handlers: WorldOptions['handlers'] = {
    get_module: () => { throw Object.assign(new Error('x'), { failure: { code: 'not_found', message: 'no module Zzz', hint: 'did you mean B?', details: { suggestions: ['B'] } } }) },
  }
  await check('show Zzz', { code: 3, err: lines('error: no module Zzz', '  did you mean B?') }, { handlers })
})

test('a daemon that is not running: exit 4 and the command that starts it', async () => {
  await check('show Shop.Cart', {
    code: 4, err: lines('error: no daemon is running for /home/ann/shop', '  start it with: elixir-scope start'),
  }, { running: false })
  await check('--project /srv/my.app modules', {
    code: 4, err: lines('error: no daemon is running for /srv/my.app', '  start it with: elixir-scope start /srv/my.app'),
  }, { running: false })
})

test('outside a project the message says so', async () => {
  const { code, err } = await run('modules', { cwd: '/tmp' })
  expect(code).toBe(3)
  expect(err).toBe('error: no mix.exs in /tmp or any directory above it\n')
})

test('with --json standard output is one JSON value and standard error is silent, for failures too', async () => {
  const found = await run('show Shop.Cart --json')
  expect(JSON.parse(found.out)).toMatchObject({ epoch: 7, value: { module_name: 'Shop.Cart' } })
  expect(found.err).toBe('')
  const missing = await run('--json show Nope')
  expect(missing).toMatchObject({ code: 3, err: '' })
  expect(JSON.parse(missing.out)).toMatchObject({ error: { code: 'not_found', message: 'no module Nope' } })
  const stopped = await run('--json stats', { running: false })
  expect(stopped).toMatchObject({ code: 4, err: '' })
  expect(JSON.parse(stopped.out)).toMatchObject({ error: { code: 'unavailable', details: { start_command: 'elixir-scope start' } } })
})

test.each(['modules', 'callers Shop.Cart.add/2', 'callees Shop.Cart.add/2', 'problems', 'tree', 'stats', 'status', 'status --all', 'import', 'start', 'stop', 'rpc'])(
  '%s --json prints one JSON value', async (line) => {
    const { code, out } = await run(`${line} --json`)
    expect(code).toBe(0)
    expect(typeof JSON.parse(out)).toBe('object')
  })

test('mistyped commands and options', async () => {
  const command = await run('shwo Shop.Cart')
  expect(command.code).toBe(2)
  expect(command.err).toContain("unknown command 'shwo'")
  expect(command.err).toContain('Did you mean show?')
  const option = await run('modules --limt 3')
  expect(option.code).toBe(2)
  expect(option.err).toContain('Did you mean --limit?')
  await expect(run('modules --limit 0')).resolves.toMatchObject({ code: 2 })
  await expect(run('start --set novalue')).resolves.toMatchObject({ code: 2 })
  await expect(run('show')).resolves.toMatchObject({ code: 2 })
  const json = await run('--json shwo')
  expect(JSON.parse(json.out)).toMatchObject({ error: { code: 'invalid_argument' } })
})

test('help and version', async () => {
  const help = await run('')
  expect(help).toMatchObject({ code: 0, err: '' })
  for (const command of ['start', 'stop', 'restart', 'status', 'import', 'modules', 'show', 'callers', 'callees', 'ast', 'tree', 'stats', 'problems', 'rpc', 'export', 'completion']) {
    expect(help.out).toMatch(new RegExp(`^  ${command} `, 'm'))
  }
  expect(help.out).toContain('Exit codes: 0 done')
  expect(help.out).not.toContain('__complete')
  await check('--version', { out: '0.1.0\n' })
  const start = await run('start --help')
  expect(start.out).toContain('--foreground')
  expect(start.out).toContain('--project <path>')
})

test('help COMMAND is its --help', async () => {
  expect(await run('help start')).toEqual(await run('start --help'))
  expect((await run('help start')).code).toBe(0)
  expect((await run('help')).out).toBe((await run('')).out)
  expect(await run('help stat')).toMatchObject({ code: 2, out: '', err: expect.stringContaining("unknown command 'stat'\n(Did you mean start?)") as string })
  await check('__complete -- help sho', { out: expect.stringMatching(/^show\t/) as string })
})

test('status and stats tell how many files were not read', async () => {
  const incomplete = (unreadable: number): WorldOptions => ({ handlers: {
    get_statistics: () => ({ value: { ...STATISTICS, import: { ...STATISTICS.import, last: { ...IMPORTED, unreadable } } }, complete: false }),
  } })
  for (const line of ['status', 'stats']) {
    expect((await run(line, incomplete(1))).out).toMatch(/\n1 file was not read: see problems\n$/)
    expect((await run(line, incomplete(2))).out).toMatch(/\n2 files were not read: see problems\n$/)
    expect((await run(line, incomplete(0))).out).not.toContain('not read')
    expect((await run(line)).out).not.toContain('not read')
  }
})

test('facts that were not compared with the files, an import under way, files that changed since: said where people read', async () => {
  const handlersOf = (more: Record<string, unknown>): WorldOptions => ({ handlers: {
    get_statistics: () => ({ value: STATISTICS, complete: true, verified: true, stale: false, ...more }),
    list_modules: () => ({ value: { modules: MODULES, cursor: null }, complete: true, verified: true, stale: false, ...more }),
  } })
  expect((await run('status', handlersOf({ verified: false }))).out).toMatch(/\nthe facts have not been compared with the files yet: `import` does that now\n$/)
  expect((await run('modules', handlersOf({ verified: false }))).err).toBe('note: not compared with the files yet; `import` does that now\n')
  expect((await run('modules', handlersOf({ complete: false, verified: false }))).err).toBe('note: not everything is in yet, or could not be read; `status` tells\n')
  expect((await run('modules', handlersOf({ stale: true }))).err).toBe('note: files have changed since; --wait answers when they are in\n')
  expect((await run('modules --json', handlersOf({ stale: true }))).err).toBe('')
  expect((await run('modules', handlersOf({}))).err).toBe('')
})

test('what is not found while an import is under way may only not be there yet', async () => {
  const statistics = { ...STATISTICS, import: { ...STATISTICS.import, state: 'running' } }
  await check('show Shop.Carts', {
    code: 3, err: lines('error: no module Shop.Carts', '  an import is under way; ask again when `status` says that it has ended'),
  }, { handlers: { get_statistics: () => ({ value: statistics, complete: false }) } })
})

test('diff of what has no earlier version keeps the hint of the daemon', async () => {
  const get_module_diff = (): unknown => {
    throw new FailureError(failure('not_found', 'lib/shop/cart.ex has no earlier version', { hint: 'only the present version is kept' }))
  }
  await check('diff Shop.Cart', { code: 3, err: lines('error: lib/shop/cart.ex has no earlier version', '  only the present version is kept') }, { handlers: { get_module_diff } })
})

test('rpc: methods, arguments as JSON or pairs, mistyped methods', async () => {
  const world = makeWorld()
  expect(await runCli(['rpc', 'get_function', 'mfa=Shop.Cart.add/2', 'text_limit=5'], world.ports)).toBe(0)
  expect(await runCli(['rpc', 'get_function', '{"mfa": "Shop.Cart.add/2"}'], world.ports)).toBe(0)
  expect(await runCli(['rpc', 'list_modules', 'prefix=42', 'limit=2'], world.ports)).toBe(0)
  expect(world.calls.map((call) => call.args)).toEqual([
    { mfa: 'Shop.Cart.add/2', text_limit: 5 }, { mfa: 'Shop.Cart.add/2' }, { prefix: '42', limit: 2 },
  ])
  await check('rpc list_modles', { code: 2, err: lines('error: there is no method list_modles', '  did you mean list_modules?') })
  await expect(run('rpc list_modules nonsense')).resolves.toMatchObject({ code: 2 })
  await expect(run('rpc list_modules {bad')).resolves.toMatchObject({ code: 2 })
  const listed = await run('rpc')
  expect(listed.out).toMatch(/^import_project\s+force, request_id\s/m)
})

test('ast: quoted form, digests, lists on standard input', async () => {
  await check('ast /home/ann/shop/a.ex', { out: '{:ok, 1}\n' })
  await check('ast b.ex', { code: 1, out: '{:ok, 1}\n', err: 'b.ex:3:9: not closed\n' })
  await check('ast -', { out: '{:ok, 4}\n' }, { stdin: 'text' })
  await check('ast --digest b.ex /home/ann/shop/a.ex', { out: lines('b.ex\terror\t3:9', '/home/ann/shop/a.ex\tS1\tP1') })
  await check('ast --digest -', { out: lines('b.ex\terror\t3:9', 'b.ex\terror\t3:9') }, { stdin: 'b.ex\nb.ex\n' })
  await check('ast --digest gone.ex b.ex', { code: 3, out: 'b.ex\terror\t3:9\n', err: lines('error: there is no gone.ex', '  give it relative to the working directory or to the project') })
  await check('--json ast --digest b.ex /home/ann/shop/a.ex', {
    out: lines('{"path":"b.ex","error":"3:9"}', '{"path":"/home/ann/shop/a.ex","structure":"S1","positions":"P1"}'),
  })
})

test('ast: a place, and a path as the project names it; several files are one JSON value, failures among them', async () => {
  await check('ast b.ex:3:9', { code: 1, out: '{:ok, 1}\n', err: 'b.ex:3:9: not closed\n' })
  await check('ast a.ex', { out: '{:ok, 1}\n' }, { cwd: `${ROOT}/lib` })
  const one = await run('ast --json a.ex')
  expect(JSON.parse(one.out)).toEqual({ path: 'a.ex', quoted: '{:ok, 1}', problems: [] })
  const several = await run('ast --json a.ex gone.ex b.ex')
  expect(several).toMatchObject({ code: 3, err: '' })
  expect(JSON.parse(several.out)).toMatchObject([
    { path: 'a.ex', quoted: '{:ok, 1}' }, { path: 'gone.ex', error: { code: 'not_found' } }, { path: 'b.ex', problems: ['3:9: not closed'] },
  ])
})

test('export to standard output and to a file', async () => {
  await check('export', { out: lines('{"a":1}', '{"b":2}', '{"c":3}') })
  const world = makeWorld()
  expect(await runCli(['export', 'out.ndjson'], world.ports)).toBe(0)
  expect(world.files.get('out.ndjson')).toBe(lines('{"a":1}', '{"b":2}', '{"c":3}'))
  expect(world.written).toEqual({ out: '', err: '3 lines written to out.ndjson\n' })
})

test('completion scripts ask the command itself', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out } = await run(`completion ${shell}`)
    expect(code).toBe(0)
    expect(out).toContain('__complete --')
  }
  await expect(run('completion tcsh')).resolves.toMatchObject({ code: 2 })
})

test('completion: names, by the daemon of the project that the words name', async () => {
  await check('__complete -- show Shop.C', { out: lines('Shop.Cart', ':files') })
  await check('__complete -- callers Shop.Cart.', { out: lines('Shop.Cart.add/2', 'Shop.Cart.add/3', 'Shop.Cart.total/1') })
  await check('__complete -- callees Shop.Cart.to', { out: 'Shop.Cart.total/1\n' })
  await check('__complete -- callers Shop.C', {}, { running: false })
  for (const words of ['--project /srv/app modules Shop.C', 'modules --project=/srv/app Shop.C', '--project = /srv/app modules Shop.C']) {
    const world = makeWorld({ cwd: '/tmp' })
    const asked: string[] = []
    const ports = { ...world.ports, connect: (root: string) => {
      asked.push(root)
      return world.ports.connect(root)
    } }
    expect(await runCli(['__complete', '--', ...words.split(' ')], ports)).toBe(0)
    expect({ asked, out: world.written.out }).toEqual({ asked: ['/srv/app'], out: 'Shop.Cart\n' })
  }
})

test('completion: modules alone for `modules`; commands, options and their values', async () => {
  await check('__complete -- modules Shop.Cart.', {})
  await check('__complete -- diff Shop.Cart.', {})
  await check('__complete -- diff Shop.C', { out: 'Shop.Cart\n' })
  await check('__complete -- history Shop.Cart.t', { out: lines('Shop.Cart.total/1', ':files') })
  await check('__complete -- profile h', { out: 'heap\n' })
  await check('__complete -- profile --thread ', { out: lines('main', 'repository', 'gateway') })
  await check('__complete -- completion ', { out: lines('bash', 'zsh', 'fish') })
  await check('__complete -- --json completion z', { out: 'zsh\n' })
  await check('__complete -- start ', { out: ':directories\n' })
  await check('__complete -- --project ', { out: ':directories\n' })
  await check('__complete -- start --profile t', { out: 'test\n' })
  await check('__complete -- modules --origin f', { out: 'file\n' })
  await check('__complete -- modules --or', { out: '--origin\n' })
  await check('__complete -- rpc get_function mf', { out: 'mfa=\n' })
  expect((await run('__complete -- rpc list_mo')).out).toMatch(/^list_modules\t.+\n$/)
  expect((await run('__complete -- --json calle')).out).toMatch(/^callers\t.+\ncallees\t.+\n$/)
})

test('the project comes from --project wherever it stands', async () => {
  await check('stop --project /srv/app', { out: 'stopped for /srv/app\n' })
  await check('--project /srv/app stop', { out: 'stopped for /srv/app\n' })
  await check('stop', { out: `no daemon was running for ${ROOT}\n` }, { running: false })
})
