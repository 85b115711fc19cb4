/**
 * The layering rules as a pure check: (path, source text) -> breaches. Ranks are those of docs/ARCHITECTURE.md: a file
 * imports only from lower ranks or from its own folder, and ranks 0 to 5 reach no clock, environment, network or disk
 * (the disk under `store` and `event`, threads under `otp/node` aside). Types count like values: a type import is a
 * dependency too.
 *
 * Absent on purpose: reading the project (layering.test.ts does) and what the type checker or the linter prove already.
 */

import { posix } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'

export type Breach = { readonly file: string; readonly line: number; readonly what: string }

/** Folder -> rank. The longest matching prefix rules. */
export const RANKS: Readonly<Record<string, number>> = {
  'src/base': 0,
  config: 1, 'src/model': 1, 'src/otp': 1,
  'src/syntax': 2, 'src/wire': 2, 'src/event': 2, 'src/store': 2,
  'src/analysis': 3, 'src/correlate': 3,
  'src/query': 4,
  'src/engine': 5,
  'src/project': 6, 'src/capture': 6, 'src/memory': 6, 'src/client': 6,
  'src/gateway': 7, 'src/cli': 7, 'src/host': 7, 'src/querying': 7,
  workers: 8,
  supervisors: 9,
  // The command's entry point wires the command line to host and daemon, so it stands above them all.
  'src/cli/main.ts': 10,
}

const PURE_UP_TO = 5
const PURE_BUILTINS = new Set(['node:buffer', 'node:crypto', 'node:path', 'node:string_decoder', 'node:util', 'node:zlib'])
const DISK_BUILTINS = new Set(['node:fs', 'node:fs/promises', 'node:sqlite'])
const IMPURE_NAMES = new Set(['randomBytes', 'randomUUID', 'randomInt', 'getRandomValues', 'setTimeout', 'setInterval'])
const IMPURE_GLOBALS = new Set(['setTimeout', 'setInterval', 'setImmediate', 'fetch', 'WebSocket', 'console', 'process', 'performance'])
const IMPURE_MEMBERS = new Set(['Date.now', 'Math.random', 'crypto.randomUUID', 'crypto.getRandomValues'])
const IMPURE_PACKAGES = new Set(['commander', 'fastify', 'pino', 'piscina', 'prom-client', 'chokidar', 'ignore'])

type Station = { readonly name: string; readonly rank: number }
type Import = { readonly specifier: string; readonly offset: number; readonly names: readonly string[] }

/** The folder of the rank table that a file belongs to; undefined when it belongs to none. */
export function stationOf(path: string): Station | undefined {
  const matches = Object.entries(RANKS).filter(([prefix]) => path === prefix || path.startsWith(`${prefix}/`))
  const [best] = matches.sort((a, b) => b[0].length - a[0].length)
  return best === undefined ? undefined : { name: best[0], rank: best[1] }
}

