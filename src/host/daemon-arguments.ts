/**
 * The command line of the daemon's own process (supervisors/main.ts): the project first, so that `ps` shows which daemon
 * it is, then everything else as one JSON text. Written by whoever starts it, read by the daemon.
 */

import { z } from 'zod'

const rest = z.strictObject({
  placement: z.enum(['foreground', 'background']),
  /** `caller`: whoever started the daemon asks for the first import itself, to show its progress. */
  first_import: z.enum(['daemon', 'caller']),
  config: z.string().optional(),
  flags: z.record(z.string(), z.string()),
  /** Heart adds this: its own process, and how often it has started the daemon again. */
  heart: z.strictObject({ pid: z.int(), restarts: z.int() }).optional(),
})

export type DaemonArguments = z.infer<typeof rest> & { readonly projectRoot: string }

export function writeDaemonArguments({ projectRoot, ...others }: DaemonArguments): string[] {
  return [projectRoot, JSON.stringify(others)]
}

/** `argv` without node and script. Throws on what `writeDaemonArguments` did not write. */
export function readDaemonArguments([projectRoot = '', others = '']: readonly string[]): DaemonArguments {
  return { projectRoot, ...rest.parse(JSON.parse(others)) }
}
