/**
 * Every kind of change on a real file system, by each means of watching. What counts as reported: the path itself, a
 * directory above it, or that everything has to be compared; each before the cookie that was written after the change.
 */

import { appendFileSync, chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Means } from '../../../src/project/watch/protocol.ts'
import { nodeWatchSystem, type WatchSystem } from '../../../src/project/watch/watch-system.ts'
import { makeTree, writeTree } from '../support.ts'
import { countingWatch, errno, tempDirectory, watchTree } from './world.ts'
import type { Watched } from './world.ts'

const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }
const ALL_MEANS: readonly Means[] = ['chokidar', 'directories', 'polling']

const FILES = {
  'mix.exs': 'x', 'lib/a.ex': 'a', 'lib/b.ex': 'b', 'lib/deep/c.ex': 'c', 'lib/deep/er/d.ex': 'd', 'test/t.exs': 't',
  'deps/dep/lib/x.ex': 'x', 'lib/readme.md': 'r', '.gitignore': '/lib/ignored\n', 'lib/ignored/i.ex': 'i',
}

type Change = {
  readonly name: string
  /** `outside` is a directory that is not watched. */
  readonly act: (at: (path: string) => string, outside: string) => void
  readonly before?: (at: (path: string) => string, outside: string) => void
  readonly told: readonly string[]
  /** May be told by having everything compared. */
  readonly rescan?: true
  /** Told of nothing of the project. */
  readonly untold?: true
}

