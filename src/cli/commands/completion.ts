/**
 * completion: scripts for bash, zsh and fish that complete subcommands and options, and the names of modules and
 * functions by asking the daemon through the hidden command `__complete`. Without a daemon they complete nothing more.
 */

import { parseMfa } from '../../model/names.ts'
import type { Context } from '../context.ts'
import { EXIT, type ExitCode } from '../exit.ts'
import { eachPage } from '../pages.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export type CommandWords = { readonly name: string; readonly summary: string; readonly options: readonly string[] }

/** Commands whose arguments are names of modules or functions. */
const NAMED = ['show', 'callers', 'callees', 'modules']
const MOST_NAMES = 200

export function completionScript(shell: Shell, commands: readonly CommandWords[]): string {
  switch (shell) {
    case 'bash':
      return bash(commands)
    case 'zsh':
      return zsh(commands)
    case 'fish':
      return fish(commands)
  }
}

/** Prints the names that begin with `word`: modules, and once a module is complete, its functions. */
export async function completeName(context: Context, word: string): Promise<ExitCode> {
  const project = context.ports.findProject(context.project)
  if (!project.ok) return EXIT.ok
  const connected = await context.ports.connect(project.value.root)
  if (!connected.ok) return EXIT.ok
  const names: string[] = []
  try {
    const typed = word.replace(/\/\d*$/, '')
    const module = parseMfa(`${typed}/0`)?.module ?? (typed.endsWith('.') ? typed.slice(0, -1) : undefined)
    await eachPage(connected.value, 'list_modules', { prefix: word, limit: MOST_NAMES }, (page) => {
      names.push(...page.value.modules.map((row) => row.module_name))
      return 'enough'
    })
    if (module !== undefined) {
      await eachPage(connected.value, 'get_functions_for_module', { module_name: module }, (page) => {
        names.push(...page.value.functions.map((row) => row.mfa).filter((mfa) => mfa.startsWith(word)))
        return names.length < MOST_NAMES ? 'more' : 'enough'
      })
    }
  } finally {
    await connected.value.close()
  }
  if (names.length > 0) context.ports.stdout.write(`${names.slice(0, MOST_NAMES).join('\n')}\n`)
  return EXIT.ok
}

function bash(commands: readonly CommandWords[]): string {
  return `# bash completion for elixir-scope: elixir-scope completion bash > ~/.local/share/bash-completion/completions/elixir-scope
_elixir_scope() {
  local word=\${COMP_WORDS[COMP_CWORD]} command= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      --project) ((i++)) ;;
      -*) ;;
      *) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  case $command in
    '') COMPREPLY=($(compgen -W '${commands.map((one) => one.name).join(' ')} --json --project --no-color --help --version' -- "$word")) ;;
${commands.map((one) => `    ${one.name}) ${bashReply(one)} ;;`).join('\n')}
  esac
}
complete -o default -F _elixir_scope elixir-scope`
}

function bashReply({ name, options }: CommandWords): string {
  const names = NAMED.includes(name) ? '$(elixir-scope __complete "$word" 2>/dev/null) ' : ''
  return `COMPREPLY=($(compgen -W "${names}${options.join(' ')}" -- "$word"))`
}

function zsh(commands: readonly CommandWords[]): string {
  return `#compdef elixir-scope
# zsh completion for elixir-scope: put this file as _elixir-scope into a directory of $fpath
_elixir_scope() {
  local -a commands names
  commands=(
${commands.map((one) => `    '${one.name}:${one.summary.replaceAll("'", "'\\''").replaceAll(':', '\\:')}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  case $words[2] in
${commands.map((one) => `    ${one.name}) ${zshReply(one)} ;;`).join('\n')}
  esac
}
_elixir_scope "$@"`
}

function zshReply({ name, options }: CommandWords): string {
  const flags = `compadd -- ${options.join(' ')}`
  return NAMED.includes(name) ? `names=(\${(f)"$(elixir-scope __complete "$words[CURRENT]" 2>/dev/null)"}); compadd -a names; ${flags}` : `${flags}; _files`
}

function fish(commands: readonly CommandWords[]): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  return [
    '# fish completion for elixir-scope: elixir-scope completion fish > ~/.config/fish/completions/elixir-scope.fish',
    ...commands.map((one) => `complete -c elixir-scope -n __fish_use_subcommand -f -a ${one.name} -d ${quoted(one.summary)}`),
    ...commands.flatMap((one) => one.options.map((option) =>
      `complete -c elixir-scope -n '__fish_seen_subcommand_from ${one.name}' -l ${option.replace(/^--/, '')}`)),
    `complete -c elixir-scope -n '__fish_seen_subcommand_from ${NAMED.join(' ')}' -f -a '(elixir-scope __complete (commandline -ct) 2>/dev/null)'`,
  ].join('\n')
}
