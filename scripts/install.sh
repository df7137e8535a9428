#!/usr/bin/env bash
# install.sh [--explain | --demo]: a build (build.sh) into the PostgreSQL of PG_CONFIG (below DESTDIR, if that is set). It is a
# release build, but for the demo of a server that has none yet: that is to be seen soon, and takes one without optimisation.
# cargo says in half a second that there is nothing to do, and what is installed is compared with what was just built,
# byte by byte: whatever was there before, what a server loads afterwards is this source tree.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

scripts/setup.sh
find_postgres

library=$("$PG_CONFIG" --pkglibdir)
extension=$("$PG_CONFIG" --sharedir)/extension
changed=0

# A copy of what is installed, where that is the demo's build without optimisation.
mark=target/demo-install.so
profile=release
if [ "${1:-}" = --demo ]; then
    there=${DESTDIR:-}$library/voice_analytics.so
    if [ ! -e "$there" ] || cmp -s "$there" "$mark"; then profile=dev; fi
fi
scripts/build.sh "$profile"
built=${CARGO_TARGET_DIR:-target}/release/libvoice_analytics.so

# put FILE PLACE MODE: copies what is not there yet. install(1) replaces a file instead of writing into it: a running
# server keeps the library that it has loaded.
put() {
    local file=$1 place=${DESTDIR:-}$2 mode=$3
    ! cmp -s "$file" "$place" || return 0
    changed=$((changed + 1))
    if [ -n "${DESTDIR:-}" ] || [ -w "${place%/*}" ]; then
        install -D -m "$mode" "$file" "$place"
    else
        as_root install -D -m "$mode" "$file" "$place"
    fi
}

if [ "$profile" = dev ]; then
    built=${CARGO_TARGET_DIR:-target}/debug/libvoice_analytics.so
    cp "$built" "$mark"
else
    rm -f "$mark"
fi

for file in target/sql/*; do put "$file" "$extension/${file##*/}" 644; done
put "$built" "$library/voice_analytics.so" 755

say "install: voice_analytics is in ${DESTDIR:-}$library ($changed of its files changed)"
[ "$profile" = release ] || say 'install: a build without optimisation, for the demo; make install puts the fast one in its place'

if [ "${1:-}" = --explain ]; then
    cat << EXPLAIN

What is left to do, as a DBA of that server:
  1. postgresql.conf:  shared_preload_libraries = 'voice_analytics'    (beside what is there already)
  2. restart the server
  3. in each database: CREATE EXTENSION voice_analytics;
EXPLAIN
fi