const CHANGES: readonly Change[] = [
  { name: 'a file is written', act: (at) => writeFileSync(at('lib/a.ex'), 'changed'), told: ['lib/a.ex'] },
  { name: 'a file is appended to', act: (at) => appendFileSync(at('lib/deep/c.ex'), 'more'), told: ['lib/deep/c.ex'] },
  { name: 'a file comes', act: (at) => writeFileSync(at('lib/new.ex'), 'n'), told: ['lib/new.ex'] },
  { name: 'a file goes', act: (at) => unlinkSync(at('lib/a.ex')), told: ['lib/a.ex'] },
  { name: 'a file at the root', act: (at) => writeFileSync(at('mix.exs'), 'changed'), told: ['mix.exs'] },
  { name: 'a file is renamed', act: (at) => renameSync(at('lib/a.ex'), at('lib/z.ex')), told: ['lib/a.ex', 'lib/z.ex'] },
  { name: 'a file moves to another directory', act: (at) => renameSync(at('lib/a.ex'), at('lib/deep/er/a.ex')), told: ['lib/a.ex', 'lib/deep/er/a.ex'] },
  { name: 'the case of a name changes', act: (at) => renameSync(at('lib/a.ex'), at('lib/A.ex')), told: ['lib/a.ex', 'lib/A.ex'] },
  { name: 'a file is linked to once more', act: (at) => linkSync(at('lib/a.ex'), at('lib/hard.ex')), told: ['lib/hard.ex'] },
  {
    name: 'an atomic save: written beside, renamed over',
    act: (at) => {
      writeFileSync(at('lib/.a.ex.tmp'), 'saved')
      renameSync(at('lib/.a.ex.tmp'), at('lib/a.ex'))
    },
    told: ['lib/a.ex'],
  },
  {
    name: 'a save that keeps a backup: moved away, written anew, backup removed',
    act: (at) => {
      renameSync(at('lib/a.ex'), at('lib/a.ex~'))
      writeFileSync(at('lib/a.ex'), 'saved')
      unlinkSync(at('lib/a.ex~'))
    },
    told: ['lib/a.ex'],
  },
  {
    name: 'a save in place: truncated, then written',
    act: (at) => {
      truncateSync(at('lib/a.ex'))
      appendFileSync(at('lib/a.ex'), 'saved')
    },
    told: ['lib/a.ex'],
  },
  { name: 'a directory comes, with files in it', act: (at) => writeTree(at(''), { 'lib/n/one.ex': '1', 'lib/n/m/two.ex': '2' }), told: ['lib/n/one.ex', 'lib/n/m/two.ex'] },
  {
    name: 'a directory moves in from elsewhere',
    before: (_at, outside) => writeTree(outside, { 'moved/x.ex': 'x', 'moved/y/z.ex': 'z' }),
    act: (at, outside) => renameSync(join(outside, 'moved'), at('lib/moved')),
    told: ['lib/moved/x.ex', 'lib/moved/y/z.ex'],
  },
  { name: 'a directory moves away', act: (at, outside) => renameSync(at('lib/deep'), join(outside, 'deep')), told: ['lib/deep/c.ex', 'lib/deep/er/d.ex'] },
  { name: 'a directory is renamed', act: (at) => renameSync(at('lib/deep'), at('lib/flat')), told: ['lib/deep/c.ex', 'lib/deep/er/d.ex', 'lib/flat/c.ex', 'lib/flat/er/d.ex'] },
  { name: 'the case of a directory changes', act: (at) => renameSync(at('lib/deep'), at('lib/Deep')), told: ['lib/deep/c.ex', 'lib/Deep/er/d.ex'] },
  { name: 'a directory is removed with all in it', act: (at) => rmSync(at('lib/deep'), { recursive: true }), told: ['lib/deep/c.ex', 'lib/deep/er/d.ex'] },
  {
    name: 'a directory is put in the place of another',
    before: (_at, outside) => writeTree(outside, { 'other/c.ex': 'another' }),
    act: (at, outside) => {
      renameSync(at('lib/deep'), join(outside, 'old'))
      renameSync(join(outside, 'other'), at('lib/deep'))
    },
    told: ['lib/deep/c.ex', 'lib/deep/er/d.ex'],
  },
  {
    name: 'a directory becomes a file of its name',
    act: (at) => {
      rmSync(at('lib/deep'), { recursive: true })
      writeFileSync(at('lib/deep'), 'x')
    },
    told: ['lib/deep/c.ex'],
  },
  { name: 'a directory of the project comes late', before: (at) => rmSync(at('test'), { recursive: true }), act: (at) => writeTree(at(''), { 'test/late.exs': 'l' }), told: ['test/late.exs'] },
  { name: 'a directory of an umbrella', act: (at) => writeTree(at(''), { 'apps/one/lib/o.ex': 'o' }), told: ['apps/one/lib/o.ex'] },
  {
    name: 'a branch switch of hundreds of files',
    act: (at) => {
      rmSync(at('lib'), { recursive: true })
      writeTree(at(''), Object.fromEntries(Array.from({ length: 300 }, (_each, n) => [`lib/d${n % 20}/f${n}.ex`, String(n)])))
    },
    told: ['lib/a.ex', 'lib/d0/f0.ex', 'lib/d19/f299.ex'],
  },
  { name: 'a link to a file comes', before: (_at, outside) => writeTree(outside, { 'l.ex': 'l' }), act: (at, outside) => symlinkSync(join(outside, 'l.ex'), at('lib/l.ex')), told: ['lib/l.ex'], rescan: true },
  {
    name: 'what a link led to in vain comes, outside the project',
    before: (at, outside) => symlinkSync(join(outside, 'later.ex'), at('lib/l.ex')),
    act: (_at, outside) => writeTree(outside, { 'later.ex': 'l' }),
    told: ['lib/l.ex'],
    rescan: true,
  },
  {
    name: 'a file behind a link changes',
    before: (at, outside) => {
      writeTree(outside, { 'l.ex': 'l' })
      symlinkSync(join(outside, 'l.ex'), at('lib/l.ex'))
    },
    act: (_at, outside) => writeFileSync(join(outside, 'l.ex'), 'changed'),
    told: ['lib/l.ex'],
  },
  {
    name: 'a file behind a link is saved by rename',
    before: (at, outside) => {
      writeTree(outside, { 'l.ex': 'l' })
      symlinkSync(join(outside, 'l.ex'), at('lib/l.ex'))
    },
    act: (_at, outside) => {
      writeFileSync(join(outside, 'tmp'), 'changed')
      renameSync(join(outside, 'tmp'), join(outside, 'l.ex'))
    },
    told: ['lib/l.ex'],
  },
  {
    name: 'a file changes that is one of the project by a link only, though its directory is watched',
    before: (at) => {
      writeTree(at(''), { '.gitignore': 'secret.ex', 'lib/secret.ex': 's' })
      symlinkSync('secret.ex', at('lib/public.ex'))
    },
    act: (at) => writeFileSync(at('lib/secret.ex'), 'changed'),
    told: ['lib/public.ex'],
  },
  {
    name: 'a file in a linked directory changes',
    before: (at, outside) => {
      writeTree(outside, { 'dir/sub/x.ex': 'x' })
      symlinkSync(join(outside, 'dir'), at('lib/linked'))
    },
    act: (_at, outside) => writeFileSync(join(outside, 'dir/sub/x.ex'), 'changed'),
    told: ['lib/linked/sub/x.ex'],
  },
  {
    name: 'a link leads elsewhere',
    before: (at, outside) => {
      writeTree(outside, { 'one/x.ex': '1', 'two/x.ex': '2' })
      symlinkSync(join(outside, 'one'), at('lib/linked'))
    },
    act: (at, outside) => {
      unlinkSync(at('lib/linked'))
      symlinkSync(join(outside, 'two'), at('lib/linked'))
    },
    told: ['lib/linked/x.ex'],
    rescan: true,
  },
  {
    name: 'what a link leads to goes',
    before: (at, outside) => {
      writeTree(outside, { 'one/x.ex': '1' })
      symlinkSync(join(outside, 'one'), at('lib/linked'))
    },
    act: (_at, outside) => renameSync(join(outside, 'one'), join(outside, 'away')),
    told: ['lib/linked/x.ex'],
    rescan: true,
  },
  { name: 'rules change: an ignored directory becomes one of the project', act: (at) => writeFileSync(at('.gitignore'), ''), told: ['lib/ignored/i.ex'], rescan: true },
  { name: 'rules change: files leave the project', act: (at) => writeFileSync(at('lib/.gitignore'), '/deep'), told: ['lib/deep/c.ex', 'lib/deep/er/d.ex'], rescan: true },
  { name: 'the mode of a file changes', act: (at) => chmodSync(at('lib/a.ex'), 0o600), told: ['lib/a.ex'] },
  { name: 'a file of no interest', act: (at) => writeFileSync(at('lib/readme.md'), 'x'), told: [], untold: true },
  { name: 'an ignored file', act: (at) => writeFileSync(at('lib/ignored/i.ex'), 'x'), told: [], untold: true },
  { name: 'an ignored directory comes', act: (at) => writeTree(at(''), { '_build/x/y.ex': '1', 'deps/new/z.ex': '2' }), told: [], untold: true },
  { name: 'a lock file of an editor: a link that leads nowhere', act: (at) => symlinkSync('user@host.1234', at('lib/.#a.ex')), told: [], untold: true },
]

