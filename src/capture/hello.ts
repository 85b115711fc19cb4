/**
 * What an agent says of itself and of the code on its node: the frames `hello`, `modules` and `planned` as types, checked.
 * An agent is a program of ours on a machine that may not be: nothing of it is taken unread.
 */

import { z } from 'zod'
import { fail, ok, type Result } from '../base/result.ts'

export const PROTOCOL = 1

const wholeNs = z.union([z.bigint(), z.int()]).transform(BigInt).refine((ns) => ns >= -(2n ** 63n) && ns < 2n ** 63n, 'must be an integer of 64 bits')
const bytes16 = z.instanceof(Uint8Array).refine((bytes) => bytes.length === 16, 'must be 16 bytes')

const helloShape = z.object({
  protocol: z.int(),
  token: z.string().max(1024).nullish(),
  session: bytes16,
  node: z.string().min(1).max(255),
  node_start_ns: wholeNs,
  otp: z.string().max(64),
  elixir: z.string().max(64).nullish(),
  agent: z.string().max(64),
  os_pid: z.union([z.string().max(32), z.int()]).transform(String),
  cwd: z.string().max(4096),
  time_offset_ns: wholeNs.optional(),
  trace: z.enum(['sessions', 'legacy']).default('legacy'),
  app: z.string().max(255).nullish(),
})

export type Hello = {
  readonly protocol: number
  readonly token: string | null
  /** 32 hex digits; the same for as long as the agent runs. */
  readonly session: string
  readonly node: string
  readonly nodeStartNs: bigint
  readonly otp: string
  readonly elixir: string | null
  readonly agent: string
  readonly osPid: string
  readonly cwd: string
  readonly trace: 'sessions' | 'legacy'
  readonly app: string | null
}

export function readHello(value: unknown): Result<Hello, string> {
  const read = helloShape.safeParse(value)
  if (!read.success) return fail(`the hello is not understood: ${z.prettifyError(read.error).replaceAll('\n', ' ')}`)
  const { token, session, node_start_ns: nodeStartNs, elixir, os_pid: osPid, app, time_offset_ns: _, ...rest } = read.data
  return ok({ ...rest, nodeStartNs, osPid, token: token ?? null, session: Buffer.from(session).toString('hex'), elixir: elixir ?? null, app: app ?? null })
}

const line = z.int().min(0).max(10_000_000)
const clauses = z.tuple([z.string().max(255), z.int().min(0).max(255), z.array(line).max(100_000)])
const moduleShape = z.tuple([z.string().min(1).max(1024), bytes16, z.string().max(4096).nullable(), z.array(clauses).max(100_000).nullable()])

/** Code that is loaded on the node. `clauses`: the line of each clause of each function; null without debug info. */
export type LoadedModule = {
  readonly module: string
  readonly md5: string
  readonly file: string | null
  readonly clauses: readonly { readonly function: string; readonly arity: number; readonly lines: readonly number[] }[] | null
}

export function readModules(value: unknown): Result<readonly LoadedModule[], string> {
  const read = z.array(moduleShape).max(100_000).safeParse(value)
  if (!read.success) return fail(`the modules are not understood: ${z.prettifyError(read.error).replaceAll('\n', ' ').slice(0, 500)}`)
  return ok(read.data.map(([module, md5, file, lines]) => ({
    module, md5: Buffer.from(md5).toString('hex'), file,
    clauses: lines === null ? null : lines.map(([name, arity, at]) => ({ function: name, arity, lines: at })),
  })))
}
