/**
 * HTTP for machines that watch the daemon: liveness, readiness, health, metrics. It reads only, takes no bodies and knows
 * nothing of the repository; what it reports comes from its ports. Bound to the loopback unless configured otherwise, and
 * even there a page in a browser must not reach it under a name of its own, so the Host header has to be an address or a
 * name that is surely this machine's (DNS rebinding).
 */

import { isIP } from 'node:net'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { type Failure, failure, isFailure, toFailure } from '../../base/failure.ts'
import { fail, ok, type Result } from '../../base/result.ts'
import { renderJson } from '../../wire/json.ts'
import type { Health } from '../../wire/records.ts'

export type HttpOptions = {
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
  /** What every service says of itself; a Failure when nobody answers for them. */
  readonly health: () => Promise<Health | Failure>
  /** The metrics as text for Prometheus; null when they are off. */
  readonly metrics: (() => Promise<Result<{ readonly contentType: string; readonly text: string }, Failure>>) | null
}

export type HttpServer = {
  /** e.g. `http://127.0.0.1:40913` */
  readonly address: string
  close(): Promise<void>
}

type Answer = { readonly status: number; readonly body: unknown }

const ENDPOINTS = ['/livez', '/readyz', '/healthz', '/metrics'] as const
const MAX_CONNECTIONS = 128
const BODY_BYTES = 1024
const HEADER_BYTES = 8192
const REQUEST_MS = 5000
const IDLE_MS = 10_000

export async function serveHttp(options: HttpOptions): Promise<Result<HttpServer, Failure>> {
  const app = fastify({
    bodyLimit: BODY_BYTES, requestTimeout: REQUEST_MS, connectionTimeout: IDLE_MS, keepAliveTimeout: IDLE_MS,
    forceCloseConnections: true, exposeHeadRoutes: true, http: { maxHeaderSize: HEADER_BYTES },
  })
  app.server.maxConnections = MAX_CONNECTIONS
  app.addHook('onRequest', async (request, reply) => {
    if (!isOwnName(request.headers.host, options.host)) return await send(reply, misdirected(request.headers.host))
  })
  addRoutes(app, options)
  try {
    await app.listen({ host: options.host, port: options.port })
  } catch (error) {
    await app.close()
    return fail(cannotListen(options, error as NodeJS.ErrnoException))
  }
  return ok({ address: addressOf(app, options.host), close: async () => await app.close() })
}

function addRoutes(app: FastifyInstance, { health, metrics }: HttpOptions): void {
  app.get('/livez', async (_request, reply) => await send(reply, { status: 200, body: { status: 'alive' } }))
  app.get('/readyz', async (_request, reply) => await send(reply, readiness(await health())))
  app.get('/healthz', async (_request, reply) => await send(reply, healthAnswer(await health())))
  app.get('/metrics', async (_request, reply) => {
    if (metrics === null) return await send(reply, errorAnswer(404, failure('not_found', 'metrics are off', { hint: 'set metrics.enabled' })))
    const rendered = await metrics()
    if (!rendered.ok) return await send(reply, errorAnswer(503, rendered.error))
    return await reply.code(200).header('content-type', rendered.value.contentType).header('cache-control', 'no-store').send(rendered.value.text)
  })
  app.setNotFoundHandler(async (request, reply) => await send(reply, notFound(request)))
  app.setErrorHandler(async (error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500
    const why = status < 500 ? failure('invalid_argument', error.message) : toFailure(error)
    await send(reply, errorAnswer(status, why))
  })
}

/** Ready: every service can do its work, be it slowly. */
function readiness(health: Health | Failure): Answer {
  if (isFailure(health)) return { status: 503, body: { status: 'not_ready', reasons: [health.message] } }
  const reasons = health.services.filter((service) => service.status === 'unhealthy').map(({ name, reason }) => `${name}: ${reason ?? 'unhealthy'}`)
  const isReady = health.status !== 'unhealthy'
  return { status: isReady ? 200 : 503, body: { status: isReady ? 'ready' : 'not_ready', reasons } }
}

function healthAnswer(health: Health | Failure): Answer {
  if (isFailure(health)) return { status: 503, body: { status: 'unhealthy', services: [], error: health } }
  return { status: health.status === 'unhealthy' ? 503 : 200, body: health }
}

function notFound(request: FastifyRequest): Answer {
  const path = request.url.split('?', 1)[0] ?? ''
  if (ENDPOINTS.some((endpoint) => endpoint === path)) {
    return errorAnswer(405, failure('invalid_argument', `${request.method} is not supported`, { hint: 'use GET' }))
  }
  const why = failure('not_found', `nothing is served at ${path.slice(0, 200)}`, { hint: `there are ${ENDPOINTS.join(', ')}` })
  return { status: 404, body: { error: why, endpoints: ENDPOINTS } }
}

function misdirected(host: string | undefined): Answer {
  return errorAnswer(421, failure('invalid_argument', `requests for the host ${JSON.stringify((host ?? '').slice(0, 200))} are not served here`, {
    hint: 'use the address that elixir-scope status prints',
  }))
}

function errorAnswer(status: number, why: Failure): Answer {
  return { status, body: { error: why } }
}

async function send(reply: FastifyReply, { status, body }: Answer): Promise<void> {
  if (status === 405) reply.header('allow', 'GET, HEAD')
  await reply.code(status).header('content-type', 'application/json; charset=utf-8').header('cache-control', 'no-store').send(`${renderJson(body)}\n`)
}

/** A name that an attacker's DNS cannot give to this machine: an address, localhost, or the host that was configured. */
function isOwnName(header: string | undefined, configured: string): boolean {
  // Only HTTP/1.0 may leave it out, and no browser speaks that.
  if (header === undefined) return true
  const name = header.replace(/:\d*$/, '').toLowerCase()
  const bare = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name
  return isIP(bare) !== 0 || bare === 'localhost' || bare === configured.toLowerCase()
}

function addressOf(app: FastifyInstance, host: string): string {
  const bound = app.server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

function cannotListen({ host, port }: HttpOptions, error: NodeJS.ErrnoException): Failure {
  const where = `${host}:${port}`
  if (error.code === 'EADDRINUSE') {
    return failure('conflict', `http: ${where} is in use by another process`, { hint: 'set http.port to another port, or to 0 for any that is free' })
  }
  return failure('unavailable', `http: cannot listen on ${where}: ${error.message}`, { hint: 'check http.host and http.port' })
}
