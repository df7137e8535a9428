#!/usr/bin/env bash
# dist.sh: the source of the last commit as target/dist/voice_analytics-VERSION.tar.gz and, as PGXN wants it, .zip. `make
# install` works in it without git. The same commit gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

version=$(sed -nE 's/^version = "(.*)"/\1/p' Cargo.toml | head -n 1)
name=voice_analytics-$version
[ -z "$(git status --porcelain --untracked-files=no)" ] || say 'dist: what is not committed is left out'
mkdir -p target/dist
git archive --format=tar --prefix="$name/" HEAD | gzip -9 -n > "target/dist/$name.tar.gz"
git archive --format=zip --prefix="$name/" -o "target/dist/$name.zip" HEAD
say "dist: target/dist/$name.tar.gz and .zip"
