/**
 * The frame of every `workers/x.thread.ts`: tells main when the thread is ready, answers heartbeats, keeps the channels
 * attached as peers come and go, and stops in order when asked.
 *
 *   runThread<Init>(async (context) => {
 *     const store = context.channel<StoreCalls>('store')           // a wire { from: this thread, to: …, name: 'store' }
 *     return {
 *       services: { lookup: { calls: { find: ({ id }) => ok(…) } } },
 *       actors: { monitor: (args: MonitorArgs) => monitorActor },  // what child specs with this thread may name
 *       ports: { sampler: (operation, done) => done(ok(…)) },      // what those actors may `run`
 *       stop: async () => { … },
 *     }
 *   })
 *
 * A start that answers a Failure, and any throw in it or in a handler, ends the thread; its supervisor decides what then.
 */

import { getHeapStatistics } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'

import { must } from '../../base/assert.ts'
import type { Clock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import type { Failure } from '../../base/failure.ts'
import type { ActorPort } from '../actor-cells.ts'
import { actorService, actorWireOf, createElsewhere } from '../actor-service.ts'
import { createActorSystem } from '../actor-system.ts'
import type { Actors, ActorSystem } from '../actor-system.ts'
import { createChannel } from '../channel.ts'
import type { CallMap, CastMap, Channel, ChannelControl } from '../channel.ts'
import type { ExitReason } from '../exit-reason.ts'
import { NORMAL } from '../exit-reason.ts'
import { serve } from '../service.ts'
import type { AnyService, Serving } from '../service.ts'
import type { Log } from '../starter.ts'
import type { FromThread, ThreadData, ToThread } from './control.ts'
import { suffer } from './faults.ts'
import { createHostedActors } from './hosted-actors.ts'
import type { ActorFactory, ActorPorts, HostedActors } from './hosted-actors.ts'
import { NODE_PLATFORM } from './platform.ts'
import type { Platform } from './platform.ts'
import { writeHeap } from './profiled.ts'

export type ThreadContext<Init> = {
  /** The thread's id in the tree. */
  readonly name: string
  /** Which life of this thread this is, from 1. */
  readonly epoch: number
  readonly init: Init
  readonly clock: Clock
  /** Goes to main's log, with this thread's name. */
  readonly log: Log
  /** The channel of a wire on which this thread calls. The same object through all lives of the callee. */
  channel<Calls extends CallMap = CallMap, Casts extends CastMap = CastMap>(name: string): Channel<Calls, Casts>
  /** Calls, tells and monitors named actors, whatever thread they live in. */
  readonly actors: Actors
  /** Ends the thread of its own accord, as an orderly stop would. */
  exit(reason?: ExitReason): void
}

export type ThreadParts = {
  /** What this thread answers, by the name of the wire. */
  readonly services?: Readonly<Record<string, AnyService>>
  /** The actors that this thread can host, by the name that child specs give as `actor`. */
  readonly actors?: Readonly<Record<string, ActorFactory>>
  /** What the actors of this thread can `run`. */
  readonly ports?: ActorPorts
  /** Called once, before an orderly end and after that of the actors. The supervisor's shutdown deadline bounds it. */
  readonly stop?: (reason: ExitReason) => void | Promise<void>
  /** Numbers for the tree and the metrics, read at each heartbeat. */
  readonly stats?: () => Readonly<Record<string, number>>
}

/** What a thread runs on. `exit` ends it at once. */
export type ThreadPlatform = Platform & {
  readonly main: Pick<MessagePort, 'on' | 'postMessage'>
  readonly data: ThreadData
  heapBytes(): number
  exit(): void
}

type Frame = {
  readonly platform: ThreadPlatform
  readonly system: ActorSystem
  readonly ports: Record<string, ActorPort>
  readonly places: Map<string, string>
  hosted: HostedActors | undefined
  readonly channels: Map<string, ChannelControl>
  readonly servings: Set<Serving>
  /** Ports that came before the thread was ready to answer on them. */
  readonly early: { name: string; port: MessagePort }[]
  parts: ThreadParts | undefined
  stopping: boolean
}

export type ThreadStarter<Init> = (context: ThreadContext<Init>) => ThreadParts | Failure | Promise<ThreadParts | Failure>

export function runThread<Init>(start: ThreadStarter<Init>): void {
  runThreadOn({
    ...NODE_PLATFORM, main: must(parentPort, 'runThread to be called in a thread'), data: workerData as ThreadData,
    heapBytes: () => getHeapStatistics().used_heap_size, exit: () => process.exit(0),
  }, start)
}

export function runThreadOn<Init>(platform: ThreadPlatform, start: ThreadStarter<Init>): void {
  const { main, data } = platform
  const log: Log = (level, message, fields) => post(main, { type: 'log', level, message, ...(fields === undefined ? {} : { fields }) })
  const frame = openFrame(platform, log)
  const begin = (epoch: number): void => {
    const context: ThreadContext<Init> = {
      name: data.name,
      epoch,
      init: data.init as Init,
      clock: platform.clock,
      log,
      channel: <Calls extends CallMap, Casts extends CastMap>(name: string) => must(frame.channels.get(name), `a wire from ${data.name} named ${name}`) as Channel<Calls, Casts>,
      actors: frame.system,
      exit: (reason = NORMAL) => stop(frame, reason),
    }
    Promise.resolve(context)
      .then(start)
      .then((parts) => (isFailure(parts) ? post(main, { type: 'failed', failure: parts }) : becomeReady(frame, parts)))
      .catch((thrown: unknown) => platform.crash(thrown))
  }
  main.on('message', (message: ToThread) => {
    if (message.type !== 'begin') return receive(frame, message)
    for (const [name, thread] of message.places) frame.places.set(name, thread)
    begin(message.epoch)
  })
  post(main, { type: 'loaded' })
}

function openFrame(platform: ThreadPlatform, log: Log): Frame {
  const { data, clock, turns } = platform
  const channels = new Map(data.wires.map((wire) => [wire.name, createChannel({ ...wire, clock })]))
  const places = new Map<string, string>()
  const ports: Record<string, ActorPort> = {}
  const elsewhere = createElsewhere({
    here: data.name, places,
    channelTo: (thread) => channels.get(actorWireOf(thread)),
  })
  const system = createActorSystem({ clock, ...turns, log, ports, elsewhere })
  return { platform, system, ports, places, hosted: undefined, channels, servings: new Set(), early: [], parts: undefined, stopping: false }
}

function receive(frame: Frame, message: Exclude<ToThread, { type: 'begin' }>): void {
  switch (message.type) {
    case 'ping':
      return pong(frame)
    case 'write_heap':
      return post(frame.platform.main, { type: 'heap_written', outcome: writeHeap(message.path) })
    case 'serve':
      if (frame.parts === undefined) frame.early.push(message)
      else answerOn(frame, frame.parts, message.name, message.port)
      return
    case 'attach':
      return frame.channels.get(message.name)?.attach(frame.platform.portOf(message.port))
    case 'detach':
      return frame.channels.get(message.name)?.detach(message.why)
    case 'place':
      return void frame.places.set(message.name, message.thread)
    case 'start_actor':
    case 'stop_actor':
    case 'kill_actor':
    case 'crash_actor':
      return frame.hosted?.receive(message)
    case 'suffer':
      return suffer(message.fault)
    case 'stop':
      return stop(frame, message.reason)
  }
}

function becomeReady(frame: Frame, parts: ThreadParts): void {
  const { main } = frame.platform
  frame.parts = parts
  Object.assign(frame.ports, parts.ports)
  frame.hosted = createHostedActors({
    system: frame.system, factories: parts.actors ?? {}, ports: frame.ports,
    report: (key, event) => post(main, { type: 'actor', key, event }),
  })
  post(main, { type: 'ready' })
  for (const { name, port } of frame.early) answerOn(frame, parts, name, port)
  frame.early.length = 0
}

function answerOn(frame: Frame, parts: ThreadParts, name: string, messagePort: MessagePort): void {
  const { data, portOf, crash } = frame.platform
  const service = name === actorWireOf(data.name) ? actorService(frame.system) : must(parts.services?.[name], `a service named ${name}, as the wiring says`)
  const port = portOf(messagePort)
  const serving = serve(port, service, (thrown, method) => crash(new Error(`${name}.${method} failed`, { cause: thrown })))
  frame.servings.add(serving)
  messagePort.on('close', () => frame.servings.delete(serving))
}

function pong(frame: Frame): void {
  let mailbox = 0
  for (const serving of frame.servings) mailbox += serving.nRunning()
  const stats = frame.parts?.stats?.()
  post(frame.platform.main, {
    type: 'pong', heapBytes: frame.platform.heapBytes(), mailbox, actors: frame.hosted?.loads() ?? [], ...(stats === undefined ? {} : { stats }),
  })
}

function stop(frame: Frame, reason: ExitReason): void {
  if (frame.stopping) return
  frame.stopping = true
  frame.hosted?.stopAll(reason)
  const { main, exit, crash } = frame.platform
  Promise.resolve(frame.parts?.stop?.(reason))
    .then(() => {
      post(main, { type: 'exiting', reason })
      return exit()
    })
    .catch((thrown: unknown) => crash(thrown))
}

function post(main: ThreadPlatform['main'], message: FromThread): void {
  main.postMessage(message, [])
}
