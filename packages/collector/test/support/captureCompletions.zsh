# Prints each completion that an interactive zsh offers for a line, as <completion>.
# Usage: zsh -f captureCompletions.zsh SCRIPT LINE, in a folder for temporary files.
zmodload zsh/zpty
cat > setup.zsh <<END
unsetopt prompt_cr prompt_sp
PROMPT=
autoload -Uz compinit && compinit -C -d compdump
source ${(q)1}
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
end-of-completions() { print -r -- '<end>' }
comppostfuncs=(end-of-completions exit)
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
zpty -w shell "source setup.zsh"
while zpty -r shell line; do [[ $line == ready* ]] && break; done
zpty -w -n shell "$2"$'\t'
while zpty -r shell line; do
  [[ $line == *'<end>'* ]] && break
  print -r -- $line
done
zpty -d shell
