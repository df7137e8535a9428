#!/usr/bin/env bash
# report-browser.sh [PAGE.html [PICTURE.png]]: a page of voice_report() in headless Chromium, where there is one (Debian: apt-get
# install chromium) and npm; tests/report/browser.mjs says what is looked at. Without a page it is that of tests/report/scene.sql, in a
# cluster of its own, and its figures are compared with SQL: the suite `page` of scripts/test.sh. Screenshots and a PDF go to
# target/report.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$CHROMIUM" ] || ! command -v npm > /dev/null; then
    say 'skipped: all: no Chromium or no npm here (Debian: chromium, npm)'
    exit 0
fi
export CHROMIUM
folder=$PWD/target/report
mkdir -p "$folder"
if [ ! -d "$folder/node_modules/axe-core" ] || [ ! -d "$folder/node_modules/puppeteer-core" ]; then
    if ! npm install --silent --no-audit --no-fund --no-save --prefix "$folder" axe-core@4.14.1 puppeteer-core@24.43.1 > "$folder/npm.log" 2>&1; then
        say 'skipped: all: axe-core and puppeteer-core cannot be installed (target/report/npm.log)'
        exit 0
    fi
fi
# Modules are looked for beside the script.
cp tests/report/browser.mjs "$folder/"

if [ $# = 0 ]; then
    find_postgres || die 'No PostgreSQL found: make setup'
    cargo build -q -p voice_tests --bin with_cluster
    # shellcheck disable=SC2016 # the inner shell's
    target/debug/with_cluster voice_analytics.enabled=off voice_analytics.timezone=UTC -- bash -euo pipefail -c '
        sql() { "$PG_BIN/psql" -X -q -At -v ON_ERROR_STOP=1 -d app "$@"; }
        "$PG_BIN/psql" -X -q -d postgres -c "CREATE DATABASE app"
        sql -c "CREATE EXTENSION voice_analytics" -f tests/report/scene.sql
        sql -f tests/report/figures.sql > "$1/figures.json"
        sql -U red_admin -c "SELECT voice_report()" > "$1/page.html"' bash "$folder"
    node "$folder/browser.mjs" "$folder/page.html" "$folder" '' "$folder/figures.json"
else
    node "$folder/browser.mjs" "$(realpath "$1")" "$folder" "${2:+$(realpath -m "$2")}"
fi
