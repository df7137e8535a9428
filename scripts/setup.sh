#!/usr/bin/env bash
# Installs what is missing to build and test. Asks the machine first, so it costs nothing when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

missing=()

# need PACKAGE CONDITION…: the Debian package that brings what the condition looks for
need() {
    local package=$1
    shift
    "$@" > /dev/null 2>&1 || missing+=("$package")
}

has_server_headers() {
    [ -e "$("$PG_CONFIG" --includedir-server)/postgres.h" ] &&
        [ -x "$(dirname "$("$PG_CONFIG" --pgxs)")/../test/regress/pg_regress" ]
}

# bindgen loads libclang at build time and takes the compiler's own headers from clang.
has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] || compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' || ldconfig -p | grep libclang
}
has_clang() { command -v clang || compgen -G '/usr/bin/clang-[0-9]*'; }

look_for_packages() {
    missing=()
    need "postgresql-$PG_MAJOR" test -x "$PG_BIN/postgres"
    need "postgresql-server-dev-$PG_MAJOR" has_server_headers
    need gcc command -v cc
    need libc6-dev test -e /usr/include/stdio.h
    need libclang-dev has_libclang
    need clang has_clang
}

apt_get() {
    mkdir -p target
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >> target/setup.log 2>&1 ||
        die "$(tail -n 20 target/setup.log)" "setup: apt-get $* failed (all of it: target/setup.log)"
}
apt_install() { apt_get install --no-install-recommends "$@"; }

# Debian starts a server on port 5432 with the first postgresql package. Demo and tests start their own, so a
# machine that had none gets none from us; the setting is taken away again for whoever installs one later.
install_on_debian() {
    if compgen -G '/usr/lib/postgresql/*/bin/postgres' > /dev/null; then
        apt_install "$@"
        return
    fi
    conf=/etc/postgresql-common/createcluster.d/voice_analytics.conf
    apt_install postgresql-common
    as_root mkdir -p "${conf%/*}"
    as_root sh -c "echo 'create_main_cluster = false' > $conf"
    trap 'as_root rm -f "$conf"' EXIT
    apt_install "$@"
    as_root rm -f "$conf"
}

install_packages() {
    if ! command -v apt-get > /dev/null; then
        die 'Missing, and no apt-get here to install it (names of the Debian packages):' "  ${missing[*]}" \
            "They bring PostgreSQL $PG_MAJOR's server, its headers and pg_regress, a C compiler and libclang."
    fi
    say "setup: installing ${missing[*]} (a minute or two)"
    apt_get update
    install_on_debian "${missing[@]}"
}

check_rust() {
    local wanted have
    wanted=$(sed -nE 's/^rust-version = "([0-9.]+)"/\1/p' Cargo.toml)
    if ! command -v cargo > /dev/null || ! command -v rustc > /dev/null; then
        die "Rust $wanted or newer is needed, and there is no cargo on the PATH. rustup installs it."
    fi
    have=$(rustc --version | cut -d ' ' -f 2)
    if [ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -n 1)" != "$wanted" ]; then
        die "rustc $have is too old: Rust $wanted or newer is needed. \`rustup update stable\` brings it."
    fi
}

# The tests of voice_schedule() use the real pg_cron where the distribution has it; without it they say so.
offer_pg_cron() {
    [ ! -e "$("$PG_CONFIG" --pkglibdir)/pg_cron.so" ] && [ "$PG_BIN" = "/usr/lib/postgresql/$PG_MAJOR/bin" ] &&
        command -v apt-get > /dev/null && { [ "$(id -u)" = 0 ] || command -v sudo > /dev/null; } || return 0
    [ -n "$(apt-cache search --names-only "^postgresql-$PG_MAJOR-cron\$" 2> /dev/null)" ] || return 0
    say "setup: installing postgresql-$PG_MAJOR-cron, for the tests"
    mkdir -p target
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "postgresql-$PG_MAJOR-cron" \
        >> target/setup.log 2>&1 || say 'setup: it could not be installed (target/setup.log); its tests will say so'
}

check_rust
if ! find_postgres; then
    command -v apt-get > /dev/null || die 'No PostgreSQL found. Install one (14 to 18) and set PG_CONFIG.'
    apt_get update
    PG_MAJOR=$(apt-cache depends postgresql | sed -nE 's/.*Depends: postgresql-([0-9]+)$/\1/p')
    [ -n "$PG_MAJOR" ] || die 'No PostgreSQL found, and the distribution offers none.'
    say "setup: no PostgreSQL here, so it will be the distribution's own, $PG_MAJOR"
    PG_BIN=/usr/lib/postgresql/$PG_MAJOR/bin
    PG_CONFIG=$PG_BIN/pg_config
fi
look_for_packages
if [ ${#missing[@]} -gt 0 ]; then
    install_packages
    find_postgres || die "PostgreSQL $PG_MAJOR was installed, but its pg_config is not to be found."
    look_for_packages
    [ ${#missing[@]} -eq 0 ] || die "Still missing after the installation: ${missing[*]}"
fi
offer_pg_cron
say "setup: PostgreSQL $PG_MAJOR ($PG_CONFIG), $(rustc --version | cut -d ' ' -f 1,2)"
