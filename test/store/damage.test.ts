/**
 * Whatever happens to the files of a store while nobody has them open: it opens as it was, bit for bit, or is set aside and
 * built anew from the sources. Never a wrong answer, never a throw.
 */

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { must } from '../../src/base/assert.ts'
import { ok } from '../../src/base/result.ts'
import { carryOver } from '../../src/engine/carry-over.ts'
import { clientFacts, readStatement } from '../../src/engine/client-facts.ts'
import type { Reader, Writer } from '../../src/store/contract.ts'
import { examineStore, refusalOf } from '../../src/store/examine.ts'
import { openSound } from '../../src/store/open-sound.ts'
import { openReader } from '../../src/store/reader.ts'
import { salvage } from '../../src/store/salvage.ts'
import { databaseIn, lastSetAside, reportSetAside } from '../../src/store/set-aside.ts'
import { apply, NOW, openWriterAt, pages, temporaryPath, value, write } from './opened.ts'
import { randomBelow, syntheticProject, TYPICAL } from './synthetic.ts'

const PAGE = 4096
const SUFFIXES = ['', '-wal', '-wal-kept', '-shm', '-sums']
const FILES = syntheticProject(7, { ...TYPICAL, modules: 5, functions: 6 })
const CLIENT_MODULES = 12
const ROUNDS = 60

const STATEMENTS = Array.from({ length: CLIENT_MODULES }, (_, index) =>
  value(readStatement({ module_name: `Stated${index}`, moduledoc: `words of module ${index}`.repeat(20), functions: [{ function_name: 'f', arity: 1, calls: ['Enum.map/2'] }] })))

function options(path: string, nowMs = NOW) {
  return { path, storage: 'disk', now: () => nowMs, repositoryId: 'repository-1' } as const
}

/** All that readers can see. */
function answers(reader: Reader): string {
  return reader.snapshot((snapshot) => {
    const rows = pages(500, (page) => snapshot.exportRows(page))
    const names = pages(500, (page) => snapshot.listModules(page)).map((row) => row.key)
    const callers = pages(500, (page) => snapshot.callers({ module: 'Enum', name: 'map', arity: 2 }, page))
    const { functions, clauses, calls, callees, problems, files, modules, clientModules } = snapshot.statistics()
    return JSON.stringify([rows, names, callers, { functions, clauses, calls, callees, problems, files, modules, clientModules }],
      (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each))
  })
}

const AFRESH = new Set(['id', 'moduleId', 'version', 'updatedAtMs'])

/** Without what a store made anew gives afresh, and in an order of its own. */
function lasting(all: string): string {
  const [rows, names, callers, counts] = JSON.parse(all, (key, each: unknown) => (AFRESH.has(key) ? undefined : each)) as [unknown[], unknown, unknown[], unknown]
  const inOrder = (list: unknown[]): string[] => list.map((each) => JSON.stringify(each)).sort()
  return JSON.stringify([inOrder(rows), names, inOrder(callers), counts])
}

function answersAt(path: string): string {
  const reader = value(openReader({ path, now: () => NOW }))
  try {
    return answers(reader)
  } finally {
    reader.close()
  }
}

function fill(writer: Writer, beforeCommit: () => void = () => undefined): void {
  apply(writer, ...FILES.slice(0, 3))
  write(writer, (transaction) => {
    for (const statement of STATEMENTS) value(transaction.storeClientModule(value(clientFacts(statement))))
  })
  value(writer.checkpoint())
  for (const files of [FILES.slice(0, 4), FILES]) {
    beforeCommit()
    apply(writer, ...files)
  }
}

const LEFT: Readonly<Record<How, readonly string[]>> = {
  closed: ['', '-sums'], aborted: SUFFIXES, died: ['', '-wal-kept', '-sums'], 'died early': ['', '-wal-kept', '-sums'],
}

type Original = { readonly directory: string; readonly name: string; readonly answers: string }

