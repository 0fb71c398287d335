# fish completion for openlearn
function __openlearn_complete
    set -l words (commandline -opc)
    set -l cur (commandline -ct)
    set -l before (string match -r -- '^-[^=]*=' $cur)
    for line in ($words[1] __complete fish $words[2..-1] "$cur" 2>/dev/null)
        switch $line
            case :files
                for name in (__fish_complete_path (string replace -r -- '^-[^=]*=' '' "$cur"))
                    echo "$before$name"
                end
            case :dirs
                for name in (__fish_complete_directories (string replace -r -- '^-[^=]*=' '' "$cur"))
                    echo "$before$name"
                end
            case '*'
                echo $line
        end
    end
end
complete -c openlearn -f -a '(__openlearn_complete)'
