#!/usr/bin/env bash
# What the webhooks' test receives with: Python and the official library of Standard Webhooks, in target/receiver. Asks
# for them first, so it costs nothing when they are there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

version=1.1.0
ready=target/receiver/standardwebhooks-$version
[ ! -e "$ready" ] || exit 0

if ! python3 -c 'import ensurepip, venv' > /dev/null 2>&1; then
    command -v apt-get > /dev/null || die 'The tests of webhooks need Python 3 with venv, and there is no apt-get here to install it.'
    say 'receiver: installing python3-venv'
    mkdir -p target
    as_root apt-get -q -y update >> target/setup.log 2>&1 || true
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends python3-venv >> target/setup.log 2>&1 ||
        die "$(tail -n 20 target/setup.log)" 'receiver: apt-get failed (all of it: target/setup.log)'
fi
rm -rf target/receiver
python3 -m venv target/receiver
target/receiver/bin/pip install --disable-pip-version-check -q "standardwebhooks==$version"
touch "$ready"
say "receiver: standardwebhooks $version"