function isTold({ paths, reasons }: Watched, path: string): boolean {
  const above = path.split('/').map((_name, n, names) => names.slice(0, n + 1).join('/'))
  return reasons.size > 0 || above.some((each) => paths.has(each))
}

test.each(ALL_MEANS)('%s: a name that is not UTF-8 comes and goes', async (means) => {
  const watched = await watchTree(FILES, { means })
  const unreadable = Buffer.concat([Buffer.from(`${watched.root}/lib/`), Buffer.from([0xff]), Buffer.from('.ex')])
  for (const act of [() => writeFileSync(unreadable, 'x'), () => unlinkSync(unreadable)]) {
    watched.reasons.clear()
    act()
    await watched.settle()
    expect([...watched.reasons]).toEqual(['unnamed_event'])
  }
})

describe.each(ALL_MEANS)('%s', (means) => {
  test.each(CHANGES)('$name', async ({ before, act, told, rescan, untold }) => {
    const root = makeTree(FILES)
    const outside = tempDirectory()
    const at = (path: string): string => join(root, path)
    before?.(at, outside)
    const watched = await watchTree({}, { means, root })
    expect(watched.opened).toMatchObject({ means, problems: [] })
    act(at, outside)
    await watched.settle()
    expect(told.filter((path) => !isTold(watched, path))).toEqual([])
    if (rescan === undefined) expect([...watched.reasons]).toEqual([])
    if (untold === true) expect([...watched.paths].filter((path) => path !== 'lib/.#a.ex')).toEqual([])
  })

  test('a link that leads nowhere comes, and then what it leads to', async () => {
    const watched = await watchTree(FILES, { means })
    const outside = tempDirectory()
    symlinkSync(join(outside, 'later.ex'), join(watched.root, 'lib/l.ex'))
    await watched.settle()
    expect([...watched.reasons]).toEqual([])
    watched.paths.clear()
    writeTree(outside, { 'later.ex': 'l' })
    await watched.settle()
    expect(isTold(watched, 'lib/l.ex')).toBe(true)
  })

  test('a change in a directory that came only just now, again and again', async () => {
    const watched = await watchTree(FILES, { means })
    for (let n = 0; n < 20; n++) {
      writeTree(watched.root, { [`lib/n${n}/a.ex`]: '1' })
      await watched.settle()
      watched.paths.clear()
      writeTree(watched.root, { [`lib/n${n}/a.ex`]: '22', [`lib/n${n}/b.ex`]: '1' })
      await watched.settle()
      expect([...watched.paths].sort()).toEqual([`lib/n${n}/a.ex`, `lib/n${n}/b.ex`])
    }
  })

  test('a directory that was renamed is watched under its new name, and its old name is forgotten', async () => {
    const watched = await watchTree(FILES, { means })
    renameSync(join(watched.root, 'lib/deep'), join(watched.root, 'lib/flat'))
    await watched.settle()
    watched.paths.clear()
    writeFileSync(join(watched.root, 'lib/flat/er/d.ex'), 'changed')
    await watched.settle()
    expect([...watched.paths]).toEqual(['lib/flat/er/d.ex'])
  })

  test('random histories: whatever differs at the end was told of', async () => {
    const paths = fc.constantFrom('lib/a.ex', 'lib/b.ex', 'lib/x/c.ex', 'lib/x/d.ex', 'lib/x/y/e.ex', 'lib/z/f.ex')
    const places = fc.constantFrom('lib/x', 'lib/z', 'lib/x/y', 'lib/w', 'lib/v')
    const move = fc.oneof(
      fc.record({ do: fc.constant('write' as const), path: paths }),
      fc.record({ do: fc.constant('remove' as const), path: fc.oneof(paths, places) }),
      fc.record({ do: fc.constant('rename' as const), path: places, to: places }),
      fc.record({ do: fc.constant('settle' as const) }),
    )
    await fc.assert(fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 25 }), async (history) => {
      const watched = await watchTree(FILES, { means })
      const states = (): Map<string, string> => new Map(watched.files().map((path) => [path, readFileSync(join(watched.root, path), 'utf8')]))
      let before = states()
      for (const [n, step] of [...history, { do: 'settle' as const }].entries()) {
        if (step.do === 'write') writeTree(watched.root, { [step.path]: `version ${n}` })
        if (step.do === 'remove') rmSync(join(watched.root, step.path), { recursive: true, force: true })
        if (step.do === 'rename') rename(watched.root, step.path, step.to)
        if (step.do !== 'settle') continue
        await watched.settle()
        const after = states()
        const changed = [...new Set([...before.keys(), ...after.keys()])].filter((path) => before.get(path) !== after.get(path))
        expect(changed.filter((path) => !isTold(watched, path))).toEqual([])
        expect([...watched.reasons]).toEqual([])
        watched.paths.clear()
        before = after
      }
      await watched.run({ type: 'close' })
    }), { numRuns: 40, ...seed })
  }, 60_000)
})

