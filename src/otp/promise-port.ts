/** A port for actors made of a function that takes its time. What it throws is a bug and ends the thread it runs in. */

import type { Failure } from '../base/failure.ts'
import type { Result } from '../base/result.ts'
import type { ActorPort } from './actor-system.ts'

export function promisePort<Operation>(work: (operation: Operation) => Promise<Result<unknown, Failure>>): ActorPort {
  const run = async (operation: Operation, done: Parameters<ActorPort>[1]): Promise<void> => done(await work(operation))
  return (operation, done) => void run(operation as Operation, done)
}
