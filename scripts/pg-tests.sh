#!/usr/bin/env bash
# pg-tests.sh [NAME | --prepare]: the #[pg_test]s of src/, inside backends of a server of their own, by cargo-pgrx. That
# installs what it builds for them, in debug and with the tests inside, so the server is a copy of PG_CONFIG's in
# target/pg_test. --prepare only sees to it that cargo-pgrx is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
. scripts/progress.sh

find_postgres || die 'No PostgreSQL found: make setup'
work=$PWD/target/pg_test
mkdir -p "$work"

# Without the tool no test inside a backend can be run: that is said, and is no fault of what is tested.
skip_all() { # VERSION
    tail -n 20 target/tools/cargo-pgrx.log >&2
    say "skipped: all: cargo-pgrx $1 could not be built here"
    exit 0
}

# The one on the PATH, if it is of the version that Cargo.toml names; else one of our own. Built for debugging: it runs for
# seconds, and an optimised build takes three times as long as what it is built for.
find_cargo_pgrx() {
    local version found
    version=$(sed -nE 's/^pgrx = \{ version = "=([0-9.]+)".*/\1/p' Cargo.toml)
    for found in "$(command -v cargo-pgrx || true)" "$PWD/target/tools/bin/cargo-pgrx"; do
        if [ -x "$found" ] && [ "$("$found" --version 2> /dev/null | awk '{ print $NF }')" = "$version" ]; then
            cargo_pgrx=$found
            return
        fi
    done
    mkdir -p target/tools
    cargo_progress "pg_test: building cargo-pgrx $version" target/tools/cargo-pgrx.log \
        cargo install -q --locked --debug --root target/tools --target-dir target/tools/build cargo-pgrx --version "=$version" ||
        skip_all "$version"
    rm -rf target/tools/build
    cargo_pgrx=$PWD/target/tools/bin/cargo-pgrx
}

# A copy whose programs find each other as PostgreSQL's always do, by the way from one folder to the other.
copy_server() {
    local copy=$work/pg$PG_MAJOR prefix=$PG_BIN folder made
    local folders=("$PG_BIN" "$("$PG_CONFIG" --pkglibdir)" "$("$PG_CONFIG" --sharedir)" "$("$PG_CONFIG" --includedir-server)")
    for folder in "${folders[@]}"; do
        while [[ $folder/ != "$prefix"/* ]]; do prefix=${prefix%/*}; done
    done
    # An installation in a folder of its own is copied with all its libraries.
    if [ "$prefix" = "${PG_BIN%/*}" ]; then folders=("$prefix"); fi
    server=$copy${PG_BIN#"$prefix"}
    made="$PG_CONFIG $("$PG_CONFIG" --version)"
    [ "$(cat "$copy/copy-of" 2> /dev/null)" != "$made" ] || return 0
    rm -rf "$copy"
    for folder in "${folders[@]}"; do
        mkdir -p "$copy${folder#"$prefix"}"
        cp -a --reflink=auto "$folder/." "$copy${folder#"$prefix"}/"
    done
    rm -f "$("$server/pg_config" --pkglibdir)"/voice_analytics.so "$("$server/pg_config" --sharedir)"/extension/voice_analytics*
    printf '%s' "$made" > "$copy/copy-of"
}

find_cargo_pgrx
[ "${1:-}" != --prepare ] || exit 0
copy_server
scripts/build-sql.sh "$work/sql"
version=$(sed -nE 's/^version = "(.*)"/\1/p' Cargo.toml | head -n 1)
# pgrx writes the psql command that keeps the script out of psql itself.
sed '/^\\echo/d' "$work/sql/voice_analytics--$version.sql" > "$work/voice.sql.new"
cmp -s "$work/voice.sql.new" "$work/voice.sql" || mv "$work/voice.sql.new" "$work/voice.sql"

data=$(mktemp -d "${TMPDIR:-/tmp}/voice-pg-test-XXXXXX")
trap 'rm -rf "$data"' EXIT
options=(--no-default-features --features "pg$PG_MAJOR" --package voice_analytics --pgdata "$data/data")
if [ "$(id -u)" = 0 ]; then
    # Servers do not run as root. pgrx-tests becomes another user by sudo, which a machine whose user is root need not have.
    mkdir -p "$work/bin"
    cat > "$work/bin/sudo" << 'SUDO'
#!/usr/bin/env bash
# sudo [-u USER] [NAME=VALUE…] COMMAND…, for root
user=root
if [ "$1" = -u ]; then user=$2; shift 2; fi
if [ "$user" = root ]; then exec env "$@"; fi
exec runuser -u "$user" -- env "$@"
SUDO
    chmod 755 "$work/bin/sudo"
    PATH=$work/bin:$PATH
    options+=(--runas "$SERVER_USER")
    chown "$SERVER_USER:" "$data"
fi
chmod 755 "$data"
export PATH USER=${USER:-$(id -un)} CARGO_TARGET_DIR=$work/target CARGO_PGRX=$cargo_pgrx
# One after the other: they change tables, and would lock each other out.
export RUST_TEST_THREADS=1
export PG_CONFIG=$server/pg_config PGRX_PG_CONFIG_PATH=$server/pg_config
"$cargo_pgrx" pgrx test "${options[@]}" "pg$PG_MAJOR" "$@"
