/** The commands about the runtime as commander sees them, each bound to its command in `commands/`. */

import { Argument, Option, type Command } from 'commander'
import { attach, run, type AgentFlags, type AttachFlags } from './commands/agent.ts'
import { event, events, type EventFlags } from './commands/events.ts'
import { exportTrace } from './commands/export-trace.ts'
import { calls, messages, why, type CallsFlags, type MessagesFlags } from './commands/flows.ts'
import { cover, hot, points, trace, type By } from './commands/insights.ts'
import { kept, KEPT_ACTIONS, type KeptAction, type KeptFlags } from './commands/kept.ts'
import { nodes, plan, PLAN_ACTIONS, type PlanAction, type PlanFlags } from './commands/plans.ts'
import { record } from './commands/record.ts'
import { top } from './commands/top.ts'
import type { PlanWishes } from './capture-plan.ts'
import type { Action } from './context.ts'
import { age, paged, pagingOf, positive, repeated, seconds, span, upTo1000, type PageFlags } from './options.ts'
import { TRACE_FORMATS, type TraceFormat } from './trace-files.ts'
import type { WindowFlags } from './times.ts'

type Choose = (action: Action) => void

export function addRuntimeCommands(program: Command, choose: Choose): void {
  addWaysIn(program, choose)
  addEventCommands(program, choose)
  addInsightCommands(program, choose)
  addFlowCommands(program, choose)
  addCaptureCommands(program, choose)
}

function addWaysIn(program: Command, choose: Choose): void {
  wishes(program.command('run').description('run a program and record what it does; its exit code is the command\'s'))
    .option('--plan <name>', 'a stored plan instead')
    .argument('<program...>', 'after --, e.g. -- mix test')
    .action((words: string[], flags: AgentFlags) => choose((context) => run(context, words, flags)))
  wishes(program.command('attach').description('bring the agent into a node that runs, and take it away at Ctrl-C'))
    .argument('<node>', 'its whole name, e.g. shop@127.0.0.1')
    .option('--plan <name>', 'a stored plan instead')
    .option('--cookie-file <file>', 'holds the cookie of the node; without it, ~/.erlang.cookie')
    .option('--cookie-stdin', 'the cookie is the first line of standard input')
    .option('--duration <time>', 'for so long, e.g. 30s; without it, until Ctrl-C', span)
    .action((node: string, { duration, ...flags }: AttachFlags & { duration?: number }) => choose((context) => attach(context, node, { ...flags, ...(duration === undefined ? {} : { durationMs: duration }) })))
  wishes(program.command('record').description('record the project for a while on the nodes that are connected'))
    .addOption(new Option('--for <time>', 'e.g. 30s or 2m').default(10_000, '10s').argParser(span))
    .option('--node <node>', 'on this node only')
    .action(({ for: forMs, ...flags }: PlanWishes & { for: number; node?: string }) => choose((context) => record(context, { ...flags, forMs })))
}

function addEventCommands(program: Command, choose: Choose): void {
  windowed(program.command('events').description('what nodes told of, the newest last'))
    .option('--type <types>', 'e.g. call or exception,exit')
    .option('--module <module>', 'the module that was called')
    .option('--function <name>', 'its name, whatever its arity')
    .option('--mfa <mfa>', 'e.g. MyApp.Cart.add_item/2; without the arity, all of them')
    .option('--pid <pid>', 'e.g. 0.113.0')
    .option('--node <node>', 'the BEAM node')
    .option('--correlation <id>', 'one execution')
    .option('--at <node-id>', 'a place in the code, as `show` names it')
    .option('--slower-than <time>', 'ends of calls that took at least so long, e.g. 5ms')
    .option('--limit <n>', 'so many of the newest; 200 otherwise', positive)
    .option('--all', 'from the oldest on')
    .option('--cursor <cursor>', 'those before where a list was cut')
    .option('--follow', 'as they come in, until Ctrl-C')
    .option('--explain', 'how they were found, too')
    .action((flags: EventFlags) => choose((context) => events(context, flags)))
  program.command('event').description('one event in full')
    .argument('<id>', 'as `events` shows it')
    .action((id: string) => choose((context) => event(context, id)))
  windowed(program.command('export-trace').description('calls as a file for Perfetto or speedscope'))
    .addOption(new Option('--format <format>').choices(TRACE_FORMATS).default('chrome'))
    .option('--pid <pid>', 'of one process')
    .option('--node <node>', 'of one BEAM node')
    .option('--out <file>', 'standard output without it')
    .addOption(new Option('--limit <n>', 'at most so many events').default(200_000).argParser(positive))
    .action((flags: WindowFlags & { format: TraceFormat; pid?: string; node?: string; out?: string; limit: number }) => choose((context) => exportTrace(context, flags)))
}

