#!/usr/bin/env bash
# fuzz.sh [TARGET…]: the properties of core/tests/properties on whatever a fuzzer thinks of, FUZZ_SECONDS each (600).
# Seeds are made from the files of the tests; corpus and findings stay in target/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/postgres.sh

seconds=${FUZZ_SECONDS:-600}
work=target/fuzz
targets=("$@")
[ $# != 0 ] || targets=(reply import formats transcript redact)

find_tools() {
    command -v rustup > /dev/null || die 'Fuzzing needs a nightly Rust, and rustup to find it.'
    if ! rustup run nightly rustc --version > /dev/null 2>&1; then
        say 'fuzz: installing a nightly Rust'
        rustup toolchain install nightly --profile minimal
    fi
    if ! cargo fuzz --version > /dev/null 2>&1; then
        say 'fuzz: building cargo-fuzz (once, a few minutes)'
        cargo install --locked cargo-fuzz
    fi
    command -v c++ > /dev/null || die 'Fuzzing builds libFuzzer, for which it needs a C++ compiler.'
}

# Every line of these tests is a seed of its own.
seed() {
    local target=$1 line number=0
    mkdir -p "$work/seeds/$target"
    while IFS= read -r line; do
        number=$((number + 1))
        printf '%s' "$line" > "$work/seeds/$target/$number"
    done
}

make_seeds() {
    rm -rf "$work/seeds"
    # What callers demand and models reply, once in a whole answer of a server; and what they say.
    {
        sed -nE 's/^.*(reply exactly|reply with): //p' tests/injection/*.txt
        printf '%s\n' '{"choices":[{"message":{"content":"{\"summary\":\"x\",\"sentiment\":0.5,\"intent\":\"info\",\"lead_score\":1,\"entities\":{\"name\":null,\"email\":\"a@b.de\",\"phone\":null,\"topic\":\"y\"},\"next_action\":\"z\"}"},"finish_reason":"stop"}],"model":"m","usage":{"prompt_tokens":1,"completion_tokens":2}}'
    } | seed reply
    grep -hE '^(user|assistant|system): ' tests/injection/*.txt | sed -E 's/^/aa/' | seed transcript
    { cut -f 2 core/tests/redact/*.tsv; grep -hE '^user: ' tests/injection/*.txt; } | seed redact
    awk 'length < 4000' demo/*.jsonl | seed import
    for sample in core/tests/import/samples/*.json; do tr -d '\n' < "$sample"; echo; done | seed formats
}

find_tools
make_seeds
result=0
for target in "${targets[@]}"; do
    say "fuzz: $target, $seconds s"
    mkdir -p "$work/corpus/$target" "$work/artifacts/$target" "$work/seeds/$target"
    # The code has no unsafe blocks that an address sanitizer could find fault with: without one it is twice as fast.
    # -timeout: a property that takes seconds for a few kilobytes is a finding too.
    CARGO_TARGET_DIR="$PWD/$work/build" cargo +nightly fuzz run --fuzz-dir fuzz --sanitizer none "$target" \
        "$work/corpus/$target" "$work/seeds/$target" -- \
        "-max_total_time=$seconds" "-artifact_prefix=$work/artifacts/$target/" \
        -max_len=4096 -timeout=5 -print_final_stats=1 -close_fd_mask=1 || result=1
done
[ "$result" = 0 ] || say "fuzz: findings in $work/artifacts; each becomes a case of core/tests/properties/found.rs"
exit "$result"