/** What cannot be moved there stays where it is. */
function rename(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true })
  try {
    renameSync(join(root, from), join(root, to))
  } catch (error) {
    expect(['ENOENT', 'ENOTEMPTY', 'EINVAL']).toContain((error as NodeJS.ErrnoException).code)
  }
}

// What goes wrong

test('the limit of watches is reached at the start: polling, and the reason names the setting', async () => {
  const watch = (): never => {
    throw errno('ENOSPC')
  }
  const watched = await watchTree(FILES, { system: { watch } })
  expect(watched.opened).toMatchObject({ means: 'polling', because: expect.stringContaining('fs.inotify.max_user_watches') as string })
  writeFileSync(join(watched.root, 'lib/a.ex'), 'changed')
  await watched.settle()
  expect([...watched.paths]).toEqual(['lib/a.ex'])
})

test('the limit is reached half way: nothing stays watched, and it is polled', async () => {
  const counter = countingWatch()
  const watch: WatchSystem['watch'] = (directory, listener) => {
    if (counter.nOpen === 3) throw errno('ENOSPC')
    return counter.watch(directory, listener)
  }
  const watched = await watchTree(FILES, { system: { watch } })
  expect(watched.opened.means).toBe('polling')
  expect(counter.nOpen).toBe(1) // the cookies' own
})

