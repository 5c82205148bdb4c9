# Two commands matter to a newcomer: `make demo` and `make test`. Each sets up what it needs, once and again when the lock changes.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NEEDS := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11 python,$(shell $(p) -c '$(NEEDS)' 2>/dev/null && echo $(p))))
WORKERS ?= 2
EXAMPLES ?= 300
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test bench proof proof-crash proof-models proof-coverage checks lint types layers definitions format lock browser clean

help:  ## Show the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(NEEDS)' || { echo "Python 3.11 or newer is needed. Install it, or say where it is: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Setting up $(VENV); this takes a minute or two the first time."; $(PYTHON) -m venv $(VENV); }
	@awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q integration_pipelines
	@touch $(READY)

demo: $(READY)  ## See the whole product on a sandbox. Arguments: make demo ARGS="--tenants 1 --no-serve"
	@$(BIN)/integration-pipelines demo $(ARGS)

test: $(READY) browser  ## Everything that must hold: rules, types, layers, definitions, tests.
	$(MAKE) -j2 checks
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

bench: $(READY)  ## Measure beside others, in one run; writes data/benchmarks.json
	$(BIN)/python -m integration_pipelines_tests.benchmarks $(ARGS)

proof: $(READY)  ## Live 20,000 lives twice through everything that goes wrong, find every planted bug; writes data/proof.json
	$(BIN)/python -m integration_pipelines_tests.proof $(ARGS)

proof-crash: $(READY)  ## kill -9 at every durable step and every durable call to the system, on both databases, a thousand idle cycles, two daemons; writes data/crash.json
	$(BIN)/python -m integration_pipelines_tests.proof.crash $(ARGS)
	INTEGRATION_PIPELINES_CRASH=all $(BIN)/pytest integration_pipelines_tests/scenarios/test_idle.py integration_pipelines_tests/defs/test_two_daemons.py

proof-models: $(READY)  ## Link table, ledger, plans and guards beside their reference models, for many more examples than the tests take.
	INTEGRATION_PIPELINES_EXAMPLES=$(EXAMPLES) $(BIN)/pytest -n $(WORKERS) integration_pipelines_tests/models $(ARGS)

proof-coverage: $(READY)  ## Which tests assert which fault of the catalogue, and why some have none; writes data/faults.json
	$(BIN)/python -m integration_pipelines_tests.proof.coverage

checks: lint types layers definitions  ## What can be said without running the tests.

lint: $(READY)  ## ruff: rules and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## mypy, strict.
	$(BIN)/mypy

layers: $(READY)  ## import-linter: one direction.
	$(BIN)/lint-imports

definitions: $(READY)  ## Whether Dagster can load what it is to run.
	$(BIN)/dg check defs

format: $(READY)  ## Format and mend what can be mended.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

browser:  # Debian's chromium, for the tests that look at pages; elsewhere they are skipped, but never where CI=true
	@if ! command -v chromium > /dev/null && test "$$(id -u)" = 0 && command -v apt-get > /dev/null; then \
	  echo "Installing chromium for the browser tests."; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium > /dev/null || true; \
	fi; \
	if command -v chromium > /dev/null; then exit 0; fi; \
	if test "$$CI" = true; then echo "No chromium, and CI=true: the browser tests must not be skipped. Install chromium." >&2; exit 1; fi; \
	echo "No chromium here: the browser tests will be skipped."

lock: $(READY)  ## Resolve the dependencies again: hashes, every platform, no address.
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --prerelease if-necessary-or-explicit --extra fast --extra postgres --extra s3 --group dev pyproject.toml --output-file requirements.lock $(ARGS)

clean:  ## Remove what was made here, the data of demos included.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info \
	  data/store data/lake data/landing data/dagster data/tmp data/benchmarks.json data/proof.json data/crash.json data/faults.json
