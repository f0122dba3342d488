/** The shells' side: they ask `gantry __complete` for the candidates of the last word. */

/**
 * bash splits words at `=` and `:`; with the bash-completion library they are joined again, and what was typed before
 * the last colon is taken off the candidates, since bash replaces only what follows it.
 */
const bash = `# bash completion for gantry
_gantry() {
  local cur words cword prev IFS=$'\\n'
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n '=:' cur words cword
  else
    words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD cur=\${COMP_WORDS[COMP_CWORD]}
  fi
  local lines line
  lines=$("\${words[0]}" __complete -- "\${words[@]:1:cword}" 2>/dev/null)
  COMPREPLY=()
  for line in $lines; do
    COMPREPLY+=("$(printf '%q' "\${line%%$'\\t'*}")")
  done
  if [[ $cur == --*=* ]]; then
    COMPREPLY=("\${COMPREPLY[@]#"\${cur%%=*}="}")
  fi
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}
complete -F _gantry gantry
`;

const zsh = `#compdef gantry
_gantry() {
  local -a lines values shown
  local line value
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    [[ -n $line ]] || continue
    value=\${line%%$'\\t'*}
    values+=("$value")
    if [[ $line == *$'\\t'* ]]; then shown+=("$value  -- \${line#*$'\\t'}"); else shown+=("$value"); fi
  done
  (( \${#values} )) || return 1
  compadd -l -d shown -- $values
}
if [[ \${funcstack[1]} == _gantry ]]; then _gantry "$@"; else compdef _gantry gantry; fi
`;

const fish = `# fish completion for gantry
function __gantry_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c gantry -f -a '(__gantry_complete)'
`;

export const shells = { bash, zsh, fish } as const;
export type Shell = keyof typeof shells;

/** Where each shell looks by itself: for everyone, and for one user. */
export const places: Readonly<Record<Shell, { system: string; user: (home: string) => string }>> = {
  bash: {
    system: '/usr/share/bash-completion/completions/gantry',
    user: (home) => `${home}/.local/share/bash-completion/completions/gantry`,
  },
  zsh: {
    system: '/usr/share/zsh/vendor-completions/_gantry',
    user: (home) => `${home}/.local/share/zsh/site-functions/_gantry`,
  },
  fish: {
    system: '/usr/share/fish/vendor_completions.d/gantry.fish',
    user: (home) => `${home}/.config/fish/completions/gantry.fish`,
  },
};
