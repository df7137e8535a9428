#!/usr/bin/env bash
# Release build for the PostgreSQL of PG_CONFIG: the library by cargo, the control file and the SQL by build-sql.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
. scripts/progress.sh

find_postgres || die 'No PostgreSQL found: make setup'
mkdir -p target
build_log=target/build-pg$PG_MAJOR.log
if ! cargo_progress "build: for PostgreSQL $PG_MAJOR" "$build_log" \
    cargo build --release --lib -p voice_analytics --no-default-features --features "pg$PG_MAJOR"; then
    die "$(grep -vE '^ *(Compiling|Downloaded|Downloading) ' "$build_log")" \
        "build: it failed (all of it: $build_log)"
fi
scripts/build-sql.sh
