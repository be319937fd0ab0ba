# `make help` lists what can be done. Everything needs the Rust toolchain only, unless it says otherwise.

.DEFAULT_GOAL := help
.PHONY: help test lint bench demo

CARGO ?= cargo
DENY := target/deny/bin/cargo-deny

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

test: ## run every test (needs nothing but the Rust toolchain)
	$(CARGO) test --locked

lint: $(DENY) ## formatting, clippy, dependencies, documentation: all warnings are errors (needs python3)
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	python3 deploy/guard/make.py --check
	$(DENY) --locked check --hide-inclusion-graph bans licenses sources
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps

bench: ## run the benchmarks
	$(CARGO) bench --locked

demo: ## a consortium of three members on this machine, with an account of what happens
	$(CARGO) run --locked --release -- demo

$(DENY): .ci/deny.txt
	python3 -m venv target/deny
	target/deny/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r .ci/deny.txt
	touch $(DENY)
