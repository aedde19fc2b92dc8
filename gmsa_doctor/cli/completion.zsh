#compdef gmsa-doctor
# Completion of gmsa-doctor for zsh. In ~/.zshrc, after compinit:  source <(gmsa-doctor completion zsh)
_gmsa_doctor() {
    local -a lines
    lines=("${(@f)$("${words[1]}" completion zsh -- "${(@Q)words[2,CURRENT]}" 2>/dev/null </dev/null)}")
    if [[ ${lines[1]} == files ]]; then
        compset -P '*='
        _files
        return
    fi
    shift lines
    (( ${#lines} )) || return 1
    if [[ ${#lines} -eq 1 && ${lines[1]%%:*} == *= ]]; then
        _describe gmsa-doctor lines -S ''
    else
        _describe gmsa-doctor lines
    fi
}
# Put into a directory of fpath as _gmsa-doctor, this file is the function itself.
if [[ ${funcstack[1]-} == _gmsa-doctor ]]; then
    _gmsa_doctor "$@"
else
    compdef _gmsa_doctor gmsa-doctor
fi
