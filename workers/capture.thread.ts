/**
 * The capture thread: the one writer of events. Agents connect to it directly; what they send is decoded, tied to the code and
 * stored here, and acknowledged when it is on disk. Clients' events come through its actors. All that must survive is on
 * disk: a new life of the thread opens it, and agents send again what was not acknowledged.
 */

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Config } from '../config/schema.ts'
import { failure, FailureError, isFailure, toFailure, type Failure } from '../src/base/failure.ts'
import { fail, ok, type Result } from '../src/base/result.ts'
import type { Hello } from '../src/capture/hello.ts'
import { ingestBatch } from '../src/capture/ingest.ts'
import { openKept } from '../src/capture/kept.ts'
import { modulePrefixes } from '../src/capture/module-prefixes.ts'
import { createNodes } from '../src/capture/nodes.ts'
import { planToTell, runCapture, type CaptureMeans } from '../src/capture/operations.ts'
import { openOwnSession } from '../src/capture/own-session.ts'
import { CAPTURE_ACTORS, CAPTURE_PORT, changedBy, type CaptureBody } from '../src/capture/protocol.ts'
import { listenTcp, serveAgents, type AgentOptions, type AgentPorts } from '../src/capture/serve-agents.ts'
import { createUpkeep, type Upkeep } from '../src/capture/upkeep.ts'
import { WARM_MS } from '../src/event/archive.ts'
import { realDisk } from '../src/event/disk.ts'
import { close, commit, durableOf, openEventStore, tick, type EventStore, type Retention } from '../src/event/event-store.ts'
import { openSlabWriter, type Slabs } from '../src/event/slabs.ts'
import { writerStats } from '../src/event/writer-state.ts'
import { listenOn } from '../src/gateway/ipc/socket-file.ts'
import { createMetricRecorder, type CounterHandle } from '../src/host/metric-recorder.ts'
import { writeWhole } from '../src/host/private-files.ts'
import { levelOf } from '../src/memory/pressure-cell.ts'
import type { CallMap } from '../src/otp/channel.ts'
import { runThread, type ThreadContext } from '../src/otp/node/run-thread.ts'
import { portActor } from '../src/otp/port-actor.ts'
import { promisePort } from '../src/otp/promise-port.ts'
import { openReader } from '../src/store/reader.ts'
import type { MetricCasts, RuntimeCasts } from './calls.ts'
import { measureWriter } from './capture-metrics.ts'
import { createCodeResolver } from './code-resolver.ts'
import { changing, pressureCellOf, setEventsClosed, setEventsOpen, type SharedState } from './shared-state.ts'

export type CaptureInit = {
  readonly storePath: string
  readonly eventsPath: string
  readonly keptPath: string
  readonly tokenPath: string
  readonly socketPath: string
  readonly config: Pick<Config, 'capture' | 'storage'>
  readonly slabs: Slabs
  readonly shared: SharedState
}

type Context = ThreadContext<CaptureInit>

/** Calls of one kind waiting; one more is answered `busy`. */
const MAX_WAITING = 256
/** A block that got nothing for so long is sealed, and a file is finished at this size. */
const EVENTS = { idleMs: 600_000, maxFileBytes: 256 << 20, warmMs: WARM_MS }
const REPORT_MS = 1000

