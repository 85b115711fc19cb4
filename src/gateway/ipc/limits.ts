/**
 * The bounds of the socket: every queue, buffer and wait of the gateway has one of them. Sizes are chosen so that the
 * worst a client can do costs memory that the process has, and time that other clients do not notice.
 */

export type IpcLimits = {
  readonly maxConnections: number
  /** Calls of one connection under way; more are not read until one is answered. */
  readonly maxInFlight: number
  readonly maxRequestBytes: number
  readonly maxDepth: number
  readonly maxElements: number
  /** Answers of one connection not yet taken by the client; above it nothing more is read from that client. */
  readonly maxOutputBytes: number
  /** How long a client may leave its answers above that bound before the connection is closed. */
  readonly drainMs: number
  /** How long a message may take from its first byte to its last. */
  readonly frameMs: number
  /** How long a closing connection waits for the client to take the last answer. */
  readonly lingerMs: number
  /** Over all connections: parts of messages, and answers not taken. */
  readonly maxTotalInputBytes: number
  readonly maxTotalOutputBytes: number
  /** Of requests under way in other threads, over all connections: beyond it a call is `busy`. One connection has `maxRequestBytes`. */
  readonly maxTotalPendingBytes: number
}

export const DEFAULT_IPC_LIMITS: IpcLimits = {
  maxConnections: 1024,
  maxInFlight: 256,
  maxRequestBytes: 16 << 20,
  maxDepth: 64,
  maxElements: 1_000_000,
  maxOutputBytes: 4 << 20,
  drainMs: 30_000,
  frameMs: 30_000,
  lingerMs: 1000,
  maxTotalInputBytes: 128 << 20,
  maxTotalOutputBytes: 128 << 20,
  maxTotalPendingBytes: 64 << 20,
}
