/**
 * The command line as commander sees it: names, arguments, options and help, each bound to its command in `commands/`.
 * `runCli` never throws and never exits: it answers with the exit code.
 */

import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { failure } from '../base/failure.ts'
import { nearestName } from '../wire/nearest-name.ts'
import { ast } from './commands/ast.ts'
import { complete, type OptionWords, type ProgramWords } from './commands/completion.ts'
import { completionScript, SHELLS, type Shell } from './commands/completion-scripts.ts'
import { importNow, restart, start, status, stop, type StartArgs } from './commands/daemon.ts'
import { exportData } from './commands/export.ts'
import { watch } from './commands/watch.ts'
import { tree, watchTree } from './commands/tree.ts'
import { diff, history } from './commands/history.ts'
import { callees, callers, memory, modules, problems, show, stats } from './commands/lookup.ts'
import { profile } from './commands/profile.ts'
import { rpc } from './commands/rpc.ts'
import { repair, verify } from './commands/verify.ts'
import { makeContext, report, type Action, type Context, type GlobalOptions } from './context.ts'
import { EXIT, EXIT_CODES_TEXT, type ExitCode } from './exit.ts'
import { pagingOf, paged, positive, seconds, type PageFlags } from './options.ts'
import type { CliPorts } from './ports.ts'
import { addRuntimeCommands } from './runtime-program.ts'

const IDS = ['--ids', 'the ids of syntax nodes too, however wide the table becomes'] as const

type StartFlags = { foreground?: boolean; config?: string; profile?: string; set?: Record<string, string> }
type IdFlags = { ids?: boolean }

/** Runs one command line (without the program's own name) and answers with its exit code. */
export async function runCli(argv: readonly string[], ports: CliPorts): Promise<ExitCode> {
  // Alone the command introduces itself; that is no mistake.
  const words = argv.length === 0 ? ['--help'] : [...argv]
  const chosen: { action: Action | undefined } = { action: undefined }
  const program = buildProgram(ports, (action) => {
    chosen.action = action
  })
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return EXIT.ok
    if (argv.includes('--json')) {
      report(makeContext(ports, { json: true }), failure('invalid_argument', error.message.replace(/^error: /, ''), { hint: 'see --help' }))
    }
    return EXIT.usage
  }
  return chosen.action === undefined ? EXIT.ok : chosen.action(makeContext(ports, program.opts<GlobalOptions>()))
}

/** `choose` hears what to run; nothing runs while the command line is read. */
function buildProgram(ports: CliPorts, choose: (action: Action) => void): Command {
  const program = new Command('elixir-scope')
    .description('Knows an Elixir project as it is written and as it runs: modules, functions, calls, syntax, events.')
    .version(ports.version, '--version')
    .option('--project <path>', 'the project; without it, the one around the working directory')
    .option('--wait', 'answer when every change saved before is in')
    .option('--json', 'print one JSON value to standard output and nothing else')
    .option('--no-color', 'no colours (NO_COLOR does the same)')
    .helpCommand(false)
    .showHelpAfterError('(--help shows how to use it)')
    .configureHelp({ showGlobalOptions: true, helpWidth: ports.stdout.isTTY ? Math.max(60, ports.stdout.columns) : 100 })
    .addHelpText('after', `\n${EXIT_CODES_TEXT}`)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => ports.stdout.write(text),
      writeErr: (text) => ports.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
  addDaemonCommands(program.commandsGroup('The daemon:'), choose)
  addLookupCommands(program.commandsGroup('The code as it is written:'), choose)
  addRuntimeCommands(program.commandsGroup('The code as it runs:'), choose)
  addOtherCommands(program.commandsGroup('More:'), choose)
  return program
}

