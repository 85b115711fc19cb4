/** Lines, limits and files kept -> what the files hold. */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { openRotatingFile } from '../../src/host/rotating-file.ts'
import { temporaryDirectory } from './support.ts'

function contents(directory: string): Record<string, string> {
  return Object.fromEntries(readdirSync(directory).sort().map((name) => [name, readFileSync(join(directory, name), 'utf8')]))
}

function writeAll(directory: string, maxBytes: number, files: number, lines: readonly string[]): number {
  const file = openRotatingFile({ path: join(directory, 'log'), maxBytes, files })
  if (!file.ok) throw new Error(file.error.message)
  for (const line of lines) file.value.write(line)
  file.value.close()
  return file.value.nDropped()
}

test('set aside before it grows too large, the oldest goes', () => {
  const directory = temporaryDirectory()
  writeAll(directory, 6, 3, ['aaa\n', 'bb\n', 'cc\n', 'dd\n', 'eeeeeeeeee\n', 'f\n', 'gggg\n'])
  expect(contents(directory)).toEqual({ log: 'gggg\n', 'log.1': 'f\n', 'log.2': 'eeeeeeeeee\n' })
})

test('one file only', () => {
  const directory = temporaryDirectory()
  writeAll(directory, 4, 1, ['aaa\n', 'bbb\n'])
  expect(contents(directory)).toEqual({ log: 'bbb\n' })
})

test('goes on where the last daemon ended', () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'log'), 'old\n')
  writeAll(directory, 8, 2, ['aaa\n', 'bbb\n'])
  expect(contents(directory)).toEqual({ log: 'bbb\n', 'log.1': 'old\naaa\n' })
})

test('a file that cannot be opened is said; one that cannot be written any more drops lines and counts them', () => {
  const directory = temporaryDirectory()
  mkdirSync(join(directory, 'log'))
  expect(openRotatingFile({ path: join(directory, 'log'), maxBytes: 1, files: 1 })).toMatchObject({ ok: false, error: { code: 'unavailable' } })
  const file = openRotatingFile({ path: join(directory, 'sub'), maxBytes: 4, files: 2 })
  if (!file.ok) throw new Error(file.error.message)
  file.value.write('aaa\n')
  mkdirSync(join(directory, 'sub.1'))
  file.value.write('bbb\n')
  file.value.write('ccc\n')
  expect(file.value.nDropped()).toBe(2)
  rmSync(join(directory, 'sub.1'), { recursive: true })
  file.value.write('ddd\n')
  file.value.close()
  expect([file.value.nDropped(), readFileSync(join(directory, 'sub'), 'utf8')]).toEqual([2, 'ddd\n'])
})

test('the files hold the last lines in order, and none of several lines is too large', () => {
  const line = fc.stringMatching(/^[a-z]{0,8}$/).map((text) => `${text}\n`)
  const seed = process.env['FC_SEED'] === undefined ? {} : { seed: Number(process.env['FC_SEED']) }
  fc.assert(fc.property(fc.array(line, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 4 }), (lines, maxBytes, files) => {
    const directory = temporaryDirectory()
    expect(writeAll(directory, maxBytes, files, lines)).toBe(0)
    const held = Object.values(contents(directory))
    const [newest = '', ...older] = held
    expect(lines.join('').endsWith([...older.toReversed(), newest].join(''))).toBe(true)
    expect(held.length).toBeLessThanOrEqual(files)
    expect(held.filter((text) => text.length > maxBytes && text.indexOf('\n') < text.length - 1)).toEqual([])
  }), { numRuns: 60, ...seed })
})
