/**
 * What the daemon's process does on signals and on errors that nobody caught. The first SIGTERM or SIGINT asks for an
 * orderly stop, a second one ends at once; SIGHUP ends a foreground daemon with its terminal and leaves a background one
 * alone. An uncaught error is a bug of ours: it is told and the process ends, because what holds no longer is unknown.
 */

export type SignalPorts = {
  readonly process: Pick<NodeJS.Process, 'on' | 'removeListener'>
  readonly placement: 'foreground' | 'background'
  readonly stop: (signal: NodeJS.Signals) => void
  readonly stopAtOnce: (signal: NodeJS.Signals) => void
  /** Must end the process. */
  readonly crash: (error: unknown, origin: 'uncaughtException' | 'unhandledRejection') => void
}

/** Returns what removes the handlers again. */
export function handleSignals({ process, placement, stop, stopAtOnce, crash }: SignalPorts): () => void {
  let nAsked = 0
  const onStop = (signal: NodeJS.Signals): void => {
    nAsked += 1
    if (nAsked === 1) stop(signal)
    else stopAtOnce(signal)
  }
  const onHangup = (signal: NodeJS.Signals): void => {
    if (placement === 'foreground') onStop(signal)
  }
  const onException = (error: unknown): void => crash(error, 'uncaughtException')
  const onRejection = (error: unknown): void => crash(error, 'unhandledRejection')
  const handlers = [
    ['SIGTERM', onStop], ['SIGINT', onStop], ['SIGHUP', onHangup], ['uncaughtException', onException], ['unhandledRejection', onRejection],
  ] as const
  for (const [event, handler] of handlers) process.on(event as 'SIGTERM', handler)
  return () => {
    for (const [event, handler] of handlers) process.removeListener(event, handler)
  }
}
