# `make help` lists the commands. Everything that is missing is set up in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lint types layers clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## make the virtual environment

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gitops needs Python 3.11 or newer, and $(PYTHON) is older; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## start a control plane and the service on examples-repo/, and stay until Ctrl-C
	$(BIN)/gitops demo $(DEMO_ARGS)

check: setup ## the fast gate: format, lint, types, layers, unit, laws
	$(BIN)/ruff format --check --quiet gitops tests
	$(BIN)/ruff check --quiet gitops tests
	$(BIN)/mypy
	PATH=$(abspath $(BIN)):$$PATH $(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit tests/laws tests/cases $(PYTEST_ARGS)

format: setup ## format and fix what can be fixed
	$(BIN)/ruff format gitops tests
	$(BIN)/ruff check --fix --quiet gitops tests

test: setup ## every test, the control plane included
	$(BIN)/gitops cluster build
	$(BIN)/pytest -n 2 --dist loadgroup --cov --cov-report=term:skip-covered $(PYTEST_ARGS)

clean: ## remove what the commands above made here
	rm -rf $(VENV) .gitops-demo .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