function addDaemonCommands(program: Command, choose: (action: Action) => void): void {
  for (const [name, run, summary] of [
    ['start', start, 'start the daemon of a project, import it and show what was found'],
    ['restart', restart, 'stop the daemon and start it again'],
  ] as const) {
    program.command(name).description(summary)
      .argument('[path]', 'the project; without it, --project or the one around the working directory')
      .option('--foreground', 'stay in this terminal; Ctrl-C stops the daemon')
      .option('--config <file>', 'configuration in place of elixir_scope.json of the project')
      .option('--profile <name>', 'development, test, production or chaos')
      .option('--set <key=value>', 'a configuration key, e.g. http.port=4040; repeatable', keyValue)
      .action((path: string | undefined, flags: StartFlags) => choose((context) => run(context, startArgs(path, flags))))
  }
  program.command('stop').description('stop the daemon').action(() => choose(stop))
  program.command('status').description('the daemon and its services; fails when one is unhealthy')
    .option('--all', 'every daemon of this user')
    .action((flags: { all?: boolean }) => choose((context) => status(context, flags.all === true ? 'all' : 'project')))
  program.command('import').description('bring the daemon in step with the files')
    .option('--force', 'parse unchanged files too')
    .action((flags: { force?: boolean }) => choose((context) => importNow(context, { force: flags.force === true })))
  for (const [name, run, summary] of [
    ['verify', verify, 'build the facts anew from the files and compare everything; fails when anything differs'],
    ['repair', repair, 'verify, mend what differs, and verify again'],
  ] as const) {
    program.command(name).description(summary)
      .option('--limit <n>', 'differences that are shown', positive, 100)
      .action((flags: { limit: number }) => choose((context) => run(context, flags.limit)))
  }
  program.command('watch').description('what changes in the project, as it comes in').action(() => choose(watch))
  program.command('tree').description('the supervision tree, live')
    .option('--watch', 'keep it on screen until Ctrl-C; with --json a line each time')
    .addOption(new Option('--interval <seconds>', 'how often --watch looks').default(1).argParser(seconds))
    .action((flags: { watch?: boolean; interval: number }) =>
      choose((context) => flags.watch === true ? watchTree(context, flags.interval * 1000) : tree(context)))
}

function addLookupCommands(program: Command, choose: (action: Action) => void): void {
  paged(program.command('modules').description('modules by name'))
    .argument('[prefix]', 'only those whose name begins so')
    .addOption(new Option('--origin <origin>', 'where the facts are from').choices(['file', 'client', 'all']).default('all'))
    .action((prefix: string | undefined, flags: PageFlags & { origin: 'file' | 'client' | 'all' }) =>
      choose((context) => modules(context, prefix, flags.origin, pagingOf(context, flags))))
  program.command('show').description('a module, a function, a syntax node, or the modules of a file')
    .argument('<name>', 'MyApp.Cart, MyApp.Cart.add_item/2, a node id, or lib/cart.ex')
    .option(...IDS)
    .action((name: string, flags: IdFlags) => choose((context) => show(withIds(context, flags), name)))
  for (const [name, run, summary] of [
    ['callers', callers, 'who calls a function, over the whole project'],
    ['callees', callees, 'what a function calls'],
  ] as const) {
    paged(program.command(name).description(summary))
      .argument('<mfa>', 'e.g. MyApp.Cart.add_item/2')
      .option(...IDS)
      .action((mfa: string, flags: PageFlags & IdFlags) => choose((context) => run(withIds(context, flags), mfa, pagingOf(context, flags))))
  }
  program.command('history').description('the versions of a module, function or file that are kept, and when it changed')
    .argument('<name>', 'MyApp.Cart, MyApp.Cart.add_item/2 or lib/cart.ex')
    .action((name: string) => choose((context) => history(context, name)))
  program.command('diff').description('what changed in a module between two versions of its file')
    .argument('<module>', 'e.g. MyApp.Cart')
    .option('--from <version>', 'as `history` numbers them; without it, the one before --to', positive)
    .option('--to <version>', 'without it, the newest', positive)
    .action((name: string, flags: { from?: number; to?: number }) => choose((context) => diff(context, name, { from: flags.from, to: flags.to })))
  paged(program.command('problems').description("what is wrong in the project's files"))
    .argument('[file]', 'of one file only')
    .action((file: string | undefined, flags: PageFlags) => choose((context) => problems(context, file, pagingOf(context, flags))))
  program.command('stats').description('counts and sizes of the repository')
    .option('--tables', 'sizes of the tables too; reads the whole database')
    .option('--memory', 'where memory is instead, and whether it keeps to its limits')
    .action((flags: { tables?: boolean; memory?: boolean }) => choose((context) =>
      flags.memory === true ? memory(context) : stats(context, flags.tables === true ? 'tables' : 'counts')))
}