runThread<CaptureInit>(async (context) => {
  const { init, clock, log } = context
  const reader = openReader({ path: init.storePath, now: clock.wallMs })
  if (!reader.ok) return reader.error
  const nodes = createNodes()
  const resolver = createCodeResolver(reader.value)
  setEventsClosed(init.shared)
  const opened = openEventStore(init.eventsPath, { disk: realDisk, slabs: openSlabWriter(init.slabs), nowMs: clock.wallMs, resolve: resolver.resolve }, EVENTS)
  if (!opened.ok) return opened.error
  setEventsOpen(init.shared)
  const { store, recovered } = opened.value
  reportRecovered(context, recovered)
  const servers = await listen(context)
  if (isFailure(servers)) return servers
  const kept = changing(init.shared, 'kept', () => openKept({ load: () => textOf(init.keptPath), save: (text) => writeWhole(init.keptPath, text) }), () => true)
  if (kept.problem !== null) log('warn', 'plans and stated insights could not be read: they begin anew', { path: init.keptPath, why: kept.problem })
  const recorder = createMetricRecorder()
  const ownModules = (): readonly string[] => reader.value.snapshot(modulePrefixes)
  const agents = serveAgents(
    { clock, servers, maxNodes: init.config.capture.maxNodes },
    agentPorts(context, { store, nodes, resolver, stored: recorder.counter('elixir_scope_events_total', []), planFor: (hello) => planToTell(kept.keeper.kept(), ownModules(), hello.node, nodes.find(hello)) }),
  )
  const gateway = context.channel<CallMap, RuntimeCasts>('runtime')
  const means: CaptureMeans = {
    tell: { instrumentationChanged: (changed) => void gateway.cast('instrumentationChanged', changed), correlationUpdated: (updated) => void gateway.cast('correlationUpdated', updated) },
    store, nodes, server: agents, ownModules, keeper: kept.keeper, setAside: [...recovered.setAside], own: openOwnSession(randomBytes(16).toString('hex'), BigInt(Math.round(clock.wallMs())) * 1_000_000n),
    nowMs: clock.wallMs, tickMs: clock.nowMs,
  }
  const upkeep = createUpkeep(store, retentionOf(init), clock.wallMs)
  const timer = setInterval(() => {
    reader.value.expire(init.config.storage.snapshotMaxMs)
    unlessSettled(init, store, () => tick(store))
    measureWriter(recorder, writerStats(store.writer))
    context.channel<CallMap, MetricCasts>('metrics').cast('records', recorder.drain())
    if (reader.value.place() === 'replaced') context.exit({ kind: 'failed', failure: failure('unavailable', 'the store was replaced') })
  }, REPORT_MS)
  const admit = (): Failure | undefined => (creditsOf(init) > 0 ? undefined : failure('insufficient_memory', 'the daemon is near its memory limit and stores no events', { hint: 'raise memory.maxBytes, or repeat when the pressure has gone down' }))
  return {
    actors: {
      [CAPTURE_ACTORS.eventStore]: () => portActor<CaptureBody>({
        port: CAPTURE_PORT, capacity: MAX_WAITING, beat: { ms: init.config.capture.cleanupIntervalMs, operation: { method: 'tidy' } },
        admit: ({ method }) => (method === 'store_event' || method === 'store_events' ? admit() : undefined),
      }),
      [CAPTURE_ACTORS.enhanced]: () => portActor<CaptureBody>({ port: CAPTURE_PORT, capacity: MAX_WAITING, admit }),
      [CAPTURE_ACTORS.mapper]: () => portActor<CaptureBody>({ port: CAPTURE_PORT, capacity: MAX_WAITING }),
    },
    ports: { [CAPTURE_PORT]: capturePort(init.shared, means, () => tidy(context, means, upkeep)) },
    stop: () => {
      clearInterval(timer)
      agents.close()
      setEventsClosed(init.shared)
      close(store)
      reader.value.close()
    },
  }
})

type Stores = {
  readonly store: EventStore
  readonly nodes: ReturnType<typeof createNodes>
  readonly resolver: ReturnType<typeof createCodeResolver>
  /** Events. */
  readonly stored: CounterHandle
  readonly planFor: (hello: Hello) => unknown
}

function agentPorts({ init, log }: Context, { store, nodes, resolver, stored, planFor }: Stores): AgentPorts {
  return {
    welcome: (hello) => ({ durable: durableOf(store, hello.session), plan: planFor(hello) }),
    ingest: (hello, bytes) => {
      const done = changing(init.shared, 'events', () => ingestBatch(store, hello, bytes, nodes.find(hello)), (taken) => taken.ok && taken.value.n === 0)
      if (done.ok) stored.add(done.value.n)
      return done
    },
    commit: () => {
      const done = unlessSettled(init, store, () => commit(store))
      return done.ok ? ok(undefined) : done
    },
    modules: (hello, modules) => {
      nodes.learn(hello, modules)
      resolver.learnt(hello, modules)
    },
    planned: (hello, outcome) => {
      const known = nodes.find(hello)
      if (known !== undefined) known.planned = outcome
    },
    connected: (hello) => {
      nodes.connected(hello)
      log('info', `${hello.node} is connected`, { otp: hello.otp, elixir: hello.elixir, agent: hello.agent, session: hello.session })
    },
    ended: (hello, why) => {
      nodes.ended(hello)
      log('info', `${hello.node} is not connected any more: ${why}`)
    },
    credits: () => creditsOf(init),
    log,
  }
}

