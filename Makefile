# `make help` lists the commands. Whatever is missing is set up first, in .venv.
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage bench check format lock clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## make the virtual environment

$(VENV)/.ready: requirements.lock .ci/setup.sh
	@PYTHON="$(PYTHON)" .ci/setup.sh venv $(VENV)

demo: setup ## start a control plane and the service on examples-repo/, and stay until Ctrl-C
	@$(BIN)/gitops demo $(DEMO_ARGS)

check: setup ## the fast gate: format, lint, types, layers, unit, laws
	$(BIN)/ruff format --check --quiet gitops tests
	$(BIN)/ruff check --quiet gitops tests
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n $(WORKERS) tests/unit tests/laws tests/cases $(PYTEST_ARGS)

format: setup ## format, and mend what can be mended
	$(BIN)/ruff format gitops tests
	$(BIN)/ruff check --fix --quiet gitops tests

test: setup ## every test, on a real control plane
	@.ci/setup.sh tests
	@$(BIN)/gitops cluster build >/dev/null
	@$(BIN)/pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

coverage: ## every test, and what they cover (slower)
	@$(MAKE) --no-print-directory test PYTEST_ARGS="--cov --cov-report=term:skip-covered $(PYTEST_ARGS)"

bench: setup ## what it costs, beside the least that any client could pay (under 20 minutes)
	@$(BIN)/gitops cluster build >/dev/null
	@$(BIN)/python -m benchmarks --output benchmarks/results $(BENCH_ARGS)

lock: setup ## choose the newest versions of everything that we build on
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.8
	$(BIN)/uv pip compile $(LOCK) --extra dev pyproject.toml -o requirements.lock
	echo hatchling | $(BIN)/uv pip compile $(LOCK) pyproject.toml - -c requirements.lock -o deploy/requirements.lock

LOCK := --quiet --upgrade --generate-hashes --no-header --no-emit-index-url --universal --python-version 3.11

clean: ## remove what the commands above made here
	@[ ! -x $(BIN)/gitops ] || [ ! -d .gitops-demo ] || $(BIN)/gitops demo stop --purge
	rm -rf $(VENV) .gitops-demo .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