test('the limit is reached by a directory that comes later: said so', async () => {
  let isFull = false
  const watch: WatchSystem['watch'] = (directory, listener) => {
    if (isFull) throw errno('ENOSPC')
    return nodeWatchSystem.watch(directory, listener)
  }
  const watched = await watchTree(FILES, { system: { watch } })
  isFull = true
  mkdirSync(join(watched.root, 'lib/more'))
  await watched.settle()
  expect(watched.limits).toEqual([expect.stringContaining('ENOSPC')])
})

test('chokidar meets the limit: polling', async () => {
  const chokidar: WatchSystem['chokidar'] = (paths, options) => {
    const watcher = nodeWatchSystem.chokidar(paths, options)
    setImmediate(() => watcher.emit('error', errno('ENOSPC')))
    return watcher
  }
  const watched = await watchTree(FILES, { means: 'chokidar', system: { chokidar } })
  expect(watched.opened).toMatchObject({ means: 'polling', because: expect.stringContaining('ENOSPC') as string })
})

test('a network file system is polled, and so says the reason', async () => {
  const watched = await watchTree(FILES, { system: { fileSystemType: () => 0x6969 } })
  expect(watched.opened).toMatchObject({ means: 'polling', because: expect.stringContaining('NFS') as string })
})

test.each(ALL_MEANS)('%s: a directory that cannot be read is named, its files are not taken for gone, and it is found readable again', async (means) => {
  let isSecret = false
  const system: Partial<WatchSystem> = {
    readDirectory(directory) {
      if (isSecret && directory.endsWith('/lib/deep')) throw errno('EACCES')
      return nodeWatchSystem.readDirectory(directory)
    },
  }
  const watched = await watchTree(FILES, { means, system })
  isSecret = true
  expect(await watched.run({ type: 'open', ...(means === 'polling' ? { poll: 'asked' } : {}) })).toMatchObject({ means, problems: [{ path: 'lib/deep', code: 'EACCES' }] })
  await watched.settle()
  expect([...watched.paths, ...watched.reasons]).toEqual([])
  isSecret = false
  await watched.settle()
  expect([...watched.reasons]).toEqual(['readable_again'])
})

test.each(['chokidar', 'directories'] as const)('%s: that a directory cannot be read, or can again, is told as soon as its mode changes', async (means) => {
  const secret = new Set<string>()
  const system: Partial<WatchSystem> = {
    readDirectory(directory) {
      if ([...secret].some((path) => directory.endsWith(path))) throw errno('EACCES')
      return nodeWatchSystem.readDirectory(directory)
    },
  }
  const watched = await watchTree(FILES, { means, system })
  const reopen = (): Promise<unknown> => watched.run({ type: 'open' })
  const afterModeOf = async (path: string): Promise<string[]> => {
    watched.reasons.clear()
    chmodSync(join(watched.root, path), 0o755)
    await watched.settle()
    return [...watched.reasons]
  }
  expect(await afterModeOf('lib/deep')).toEqual([])
  secret.add('/lib/deep')
  expect(await afterModeOf('lib/deep')).toEqual(['unreadable'])
  await reopen()
  secret.clear()
  expect(await afterModeOf('lib/deep')).toEqual(['readable_again'])
  await reopen()
  secret.add('/lib/new')
  watched.reasons.clear()
  mkdirSync(join(watched.root, 'lib/new'))
  await watched.settle()
  expect([...watched.reasons]).toEqual(['unreadable'])
})

