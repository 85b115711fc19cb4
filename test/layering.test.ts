/**
 * The rank table holds: every file of the product is read and checked. The checker itself is shown to catch each kind of
 * breach, on small planted sources; a rule that nothing can break would be no rule.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'
import { checkFile } from './support/layering.ts'

const ROOT = join(import.meta.dirname, '..')
const FOLDERS = ['src', 'workers', 'supervisors', 'config']
const HEADER = '/** What it holds. */\n'

function productFiles(): string[] {
  return FOLDERS.flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort()
}

function dependencies(): Set<string> {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  return new Set(Object.keys(manifest.dependencies))
}

test('every file imports strictly downwards, and ranks 0 to 5 are pure', () => {
  const files = productFiles()
  const breaches = files.flatMap((file) => checkFile(file, readFileSync(join(ROOT, file), 'utf8'), dependencies()))
  expect(breaches.map(({ file, line, what }) => `${file}:${line} ${what}`)).toEqual([])
  expect(files.length).toBeGreaterThan(5)
})

const PLANTED: readonly (readonly [name: string, file: string, source: string, what: RegExp])[] = [
  ['upward import', 'src/base/a.ts', "import { b } from '../model/b.ts'\nb()", /rank 0 .* imports rank 1/],
  ['upward type import', 'src/syntax/a.ts', "import type { B } from '../analysis/b.ts'\nexport type A = B", /imports rank 3/],
  ['upward re-export', 'src/model/a.ts', "export { b } from '../syntax/b.ts'\nexport const a = 1", /imports rank 2/],
  ['equal rank', 'src/gateway/ipc/a.ts', "import { b } from '../../host/b.ts'\nb()", /rank 7 .* imports rank 7/],
  ['config from model', 'config/a.ts', "import { b } from '../src/model/b.ts'\nb()", /rank 1 .* imports rank 1/],
  ['the entry point', 'src/cli/program.ts', "import { b } from './main.ts'\nb()", /imports rank 10/],
  ['out of the table', 'src/cli/a.ts', "import { b } from '../../test/b.ts'\nb()", /belongs to no folder/],
  ['unknown folder', 'src/misc/a.ts', 'export const a = 1', /belongs to no folder/],
  ['no extension', 'src/base/a.ts', "import { b } from './b'\nb()", /without its extension/],
  ['disk', 'src/analysis/a.ts', "import { readFileSync } from 'node:fs'\nreadFileSync('a')", /node:fs/],
  ['network', 'src/store/a.ts', "import { connect } from 'node:net'\nconnect('a')", /node:net/],
  ['threads', 'src/otp/a.ts', "import { Worker } from 'node:worker_threads'\nnew Worker('a')", /node:worker_threads/],
  ['randomness', 'src/model/a.ts', "import { randomUUID } from 'node:crypto'\nrandomUUID()", /randomUUID/],
  ['clock', 'src/engine/a.ts', 'export const a = () => Date.now()', /Date\.now/],
  ['clock by Date', 'src/engine/a.ts', 'export const a = () => new Date()', /reads the clock/],
  ['chance', 'src/query/a.ts', 'export const a = Math.random()', /Math\.random/],
  ['environment', 'src/wire/a.ts', 'export const a = process.env.HOME', /process/],
  ['timer', 'src/base/a.ts', 'setTimeout(() => 1, 5)', /setTimeout/],
  ['dynamic import', 'src/base/a.ts', "await import('./b.ts')", /dynamically/],
  ['upward dynamic import', 'src/host/a.ts', "await import('../../workers/b.ts')", /rank 7 .* imports rank 8/],
  ['undeclared package', 'src/host/a.ts', "import x from 'left-pad'\nx()", /not among the package's dependencies/],
  ['impure package', 'src/syntax/a.ts', "import x from 'pino'\nx()", /rank 2 is pure/],
  ['default export', 'src/host/a.ts', 'export default function a() {}', /exports a default/],
  ['star export', 'src/host/a.ts', "export * from './b.ts'\nexport const a = 1", /exports \*/],
  ['barrel', 'src/host/a.ts', "export { b } from './b.ts'", /barrel/],
  ['syntax error', 'src/host/a.ts', 'const = 1', /does not parse/],
]

test.each(PLANTED)('catches a planted breach: %s', (_name, file, source, what) => {
  const found = checkFile(file, HEADER + source, new Set(['pino'])).map((breach) => breach.what)
  expect(found.join('\n')).toMatch(what)
})

test('a missing header comment is a breach, with its line', () => {
  expect(checkFile('src/base/a.ts', 'export const a = 1', new Set())).toEqual([
    { file: 'src/base/a.ts', line: 1, what: 'opens without a header comment' },
  ])
})

const SOUND: readonly (readonly [file: string, source: string])[] = [
  ['src/base/a.ts', "import { b } from './b.ts'\nexport const a = b"],
  ['src/otp/node/a.ts', "import { Worker } from 'node:worker_threads'\nexport const a = () => setTimeout(() => new Worker('a'), Date.now())"],
  ['src/store/a.ts', "import { DatabaseSync } from 'node:sqlite'\nexport const a = (path: string) => new DatabaseSync(path)"],
  ['src/wire/a.ts', "import { b } from '../../config/b.ts'\nexport const a = { process: b, when: new Date(0) }"],
  ['src/gateway/http/a.ts', "import { b } from '../ipc/b.ts'\nexport const a = [b, Date.now()]"],
  ['workers/a.thread.ts', "import { b } from '../src/gateway/b.ts'\nexport default b"],
  ['src/cli/main.ts', "import { b } from '../host/b.ts'\nawait import('../../supervisors/b.ts')\nb()"],
]

test.each(SOUND)('leaves sound code alone: %s', (file, source) => {
  expect(checkFile(file, HEADER + source, new Set())).toEqual([])
})
