#!/usr/bin/env bash
# deb.sh: the Debian package for the PostgreSQL of PG_CONFIG, postgresql-NN-voice-analytics, in target/debian.
# `deb.sh test` installs it into a Debian of its own, uses it there, and removes it (Debian 13 and its PostgreSQL 17; root).
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
. scripts/progress.sh

version=$(sed -nE 's/^version = "(.*)"/\1/p' Cargo.toml | head -n 1)
cargo_deb_version=3.8.0

find_cargo_deb() {
    local found
    for found in "$(command -v cargo-deb || true)" "$PWD/target/tools/bin/cargo-deb"; do
        if [ -x "$found" ] && [ "$("$found" --version 2> /dev/null | awk '{ print $NF }')" = "$cargo_deb_version" ]; then
            cargo_deb=$found
            return
        fi
    done
    mkdir -p target/tools
    cargo_progress "deb: building cargo-deb $cargo_deb_version" target/tools/cargo-deb.log \
        cargo install --locked --debug --root target/tools --target-dir target/tools/build cargo-deb \
        --version "=$cargo_deb_version" --no-default-features ||
        die "$(tail -n 20 target/tools/cargo-deb.log)" "deb: cargo-deb $cargo_deb_version could not be built"
    rm -rf target/tools/build
    cargo_deb=$PWD/target/tools/bin/cargo-deb
}

# package: prints nothing but sets `deb` to its path
package() {
    local architecture
    scripts/setup.sh
    command -v dpkg-shlibdeps > /dev/null || as_root apt-get -q -y install --no-install-recommends dpkg-dev > /dev/null
    find_cargo_deb
    find_postgres
    scripts/build.sh
    architecture=$(dpkg --print-architecture)
    deb=$PWD/target/debian/postgresql-$PG_MAJOR-voice-analytics_$version-1_$architecture.deb
    rm -f "$deb"
    "$cargo_deb" deb -q --no-build -p voice_analytics --variant "pg$PG_MAJOR" --compress-type xz --compress-system --output "$deb"
    say "deb: $deb"
}

checks=0
check() { # SENTENCE WANTED GOT
    checks=$((checks + 1))
    [ "$2" = "$3" ] || die "not ok: $1" "wanted: $2" "got:    $3"
    say "ok: $1"
}

# What a DBA does with it, from installing to removing, in a Debian of its own.
life() {
    local deb_name=postgresql-17-voice-analytics root=$PWD/target/debian/trixie bin=/usr/lib/postgresql/17/bin log=$PWD/target/debian/test.log sql cache
    [ "$(id -u)" = 0 ] || die 'deb: the test needs root (debootstrap).'
    command -v debootstrap > /dev/null || apt-get -q -y install --no-install-recommends debootstrap > "$log" 2>&1
    cache=$PWD/target/debian/packages
    mkdir -p "$cache"
    rm -rf "$root"
    debootstrap --variant=minbase --cache-dir="$cache" trixie "$root" > "$log" 2>&1 || die "$(tail -n 5 "$log")" 'deb: debootstrap failed'
    # Nothing starts a server of its own in there.
    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    mkdir -p "$root/etc/postgresql-common/createcluster.d"
    echo 'create_main_cluster = false' > "$root/etc/postgresql-common/createcluster.d/none.conf"
    cp "$deb" "$root/tmp/"
    inside() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
    as_postgres() { chroot "$root" runuser -u postgres -- env LC_ALL=C "$@"; }
    as_sql() { as_postgres "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 -h /tmp -d postgres -c "$1"; }
    inside apt-get -q -y install --no-install-recommends "/tmp/${deb##*/}" >> "$log" 2>&1 || die "$(tail -n 5 "$log")" 'not ok: apt-get install'
    # shellcheck disable=SC2016 # dpkg-query's
    check 'it brings PostgreSQL 17 along' 'ok' "$(inside dpkg-query -W -f '${db:Status-Status}' postgresql-17 | sed 's/installed/ok/')"
    check 'its files belong to root and nobody else writes them' '' \
        "$(inside dpkg -L "$deb_name" | sed "s|^|$root|" | xargs -d '\n' stat -c '%U %A %n' | grep -vE '^root [-d].{4}-.{2}-' || true)"
    check 'it has library, control file, SQL of both versions, licence and pages' '6' \
        "$(inside dpkg -L "$deb_name" | grep -cE '/(lib/voice_analytics\.so|extension/voice_analytics(\.control|--0\.1\.0\.sql|--'"$version"'\.sql)|copyright|docs/operations\.md)$')"
    as_postgres "$bin/initdb" -D /tmp/data --auth=trust --encoding=UTF8 --locale=C.UTF-8 >> "$log" 2>&1
    as_postgres "$bin/pg_ctl" -D /tmp/data -l /tmp/log -w -o "-c listen_addresses= -c unix_socket_directories=/tmp -c shared_preload_libraries=voice_analytics" start \
        >> "$log" 2>&1 || die "$(cat "$root/tmp/log")" 'not ok: the server'
    trap 'as_postgres "$bin/pg_ctl" -D /tmp/data -m immediate stop > /dev/null 2>&1 || true' EXIT
    as_sql 'CREATE EXTENSION voice_analytics'
    check 'CREATE EXTENSION brings this version' "$version" "$(as_sql "SELECT extversion FROM pg_extension WHERE extname = 'voice_analytics'")"
    sql="SELECT voice_import_call('{\"id\": \"1\", \"turns\": [{\"role\": \"user\", \"text\": \"I want to buy two, please.\"}]}') IS NOT NULL"
    check 'a call is imported' t "$(as_sql "$sql")"
    sql='DO $$ BEGIN FOR n IN 1..600 LOOP EXIT WHEN EXISTS (SELECT FROM voice.analytics); PERFORM pg_sleep(0.1); COMMIT; END LOOP; END $$; SELECT count(*) FROM voice.analytics'
    check 'and analysed by the worker' 1 "$(as_sql "$sql")"
    check 'the upgrade from 0.1.0 is there' '0.1.0' "$(as_sql "CREATE DATABASE old" > /dev/null &&
        as_postgres "$bin/psql" -X -q -At -v ON_ERROR_STOP=1 -h /tmp -d old -c "CREATE EXTENSION voice_analytics VERSION '0.1.0'" \
            -c "SELECT extversion FROM pg_extension WHERE extname = 'voice_analytics'" -c 'ALTER EXTENSION voice_analytics UPDATE')"
    as_postgres "$bin/pg_ctl" -D /tmp/data -w -m fast stop >> "$log" 2>&1
    trap - EXIT
    inside apt-get -q -y purge "$deb_name" >> "$log" 2>&1 || die "$(tail -n 5 "$log")" 'not ok: apt-get purge'
    check 'once removed it leaves no file' '' "$(find "$root/usr" "$root/etc" "$root/var/lib/dpkg/info" -name '*voice?analytics*' -not -path '*/tmp/*')"
    rm -rf "$root"
    say "deb: $checks passed, 0 failed"
}

if [ "${1:-}" = test ]; then
    PG_CONFIG=$(scripts/servers.sh 17)
    export PG_CONFIG
    package
    life
else
    package
fi