/**
 * As an orderly end leaves it, or as an abort does: then the log holds what the database does not. Or as a thread leaves it
 * that died after a commit: the checksums know nothing of that, or of the two commits since the last checkpoint, and SQLite
 * has moved the log into the database and removed it.
 */
type How = 'closed' | 'aborted' | 'died' | 'died early'

function original(how: How): Original {
  const path = temporaryPath()
  const writer = openWriterAt(path)
  const sums: Buffer[] = []
  fill(writer, () => sums.push(readFileSync(`${path}-sums`)))
  const seen = answersAt(path)
  const directory = mkdtempSync(join(tmpdir(), 'store-test-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  if (how === 'closed') writer.close()
  for (const suffix of SUFFIXES) if (existsSync(path + suffix)) copyFileSync(path + suffix, join(directory, basename(path) + suffix))
  const copy = join(directory, basename(path))
  if (how.startsWith('died')) {
    writeFileSync(`${copy}-sums`, must(sums.at(how === 'died' ? -1 : 0), 'checksums'))
    raw(copy, 'SELECT count(*) FROM files')
  }
  expect(SUFFIXES.filter((suffix) => existsSync(copy + suffix))).toEqual(LEFT[how])
  return { directory, name: basename(path), answers: seen }
}

function copyOf({ directory, name }: Original): string {
  const path = temporaryPath()
  for (const file of readdirSync(directory)) copyFileSync(join(directory, file), join(dirname(path), basename(path) + file.slice(name.length)))
  return path
}

type Below = (n: number) => number
type Damage = (path: string, below: Below) => void

function change(path: string, edit: (bytes: Buffer) => Buffer | void): void {
  const bytes = readFileSync(path)
  writeFileSync(path, edit(bytes) ?? bytes)
}

function flipBit(bytes: Buffer, at: number, bit: number): void {
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at)
}

function somePage(bytes: Buffer, below: Below): Buffer {
  const page = below(Math.max(1, Math.floor(bytes.length / PAGE)))
  return bytes.subarray(page * PAGE, (page + 1) * PAGE)
}

/** To one file. */
const DAMAGES: Readonly<Record<string, Damage>> = {
  flip: (path, below) => change(path, (bytes) => flipBit(bytes, below(bytes.length), below(8))),
  flipInHeader: (path, below) => change(path, (bytes) => flipBit(bytes, below(Math.min(100, bytes.length)), below(8))),
  zeroPage: (path, below) => change(path, (bytes) => void somePage(bytes, below).fill(0)),
  noisePage: (path, below) => change(path, (bytes) => {
    const page = somePage(bytes, below)
    for (let at = 0; at < page.length; at++) page[at] = below(256)
  }),
  swapPages: (path, below) => change(path, (bytes) => {
    const [one, two] = [somePage(bytes, below), somePage(bytes, below)]
    const kept = Buffer.from(one)
    one.set(two.subarray(0, one.length))
    two.set(kept.subarray(0, two.length))
  }),
  truncate: (path, below) => truncateSync(path, below(statSync(path).size)),
  cutPage: (path) => truncateSync(path, Math.max(0, statSync(path).size - PAGE)),
  empty: (path) => truncateSync(path, 0),
  append: (path, below) => change(path, (bytes) => Buffer.concat([bytes, Buffer.alloc(1 + below(2 * PAGE), below(256))])),
  remove: (path) => rmSync(path),
  text: (path) => writeFileSync(path, 'this is no database'.repeat(500)),
  directory: (path) => {
    rmSync(path)
    mkdirSync(path)
  },
}

/** What opening does, with the store built anew where that is called for. */
function openAndRebuild(path: string, nowMs = NOW): 'as it was' | 'set aside' | 'new' {
  const existed = existsSync(path)
  const opened = value(openSound(options(path, nowMs), () => undefined))
  try {
    if (opened.setAside === undefined && existed) return 'as it was'
    const salvaged = opened.setAside === undefined ? { documents: [], stated: 0, requests: [] } : salvage(databaseIn(opened.setAside, path))
    const kept = value(carryOver(opened.writer, salvaged))
    expect(kept).toBeLessThanOrEqual(CLIENT_MODULES)
    if (opened.setAside !== undefined) reportSetAside(opened.setAside, { kept, lost: salvaged.stated === null ? null : salvaged.stated - kept })
    expect(opened.writer.importState().state).toBe('interrupted')
    apply(opened.writer, ...FILES)
    const known = new Set(salvaged.documents.map((document) => JSON.stringify(document)))
    write(opened.writer, (transaction) => {
      for (const statement of STATEMENTS) {
        if (!known.has(JSON.stringify(statement))) value(transaction.storeClientModule(value(clientFacts(statement))))
      }
    })
    return opened.setAside === undefined ? 'new' : 'set aside'
  } finally {
    opened.writer.close()
  }
}

test.each(['closed', 'aborted', 'died', 'died early'] as const)('a store that %s opens as it was or is built anew, whatever is damaged', async (how) => {
  const seed = Number(process.env['FC_SEED'] ?? Date.now() % 100_000)
  const below = randomBelow(seed)
  const whole = original(how)
  const expected = lasting(whole.answers)
  const outcomes: Record<string, Record<string, number>> = {}
  expect(openAndRebuild(copyOf(whole))).toBe('as it was')
  for (let round = 0; round < ROUNDS; round++) {
    const path = copyOf(whole)
    const present = SUFFIXES.filter((suffix) => existsSync(path + suffix))
    const suffix = below(2) === 0 ? '' : must(present[below(present.length)], 'a file')
    const kind = must(Object.keys(DAMAGES)[below(Object.keys(DAMAGES).length)], 'a kind')
    must(DAMAGES[kind], 'a damage')(path + suffix, below)
    const what = `FC_SEED=${seed} ROUND=${round} ${kind} of ${suffix || 'the database'}`
    const outcome = openAndRebuild(path)
    const seen = answersAt(path)
    const answered = outcome === 'as it was' ? seen === whole.answers : lasting(seen) === expected
    expect({ what, answered, after: examineStore(path) }).toEqual({ what, answered: true, after: { state: 'sound' } })
    const tally = outcomes[suffix || 'database'] ??= {}
    tally[outcome] = (tally[outcome] ?? 0) + 1
    rmSync(dirname(path), { recursive: true, force: true })
  }
  expect(Object.keys(outcomes)).toContain('database')
  // Without a log every damage to the database counts, save that a page changes places with itself.
  expect(how === 'aborted' || (outcomes['database']?.['as it was'] ?? 0) < ROUNDS / 15).toBe(true)
})

test('a store of a later version or of another program is refused and left as it is', () => {
  const later = original('closed')
  const path = copyOf(later)
  rmSync(`${path}-sums`)
  raw(path, 'PRAGMA user_version = 99')
  const other = temporaryPath()
  raw(other, 'CREATE TABLE theirs (x)')
  for (const refused of [path, other]) {
    const before = readFileSync(refused)
    expect(openSound(options(refused), () => undefined)).toMatchObject({ ok: false, error: { code: 'unsupported' } })
    expect(refusalOf(refused)).toMatchObject({ code: 'unsupported' })
    expect(readFileSync(refused)).toEqual(before)
    expect(lastSetAside(refused)).toBeUndefined()
  }
})

test('damage that looks like another version is damage', () => {
  const path = copyOf(original('closed'))
  change(path, (bytes) => void bytes.writeUInt32BE(99, 60))
  expect(refusalOf(path)).toBeUndefined()
  expect(openAndRebuild(path)).toBe('set aside')
})

function raw(path: string, sql: string): void {
  const db = new DatabaseSync(path)
  db.exec(sql)
  db.close()
}

/** One number of one row: SQLite's own checks find nothing wrong with it. */
function flipNumber(path: string, suffix: '' | '-wal'): void {
  change(path + suffix, (bytes) => {
    const at = bytes.lastIndexOf('lib/app/part_4.ex')
    expect(at).toBeGreaterThan(0)
    // Behind the path come the id of the source, and the size in bytes.
    flipBit(bytes, at + 19, 2)
  })
}

test.each(['', '-wal'] as const)('a number that flips under an open store is found by looking through (%s)', (suffix) => {
  const path = temporaryPath()
  const writer = openWriterAt(path)
  fill(writer)
  if (suffix === '') value(writer.checkpoint())
  expect(Array.from({ length: 20 }, () => writer.scrub())).toEqual(Array.from({ length: 20 }))
  flipNumber(path, suffix)
  const found = Array.from({ length: 20 }, () => writer.scrub()).find((each) => each !== undefined)
  expect(found).toMatchObject({ code: 'damaged' })
  expect(writer.transaction(() => ok(null))).toMatchObject({ ok: false, error: { code: 'damaged' } })
  writer.close()
  expect(openAndRebuild(path)).toBe('set aside')
})

test('what a read has met is set aside although the files are as they were written', () => {
  const path = temporaryPath()
  const writer = openWriterAt(path)
  fill(writer)
  writer.condemn('modules Stated1: document is damaged')
  writer.close()
  expect(examineStore(path)).toEqual({ state: 'damaged', reason: 'condemned', why: 'modules Stated1: document is damaged' })
  expect(openAndRebuild(path)).toBe('set aside')
  expect(lastSetAside(path)).toMatchObject({ reason: 'condemned', carriedOver: { kept: CLIENT_MODULES, lost: 0 } })
})

test('what clients stated is read around what is damaged; the last three damaged stores are kept', () => {
  const whole = original('closed')
  const path = copyOf(whole)
  change(path, (bytes) => {
    // The leaf that holds this statement, or its overflow page.
    const page = Math.floor(bytes.indexOf('words of module 5words') / PAGE)
    bytes.fill(0, page * PAGE, (page + 1) * PAGE)
  })
  expect(openAndRebuild(path)).toBe('set aside')
  const report = must(lastSetAside(path), 'a set-aside')
  expect(report).toMatchObject({ reason: 'pages', at: new Date(NOW).toISOString() })
  const { kept, lost } = must(report.carriedOver, 'a report')
  expect(kept + must(lost, 'a number')).toBe(CLIENT_MODULES)
  expect([kept, lost]).not.toContain(0)
  for (let round = 1; round <= 5; round++) {
    change(path, (bytes) => void bytes.fill(0, PAGE))
    openAndRebuild(path, NOW + round * 1000)
  }
  expect(lastSetAside(path)?.at).toBe(new Date(NOW + 5000).toISOString())
  expect(readdirSync(dirname(path)).filter((name) => name.startsWith('damaged-'))).toHaveLength(3)
})

test('a life that ends before it has carried anything over is followed by one that does', () => {
  const path = copyOf(original('closed'))
  change(path, (bytes) => flipBit(bytes, bytes.length - 1, 0))
  const first = value(openSound(options(path), () => undefined))
  first.writer.close()
  const second = value(openSound(options(path), () => undefined))
  expect(second.setAside).toEqual(first.setAside)
  const { documents } = salvage(databaseIn(must(second.setAside, 'a set-aside'), path))
  expect(documents).toEqual(STATEMENTS)
  reportSetAside(must(second.setAside, 'a set-aside'), { kept: documents.length, lost: 0 })
  second.writer.close()
  const third = value(openSound(options(path), () => undefined))
  expect(third.setAside).toBeUndefined()
  third.writer.close()
})

test('any bit of the header, without the checksums to tell: refused or damaged, and read as far as it goes', () => {
  const bytes = readFileSync(copyOf(original('closed')))
  const path = temporaryPath()
  for (let at = 0; at < 100; at++) {
    for (const bit of [0, 3, 7]) {
      const copy = Buffer.from(bytes)
      flipBit(copy, at, bit)
      writeFileSync(path, copy)
      expect(['damaged', 'refused']).toContain(examineStore(path).state)
      expect([undefined, 'unsupported']).toContain(refusalOf(path)?.code)
      expect(salvage(path).documents.length).toBeLessThanOrEqual(CLIENT_MODULES)
    }
  }
})
