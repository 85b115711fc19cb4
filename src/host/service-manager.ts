/**
 * Tells a service manager of systemd's kind that the daemon is ready, lives, and stops (sd_notify). Node has no datagram
 * sockets of Unix, so a shell takes one message a line and hands each to `systemd-notify`, which comes with systemd; the
 * signs of life come from a timer of this thread, so a thread that is stuck gives none. The shell ends with this process.
 *
 * Does nothing where NOTIFY_SOCKET is not set. Where `systemd-notify` is missing, the log says so; then the unit must not
 * be of `Type=notify`.
 */

import { spawn } from 'node:child_process'
import type { Log } from './log.ts'

export type ServiceManager = {
  ready(status: string): void
  stopping(): void
}

type NotifyOptions = { readonly env: Readonly<Record<string, string | undefined>>; readonly log: Log }

const RELAY = 'while IFS= read -r line; do systemd-notify "$line" || exit $?; done'
/** Signs of life within the time that the manager allows. */
const SIGNS_WITHIN = 3

export function notifyServiceManager({ env, log }: NotifyOptions): ServiceManager {
  if ((env['NOTIFY_SOCKET'] ?? '') === '') return { ready: () => undefined, stopping: () => undefined }
  const relay = spawn('/bin/sh', ['-c', RELAY], { env, stdio: ['pipe', 'ignore', 'ignore'] })
  relay.unref()
  relay.on('error', (error) => log('warn', 'the service manager cannot be told', { error: error.message }))
  relay.on('exit', (code) => {
    log('warn', 'the service manager is no longer told', { exit_code: code, ...(code === 127 ? { hint: 'systemd-notify is not installed' } : {}) })
  })
  relay.stdin.on('error', () => undefined) // its exit has been logged
  const say = (line: string): void => {
    if (relay.stdin.writable) relay.stdin.write(`${line}\n`)
  }
  const intervalMs = watchdogMs(env)
  const signs = { timer: undefined as NodeJS.Timeout | undefined }
  return {
    ready: (status) => {
      say('READY=1')
      say(`STATUS=${status.replaceAll(/\p{Cc}/gu, ' ')}`)
      if (intervalMs !== null) signs.timer = setInterval(() => say('WATCHDOG=1'), intervalMs / SIGNS_WITHIN).unref()
    },
    stopping: () => {
      clearInterval(signs.timer)
      say('STOPPING=1')
    },
  }
}

/** WATCHDOG_PID is not heeded: it names the command above this process, which has the watchdog for its daemon's sake. */
export function watchdogMs(env: NotifyOptions['env']): number | null {
  const micros = Number(env['WATCHDOG_USEC'])
  return Number.isSafeInteger(micros) && micros > 0 ? micros / 1000 : null
}
