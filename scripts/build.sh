#!/usr/bin/env bash
# build.sh [release | dev]: builds for the PostgreSQL of PG_CONFIG: the library by cargo, in this profile, the control file and
# the SQL by build-sql.sh. `dev` has no optimisation, and takes less than half the time.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh
. scripts/progress.sh

find_postgres || die 'No PostgreSQL found: make setup'
profile=${1:-release}
mkdir -p target
build_log=target/build-pg$PG_MAJOR.log
if ! cargo_progress "build: for PostgreSQL $PG_MAJOR ($profile)" "$build_log" \
    cargo build --profile "$profile" --lib -p voice_analytics --no-default-features --features "pg$PG_MAJOR"; then
    die "$(grep -vE '^ *(Compiling|Downloaded|Downloading) ' "$build_log")" \
        "build: it failed (all of it: $build_log)"
fi
scripts/build-sql.sh
