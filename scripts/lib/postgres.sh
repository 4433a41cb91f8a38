# shellcheck shell=bash
# Sourced by the scripts, after say.sh: a PostgreSQL of our own, in a temporary directory, for as long as a script runs.
# It listens on a Unix socket in that directory and nowhere else, and root and its own user alone can reach it.

POSTGRES_DIR=
POSTGRES_PID=
POSTGRES_BIN=

# The programs of the newest PostgreSQL on this machine, in POSTGRES_BIN; Debian's before any other. Fails if none.
find_postgres() {
    local candidate
    while read -r candidate; do
        if [[ -x $candidate/initdb && -x $candidate/postgres ]]; then
            POSTGRES_BIN=$candidate
            return 0
        fi
    done < <(_postgres_candidates)
    return 1
}

_postgres_candidates() {
    printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV
    pg_config --bindir 2>/dev/null || true
    dirname -- "$(command -v initdb || true)"
}

# What the tests leave behind need not outlive them, so nothing has to reach the disk.
_FOR_TESTS=(-c fsync=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=64MB)
# What is measured must be as durable as where it is used, on a server with memory enough for what it holds.
_FOR_MEASURING=(-c fsync=on -c full_page_writes=on -c synchronous_commit=on -c max_connections=60
    -c shared_buffers=1GB -c wal_buffers=64MB -c max_wal_size=8GB -c min_wal_size=1GB
    -c checkpoint_timeout=15min -c checkpoint_completion_target=0.9 -c jit=off)

# start_postgres [durable]: the server is up when this returns; its address is in POSTGRES_URL. Call stop_postgres on
# exit. Only a durable one keeps what was committed when the machine fails.
start_postgres() {
    local settings=("${_FOR_TESTS[@]}")
    [[ ${1:-} != durable ]] || settings=("${_FOR_MEASURING[@]}")
    unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS
    # /tmp and not TMPDIR: a socket's path may have 107 octets at most.
    POSTGRES_DIR=$(mktemp -d /tmp/icafe-postgres.XXXXXX)
    ((EUID != 0)) || chown "$(_postgres_user):" "$POSTGRES_DIR"
    during "making a PostgreSQL in $POSTGRES_DIR" _as_postgres "$POSTGRES_BIN/initdb" --pgdata="$POSTGRES_DIR/data" \
        --username=icafe --auth=trust --encoding=UTF8 --no-locale --no-sync || return 1
    # In a process group of its own (set -m), so that Ctrl-C ends the tests first, which still need it to clean up.
    set -m
    _exec_as_postgres "$POSTGRES_BIN/postgres" -D "$POSTGRES_DIR/data" -k "$POSTGRES_DIR" -c listen_addresses= \
        "${settings[@]}" >"$POSTGRES_DIR/log" 2>&1 </dev/null &
    set +m
    POSTGRES_PID=$!
    _await_postgres || return 1
    # shellcheck disable=SC2034  # for the script that sources this
    POSTGRES_URL="postgresql://icafe@/postgres?host=$POSTGRES_DIR"
}

stop_postgres() {
    if [[ -n $POSTGRES_PID ]]; then
        # SIGINT: disconnect everyone and end (PostgreSQL's "fast" shutdown).
        kill -INT "$POSTGRES_PID" 2>/dev/null || true
        wait "$POSTGRES_PID" 2>/dev/null || true
        POSTGRES_PID=
    fi
    [[ -z $POSTGRES_DIR ]] || rm -rf "$POSTGRES_DIR"
    POSTGRES_DIR=
}

_await_postgres() {
    local tries
    for ((tries = 0; tries < 150; tries++)); do
        ! "$POSTGRES_BIN/pg_isready" -q -h "$POSTGRES_DIR" -d postgres || return 0
        kill -0 "$POSTGRES_PID" 2>/dev/null || break
        sleep 0.2
    done
    say "PostgreSQL did not start; its last words:"
    tail -n 20 "$POSTGRES_DIR/log" >&2
    return 1
}

# initdb and postgres refuse to run as root.
_postgres_user() { if id postgres >/dev/null 2>&1; then echo postgres; else echo nobody; fi; }

_as_postgres() { (_exec_as_postgres "$@"); }

# Replaces the (sub)shell, so that the process in the background is the server itself; it ends with its parent.
_exec_as_postgres() {
    cd /
    if ((EUID == 0)); then
        local user
        user=$(_postgres_user)
        exec setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups --pdeathsig=INT "$@"
    fi
    exec setpriv --pdeathsig=INT "$@"
}
