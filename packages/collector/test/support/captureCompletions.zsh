# Prints the completions that an interactive zsh offers for each line, as <completion>, and <end> after each line.
# Usage: zsh -f captureCompletions.zsh SCRIPT LINE…, in a folder for temporary files.
zmodload zsh/zpty
cat > setup.zsh <<END
unsetopt prompt_cr prompt_sp
PROMPT=
autoload -Uz compinit && compinit -D -u
source ${(q)1}
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
end-of-completions() { print -r -- '<end>'; comppostfuncs=(end-of-completions) }
comppostfuncs=(end-of-completions)
compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then builtin compadd "\$@"; return; fi
  local -a hits
  builtin compadd -A hits "\$@"
  (( \$#hits )) && print -rl -- '' "<\${(@)^hits}>"
  builtin compadd "\$@"
}
print ready
END
zpty shell zsh -f -i
zpty -w shell 'source setup.zsh'
while zpty -r shell output && [[ $output != ready* ]]; do :; done
for line in "${@[2,-1]}"; do
  # ^U clears the line.
  zpty -w -n shell $'\x15'$line$'\t'
  while zpty -r shell output; do
    print -r -- $output
    [[ $output == *'<end>'* ]] && break
  done
done
zpty -d shell
