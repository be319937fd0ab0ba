# `make help` lists what can be done. Everything needs the Rust toolchain only, unless it says otherwise.

.DEFAULT_GOAL := help
.PHONY: help test lint bench demo

CARGO ?= cargo
DENY := target/deny/bin/cargo-deny
BUF := target/checks/node_modules/.bin/buf

# Data that others made lies beside the project, never in it. Tests that need it are told where it is.
ifneq ($(wildcard ../shared/vectors),)
export HUSHWIRE_SHARED ?= $(abspath ../shared)
endif

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

test: ## run every test (needs nothing but the Rust toolchain)
	@test -n "$$HUSHWIRE_SHARED" || echo "note: HUSHWIRE_SHARED names no folder, so three tests against foreign data are left out"
	$(CARGO) test --locked

lint: $(DENY) $(BUF) ## formatting, clippy, protocols, dependencies, documentation: all warnings are errors (needs python3 and npm)
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(BUF) lint proto
	python3 .ci/third_parties.py --check
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

$(BUF): .ci/checks/package-lock.json
	mkdir -p target/checks
	cp .ci/checks/package.json .ci/checks/package-lock.json target/checks/
	npm ci --prefix target/checks --ignore-scripts --no-audit --no-fund --loglevel=error
	touch $(BUF)
