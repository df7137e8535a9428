# shellcheck shell=bash
# Sourced by demo/run and demo/stop: the demo's throwaway server. Everything of it lies in one folder ($home), which
# only the server's user may enter, so its socket asks for no password. TCP is on the loopback only, with one.

. scripts/postgres.sh
note=target/demo/home # names $home

# A setting of the caller's own shell (PGOPTIONS, PGSERVICE, …) is meant for another server.
for variable in "${!PG@}"; do
    case $variable in PG_* | PGRX_*) ;; *) unset "$variable" ;; esac
done

# The key is known to this shell alone: not to the server's environment, nor to any program started here.
api_key=${OPENAI_API_KEY:-}
unset OPENAI_API_KEY MAKEFLAGS MAKEOVERRIDES MFLAGS # make repeats in them what stood on its command line

sql() { "$PG_BIN/psql" -X -q -v ON_ERROR_STOP=1 -h "$home" -p "$port" -U postgres -d voice "$@"; }
value() { sql -At -c "$1"; }

# The user's own file: mode 0600, written from standard input, so what is in it stands on no command line.
# shellcheck disable=SC2016 # $1 belongs to the inner shell
private_file() { as_server_user sh -c 'umask 077; cat > "$1"' sh "$1"; }

# Under target/, unless the server's user cannot get there (a clone in root's home) or a socket's path has no room.
choose_home() {
    mkdir -p target/demo
    home=$PWD/target/demo/server
    if [ ${#home} -gt 80 ] || ! as_server_user test -x "$PWD/target/demo" 2> /dev/null; then
        home=$(mktemp -d "${TMPDIR:-/tmp}/voice-demo-XXXXXX")
    fi
    printf '%s\n' "$home" > "$note"
    mkdir -p "$home"
    chmod 700 "$home"
    [ "$(id -u)" != 0 ] || chown "$SERVER_USER:" "$home"
}

choose_port() {
    for port in {54320..54399}; do
        # Nobody answers: free.
        (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || return 0
    done
    die 'No free port between 54320 and 54399 for the demo.'
}

start_server() {
    choose_home
    choose_port
    password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s\n' "$password" | private_file "$home/password"
    as_server_user "$PG_BIN/initdb" -D "$home/data" --no-sync --encoding=UTF8 --locale=C.UTF-8 --username=postgres \
        --auth-local=trust --auth-host=scram-sha-256 --pwfile="$home/password" > target/demo/initdb.log 2>&1 ||
        die "$(cat target/demo/initdb.log)" 'demo: initdb failed'
    {
        printf "%s = '%s'\n" \
            port "$port" listen_addresses 127.0.0.1 unix_socket_directories "$home" \
            shared_preload_libraries voice_analytics \
            fsync off timezone UTC
        if [ -n "${DESTDIR:-}" ]; then
            printf "%s = '%s'\n" extension_destdir "$DESTDIR" \
                dynamic_library_path "$DESTDIR$("$PG_CONFIG" --pkglibdir):\$libdir"
        fi
        llm_settings
    } | as_server_user tee -a "$home/data/postgresql.conf" > /dev/null
    as_server_user "$PG_BIN/pg_ctl" -D "$home/data" -l "$home/log" -w -t 60 start > /dev/null ||
        die "$(as_server_user tail -n 20 "$home/log")" 'demo: the server did not start'
    "$PG_BIN/psql" -X -q -h "$home" -p "$port" -U postgres -d postgres -c 'CREATE DATABASE voice'
}

# With an endpoint or a key given, the analyses are an LLM's. The key goes into a file that is removed with the server.
llm_settings() {
    [ -n "${LLM_URL:-}$api_key" ] || return 0
    printf "voice_analytics.%s = '%s'\n" analyzer openai
    [ -z "${LLM_URL:-}" ] || printf "voice_analytics.%s = '%s'\n" llm_url "${LLM_URL//\'/\'\'}"
    [ -z "${LLM_MODEL:-}" ] || printf "voice_analytics.%s = '%s'\n" llm_model "$LLM_MODEL"
    if [ -n "$api_key" ]; then
        printf '%s\n' "$api_key" | private_file "$home/llm-api-key"
        printf "voice_analytics.%s = '%s'\n" llm_api_key_file "$home/llm-api-key"
    fi
}

# Says nothing and does nothing when there is no server.
stop_server() {
    [ -e "$note" ] || return 0
    local home
    home=$(cat "$note")
    # Its postmaster.pid outlives it when the machine goes down.
    if as_server_user "$PG_BIN/pg_ctl" -D "$home/data" status > /dev/null 2>&1; then
        as_server_user "$PG_BIN/pg_ctl" -D "$home/data" -m fast -w stop > /dev/null ||
            die "demo: the server in $home does not stop"
    fi
    rm -rf "$home" target/demo
}
