# Completion of gmsa-doctor for fish. In ~/.config/fish/config.fish:  gmsa-doctor completion fish | source
function __gmsa_doctor_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] completion fish -- $words[2..] "$current" 2>/dev/null </dev/null)
    if test "$lines[1]" = files
        set -l path (string replace -r '^.*=' '' -- "$current")
        set -l before (string replace -r '[^=]*$' '' -- "$current")
        for found in (__fish_complete_path "$path")
            echo -- "$before$found"
        end
    else
        string join \n -- $lines[2..]
    end
end
complete -c gmsa-doctor -f -a '(__gmsa_doctor_complete)'