/** All breaches of one file. `dependencies` are the packages that shipped code may import. */
export function checkFile(file: string, source: string, dependencies: ReadonlySet<string>): Breach[] {
  const breaches: Breach[] = []
  const report = (offset: number, what: string): void => {
    breaches.push({ file, line: source.slice(0, offset).split('\n').length, what })
  }
  const station = stationOf(file)
  if (station === undefined) {
    report(0, 'belongs to no folder of the rank table')
    return breaches
  }
  const parsed = parseSync(file, source)
  for (const error of parsed.errors) report(error.labels[0]?.start ?? 0, `does not parse: ${error.message}`)
  if (!/^(?:#!.*\n)?\s*(?:\/\*|\/\/)/.test(source)) report(0, 'opens without a header comment')
  for (const found of importsOf(parsed.module, source)) checkImport(file, station, found, dependencies, report)
  checkExports(file, parsed.module, report)
  if (isPure(file, station)) checkGlobals(parsed.program, report)
  return breaches
}

type Report = (offset: number, what: string) => void
type Module = ReturnType<typeof parseSync>['module']
type Program = ReturnType<typeof parseSync>['program']

function isPure(file: string, station: Station): boolean {
  return station.rank <= PURE_UP_TO && !file.startsWith('src/otp/node/')
}

function touchesDisk(station: Station): boolean {
  return station.name === 'src/store' || station.name === 'src/event'
}

function importsOf(module: Module, source: string): Import[] {
  const named = module.staticImports.map((found) => ({
    specifier: found.moduleRequest.value,
    offset: found.start,
    names: found.entries.map((entry) => entry.importName.name ?? ''),
  }))
  const passedOn = module.staticExports.flatMap((found) => found.entries.flatMap((entry) => entry.moduleRequest === null
    ? []
    : [{ specifier: entry.moduleRequest.value, offset: found.start, names: [entry.importName.name ?? ''] }]))
  const dynamic = module.dynamicImports.flatMap(({ start, moduleRequest }) => {
    const literal = /^['"](.+)['"]$/.exec(source.slice(moduleRequest.start, moduleRequest.end))
    return literal?.[1] === undefined ? [] : [{ specifier: literal[1], offset: start, names: [] }]
  })
  return [...named, ...passedOn, ...dynamic]
}

function checkImport(file: string, from: Station, found: Import, dependencies: ReadonlySet<string>, report: Report): void {
  const { specifier, offset } = found
  if (specifier.startsWith('.')) {
    checkRelative(file, from, specifier, offset, report)
    return
  }
  if (specifier.startsWith('node:')) {
    checkBuiltin(file, from, found, report)
    return
  }
  const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
  if (!dependencies.has(name)) report(offset, `imports ${specifier}, which is not among the package's dependencies`)
  if (isPure(file, from) && IMPURE_PACKAGES.has(name)) report(offset, `imports ${name}, and rank ${from.rank} is pure`)
}

function checkRelative(file: string, from: Station, specifier: string, offset: number, report: Report): void {
  if (!/\.(?:ts|json)$/.test(specifier)) report(offset, `imports ${specifier} without its extension`)
  const target = posix.normalize(posix.join(posix.dirname(file), specifier))
  const to = stationOf(target)
  if (to === undefined) {
    report(offset, `imports ${target}, which belongs to no folder of the rank table`)
  } else if (to.name !== from.name && to.rank >= from.rank) {
    report(offset, `rank ${from.rank} (${from.name}) imports rank ${to.rank} (${target})`)
  }
}

function checkBuiltin(file: string, from: Station, found: Import, report: Report): void {
  if (!isPure(file, from)) return
  const allowed = PURE_BUILTINS.has(found.specifier) || (touchesDisk(from) && DISK_BUILTINS.has(found.specifier))
  if (!allowed) report(found.offset, `imports ${found.specifier}, and rank ${from.rank} is pure`)
  for (const name of found.names) {
    if (IMPURE_NAMES.has(name)) report(found.offset, `imports ${name}, and rank ${from.rank} is pure`)
  }
}

function checkExports(file: string, module: Module, report: Report): void {
  for (const found of module.staticExports) {
    for (const entry of found.entries) {
      const exported: string = entry.exportName.kind
      const passed: string = entry.importName.kind
      if (exported === 'Default' && !file.startsWith('workers/')) report(found.start, 'exports a default')
      if (passed.startsWith('All')) report(found.start, 'exports *')
    }
  }
  const passedOn = module.staticExports.every((found) => found.entries.every((entry) => entry.moduleRequest !== null))
  if (passedOn && module.staticExports.length > 0) report(0, 'is a barrel: it only passes on what others export')
}

function checkGlobals(program: Program, report: Report): void {
  const visitor = new Visitor({
    MemberExpression(node) {
      if (node.object.type !== 'Identifier') return
      const { name } = node.object
      const property = node.property.type === 'Identifier' ? node.property.name : '?'
      const member = `${name}.${property}`
      if (IMPURE_MEMBERS.has(member)) report(node.start, `uses ${member} in a pure rank`)
      else if (IMPURE_GLOBALS.has(name)) report(node.start, `uses ${name} in a pure rank`)
    },
    CallExpression(node) {
      if (node.callee.type === 'Identifier' && IMPURE_GLOBALS.has(node.callee.name)) {
        report(node.start, `calls ${node.callee.name} in a pure rank`)
      }
    },
    NewExpression(node) {
      if (node.callee.type !== 'Identifier') return
      if (node.callee.name === 'Date' && node.arguments.length === 0) report(node.start, 'reads the clock in a pure rank')
      if (IMPURE_GLOBALS.has(node.callee.name)) report(node.start, `uses ${node.callee.name} in a pure rank`)
    },
    ImportExpression(node) {
      report(node.start, 'imports dynamically in a pure rank')
    },
  })
  visitor.visit(program)
}
