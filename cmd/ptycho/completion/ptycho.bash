# Completion of ptycho for bash: source <(ptycho completion bash)
_ptycho() {
    local cur=${COMP_WORDS[COMP_CWORD]} line kind=
    COMPREPLY=()
    [ "$cur" = "=" ] && cur=
    while IFS= read -r line; do
        case $line in
            :files) kind=-f ;;
            :folders) kind=-d ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    if [ -n "$kind" ]; then
        local IFS=$'\n'
        COMPREPLY+=($(compgen "$kind" -- "$cur"))
        compopt -o filenames 2>/dev/null
    fi
    case ${COMPREPLY[0]-} in
        *=|*.) [ ${#COMPREPLY[@]} -eq 1 ] && compopt -o nospace 2>/dev/null ;;
    esac
    return 0
}
complete -F _ptycho ptycho
