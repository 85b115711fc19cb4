/**
 * What can stand where the cursor is: subcommands, options, their values, methods, and names of modules and functions
 * by asking the daemon of the project that the words before name. Without a daemon the names are left out. The scripts
 * of `completion-scripts.ts` ask through the hidden command `__complete`; it never fails and says nothing else.
 */

import { EVENT_TYPES } from '../../model/event.ts'
import { parseMfa } from '../../model/names.ts'
import { METHODS } from '../../wire/methods.ts'
import type { TreeNode } from '../../wire/records.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { eachPage } from '../pages.ts'
import type { Connection } from '../ports.ts'
import { SHELLS } from './completion-scripts.ts'
import { PLAN_ACTIONS } from './plans.ts'

export type OptionWords = {
  /** With its dashes. */
  readonly name: string
  readonly takesValue: boolean
  readonly choices: readonly string[]
}
export type CommandWords = { readonly name: string; readonly summary: string; readonly options: readonly OptionWords[] }
export type ProgramWords = { readonly commands: readonly CommandWords[]; readonly options: readonly OptionWords[] }

const FILES = ':files'
const DIRECTORIES = ':directories'
const MOST_NAMES = 200

/** Values of options that commander does not know the choices of. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  '--cookie-file': [FILES],
  '--project': [DIRECTORIES], '--config': [FILES], '--profile': ['development', 'test', 'production', 'chaos'], '--out': [FILES],
}

/** Prints the candidates for the last of `words`, which is what was typed of it so far. */
export async function complete(context: Context, program: ProgramWords, words: readonly string[]): Promise<ExitCode> {
  const line = readLine(program, words)
  const meant = line.project === undefined ? context : { ...context, project: line.project }
  const candidates = await candidatesFor(meant, program, line)
  const fitting = candidates.filter((one) => one === FILES || one === DIRECTORIES || one.startsWith(line.current))
  if (fitting.length > 0) context.ports.stdout.write(`${fitting.join('\n')}\n`)
  return EXIT.ok
}

type Line = {
  readonly current: string
  readonly command: CommandWords | undefined
  /** Arguments of the command before the cursor. */
  readonly nArgs: number
  readonly firstArg: string | undefined
  readonly project: string | undefined
  /** The option whose value is being typed. */
  readonly option: OptionWords | undefined
}

function readLine(program: ProgramWords, words: readonly string[]): Line {
  let command: CommandWords | undefined
  let option: OptionWords | undefined
  let project: string | undefined
  const args: string[] = []
  for (const word of words.slice(0, -1)) {
    // bash makes three words of --project=shop.
    if (word === '=' && option !== undefined) continue
    if (option !== undefined) {
      if (option.name === '--project') project = word
      option = undefined
    } else if (word.startsWith('-')) {
      const [name = '', value] = word.split('=', 2)
      const known = optionsOf(program, command).find((one) => one.name === name && one.takesValue)
      if (value === undefined) option = known
      else if (known?.name === '--project') project = value
    } else if (command === undefined) {
      command = program.commands.find((one) => one.name === word)
    } else {
      args.push(word)
    }
  }
  const last = words.at(-1) ?? ''
  return { current: last === '=' && option !== undefined ? '' : last, command, nArgs: args.length, firstArg: args[0], project, option }
}

function optionsOf(program: ProgramWords, command: CommandWords | undefined): OptionWords[] {
  return [...command?.options ?? [], ...program.options]
}

async function candidatesFor(context: Context, program: ProgramWords, line: Line): Promise<readonly string[]> {
  const { current, command, nArgs, option } = line
  const values = option === undefined ? undefined : OPTION_VALUES[option.name]
  if (values !== undefined) return values(context, current)
  if (option !== undefined) return VALUES[option.name] ?? option.choices
  if (current.startsWith('-')) return optionsOf(program, command).map((one) => one.name)
  const commands = (): string[] => program.commands.map((one) => `${one.name}\t${one.summary}`)
  if (command === undefined) return commands()
  switch (command.name) {
    case 'show':
      return nArgs > 0 ? [] : [...await namesIn(context, current, 'functions'), FILES]
    case 'callers':
    case 'callees':
    case 'trace':
    case 'points':
      return nArgs > 0 ? [] : namesIn(context, current, 'functions')
    case 'history':
      return nArgs > 0 ? [] : [...await namesIn(context, current, 'functions'), FILES]
    case 'modules':
    case 'diff':
    case 'hot':
    case 'cover':
      return nArgs > 0 ? [] : namesIn(context, current, 'modules')
    case 'profile':
      return nArgs > 0 ? [] : ['cpu', 'heap']
    case 'plan':
      if (nArgs === 0) return PLAN_ACTIONS
      return nArgs > 1 ? [] : line.firstArg === 'store' ? [FILES] : plansOf(context)
    case 'rpc':
      return nArgs === 0 ? Object.entries(METHODS).map(([name, { summary }]) => `${name}\t${summary}`) : argumentsOf(line.firstArg ?? '')
    case 'start':
    case 'restart':
      return nArgs > 0 ? [] : [DIRECTORIES]
    case 'problems':
    case 'export':
      return nArgs > 0 ? [] : [FILES]
    case 'ast':
      return [FILES]
    case 'completion':
      return nArgs > 0 ? [] : SHELLS
    case 'help':
      return nArgs > 0 ? [] : commands()
    default:
      return []
  }
}

