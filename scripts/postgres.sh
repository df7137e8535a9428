# shellcheck shell=bash disable=SC2034  # sourced; what it sets is used by its readers
# Sourced by the other scripts: which PostgreSQL, and how its programs are run.
# PG_CONFIG, else pg_config on the PATH, else the newest one that the distribution installed.

PG_SUPPORTED='14 15 16 17 18'

say() { printf '%s\n' "$*"; }
die() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Sets PG_CONFIG, PG_MAJOR and PG_BIN; fails quietly when there is no PostgreSQL at all.
find_postgres() {
    local found=${PG_CONFIG:-} version
    if [ -n "$found" ]; then
        [ -x "$found" ] || die "PG_CONFIG=$found is no program."
    else
        # Debian's /usr/bin/pg_config exists, and fails, on machines that have only half of the packages.
        found=$(command -v pg_config || true)
        if [ -z "$found" ] || ! "$found" --version > /dev/null 2>&1; then
            found=$(compgen -G '/usr/lib/postgresql/*/bin/pg_config' | sort -V | tail -n 1)
            [ -n "$found" ] || return 1
        fi
    fi
    version=$("$found" --version)
    PG_MAJOR=$(sed -E 's/^PostgreSQL ([0-9]+).*/\1/' <<< "$version")
    case " $PG_SUPPORTED " in
        *" $PG_MAJOR "*) ;;
        *) die "$found is of $version; voice_analytics supports PostgreSQL ${PG_SUPPORTED// /, }." \
            'Name another one: make PG_CONFIG=/path/to/pg_config …' ;;
    esac
    PG_BIN=$("$found" --bindir)
    PG_CONFIG=$found
    # The wrapper on the PATH answers for the newest headers installed; the program behind it keeps its answer.
    [ ! -x "$PG_BIN/pg_config" ] || PG_CONFIG=$PG_BIN/pg_config
    # pgrx reads this one and then needs no `cargo pgrx init`: ~/.pgrx stays as its owner left it.
    export PG_CONFIG PG_MAJOR PG_BIN PGRX_PG_CONFIG_PATH=$PG_CONFIG
}

# PostgreSQL refuses to run as root: as root its programs run as the user that Debian made for them.
if [ "$(id -u)" = 0 ]; then SERVER_USER=postgres; else SERVER_USER=$(id -un); fi

# In / because that user may not be allowed into this folder.
as_server_user() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u "$SERVER_USER" -- "$@"); else (cd / && "$@"); fi
}

# Runs a command as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        die "This needs root, and there is no sudo. Run as root: $*"
    fi
}
