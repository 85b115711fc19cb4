/**
 * Programs that the command starts: one that has the terminal to itself, and one beside the command. Signals that reach the
 * command alone are passed on; Ctrl-C of a terminal reaches both by itself.
 */

import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { createInterface } from 'node:readline'
import { failure } from '../base/failure.ts'
import { fail, ok } from '../base/result.ts'
import type { ProgramPorts } from './ports.ts'

/** As shells say that a signal ended a program. */
const BY_SIGNAL = 128
const PASSED_ON = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGUSR1', 'SIGUSR2', 'SIGQUIT'] as const

export const run: ProgramPorts['run'] = ([command = '', ...args], env) => {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<ProgramPorts['run']>>>()
  const child = spawn(command, args, { env: { ...env }, stdio: 'inherit' })
  // Passed on again, a Ctrl-C would count twice: the second ends a BEAM at once.
  const isShared = process.stdin.isTTY
  const listeners = PASSED_ON.filter((signal) => !isShared || (signal !== 'SIGINT' && signal !== 'SIGQUIT')).map((signal) => {
    const pass = (): void => void child.kill(signal)
    process.on(signal, pass)
    return () => process.removeListener(signal, pass)
  })
  const settle: typeof resolve = (value) => {
    for (const release of listeners) release()
    resolve(value)
  }
  child.once('error', (error: NodeJS.ErrnoException) => settle(fail(error.code === 'ENOENT' ? failure('not_found', `there is no program ${command}`, { hint: 'is it in PATH?' })
    : failure('invalid_argument', `${command} cannot be started (${error.code ?? error.message})`))))
  child.once('exit', (code, signal) => settle(ok(code ?? BY_SIGNAL + (signal === null ? 0 : constants.signals[signal]))))
  return promise
}

export const accompany: ProgramPorts['accompany'] = ([command = '', ...args], { env, input, hear }) => {
  const { promise, resolve } = Promise.withResolvers<number>()
  const child = spawn(command, args, { env: { ...env }, stdio: ['pipe', 'pipe', 'inherit'], detached: true })
  createInterface({ input: child.stdout }).on('line', hear)
  child.stdin.on('error', () => undefined)
  if (input !== '') child.stdin.write(input)
  child.once('error', () => resolve(BY_SIGNAL - 1))
  child.once('close', (code) => resolve(code ?? BY_SIGNAL))
  return ok({ ended: promise, finish: () => void child.stdin.end() })
}