test('polling: what is hidden for a while and comes back unchanged is no change', async () => {
  let isSecret = false
  const system: Partial<WatchSystem> = {
    readDirectory(directory) {
      if (isSecret && directory.endsWith('/lib/deep')) throw errno('EACCES')
      return nodeWatchSystem.readDirectory(directory)
    },
  }
  const watched = await watchTree(FILES, { means: 'polling', system })
  isSecret = true
  await watched.settle()
  isSecret = false
  await watched.settle()
  await watched.settle()
  expect([...watched.paths]).toEqual([])
})

test.each(ALL_MEANS)('%s: the root vanishes, and another comes in its place', async (means) => {
  const home = tempDirectory()
  const root = join(home, 'project')
  writeTree(root, FILES)
  const watched = await watchTree({}, { means, root })
  renameSync(root, join(home, 'elsewhere'))
  await expect(watched.run({ type: 'look', paths: ['lib/a.ex'] })).rejects.toThrow('not_found')
  await expect(watched.run({ type: 'cookie' })).rejects.toThrow('not_found')
  await expect(watched.run({ type: 'open' })).rejects.toThrow('not_found')
  writeTree(root, FILES)
  expect(await watched.run({ type: 'open', ...(means === 'polling' ? { poll: 'asked' } : {}) })).toMatchObject({ means })
  writeFileSync(join(root, 'lib/a.ex'), 'changed')
  await watched.settle()
  expect(watched.paths).toContain('lib/a.ex')
})

test.each(ALL_MEANS)('%s: another root in the place of the one that is watched is found out', async (means) => {
  const home = tempDirectory()
  const root = join(home, 'project')
  writeTree(root, FILES)
  const watched = await watchTree({}, { means, root })
  renameSync(root, join(home, 'elsewhere'))
  writeTree(root, FILES)
  await watched.settle()
  expect([...watched.reasons]).toContain('root_replaced')
})

test('an opening that is overtaken is not answered and leaves nothing watched', async () => {
  const counter = countingWatch()
  const watched = await watchTree(FILES, { means: 'chokidar', system: { watch: counter.watch } })
  let nAnswered = 0
  const overtaken = async (): Promise<void> => {
    await watched.run({ type: 'open' })
    nAnswered += 1
  }
  void overtaken()
  await watched.run({ type: 'open' })
  await watched.run({ type: 'close' })
  if (counter.nOpen > 0) {
    await new Promise<void>((resolve) => {
      counter.changed = () => void (counter.nOpen === 0 && resolve())
    })
  }
  expect(nAnswered).toBe(0)
})

test.each(['chokidar', 'directories'] as const)('%s: what is not needed is not watched', async (means) => {
  const counter = countingWatch()
  const watched = await watchTree(FILES, { means, system: { watch: counter.watch } })
  const atStart = counter.nOpen
  expect(atStart).toBe(means === 'chokidar' ? 1 : 1 + watched.opened.nDirectories)
  writeTree(watched.root, { 'lib/new/deep/er/a.ex': '1' })
  await watched.settle()
  expect(counter.nOpen).toBe(atStart + 3)
  rmSync(join(watched.root, 'lib/new'), { recursive: true })
  await watched.settle()
  expect(counter.nOpen).toBe(atStart)
})

test.each(['chokidar', 'directories'] as const)('%s: the root moves away, and it is said without being asked', async (means) => {
  const home = tempDirectory()
  const root = join(home, 'project')
  writeTree(root, FILES)
  const watched = await watchTree({}, { means, root })
  renameSync(root, join(home, 'elsewhere'))
  await watched.until(() => watched.reasons.has('root_replaced'))
  expect([...watched.paths]).toEqual([])
})

test('chokidar: a file is changed through another name outside', async () => {
  const root = makeTree(FILES)
  const outside = tempDirectory()
  linkSync(join(root, 'lib/a.ex'), join(outside, 'other.ex'))
  const watched = await watchTree({}, { means: 'chokidar', root })
  writeFileSync(join(outside, 'other.ex'), 'changed')
  await watched.settle()
  expect([...watched.paths]).toEqual(['lib/a.ex'])
})

test('sizes of what was changed', async () => {
  const watched = await watchTree({ ...FILES, 'lib/empty.ex': '' })
  expect(await watched.run({ type: 'look', paths: ['lib/a.ex', 'lib/empty.ex', 'lib/none.ex', 'lib'] })).toEqual({ sizes: [1, 0, null, undefined] })
})
