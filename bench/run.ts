/**
 * npm run bench -- NAME …: runs one measurement and prints its figures, as lines or with --json as one JSON object.
 * Nothing here passes or fails: figures are compared by people, on a machine that they know.
 */

import { parseArgs } from 'node:util'
import { benchImport } from './import.ts'
import { must, startBenchDaemon, withHome } from './daemon.ts'

const USAGE = `usage: npm run bench -- NAME [options]

  parse --dir DIR            one thread, files in memory: files, bytes, seconds
  import --dir DIR           cold, through a daemon: files, modules, functions, seconds, peak memory
  import --dir DIR --warm    a restart with nothing changed, until the first answer
  lookup [--dir DIR]         module and function lookups over the socket: p50, p99, per second
  store                      rows and lookups of the store alone, bytes a module takes
  memory                     what a cache saves over the store, and what a sample costs
  verify --dir DIR           the facts built anew and compared: seconds, peak memory, lookups meanwhile
  otp                        supervision: calls, restarts of actors and threads
  sync --dir DIR [--seconds N]
                             following files through a daemon: saves until seen, many at once, restarts, idle
  watch                      watching alone: memory and CPU while idle, a save until it is told
  events                     events decoded, appended and sealed; bytes an event takes; beside ETS tables on Erlang
  events-sites               the same with 100,000 places that call: how full blocks get, what the writer holds
  events-lookup              lookups by each index among ten million events in memory: p50, p95; counts over all
  events-store               the same on a real disk, durable; opening after an end, reading from files, pruning
  events-socket --dir DIR    events through a daemon, from one connection and from four; lookups as clients make them
  questions --dir DIR        questions about a million events, first and again, at rest and while events come in
  correlate --dir DIR        calls that correlation tells apart in code that people wrote; beside its compiled modules
  versions                   carrying node ids from one version of a file to the next
  generate --modules N --seed S --out DIR
                             writes a realistic project of any size

  --json                     one JSON object
`

type Values = {
  readonly dir?: string | undefined
  readonly warm?: boolean | undefined
  readonly seconds?: string | undefined
  readonly json?: boolean | undefined
}

const { values, positionals } = parseArgs({
  allowPositionals: true, strict: false, options: { dir: { type: 'string' }, warm: { type: 'boolean' }, seconds: { type: 'string' }, json: { type: 'boolean' } },
})
process.exitCode = await main(positionals[0], values as Values)

async function main(name: string | undefined, given: Values): Promise<number> {
  const figures = await measure(name, given)
  if (figures === undefined) {
    process.stderr.write(USAGE)
    return 2
  }
  process.stdout.write(given.json === true ? `${JSON.stringify(figures)}\n` : lines(figures))
  return 0
}

/** Undefined for what is no measurement. Modules are loaded when asked for, so that none weighs on another's figures. */
async function measure(name: string | undefined, { dir, warm, seconds }: Values): Promise<object | undefined> {
  switch (name) {
    case 'parse':
      return dir === undefined ? undefined : (await import('./parse.ts')).benchParse({ dir })
    case 'import':
      return dir === undefined ? undefined : benchImport({ dir, mode: warm === true ? 'warm' : 'cold' })
    case 'lookup':
      return lookup(dir)
    case 'store':
      return (await import('./store.ts')).benchStore()
    case 'memory':
      return (await import('./memory.ts')).benchMemory()
    case 'verify':
      return dir === undefined ? undefined : (await import('./verify.ts')).benchVerify({ dir })
    case 'otp':
      return (await import('./otp.ts')).benchOtp()
    case 'events':
      return (await import('./events.ts')).benchEvents()
    case 'events-sites':
      return (await import('./events-sites.ts')).benchManySites()
    case 'events-socket':
      return dir === undefined ? undefined : (await import('./events-socket.ts')).benchEventsOverSocket(dir)
    case 'questions':
      return dir === undefined ? undefined : (await import('./questions.ts')).benchQuestions(dir)
    case 'events-store':
      return (await import('./events-store.ts')).benchEventStore()
    case 'events-lookup':
      return (await import('./events-lookup.ts')).benchEventLookups()
    case 'correlate':
      return dir === undefined ? undefined : (await import('./correlate.ts')).benchCorrelate(dir)
    case 'versions':
      return (await import('./versions.ts')).benchVersions()
    case 'sync':
      return dir === undefined ? undefined : (await import('./sync.ts')).benchSync({ dir, streamSeconds: Number(seconds ?? 60) })
    case 'watch':
      return (await import('./watch.ts')).benchWatch()
    case 'generate':
      return generate(process.argv.slice(3))
    default:
      return undefined
  }
}

async function generate(args: readonly string[]): Promise<object> {
  const generated = (await import('./generate.ts')).generateFromArguments(args)
  if (!generated.ok) throw new Error(generated.problem)
  return generated.project
}

function lookup(dir: string = 'examples/shop'): Promise<object> {
  return withHome(async (home) => {
    const daemon = await startBenchDaemon(dir, home)
    try {
      must(await daemon.client.call('import_project', {}, { timeoutMs: Infinity }))
      return await (await import('./lookup.ts')).benchLookup({ socketPath: daemon.socketPath })
    } finally {
      await daemon.stop()
    }
  })
}

function lines(figures: object, indent: string = ''): string {
  return Object.entries(figures).map(([name, value]) => typeof value === 'object' && value !== null
    ? `${indent}${name}\n${lines(value as object, `${indent}  `)}`
    : `${indent}${name}  ${typeof value === 'number' && !Number.isInteger(value) ? value.toPrecision(4) : String(value)}\n`).join('')
}