function addOtherCommands(program: Command, choose: (action: Action) => void): void {
  program.command('ast').description('the quoted form of a file; needs no daemon')
    .argument('<files...>', 'files; - is source text on standard input, with --digest a list of paths')
    .option('--digest', 'one line a file: path, hash of the structure, hash with positions')
    .action((files: string[], flags: { digest?: boolean }) => choose((context) => ast(context, files, flags.digest === true ? 'digest' : 'quoted')))
  program.command('rpc').description('call any method of the daemon; without one, list them')
    .argument('[method]', 'see docs/RPC.md')
    .argument('[args...]', 'one JSON object, or key=value …')
    .action((method: string | undefined, args: string[]) => choose((context) => rpc(context, method, args)))
  program.command('profile').description("a CPU profile or a heap snapshot of one of the daemon's threads, to a file; Ctrl-C cancels")
    .addArgument(new Argument('[kind]').choices(['cpu', 'heap']).default('cpu'))
    .option('--thread <name>', 'main, repository, gateway, … as in `tree`; a pool for one of its threads', 'main')
    .option('--seconds <n>', 'of a CPU profile, up to 60', profileSeconds, 5)
    .option('--out <file>', 'where it goes; otherwise into `profiles` of the state directory, which keeps the newest ten')
    .action((kind: 'cpu' | 'heap', flags: { thread: string; seconds: number; out?: string }) =>
      choose((context) => profile(context, { kind, thread: flags.thread, seconds: flags.seconds, out: flags.out })))
  program.command('export').description('everything the daemon knows, as lines of JSON')
    .argument('[file]', 'standard output without it')
    .action((file: string | undefined) => choose((context) => exportData(context, file)))
  program.command('completion').description('a completion script for a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action((shell: Shell) => choose((context) => {
      context.ports.stdout.write(`${completionScript(shell)}\n`)
      return Promise.resolve(EXIT.ok)
    }))
  // commander's own answers a mistyped name with the help of everything.
  program.command('help').description('how to use a command').argument('[command]')
    .action((name: string | undefined) => {
      const meant = name === undefined ? program : program.commands.find((command) => command.name() === name)
      if (meant !== undefined) meant.help()
      const near = nearestName(name ?? '', program.commands.map((command) => command.name()))
      program.error(`error: unknown command '${name}'${near === undefined ? '' : `\n(Did you mean ${near}?)`}`)
    })
  program.command('__complete', { hidden: true }).argument('[words...]').action((words: string[]) =>
    choose((context) => complete(context, programWords(program), words)))
}

/** Tables hold everything where nothing limits their width. */
function withIds(context: Context, flags: IdFlags): Context {
  return flags.ids === true ? { ...context, view: { ...context.view, width: Infinity } } : context
}

function startArgs(path: string | undefined, flags: StartFlags): StartArgs {
  const profile: Record<string, string> = flags.profile === undefined ? {} : { profile: flags.profile }
  return {
    path,
    mode: flags.foreground === true ? 'foreground' : 'background',
    configPath: flags.config,
    flags: { ...flags.set, ...profile },
  }
}

function profileSeconds(text: string): number {
  const value = Number(text)
  if (!(value >= 0.1 && value <= 60)) throw new InvalidArgumentError('It must be a number from 0.1 to 60.')
  return value
}

function keyValue(text: string, before: Record<string, string> | undefined): Record<string, string> {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('It must be KEY=VALUE.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

function programWords(program: Command): ProgramWords {
  return {
    commands: program.commands.filter((command) => !command.name().startsWith('_')).map((command) => ({
      name: command.name(), summary: command.description(), options: command.options.flatMap(optionWords),
    })),
    options: [...program.options.flatMap(optionWords), { name: '--help', takesValue: false, choices: [] }],
  }
}

function optionWords({ long, required, argChoices }: Option): OptionWords[] {
  return long === undefined || long === null ? [] : [{ name: long, takesValue: required, choices: argChoices ?? [] }]
}
