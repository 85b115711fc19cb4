/** HTTP as probes, scrapers, lost visitors and hostile pages see it. */

import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type Failure, failure } from '../../../src/base/failure.ts'
import { fail, ok } from '../../../src/base/result.ts'
import { type HttpOptions, type HttpServer, serveHttp } from '../../../src/gateway/http/serve-http.ts'
import type { Health } from '../../../src/wire/records.ts'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

const HEALTHY: Health = { status: 'healthy', services: [{ name: 'repository', status: 'healthy', reason: null, remedy: null }], checked_at: 'now' }

function healthOf(status: Health['status']): Health {
  return { status, services: [{ name: 'repository', status, reason: 'the disk is full', remedy: 'free some' }], checked_at: 'now' }
}

async function start(options: Partial<HttpOptions> = {}): Promise<HttpServer> {
  const server = await serveHttp({ host: '127.0.0.1', port: 0, health: () => Promise.resolve(HEALTHY), metrics: null, ...options })
  if (!server.ok) throw new Error(server.error.message)
  cleanups.push(() => server.value.close())
  return server.value
}

type Reply = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: string }

function ask(server: HttpServer, path: string, options: { method?: string; host?: string; body?: string } = {}): Promise<Reply> {
  const { method = 'GET', host, body } = options
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${server.address}${path}`, { method, ...(host === undefined ? {} : { headers: { host } }) }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

async function json(server: HttpServer, path: string): Promise<{ status: number; body: unknown }> {
  const { status, body, headers } = await ask(server, path)
  expect(headers['content-type']).toBe('application/json; charset=utf-8')
  return { status, body: JSON.parse(body) }
}

const STATES: readonly (readonly [name: string, health: Health | Failure, healthStatus: number, readyStatus: number])[] = [
  ['healthy', HEALTHY, 200, 200],
  ['degraded', healthOf('degraded'), 200, 200],
  ['unhealthy', healthOf('unhealthy'), 503, 503],
  ['nobody answers', failure('unavailable', 'main does not answer'), 503, 503],
]

test.each(STATES)('%s: /healthz, /readyz and /livez', async (_name, health, healthStatus, readyStatus) => {
  const server = await start({ health: () => Promise.resolve(health) })
  expect((await json(server, '/healthz')).status).toBe(healthStatus)
  expect((await json(server, '/readyz')).status).toBe(readyStatus)
  expect(await json(server, '/livez')).toEqual({ status: 200, body: { status: 'alive' } })
})

test('what is said about health', async () => {
  const server = await start({ health: () => Promise.resolve(healthOf('unhealthy')) })
  expect((await json(server, '/healthz')).body).toEqual(healthOf('unhealthy'))
  expect((await json(server, '/readyz')).body).toEqual({ status: 'not_ready', reasons: ['repository: the disk is full'] })
})

test('metrics are passed on as they are, or said to be off or not to be had', async () => {
  const on = await start({ metrics: () => Promise.resolve(ok({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'up 1\n' })) })
  expect(await ask(on, '/metrics')).toMatchObject({ status: 200, body: 'up 1\n', headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
  expect(await json(await start(), '/metrics')).toMatchObject({ status: 404, body: { error: { hint: 'set metrics.enabled' } } })
  const failing = await start({ metrics: () => Promise.resolve(fail(failure('unavailable', 'gone'))) })
  expect(await json(failing, '/metrics')).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
})

test('a wrong path names the right ones, a wrong method the right one', async () => {
  const server = await start()
  expect(await json(server, '/nowhere?x=1')).toMatchObject({
    status: 404, body: { error: { message: 'nothing is served at /nowhere' }, endpoints: ['/livez', '/readyz', '/healthz', '/metrics'] },
  })
  expect(await ask(server, '/healthz', { method: 'POST' })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  expect(await ask(server, '/healthz', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
})

test('a port that throws is an internal error in JSON, not the end', async () => {
  const server = await start({ health: () => Promise.reject(new Error('a bug')) })
  expect(await json(server, '/healthz')).toMatchObject({ status: 500, body: { error: { code: 'internal' } } })
  expect((await json(server, '/livez')).status).toBe(200)
})

test.each([
  ['evil.example', 421], ['evil.example:80', 421], ['127.0.0.1.evil.example', 421], ['[evil]', 421],
  ['localhost', 200], ['LOCALHOST:8080', 200], ['127.0.0.1:1', 200], ['[::1]:8080', 200],
])('the host %j gets %i', async (host, status) => {
  const server = await start()
  expect((await ask(server, '/livez', { host })).status).toBe(status)
})

test('a body over the limit is refused', async () => {
  const server = await start()
  expect((await ask(server, '/livez', { method: 'POST', body: 'x'.repeat(5000) })).status).toBeGreaterThanOrEqual(400)
  expect((await json(server, '/livez')).status).toBe(200)
})

test('what is no HTTP does no harm', async () => {
  const server = await start()
  const { port } = new URL(server.address)
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.end(Buffer.from([0xc1, 0, 1, 2, 10, 10])))
    socket.on('error', () => socket.destroy()).on('close', () => resolve()).resume()
  })
  expect((await json(server, '/livez')).status).toBe(200)
})

test('a port in use is a failure with its remedy', async () => {
  const { port } = new URL((await start()).address)
  expect(await serveHttp({ host: '127.0.0.1', port: Number(port), health: () => Promise.resolve(HEALTHY), metrics: null })).toMatchObject({
    ok: false, error: { code: 'conflict', hint: expect.stringContaining('http.port') },
  })
})

test('closing does not wait for connections that are kept open', async () => {
  const server = await start()
  const { port } = new URL(server.address)
  const socket = connect(Number(port), '127.0.0.1')
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => socket.destroy()).resume()
  await server.close()
  await closed
  expect(socket.destroyed).toBe(true)
})
