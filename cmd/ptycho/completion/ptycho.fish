# Completion of ptycho for fish: save it as ~/.config/fish/completions/ptycho.fish
function __ptycho_complete
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] "$cur" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path "$cur"
            case ':folders'
                __fish_complete_directories "$cur"
            case '*'
                echo $line
        end
    end
end
complete -c ptycho -f -a '(__ptycho_complete)'
