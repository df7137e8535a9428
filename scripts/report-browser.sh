#!/usr/bin/env bash
# report-browser.sh PAGE.html [PICTURE.png]: a page of voice_report() in headless Chromium, where there is one (Debian: apt-get
# install chromium) and npm; tests/report/browser.mjs says what is looked at. Screenshots and a PDF go to target/report.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

page=${1:?usage: report-browser.sh PAGE.html [PICTURE.png]}
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$CHROMIUM" ] || ! command -v npm > /dev/null; then
    say 'skipped: report-browser: no Chromium or no npm here'
    exit 0
fi
export CHROMIUM
mkdir -p target/report
if [ ! -d target/report/node_modules/axe-core ]; then
    npm install --silent --no-audit --no-fund --no-save --prefix target/report axe-core@4.14.1 puppeteer-core@24.43.1
fi
# Modules are looked for beside the script.
cp tests/report/browser.mjs target/report/
node target/report/browser.mjs "$(realpath "$page")" "$PWD/target/report" "${2:+$(realpath -m "$2")}"
