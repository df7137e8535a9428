#!/usr/bin/env bash
# Release build into the PostgreSQL of PG_CONFIG (below DESTDIR, if that is set).
# cargo says in half a second that there is nothing to do, and what is installed is compared with what was just built,
# byte by byte: whatever was there before, what a server loads afterwards is this source tree.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

scripts/setup.sh
find_postgres
find_cargo_pgrx

package=target/package-pg$PG_MAJOR
build_log=target/package-pg$PG_MAJOR.log
mkdir -p target
rm -rf "$package"
[ -e target/release/libvoice_analytics.so ] || say 'install: the first release build takes one to three minutes'
if ! "$CARGO_PGRX" pgrx package -c "$PG_CONFIG" --no-default-features --features "pg$PG_MAJOR" \
    --out-dir "$package" > "$build_log"; then
    die "$(cat "$build_log")" 'install: the build failed'
fi

same() { cmp -s "$package$1" "${DESTDIR:-}$1"; }

# The install script is made from what the library carries, its pieces in another order every time: it is this one's
# if the library is. So the library goes last, and a copy that was interrupted is done again.
library=$("$PG_CONFIG" --pkglibdir)/voice_analytics.so
script=$("$PG_CONFIG" --sharedir)/extension/voice_analytics--$(sed -nE 's/^version = "(.*)"/\1/p' Cargo.toml).sql
changed=()
same "$library" || changed=("$script" "$library")
while IFS= read -r file; do
    [ "$file" = "$library" ] || [ "$file" = "$script" ] || same "$file" || changed=("$file" "${changed[@]}")
done < <(cd "$package" && find . -type f -printf '/%P\n')
[ -e "${DESTDIR:-}$script" ] || changed=("$script" "${changed[@]}")

# install(1) replaces a file instead of writing into it: a running server keeps the library that it has loaded.
copy() {
    local file=$1 mode=644
    [[ $file != *.so ]] || mode=755
    local command=(install -D -m "$mode" "$package$file" "${DESTDIR:-}$file")
    local folder="${DESTDIR:-}${file%/*}"
    if [ -n "${DESTDIR:-}" ] || [ -w "$folder" ]; then "${command[@]}"; else as_root "${command[@]}"; fi
}

for file in "${changed[@]}"; do copy "$file"; done

say "install: voice_analytics is in ${DESTDIR:-}$("$PG_CONFIG" --pkglibdir) (${#changed[@]} of its files changed)"

if [ "${1:-}" = --explain ]; then
    cat << EXPLAIN

What is left to do, as a DBA of that server:
  1. postgresql.conf:  shared_preload_libraries = 'voice_analytics'    (beside what is there already)
  2. restart the server
  3. in each database: CREATE EXTENSION voice_analytics;
EXPLAIN
fi