/** What may seal or move blocks, and mostly does not. */
function unlessSettled<T>({ shared }: CaptureInit, store: EventStore, settle: () => T): T {
  const { open, waiting: { length } } = store
  return changing(shared, 'events', settle, () => store.open === open && store.waiting.length === length)
}

/** How many batches an agent may have under way; near the memory limit none. */
function creditsOf({ shared, config: { capture } }: CaptureInit): number {
  return ['critical', 'emergency'].includes(levelOf(pressureCellOf(shared))) ? 0 : capture.credits
}

function tidy({ log, init }: Context, { setAside }: CaptureMeans, upkeep: Upkeep): Result<null, Failure> {
  const done = changing(init.shared, 'events', () => upkeep.tidy(), (tidied) => tidied.ok && tidied.value.removed === 0 && tidied.value.setAside.length === 0)
  if (!done.ok) {
    log('warn', 'old events could not be looked after', { ...done.error })
    return done
  }
  if (done.value.removed > 0) log('info', 'old events were deleted', { events: done.value.removed })
  reportDamage(log, init, done.value.setAside)
  setAside.push(...done.value.setAside)
  return ok(null)
}

function capturePort(shared: SharedState, means: CaptureMeans, tidyUp: () => Result<unknown, Failure>) {
  return promisePort<CaptureBody>(async (body) => {
    try {
      if (body.method === 'tidy') return tidyUp()
      const { method, args } = body
      const part = changedBy(method)
      // What takes its time, such as asking a node, changes nothing.
      return await (part === undefined ? runCapture(means, method, args) : changing(shared, part, () => runCapture(means, method, args)))
    } catch (caught) {
      if (caught instanceof FailureError) return fail(toFailure(caught))
      throw caught
    }
  })
}

function retentionOf({ config: { capture: { maxAgeMs, maxEvents, maxBytes } } }: CaptureInit): Retention {
  return { ...(maxAgeMs === null ? {} : { maxAgeMs }), ...(maxEvents === null ? {} : { maxEvents }), ...(maxBytes === null ? {} : { maxBytes }) }
}

async function listen({ init: { socketPath, tokenPath, config } }: Context): Promise<AgentOptions['servers'] | Failure> {
  const unix = createServer()
  const there = await listenOn(unix, socketPath)
  if (!there.ok) return there.error
  const onUnix = { server: unix, address: socketPath, token: null }
  const { tcpHost, tcpPort } = config.capture
  if (tcpPort === null) return [onUnix]
  const onTcp = await listenWithToken(tokenPath, tcpHost, tcpPort)
  if (onTcp.ok) return [onUnix, onTcp.value]
  unix.close()
  return onTcp.error
}

async function listenWithToken(tokenPath: string, host: string, port: number): Promise<Result<AgentOptions['servers'][number], Failure>> {
  const token = tokenAt(tokenPath)
  if (!token.ok) return token
  const tcp = await listenTcp(host, port)
  return tcp.ok ? ok({ ...tcp.value, token: token.value }) : tcp
}

/** The token in the file, made where there is none. */
function tokenAt(path: string): Result<string, Failure> {
  const there = textOf(path)?.trim()
  if (there !== undefined && there.length >= 16) return ok(there)
  const token = randomBytes(24).toString('base64url')
  const done = writeWhole(path, `${token}\n`)
  return done.ok ? ok(token) : done
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function reportRecovered({ log, init }: Context, { replayedEvents, cut, setAside }: { readonly replayedEvents: number; readonly cut: readonly { readonly path: string; readonly nBytes: number }[]; readonly setAside: readonly { readonly path: string; readonly why: string }[] }): void {
  if (replayedEvents > 0) log('info', 'events of an unfinished block were read from its log', { events: replayedEvents })
  for (const { path, nBytes } of cut) log('warn', 'the half-written end of a file of events was cut; nothing of it had been acknowledged', { path, bytes: nBytes })
  reportDamage(log, init, setAside)
}

function reportDamage(log: Context['log'], { eventsPath }: CaptureInit, setAside: readonly { readonly path: string; readonly why: string }[]): void {
  for (const { path, why } of setAside) log('error', 'damaged events are set aside', { path, why, directory: eventsPath })
}
