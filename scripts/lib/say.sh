# shellcheck shell=bash
# Sourced by the scripts: what they say, and a display of progress for what takes long.

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "${0##*/}: $*"
    exit 1
}

# during PHASE COMMAND...: run COMMAND, its output kept back, and show that it goes on and for how long.
# On a terminal one line with the latest line of output; elsewhere a line now and then.
# Returns the status of COMMAND; when that is not 0, the end of its output is shown.
during() {
    local phase=$1 log status=0 traps
    shift
    log=$(mktemp)
    traps=$(trap -p INT TERM HUP)
    # In a process group of its own, so that stop_running reaches the children of COMMAND too.
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    set +m
    RUNNING=$!
    trap 'stop_running; rm -f "'"$log"'"; exit 130' INT
    trap 'stop_running; rm -f "'"$log"'"; exit 143' TERM HUP
    if [[ -t 2 ]]; then _watch_on_terminal "$phase" "$log"; else _watch_in_lines "$phase"; fi
    wait "$RUNNING" || status=$?
    RUNNING=
    trap - INT TERM HUP
    eval "$traps"
    _say_outcome "$status" "$phase" "$log"
    rm -f "$log"
    return "$status"
}

RUNNING=
stop_running() {
    [[ -n $RUNNING ]] || return 0
    kill -TERM -- "-$RUNNING" 2>/dev/null || true
    wait "$RUNNING" 2>/dev/null || true
    [[ ! -t 2 ]] || printf '\n' >&2
}

_watch_on_terminal() {
    local phase=$1 log=$2 from=$SECONDS turn="|/-\\" i=0 width latest
    width=$(tput cols 2>/dev/null || echo 80)
    while kill -0 "$RUNNING" 2>/dev/null; do
        latest=$(tail -n 1 "$log" | tr -d '\r' | tr -s '[:blank:]' ' ')
        printf '\r\033[K%.*s' $((width - 1)) "${turn:i++%4:1} $phase  $((SECONDS - from)) s  $latest" >&2
        sleep 0.2
    done
    printf '\r\033[K' >&2
    PHASE_SECONDS=$((SECONDS - from))
}

_watch_in_lines() {
    local phase=$1 from=$SECONDS next=15
    say "$phase ..."
    while kill -0 "$RUNNING" 2>/dev/null; do
        sleep 0.2
        if ((SECONDS - from >= next)); then
            say "$phase ... $((SECONDS - from)) s"
            next=$((next + 15))
        fi
    done
    PHASE_SECONDS=$((SECONDS - from))
}

_say_outcome() {
    local status=$1 phase=$2 log=$3
    if ((status == 0)); then
        say "$phase: done, $PHASE_SECONDS s"
    else
        say "$phase: FAILED after $PHASE_SECONDS s; the end of its output:"
        tail -n 30 "$log" | sed 's/^/    /' >&2
    fi
}
