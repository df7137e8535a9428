# shellcheck shell=bash  # sourced
# How far a long command is, as one line that moves; on no terminal, a line every half a minute.

# cargo_progress LABEL LOG COMMAND…: runs a cargo command. What it prints goes to LOG, how many of its units are built is
# shown after LABEL. Gives the command's own exit code.
cargo_progress() {
    local label=$1 log=$2 shown_at=$SECONDS chunk done_of start=$SECONDS code
    shift 2
    : > "$log"
    # cargo ends each state of its bar (`Building [==> ] 12/180: syn`) with a carriage return, and a message with a newline.
    CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=100 CARGO_TERM_COLOR=never "$@" 2>&1 | {
        while IFS= read -r -d $'\r' chunk || [ -n "$chunk" ]; do
            [[ $chunk != *$'\n'* ]] || printf '%s\n' "${chunk%$'\n'*}" >> "$log"
            [[ ${chunk##*$'\n'} =~ \]\ ([0-9]+/[0-9]+) ]] || continue
            done_of=${BASH_REMATCH[1]}
            if [ -t 1 ]; then
                printf '\r\033[K%s: %s, %d s' "$label" "$done_of" $((SECONDS - start))
            elif [ $((SECONDS - shown_at)) -ge 30 ]; then
                printf '%s: %s, %d s\n' "$label" "$done_of" $((SECONDS - start))
                shown_at=$SECONDS
            fi
        done
        [ ! -t 1 ] || printf '\r\033[K'
    }
    code=${PIPESTATUS[0]}
    return "$code"
}
