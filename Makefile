# Every target makes the environment that it needs, from hash-locked requirements; a second call finds it made.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?=#           the interpreter to build .venv with; found by scripts/find-python when empty
INSTALLER ?= uv#     uv, or pip for a machine whose package index only pip knows
WORKERS ?= 2#        processes of a test run
SAMPLE ?= 0.1#       share of the slow tests that test-sample runs
SEED ?= 0#           which sample
ARGS ?=#             passed on: make demo ARGS=--help, make test ARGS='-k drift'

VENV := .venv
BIN := $(VENV)/bin
MADE := $(VENV)/made
BY_HAND := requirements/demo-nodeps.txt

# Compiled at once, as pip does: where Python may not write bytecode, every import would compile anew.
INSTALL_uv := $(BIN)/uv --quiet pip sync --compile-bytecode --python $(BIN)/python --require-hashes --no-build-isolation
INSTALL_pip := $(BIN)/python -m pip --quiet install --require-hashes --no-deps --no-build-isolation
SELF_uv := $(BIN)/uv --quiet pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
SELF_pip := $(BIN)/python -m pip --quiet install --no-deps --no-build-isolation --editable .
LOCKS_uv = $(1) $(BY_HAND)
LOCKS_pip = -r $(1) -r $(BY_HAND)
install = $(INSTALL_$(INSTALLER)) $(call LOCKS_$(INSTALLER),$(1)) && $(SELF_$(INSTALLER))

# Two test processes share the cores, so one thread of OpenMP each: small fits wait for a second one. Results are the same.
PYTEST := OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup \
	--no-loadscope-reorder

.PHONY: help
help: ## show this
	@echo "usage: make TARGET [PYTHON=...] [INSTALLER=uv|pip] [WORKERS=n] [ARGS=...]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1~\2/p' Makefile | awk -F'~' '{ printf "%-16s%s\n", $$1, $$2 }'

.PHONY: demo
demo: $(MADE)/runtime ## replay a year of real flights through the platform (Ctrl-C and go on at will)
	$(BIN)/retrain-assets demo $(ARGS)

.PHONY: ui
ui: $(MADE)/runtime ## open the Dagster UI on the demo's history, daemon included
	$(BIN)/retrain-assets ui $(ARGS)

.PHONY: test
test: $(MADE)/dev ## the tests that every change must pass
	$(PYTEST) -m "not slow" $(ARGS)

.PHONY: test-sample
test-sample: $(MADE)/dev ## a sample of the slow tests: SAMPLE=0.1 SEED=0
	$(PYTEST) -m slow --slow-sample $(SAMPLE) --slow-sample-seed $(SEED) retrain_assets_tests $(ARGS)

.PHONY: test-all
test-all: $(MADE)/dev ## all tests, each law held against ten times as many examples
	$(PYTEST) --hypothesis-profile nightly --timeout 1200 $(ARGS)

.PHONY: check
check: format-check lint types imports docs ## format, lint, types, import contracts, docs

.PHONY: format-check
format-check: $(MADE)/dev
	$(BIN)/ruff format --check .

.PHONY: lint
lint: $(MADE)/dev
	$(BIN)/ruff check .

.PHONY: types
types: $(MADE)/dev
	$(BIN)/basedpyright

.PHONY: imports
imports: $(MADE)/dev
	$(BIN)/lint-imports --no-logo

.PHONY: docs
docs: $(MADE)/dev ## build the documentation into docs/_build, warnings as errors
	$(BIN)/sphinx-build -q -W --keep-going -n -b html docs docs/_build/html

.PHONY: format
format: $(MADE)/dev ## format the code and apply the lint's safe fixes
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(MADE)/dev ## measure what docs/ claims
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: env
env: $(MADE)/dev ## only make the developers' environment

# One version of each package for every Python and platform. The installer is in every lock, lest it remove itself.
COMPILE := $(BIN)/uv --quiet pip compile --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock"
.PHONY: lock
lock: $(MADE)/installer ## resolve the newest versions that setup.cfg allows into requirements/*.txt
	$(COMPILE) --upgrade requirements/build.in -o requirements/build.txt
	$(COMPILE) --upgrade requirements/build.in setup.cfg --extra demo -c requirements/build.txt -o requirements/runtime.txt
	$(COMPILE) --upgrade requirements/build.in setup.cfg --extra demo --extra postgres --extra s3 --extra test --extra dev \
		--extra docs -c requirements/runtime.txt -o requirements/dev.txt

.PHONY: clean
clean: ## remove the environment, builds and caches; the state in .retrain_assets stays
	rm -rf $(VENV) .peers build dist retrain_assets.egg-info docs/_build ci-artifacts
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(MADE)/installer: requirements/build.txt scripts/find-python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
		python=$$(sh scripts/find-python $(PYTHON)) && \
		echo "making $(VENV) with $$python" && \
		"$$python" -m venv --clear $(VENV); }
	@echo "installing the installer" && \
		$(BIN)/python -m pip --quiet install --require-hashes --no-deps -r requirements/build.txt
	@mkdir -p $(MADE) && touch $@

# What test or check installed stays when demo or ui comes later: dev.txt holds all that runtime.txt holds.
$(MADE)/runtime: $(MADE)/installer requirements/runtime.txt $(BY_HAND) setup.cfg
	@if test -e $(MADE)/dev; then lock=requirements/dev.txt; else lock=requirements/runtime.txt; fi; \
		echo "installing $$lock with $(INSTALLER)" && $(call install,$$lock)
	@touch $@

$(MADE)/dev: $(MADE)/installer requirements/dev.txt $(BY_HAND) setup.cfg
	@echo "installing requirements/dev.txt with $(INSTALLER)" && $(call install,requirements/dev.txt)
	@touch $(MADE)/runtime $@