function addInsightCommands(program: Command, choose: Choose): void {
  windowed(program.command('trace').description('what a function, module or node did when it ran'))
    .argument('<name>', 'MyApp.Cart.add_item/2, MyApp.Cart, or a node id')
    .action((name: string, flags: WindowFlags) => choose((context) => trace(context, name, flags)))
  windowed(program.command('hot').description('functions by the time spent in them'))
    .argument('[prefix]', 'of modules whose name begins so')
    .addOption(new Option('--by <what>').choices(['own', 'duration', 'calls', 'p95', 'exceptions']).default('own'))
    .addOption(new Option('--limit <n>', 'at most so many').default(20).argParser(upTo1000))
    .action((prefix: string | undefined, flags: WindowFlags & { by: By; limit: number }) => choose((context) => hot(context, prefix, flags)))
  windowed(program.command('cover').description('what was executed, what never, and what by no test'))
    .argument('[prefix]', 'of modules whose name begins so; then with the functions')
    .action((prefix: string | undefined, flags: WindowFlags) => choose((context) => cover(context, prefix, flags)))
  program.command('top').description('the functions and processes that are busy now, until Ctrl-C')
    .addOption(new Option('--interval <seconds>', 'how often it looks').default(2).argParser(seconds))
    .addOption(new Option('--window <time>', 'what it looks at: the last so long').default(5000, '5s').argParser(span))
    .addOption(new Option('--limit <n>', 'functions').default(15).argParser(upTo1000))
    .action((flags: { interval: number; window: number; limit: number }) => choose((context) => top(context, { everyMs: flags.interval * 1000, windowMs: flags.window, limit: flags.limit })))
}

function addFlowCommands(program: Command, choose: Choose): void {
  windowed(program.command('calls').description('what a process called, as a tree'))
    .argument('<pid>', 'e.g. 0.113.0')
    .option('--node <node>', 'the BEAM node')
    .option('--started <time>', 'when that node had started, where the pid was used again; without it, the latest')
    .option('--depth <n>', 'at most so deep', upTo1000)
    .option('--limit <n>', 'at most so many calls', positive)
    .action((pid: string, flags: CallsFlags) => choose((context) => calls(context, pid, flags)))
  windowed(program.command('messages').description('who sent to whom, and how long it waited'))
    .argument('[pid]', 'sent or received by this process')
    .option('--node <node>', 'the BEAM node')
    .option('--correlation <id>', 'of one execution')
    .addOption(new Option('--limit <n>', 'at most so many').default(100).argParser(upTo1000))
    .action((pid: string | undefined, flags: MessagesFlags) => choose((context) => messages(context, pid, flags)))
  program.command('why').description('what led to an event: its caller, the message, its sender, and so on')
    .argument('<event>', 'as `events` shows it')
    .addOption(new Option('--limit <n>', 'so many steps back').default(100).argParser(upTo1000))
    .action((id: string, { limit }: { limit: number }) => choose((context) => why(context, id, limit)))
}

function addCaptureCommands(program: Command, choose: Choose): void {
  program.command('nodes').description('the nodes that are or were connected, their plans, and where the daemon listens').action(() => choose(nodes))
  program.command('plan').description('what nodes are to trace: list, show, store, activate, deactivate or delete plans')
    .addArgument(new Argument('<action>').choices(PLAN_ACTIONS))
    .argument('[plan]', 'its name; for store, its file')
    .option('--name <name>', 'for store: the name to keep it under; otherwise that of the file')
    .option('--node <node>', 'for activate and deactivate: this node, not every one')
    .action((action: PlanAction, name: string | undefined, flags: PlanFlags) => choose((context) => plan(context, action, name, flags)))
  program.command('kept').description('the events that are kept: how many, since when; freeze, thaw or delete them')
    .addArgument(new Argument('[action]').choices(KEPT_ACTIONS).default('show'))
    .option('--older-than <time>', 'for freeze: not asked about for so long; for delete: of that age; e.g. 12h or 7d', age)
    .option('--keep <n>', 'for delete: the newest so many stay', positive)
    .option('--keep-bytes <n>', 'for delete: as many as take so much on disk', positive)
    .option('--yes', 'for clear: it is meant')
    .action((action: KeptAction, { olderThan, ...flags }: KeptFlags & { olderThan?: number }) =>
      choose((context) => kept(context, action, { ...flags, ...(olderThan === undefined ? {} : { olderThanMs: olderThan }) })))
  paged(program.command('points').description('where a module, function or node can be traced, and what is'))
    .argument('<name>', 'MyApp.Cart.add_item/2, MyApp.Cart, or a node id')
    .action((name: string, flags: PageFlags) => choose((context) => points(context, name, pagingOf(context, flags))))
}

function windowed(command: Command): Command {
  return command
    .option('--since <time>', '5m (ago), 08:57:11 (today, UTC), or ISO 8601')
    .option('--until <time>', 'before this')
}

function wishes(command: Command): Command {
  return command
    .option('--module <module>', 'this one, or MyApp.* for all below; repeatable; without it, the whole project', repeated)
    .option('--args', 'arguments too')
    .option('--results', 'results too')
    .option('--messages', 'sends and receives too')
    .option('--rate <n>', 'at most so many events a second; what is beyond is counted only', positive)
}
