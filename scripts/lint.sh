#!/usr/bin/env bash
# rustfmt, clippy, shellcheck and the rules of this house that no compiler knows.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

scripts/setup.sh
find_postgres

cargo fmt --all --check
rustfmt --check --edition 2024 fuzz/targets/*.rs
cargo clippy --workspace --all-targets --no-default-features --features "pg$PG_MAJOR" -- -D warnings

mapfile -t shell_files < <(git grep -lE '^#!.*\bbash\b|shellcheck shell=bash')
if command -v shellcheck > /dev/null; then
    shellcheck -x -P . "${shell_files[@]}"
else
    for file in "${shell_files[@]}"; do bash -n "$file"; done
    say 'lint: no shellcheck here, so the scripts were only parsed'
fi

broken=0
# rule SENTENCE COMMAND…: whatever the command prints breaks the rule
rule() {
    local sentence=$1 found
    shift
    found=$("$@" || true)
    if [ -n "$found" ]; then
        printf 'lint: %s\n%s\n' "$sentence" "$found"
        broken=1
    fi
}

# Lines of Markdown that are prose: no code block, no table, links without their targets; "FILE:LINE: text".
prose() {
    # shellcheck disable=SC2016 # awk's
    git ls-files -z '*.md' | xargs -0 awk '
        FNR == 1 { fenced = 0 }
        /^ *```/ { fenced = !fenced; next }
        fenced || /^\|/ { next }
        { gsub(/\]\([^)]*\)/, "]"); print FILENAME ":" FNR ": " $0 }'
}
long_prose() { prose | awk '{ text = $0; sub(/^[^ ]* /, "", text) } length(text) > 200'; }
# A full stop, a blank and a capital letter, outside headings, numbers of a list, inline code and quotations.
two_sentences() {
    prose | awk '
        { text = $0; sub(/^[^ ]* */, "", text); sub(/^[0-9]+\. /, "", text) }
        { gsub(/`[^`]*`/, "code", text); gsub(/"[^"]*"/, "words", text) }
        text !~ /^#/ && text ~ /[a-z0-9)%*][.?!] [(*]*[A-Z]/'
}
# Links inside the repository that lead to no file, or to no heading of a page.
dead_links() {
    local file link target anchor
    git ls-files '*.md' | while read -r file; do
        awk '/^ *```/ { fenced = !fenced; next } !fenced' "$file" | grep -oE '\]\([^)]+\)' | sed 's/^](//; s/)$//' |
            grep -vE '^[a-z]+:' | while read -r link; do
            target=$(dirname "$file")/${link%%#*}
            [ -n "${link%%#*}" ] || target=$file
            anchor=${link#"${link%%#*}"}
            if [ ! -e "$target" ]; then
                printf '%s: %s\n' "$file" "$link"
            elif [ -n "$anchor" ] && ! sed -n 's/^##* //p' "$target" | tr '[:upper:]' '[:lower:]' |
                sed -E 's/[^a-z0-9 _-]//g; s/ /-/g' | grep -xF -- "${anchor#\#}" > /dev/null; then
                printf '%s: %s has no such heading\n' "$file" "$link"
            fi
        done
    done
}

# Each of these says in a comment why every unsafe block in it is sound.
unsafe_files=(
    src/api/uuid.rs src/guc.rs src/guc/check.rs src/api/search.rs src/db/{cached_query,transaction}.rs
    src/host/{catalog,clock,commit_hooks,foreign_keys/{catalog_keys,known,mod,server},function,insert,lock,partition,plans/{condition,mod,of_a_month,server},privilege,probe,process/mod,progress,row_array,shmem/mod,tenant_binding,trigger,tsvector,tuple,user}.rs src/worker/{databases,ddl,entry,listen}.rs src/pg_test.rs)
rule 'unsafe code is allowed in the named files only' \
    git grep -nE 'allow\(.*unsafe_code' -- '*.rs' "${unsafe_files[@]/#/:!}"
rule 'the extension never unwraps; expect() tells the reason why it cannot fail' \
    git grep -nE '\.unwrap\(\)' -- src
# grep -q leaves before its writer has ended, which then dies of SIGPIPE, and pipefail calls that a failure: now and then.
rule 'a script asks a pipe by grep > /dev/null, not by grep -q' \
    git grep -nE '\| *grep -[a-zA-Z]*q' -- scripts bench .ci ':!scripts/lint.sh'
rule 'pure logic takes time and randomness as arguments' \
    git grep -nE 'SystemTime::now|Instant::now|std::(fs|net|env|process|thread)\b' -- core/src
rule 'imports go one way: host <- db <- {api, worker}' \
    git grep -nE 'crate::(db|api|worker)\b' -- src/host
rule 'imports go one way: host <- db <- {api, worker}; db knows neither' \
    git grep -nE 'crate::(api|worker)\b' -- src/db
rule 'imports go one way: api and worker do not know each other' \
    git grep -nE 'crate::worker\b' -- src/api
rule 'imports go one way: worker and api do not know each other' \
    git grep -nE 'crate::api\b' -- src/worker
# Structs of more than 12 fields, as FILE: NAME FIELDS.
wide_structs() {
    git ls-files 'src/worker/*.rs' 'src/worker/**/*.rs' | sort -u | while IFS= read -r file; do
        awk -v file="$file" '
            /^(pub(\([a-z]+\))? )?struct .*\{$/ { name = $0; fields = 0; inside = 1; next }
            inside && /^}/ { if (fields > 12) print file ": " name " " fields; inside = 0 }
            inside && /^    (pub(\([a-z]+\))? )?[a-z_0-9]+:/ { fields++ }
        ' "$file"
    done
}
# Files of more than 400 lines, as LINES FILE.
long_files() {
    git ls-files core net src scripts | grep -vE '(^|/)(tests?|data)(/|\.rs$)' | grep -E '\.(rs|sh|sql)$' |
        xargs wc -l | awk '$2 != "total" && $1 > 400'
}
# Files of one folder that import each other in a circle. A file imports a sibling by `super::x` or `crate::folder::x`;
# what is left after tsort(1) has found no order is a circle.
circles() {
    local folder module
    for folder in core/src net/src src/db src/host src/worker; do
        module=${folder#src/}
        case $folder in */src) module='' ;; esac
        git ls-files "$folder/*.rs" | grep -E "^$folder/[^/]+\.rs$" | while IFS= read -r file; do
            awk -v from="$(basename "$file" .rs)" -v module="$module" '
                /^#\[cfg\(test\)\]/ { exit }
                /^(pub )?use / { statement = $0 }
                !/^(pub )?use / && statement != "" { statement = statement $0 }
                statement ~ /;/ {
                    prefix = module == "" ? "crate::" : "(super|crate::" module ")::"
                    if (match(statement, "use " prefix)) {
                        rest = substr(statement, RSTART + RLENGTH)
                        if (rest ~ /^\{/) {
                            gsub(/^\{|\};.*$/, "", rest)
                            while (match(rest, /\{[^{}]*\}/)) rest = substr(rest, 1, RSTART - 1) substr(rest, RSTART + RLENGTH)
                            count = split(rest, names, ",")
                        } else { count = 1; names[1] = rest }
                        for (i = 1; i <= count; i++) {
                            name = names[i]
                            gsub(/^ +|(::|;| ).*$/, "", name)
                            if (name ~ /^[a-z_0-9]+$/ && name != from) print from, name
                        }
                    }
                    statement = ""
                }
            ' "$file"
        done | tsort 2>&1 > /dev/null | sed -nE "s|^tsort: -: input contains a loop:|$folder has a circle:|p; s|^tsort: ([a-z].*)|    \1|p"
    done
}
rule 'no struct of the worker has more than 12 fields' wide_structs
rule 'no file is longer than 400 lines, but for tests and data' long_files
rule 'no files of a folder import each other in a circle' circles
rule 'no package registry and no path of a build machine is named' \
    git grep -nIE '(crates|pypi|npmjs|pythonhosted|deb\.debian)[.](io|org)|(^|[^[:alnum:]_./])/(work|root)/' \
    -- . ':!Cargo.lock' ':!scripts/lint.sh'
rule 'no line of prose in Markdown is longer than 200 characters' long_prose
rule 'one sentence a line in Markdown' two_sentences
rule 'a link inside the repository leads somewhere' dead_links
[ "$broken" = 0 ] || exit 1
say 'lint: clean'
