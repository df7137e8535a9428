#!/usr/bin/env bash
# release-check.sh [VERSION]: whether this tree may be released as VERSION (the one of Cargo.toml). Says all that is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

stated=$(sed -nE 's/^version = "(.*)"/\1/p' Cargo.toml | head -n 1)
version=${1:-$stated}
missing=0
lacks() {
    say "release-check: $*"
    missing=1
}

# reaches FROM: whether upgrade scripts lead from there to this version, by whatever steps
reaches() {
    local step
    [ "$1" != "$version" ] || return 0
    for step in sql/upgrade/"$1"--*.sql; do
        [ -e "$step" ] || continue
        step=${step##*--}
        if reaches "${step%.sql}"; then return 0; fi
    done
    return 1
}

[ "$version" = "$stated" ] || lacks "Cargo.toml says $stated, not $version"
released=0
for script in sql/voice_analytics--*.sql; do
    before=${script##*--}
    before=${before%.sql}
    [ "$before" != "$version" ] || { lacks "$version was released already: its install script never changes" && continue; }
    released=$((released + 1))
    reaches "$before" || lacks "no upgrade script leads from $before to $version (sql/upgrade/$before--$version.sql)"
done
[ "$released" -gt 0 ] || lacks 'there is no install script of an earlier version in sql/'
(cd sql && sha256sum --quiet --check --strict released.sha256) || lacks 'an install script of a released version has changed'
grep -qE "^## \[$version\]" CHANGELOG.md || lacks "CHANGELOG.md has no section [$version]"
if grep -qE "^## \[$version\] - unreleased" CHANGELOG.md; then lacks "CHANGELOG.md calls $version unreleased: give it its date"; fi
while IFS= read -r told; do
    [ "$told" = "$version" ] || lacks "META.json says $told"
done < <(sed -nE 's/^ *"version": "([0-9.]+)",?$/\1/p' META.json | grep -vx '1\.0\.0')
[ "$missing" = 0 ] || exit 1

# PGXN's own checker, by its schema.
checker=target/tools/bin/pgxn_meta
if [ ! -x "$checker" ]; then
    say 'release-check: building pgxn_meta (once)'
    mkdir -p target/tools
    cargo install -q --locked --debug --root target/tools --target-dir target/tools/build pgxn_meta --version '=0.7.0'
    rm -rf target/tools/build
fi
"$checker" META.json || die 'release-check: META.json is not valid by the schema of PGXN'
say "release-check: $version may be released; upgrades lead to it from $released earlier version(s)"
