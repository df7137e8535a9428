#!/usr/bin/env bash
# voice_analytics beside the design it replaces: the same calls, one server, one run, one table. bench/compare.sh --help
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

scripts/install.sh >&2
find_postgres
exec cargo run --quiet --release --package voice_bench -- "$@"
