/**
 * The scripts that `completion` prints. Each hands the words up to the cursor to the hidden command `__complete` and
 * shows what it answers, one candidate a line, a description after a tab; `:files` and `:directories` are left to the
 * shell. What can be completed is known by `completion.ts` alone, so that a script never grows old.
 */

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell]
}

const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# bash completion for elixir-scope: elixir-scope completion bash > ~/.local/share/bash-completion/completions/elixir-scope
_elixir_scope_paths() {
  local path
  compopt -o filenames 2>/dev/null
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$2")
}
_elixir_scope() {
  local word=\${COMP_WORDS[COMP_CWORD]} line
  [ "$word" != = ] || word=
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) _elixir_scope_paths -f "$word" ;;
      :directories) _elixir_scope_paths -d "$word" ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("\${COMP_WORDS[0]/#\\~/$HOME}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _elixir_scope elixir-scope`,
  zsh: `#compdef elixir-scope
# zsh completion for elixir-scope: put this file as _elixir-scope into a directory of $fpath
_elixir_scope() {
  local line
  local -a names described
  for line in "\${(@f)$("\${words[1]/#\\~/$HOME}" __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $line in
      '') ;;
      :files) _files ;;
      :directories) _files -/ ;;
      *$'\\t'*) described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
      *) names+=("$line") ;;
    esac
  done
  (( $#described )) && _describe 'command' described
  (( $#names )) && compadd -a names
}
if [ "$funcstack[1]" = _elixir-scope ]; then _elixir_scope "$@"; else compdef _elixir_scope elixir-scope; fi`,
  fish: `# fish completion for elixir-scope: elixir-scope completion fish > ~/.config/fish/completions/elixir-scope.fish
function __elixir_scope_complete
  set -l words (commandline -opc)
  set -l word (commandline -ct)
  set -l before $words[2..-1]
  for line in (elixir-scope __complete -- $before "$word" 2>/dev/null)
    switch $line
      case :files
        __fish_complete_path "$word"
      case :directories
        __fish_complete_directories "$word"
      case '*'
        echo $line
    end
  end
end
complete -c elixir-scope -f -a '(__elixir_scope_complete)'`,
}