function argumentsOf(method: string): string[] {
  return Object.hasOwn(METHODS, method) ? Object.keys(METHODS[method as keyof typeof METHODS].args.shape).map((key) => `${key}=`) : []
}

/** Names that begin with `word`: modules, and where functions are wanted and a module is complete, its functions. */
function namesIn(context: Context, word: string, wanted: 'modules' | 'functions'): Promise<string[]> {
  return asked(context, async (connection) => {
    const modules = await modulesNamed(connection, word)
    const functions = wanted === 'functions' ? await functionsNamed(connection, word) : []
    return [...modules, ...functions].slice(0, MOST_NAMES)
  })
}

/** Values that only the daemon knows, by option. */
const OPTION_VALUES: Readonly<Record<string, (context: Context, word: string) => Promise<readonly string[]>>> = {
  '--thread': threadsOf, '--plan': plansOf, '--module': (context, word) => namesIn(context, word, 'modules'), '--mfa': (context, word) => namesIn(context, word, 'functions'),
  '--type': () => Promise.resolve(Object.keys(EVENT_TYPES)), '--node': nodesOf,
}

function plansOf(context: Context): Promise<string[]> {
  return asked(context, async (connection) => {
    const listed = await connection.call('list_instrumentation_plans', {})
    return listed.ok ? listed.value.plans.map(({ name }) => name) : []
  })
}

function nodesOf(context: Context): Promise<string[]> {
  return asked(context, async (connection) => {
    const listed = await connection.call('list_nodes', {})
    return listed.ok ? [...new Set(listed.value.nodes.map(({ node }) => node))].sort() : []
  })
}

/** What `profile` knows: main, and each thread and pool of the tree. */
function threadsOf(context: Context): Promise<string[]> {
  return asked(context, async (connection) => {
    const tree = await connection.call('supervision_tree', {})
    return tree.ok ? ['main', ...threadsUnder(tree.value)] : []
  })
}

function threadsUnder(node: TreeNode): string[] {
  return [...(node.kind === 'thread' || node.kind === 'pool' ? [node.name] : []), ...node.children.flatMap(threadsUnder)]
}

/** Nothing where no daemon answers. */
async function asked(context: Context, ask: (connection: Connection) => Promise<string[]>): Promise<string[]> {
  const project = context.ports.findProject(context.project)
  if (!project.ok) return []
  const connected = await context.ports.connect(project.value.root)
  if (!connected.ok) return []
  try {
    return await ask(connected.value)
  } finally {
    await connected.value.close()
  }
}

async function modulesNamed(connection: Connection, word: string): Promise<string[]> {
  const names: string[] = []
  await eachPage(connection, 'list_modules', { prefix: word, limit: MOST_NAMES }, (page) => {
    names.push(...page.value.modules.map((row) => row.module_name))
    return 'enough'
  })
  return names
}

async function functionsNamed(connection: Connection, word: string): Promise<string[]> {
  const typed = word.replace(/\/\d*$/, '')
  const module = parseMfa(`${typed}/0`)?.module ?? (typed.endsWith('.') ? typed.slice(0, -1) : undefined)
  if (module === undefined) return []
  const names: string[] = []
  await eachPage(connection, 'get_functions_for_module', { module_name: module }, (page) => {
    names.push(...page.value.functions.map((row) => row.mfa).filter((mfa) => mfa.startsWith(word)))
    return names.length < MOST_NAMES ? 'more' : 'enough'
  })
  return names
}
