/**
 * What a BEAM node tells of itself: the kinds of events, with the codes that the agent, the log and the blocks share, and
 * an event as it is handed to whoever asks. `node_id` is a place in the code, `correlation_id` one execution, `event_id`
 * one event; `node` is the BEAM node it happened on.
 */

import type { NodeId } from './node-id.ts'

/**
 * Every type of event and its code, one byte on the wire and in the blocks. Codes are never given twice. Below 64 the
 * agent sends them; from 64 on clients store them.
 */
export const EVENT_TYPES = {
  call: 1,
  return: 2,
  /** A function was left by an exception; the payload has its class and value. */
  exception: 3,
  send: 4,
  receive: 5,
  /** The process started another one: `peer` is the new one, the site's function what it runs. */
  spawn: 6,
  /** The process was started: `peer` is its parent. */
  spawned: 7,
  exit: 8,
  link: 9,
  unlink: 10,
  getting_linked: 11,
  getting_unlinked: 12,
  register: 13,
  unregister: 14,
  /** The scheduler gave the process a core, took it away. */
  scheduled_in: 15,
  scheduled_out: 16,
  gc_start: 17,
  gc_end: 18,
  /** A module was loaded; the payload has its name and md5. */
  code_load: 19,
  /** Events are missing from here on: the payload says why, how many of which type, and since when. */
  gap: 20,
  /** The payload holds the supervision tree, or what changed in it. */
  supervision: 21,
  test_start: 22,
  test_end: 23,
  capture_start: 24,
  capture_end: 25,
  /** A value at a place in the code, from a probe: the site's node is known, not found. */
  probe: 26,
  /** The agent does less, or more again, to spare the node: the payload is that of a gap, its `unknown` what is left out beside calls. */
  degraded: 27,
  state_change: 64,
  variable_assignment: 65,
  performance_metric: 66,
  error: 67,
  annotation: 68,
  /** An event belongs to a node because somebody said so: the payload names the event, the site's node is the node. */
  correlation: 69,
} as const

export type EventType = keyof typeof EVENT_TYPES
export type EventTypeCode = (typeof EVENT_TYPES)[EventType]

/**
 * How the node of an event is known. `given`: the event names it (a probe, a client). `exact`: one call of that name at
 * that line in the version of the source that runs, and none in tail position of something else. `line`: that line, but the
 * version, the name or what went before in the process is not beyond doubt.
 * `function`: the function, not the place in it. `ambiguous`: several places fit.
 */
export const EVIDENCE = { none: 0, given: 1, exact: 2, line: 3, function: 4, ambiguous: 5 } as const

export type Evidence = keyof typeof EVIDENCE
export type EvidenceCode = (typeof EVIDENCE)[Evidence]

/** Of a BEAM node: its name and when it started (ns since 1970), so that a pid of an earlier start is another process. */
export type EventSource = { readonly node: string; readonly startNs: bigint }

/** As Elixir prints them: `MyApp.Cart`, `:gen_server`; function without quotes. */
export type EventFunction = { readonly module: string; readonly function: string; readonly arity: number }

export type EventCaller = EventFunction & {
  /** As the compiler was given it, e.g. `lib/my_app/cart.ex`. Empty and 0 where unknown. */
  readonly file: string
  readonly line: number
}

/** One event with its names. */
export type EventRecord = {
  /** `node:block:sequence`. */
  readonly id: string
  readonly type: EventType
  /** ns since 1970 on the node's clock, as its runtime system corrects it. */
  readonly timestampNs: bigint
  readonly source: EventSource
  readonly pid: string
  /** The other process: receiver, sender, spawned, parent, linked; null where there is none. */
  readonly peer: string | null
  readonly mfa: EventFunction | null
  readonly caller: EventCaller | null
  readonly correlationId: string | null
  readonly nodeId: NodeId | null
  readonly evidence: Evidence
  /** Of a return or exception: ns since the call, own ns without the traced calls within; null where the call is unknown. */
  readonly durationNs: number | null
  readonly ownNs: number | null
  /** MessagePack, as the agent sent it (docs/AGENT.md, Terms); null where there is none. */
  readonly payload: Uint8Array | null
}
