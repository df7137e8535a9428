#!/usr/bin/env bash
# The worker beside a stub LLM: latency of single calls on an idle system, throughput with 64 requests in flight.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install.sh
cargo run -q --release -p voice_bench -- worker
