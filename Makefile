# The first that runs: a shim of a version manager may be there without its Python.
PYTHON ?= $(shell for each in python3.11 python3 python; do "$$each" -c "" 2>/dev/null && echo "$$each" && break; done)
BIN    := .venv/bin
SETUP  := .venv/.complete

.DEFAULT_GOAL := help

.PHONY: help
help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(SETUP) ## the virtual environment .venv, with everything

$(SETUP): requirements-dev.txt
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 is needed and no Python was found: install it, or name one with make PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; v = sys.version_info[:2]; sys.exit(v != (3, 11) and "Python 3.11 is needed and %d.%d was found (%s): install 3.11, or name one with make PYTHON=..." % (v + (sys.executable,)))'
	@"$(PYTHON)" tools/environment.py

.PHONY: demo
demo: setup ## sample events through the real parts, and what everyone received
	@$(BIN)/python -m local demo

.PHONY: up
up: setup ## the embedded Postgres, Debezium and Pub/Sub, in the foreground; writes .local/env
	@$(BIN)/python -m local up $(if $(EMULATOR),--emulator "$(EMULATOR)")

.PHONY: test
test: setup ## the whole test suite
	@$(BIN)/python -m pytest

.PHONY: bench
bench: setup ## measure against the budgets and write docs/performance.md; about 5 minutes
	@$(BIN)/python -m bench

.PHONY: endurance
endurance: setup ## an hour of the stream at a steady rate; writes docs/endurance.md
	@$(BIN)/python -m bench.endurance

.PHONY: torture
torture: setup ## thousands of faults under load, about half an hour; writes docs/reliability.md
	@FANOUT_TORTURE=full $(BIN)/python -m pytest tests/torture

.PHONY: torture-smoke
torture-smoke: setup ## the same faults, a few of each, as make test runs them
	@$(BIN)/python -m pytest tests/torture

.PHONY: check
check: setup ## format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: setup ## rewrite the sources in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: catalogue
catalogue: setup ## docs/events.md and the payload schemas again, from the handlers
	@$(BIN)/python -m tools.catalogue

.PHONY: event
event: setup ## the files of a new event type: make event NAME=thing_happened
	@$(BIN)/python -m tools.new_event "$(NAME)"

.PHONY: lock
lock: setup ## the two lock files again, from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -c requirements.txt pyproject.toml --group dev -o requirements-dev.txt

include deploy/deploy.mk

.PHONY: clean
clean: ## stop nothing, remove what was made: .venv, .local, caches
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local clean; fi
	@rm -rf .venv .venv.new .venv.old .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
