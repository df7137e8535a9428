#!/usr/bin/env bash
# build-sql.sh [FOLDER]: puts together what CREATE EXTENSION reads, in FOLDER (target/sql): the control file and the
# install script of this version, made of the files of sql/install.list in that order. The same files give the same
# bytes, wherever and however often.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-target/sql}
version=$(sed -nE 's/^version = "(.*)"/\1/p' Cargo.toml | head -n 1)

# The files of the list, each under a line with its name.
install_script() {
    local file
    printf -- '-- voice_analytics %s. Made by scripts/build-sql.sh of the files named below.\n' "$version"
    printf '\\echo Use "CREATE EXTENSION voice_analytics" to load this file. \\quit\n'
    sed -E '/^(#.*)?$/d' sql/install.list | while IFS= read -r file; do
        printf '\n-- sql/%s\n\n' "$file"
        cat "sql/$file"
    done
}

rm -rf "$folder"
mkdir -p "$folder"
install_script > "$folder/voice_analytics--$version.sql"
sed "s/@CARGO_VERSION@/$version/" voice_analytics.control > "$folder/voice_analytics.control"
