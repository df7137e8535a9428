# `make` alone lists what can be asked for. The work is done by scripts/, which can be run by hand as well.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
export PG_CONFIG DESTDIR CALLS REPORT LLM_URL LLM_MODEL FUZZ_SECONDS
SCALE ?= 1M
BENCH ?=

.PHONY: help setup demo demo-stop test matrix faults fuzz bench install deb dist release-check lint clean

help: ## list the targets
	@echo 'voice_analytics: post-call analytics of AI voice agents, inside PostgreSQL'
	@echo
	@awk -F ' *## *' '/^[a-z-]+:.*## / { sub(/:.*/, "", $$1); printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo '  PG_CONFIG=/path/to/pg_config  the PostgreSQL to use (14 to 18); else pg_config on the PATH, else the newest installed'

demo: ## watch calls become transcripts, scores and leads (CALLS=FILE.jsonl[.gz], REPORT=open, LLM_URL=, OPENAI_API_KEY=)
	@demo/run

demo-stop: ## stop and remove the demo's server
	@demo/stop

test: ## run every test, against clusters of their own (setup included)
	@scripts/test.sh

matrix: ## compile for PostgreSQL 14 to 18, run every suite on 15 to 18, print a table (needs root; an hour or two)
	@scripts/matrix.sh

bench: ## measure it beside a baseline design, reads to worker (SCALE=10k, BENCH='--only worker --plots docs/plots'); also bench/analyzers.sh, bench/plans.sh
	@bench/compare.sh --calls $(subst k,000,$(subst M,000000,$(SCALE))) $(BENCH)

faults: ## the fault suite with larger numbers than in `make test`
	@VOICE_FAULTS=long scripts/faults.sh

fuzz: ## whatever libFuzzer thinks of against the properties of core/ (FUZZ_SECONDS=600 each; installs a nightly Rust and cargo-fuzz)
	@scripts/fuzz.sh

install: ## release build into that PostgreSQL; then says what a DBA does next
	@scripts/install.sh --explain

deb: ## a Debian package for that PostgreSQL, in target/debian (scripts/deb.sh test: its life in a Debian 13)
	@scripts/deb.sh

dist: ## the source of the last commit as .tar.gz and as PGXN's .zip, in target/dist
	@scripts/dist.sh

release-check: ## whether this tree may be released: upgrade scripts, changelog, META.json
	@scripts/release-check.sh

setup: ## install what is missing to build and test; quick when nothing is
	@scripts/setup.sh

lint: ## rustfmt, clippy, shellcheck and the rules of this house
	@scripts/lint.sh

clean: ## stop the demo and remove everything that was built
	@demo/stop
	@cargo clean
