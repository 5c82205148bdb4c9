# Two commands matter to a newcomer: `make demo` and `make test`. Each sets up what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help demo test bench lint types layers checks format lock browser clean

help:  ## Show the targets.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1|/' | column -t -s '|'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@grep -A 40 '^uv==' requirements.lock | awk 'NR == 1 || /--hash/ {print; next} {exit}' > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(READY)

demo: $(READY)  ## See the whole product on a sandbox. Arguments: make demo ARGS="--tenants 1 --no-serve"
	@$(BIN)/integration-pipelines demo $(ARGS)

test: $(READY) browser checks  ## Everything that must hold: lint, types, layers, definitions, tests.
	$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

bench: $(READY)  ## Measure beside others, in one run; writes data/benchmarks.json
	$(BIN)/python -m integration_pipelines_tests.benchmarks $(ARGS)

checks: lint types layers  ## What can be said without running the tests.
	$(BIN)/dg check defs

lint: $(READY)  ## ruff: rules and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## mypy, strict.
	$(BIN)/mypy

layers: $(READY)  ## import-linter: one direction.
	$(BIN)/lint-imports --no-logo

format: $(READY)  ## Format and mend what can be mended.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

browser:  # Debian's chromium, for the tests that look at pages; without it they are skipped, and fail where CI=true
	@command -v chromium > /dev/null || { test "$$(id -u)" = 0 && command -v apt-get > /dev/null \
	  && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium > /dev/null; } \
	  || echo "No chromium here: the browser tests will be skipped."

lock: $(READY)  ## Resolve the dependencies again, with hashes and without any address.
	$(BIN)/uv pip compile --quiet --generate-hashes --no-annotate --no-header --prerelease if-necessary-or-explicit \
	  --group dev pyproject.toml --output-file requirements.lock

clean:  ## Remove what was made here, the data of demos included.
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info data/store data/lake data/landing data/dagster data/tmp
