#!/usr/bin/env bash
# build-sql.sh [FOLDER]: puts together what CREATE and ALTER EXTENSION read, in FOLDER (target/sql):
#   - the control file and the install script of this version, made of the files of sql/install.list in that order
#   - the upgrade scripts to this version: those of sql/upgrade/, with today's functions in the place of `-- @functions@`
#   - the scripts of released versions (sql/voice_analytics--*.sql) as they are
# The same files give the same bytes, wherever and however often.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-target/sql}
version=$(sed -nE 's/^version = "(.*)"/\1/p' Cargo.toml | head -n 1)

listed() { sed -E '/^(#.*)?$/d' sql/install.list; }

# header COMMAND: the first lines of a script, for those who feed it to psql
header() {
    printf -- '-- voice_analytics %s. Made by scripts/build-sql.sh of the files named below.\n' "$version"
    printf '\\echo Use "%s" to load this file. \\quit\n' "$1"
}

# The files of the list, each under a line with its name.
install_script() {
    local file
    header 'CREATE EXTENSION voice_analytics'
    listed | while IFS= read -r file; do
        printf '\n-- sql/%s\n\n' "$file"
        cat "sql/$file"
    done
}

# Functions and views as statements that replace, with their comments, owners and grants; nothing else. A statement begins
# at the first column and ends with a semicolon at the end of a line outside $$.
replacing_functions() {
    local file
    listed | while IFS= read -r file; do
        printf '\n-- sql/%s\n' "$file"
        awk '
            !inside && /^(--|$)/ { next }
            !inside {
                inside = 1; quoted = 0
                wanted = /^CREATE (FUNCTION|VIEW) / || /^ALTER FUNCTION / || /^(GRANT|REVOKE) .* ON FUNCTION / || /^COMMENT ON (FUNCTION|VIEW|COLUMN) /
                sub(/^CREATE (FUNCTION|VIEW) /, "CREATE OR REPLACE &")
                sub(/^CREATE OR REPLACE CREATE /, "CREATE OR REPLACE ")
            }
            wanted { print }
            { quoted += gsub(/[$][$]/, "&"); if (quoted % 2 == 0 && /;$/) inside = 0 }
        ' "sql/$file"
    done
}

upgrade_script() {
    local before
    before=$(basename "$1" .sql)
    header "ALTER EXTENSION voice_analytics UPDATE"
    printf '\n-- sql/upgrade/%s.sql\n\n' "$before"
    while IFS= read -r line; do
        if [ "$line" = '-- @functions@' ]; then replacing_functions; else printf '%s\n' "$line"; fi
    done < "$1"
}

rm -rf "$folder"
mkdir -p "$folder"
cp sql/voice_analytics--*.sql "$folder/"
install_script > "$folder/voice_analytics--$version.sql"
for script in sql/upgrade/*--"$version".sql; do
    upgrade_script "$script" > "$folder/voice_analytics--${script##*/}"
done
sed "s/@CARGO_VERSION@/$version/" voice_analytics.control > "$folder/voice_analytics.control"
