#compdef ptycho
# Completion of ptycho for zsh: save it as _ptycho in a folder of fpath, or source it after compinit.
_ptycho() {
    local line name about kind=
    local -a found
    while IFS= read -r line; do
        case $line in
            (:files) kind=files ;;
            (:folders) kind=folders ;;
            (*)
                name=${line%%$'\t'*}
                about=${line#*$'\t'}
                if [[ $name == $line ]]; then found+=("${name//:/\\:}"); else found+=("${name//:/\\:}:$about"); fi ;;
        esac
    done < <("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( $#found )); then _describe ptycho found; fi
    case $kind in
        (files) _files ;;
        (folders) _files -/ ;;
    esac
}
if [[ ${funcstack[1]-} == _ptycho ]]; then _ptycho "$@"; else compdef _ptycho ptycho; fi
