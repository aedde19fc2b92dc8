# Completion of gmsa-doctor for bash, version 4 or later. In ~/.bashrc:  source <(gmsa-doctor completion bash)
_gmsa_doctor() {
    local kind='' found word rest
    COMPREPLY=()
    # bash replaces what stands behind the last of its word breaks only (as in --cluster=demo), and gets no more.
    word=${COMP_LINE:0:COMP_POINT}
    word=${word##*[[:space:]]}
    word=${word#[\"\']}
    rest=${word##*["$COMP_WORDBREAKS"]}
    while IFS= read -r found; do
        if [[ -z $kind ]]; then kind=$found; else COMPREPLY+=("${found:${#word}-${#rest}}"); fi
    done < <("$1" completion bash -- "${COMP_LINE:0:COMP_POINT}" 2>/dev/null </dev/null)
    if [[ $kind == files ]]; then
        compopt -o default
    elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi
}
complete -F _gmsa_doctor gmsa-doctor
