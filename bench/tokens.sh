#!/usr/bin/env bash
# tokens.sh CALLS.jsonl[.gz] [COUNT]: what a request for the fixed fields costs a call, in tokens of o200k_base, without and
# with what the agent's tools did; means of the first COUNT calls (600). A call is a line as core/examples/measure_tokens.rs
# says. Needs Node; the tokenizer (gpt-tokenizer 4.0.0 of npm) goes into a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."
calls=${1:?usage: bench/tokens.sh CALLS.jsonl[.gz] [COUNT]}
cargo build --quiet --release --package voice_core --example measure_tokens
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" gpt-tokenizer@4.0.0 > /dev/null
cat > "$folder/count.mjs" <<'JS'
import { createInterface } from 'node:readline'
import { encode } from 'gpt-tokenizer/encoding/o200k_base'
let fixed, calls = 0, spoken = 0, whole = 0
for await (const line of createInterface({ input: process.stdin })) {
  const what = JSON.parse(line)
  if (!fixed) {
    fixed = { instructions: encode(what.instructions).length, schema: encode(what.schema).length }
    continue
  }
  calls += 1
  spoken += encode(what.spoken).length
  whole += encode(what.whole).length
}
const same = fixed.instructions + fixed.schema
const mean = sum => Math.round(sum / calls)
console.log(`| tokens a call, mean of ${calls} calls | |\n|---|---|`)
console.log(`| instructions | ${fixed.instructions} |\n| schema | ${fixed.schema} |`)
console.log(`| the same for every call | ${same} |`)
console.log(`| data, turns only | ${mean(spoken)} |\n| data, tool calls too | ${mean(whole)} |`)
console.log(`| the request, turns only | ${same + mean(spoken)} |\n| the request | ${same + mean(whole)} |`)
JS
"${CARGO_TARGET_DIR:-target}/release/examples/measure_tokens" "$calls" "${2:-600}" | node "$folder/count.mjs"
