/** Where the socket stands: its modes, what it replaces, what it leaves alone. */

import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { listenOn } from '../../../src/gateway/ipc/socket-file.ts'
import { temporaryDirectory } from './support/raw-client.ts'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

function directory(): string {
  const { path, remove } = temporaryDirectory()
  cleanups.push(remove)
  return path
}

async function listen(path: string): Promise<Awaited<ReturnType<typeof listenOn>>> {
  const server = createServer((socket) => socket.destroy())
  cleanups.push(() => new Promise((resolve) => server.close(resolve)))
  return await listenOn(server, path)
}

test('the directory is made, and both belong to the user alone', async () => {
  const path = join(directory(), 'a', 'b', 's.sock')
  expect(await listen(path)).toMatchObject({ ok: true })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
})

test('a socket that nobody listens on is replaced, and nothing is left beside it', async () => {
  const at = directory()
  const path = join(at, 's.sock')
  await leaveStale(path)
  expect(existsSync(path)).toBe(true)
  expect(await listen(path)).toMatchObject({ ok: true })
  expect(readdirSync(at)).toEqual(['s.sock'])
})

test('a socket that is removed, or replaced, is noticed', async () => {
  const path = join(directory(), 's.sock')
  const listening = await listen(path)
  if (!listening.ok) throw new Error(listening.error.message)
  expect(listening.value()).toBe(true)
  unlinkSync(path)
  expect(listening.value()).toBe(false)
  await leaveStale(path)
  expect(listening.value()).toBe(false)
})

test('a socket that answers is left alone', async () => {
  const path = join(directory(), 's.sock')
  expect(await listen(path)).toMatchObject({ ok: true })
  const { ino } = statSync(path)
  expect(await listen(path)).toMatchObject({ ok: false, error: { code: 'conflict', message: `another daemon listens on ${path}` } })
  expect(statSync(path).ino).toBe(ino)
})

test('a file that is no socket is left alone', async () => {
  const path = join(directory(), 's.sock')
  writeFileSync(path, 'precious')
  expect(await listen(path)).toMatchObject({ ok: false, error: { code: 'conflict', message: expect.stringContaining('is no socket') } })
  expect(existsSync(path)).toBe(true)
})

test('a directory that others can enter is refused and not changed', async () => {
  const at = join(directory(), 'open')
  mkdirSync(at)
  chmodSync(at, 0o755)
  expect(await listen(join(at, 's.sock'))).toMatchObject({ ok: false, error: { code: 'unavailable', hint: expect.stringContaining(`chmod 700 ${at}`) } })
  expect(statSync(at).mode & 0o777).toBe(0o755)
})

test('a path that the system cannot hold is refused with the remedy', async () => {
  const path = join(directory(), `${'é'.repeat(60)}.sock`)
  expect(await listen(path)).toMatchObject({ ok: false, error: { code: 'invalid_argument', hint: expect.stringContaining('XDG_RUNTIME_DIR') } })
})

test('a directory that cannot be made is a failure', async () => {
  const at = directory()
  writeFileSync(join(at, 'file'), '')
  expect(await listen(join(at, 'file', 's.sock'))).toMatchObject({ ok: false, error: { code: 'unavailable' } })
})

/** A socket file whose listener is gone without removing it, as after kill -9. */
async function leaveStale(path: string): Promise<void> {
  const { execFileSync } = await import('node:child_process')
  const program = 'require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))'
  try {
    execFileSync(process.execPath, ['-e', program, path])
  } catch {
    // Killed by itself, as meant.
  }
}
