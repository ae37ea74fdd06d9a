# Newest first. requires-python in pyproject.toml has the same versions.
PYTHONS := 3.13 3.12 3.11
NEEDED  := Python 3.11, 3.12 or 3.13 is needed
# The first Python that can make an environment, or else the first that runs. A version manager may have a shim
# without its Python, and a Python may lack venv.
PYTHON ?= $(shell for needs in "import ensurepip, venv" ""; do for each in $(PYTHONS:%=python%) python3 python; do \
	"$$each" -c "$$needs" 2>/dev/null && echo "$$each" && exit; done; done)
VENV   := .venv
BIN    := $(VENV)/bin
SETUP  := $(VENV)/.complete

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(SETUP) ## make the virtual environment .venv; PYTHON=python3.11 chooses a Python

$(SETUP): requirements-dev.txt
	@[ -n "$(PYTHON)" ] || { echo "$(NEEDED) and no Python was found: install one, or name it with make PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; found = "%d.%d" % sys.version_info[:2]; sys.exit(None if found in "$(PYTHONS)".split() else "$(NEEDED) and %s was found (%s): install one, or name it with make PYTHON=..." % (found, sys.executable))'
	@"$(PYTHON)" tools/environment.py requirements-dev.txt "$(VENV)"

.PHONY: demo
demo: setup ## send sample events through the real parts and show what everyone received
	@$(BIN)/python -m local demo

.PHONY: up
up: setup ## run the embedded Postgres, Debezium, Pub/Sub and the service in the foreground; writes .local/env
	@$(BIN)/python -m local up $(if $(EMULATOR),--emulator "$(EMULATOR)")

# Three processes, each with its own Postgres: two leave a third of two cores idle, since tests wait for programs.
# The tests of one file share what they start, so they stay in one process. The files keep the order of
# tests/conftest.py: the long ones first.
SPREAD := --dist loadfile --no-loadscope-reorder
PARALLEL := -n 3 $(SPREAD)
# These tests compare times: no other test runs at the same time.
ALONE := tests/topology/test_crowds.py tests/topology/test_latency.py
# These start no JVM and no program. Of the golden cases, they include those that show most.
FAST  := tests/domain tests/fanout tests/mail tests/testing tests/transforms tests/test_arguments.py tests/test_coders.py \
	tests/test_names.py tests/tools/test_catalogue.py tests/tools/test_pythons.py tests/docs/test_guarantees.py tests/docs/test_markdown.py \
	$(patsubst %,tests/golden/test_%.py,chat_message_sent document_uploaded processing project_access_granted truth) \
	tests/topology/test_labels.py

.PHONY: test
test: setup ## run the whole test suite
	@failed=; \
	$(BIN)/python -m pytest $(PARALLEL) $(ALONE:%=--ignore=%) || failed=yes; \
	$(BIN)/python -m pytest $(ALONE) || failed=yes; \
	[ -z "$$failed" ]

.PHONY: test-fast
test-fast: setup ## run the tests that start fast, in a minute: no JVM
	@$(BIN)/python -m pytest -q -n 2 $(SPREAD) $(FAST)

.PHONY: pythons
pythons: setup ## run the demo and the fast tests on every other supported Python that is installed
	@$(BIN)/python -m tools.pythons $(PYTHONS)

.PHONY: bench
bench: setup ## measure against the budgets and write docs/performance.md; about 5 minutes
	@$(BIN)/python -m bench

.PHONY: bench-jobs
bench-jobs: setup ## measure the scheduled jobs and write docs/jobs-performance.md; about 5 minutes
	@$(BIN)/python -m bench.jobs

.PHONY: bench-mail
bench-mail: setup ## measure mail and write docs/mail-performance.md; about 3 minutes
	@$(BIN)/python -m bench.mail $(if $(MAILS),--mails $(MAILS))

.PHONY: bench-push
bench-push: setup ## measure push and write docs/push-performance.md; about 2 minutes
	@$(BIN)/python -m bench.push

.PHONY: bench-reactions
bench-reactions: setup ## measure reactions and write docs/reactions-performance.md; about 4 minutes
	@$(BIN)/python -m bench.reactions

.PHONY: bench-retention
bench-retention: setup ## measure retention beside the stream and write docs/retention-performance.md
	@$(BIN)/python -m bench.retention

.PHONY: bench-probes
bench-probes: setup ## measure what probes cost the stream, and how soon /ready turns; about 7 minutes
	@$(BIN)/python -m bench.probes

.PHONY: compare
compare: setup ## measure against another checkout, in turns: make compare OTHER=../before
	@$(BIN)/python -m bench.compare "$(OTHER)"

.PHONY: endurance
endurance: setup ## run an hour of the stream at a steady rate; writes docs/endurance.md
	@$(BIN)/python -m bench.endurance

.PHONY: torture
torture: setup ## inject thousands of faults under load, about 110 minutes, or one PART=mail; writes docs/reliability.md
	@FANOUT_TORTURE=full $(BIN)/python -m pytest tests/torture$(if $(PART),/test_$(PART).py)

.PHONY: torture-smoke
torture-smoke: setup ## inject a few of each fault, as make test does
	@$(BIN)/python -m pytest tests/torture

.PHONY: check
check: setup ## check format, lint, types and import contracts; run the fast tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test-fast

.PHONY: format
format: setup ## rewrite the sources in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: catalogue
catalogue: setup ## write docs/events.md, docs/reaction-events.md and the payload schemas again, from the handlers
	@$(BIN)/python -m tools.catalogue

.PHONY: event
event: setup ## write the files of a new event type: make event NAME=thing_happened [FAMILY=reactions]
	@$(BIN)/python -m tools.new_event --family "$(or $(FAMILY),fanout)" -- "$(NAME)"

COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

.PHONY: lock
lock: setup ## write the three lock files again, from pyproject.toml
	@$(COMPILE) pyproject.toml -o requirements.txt
	@$(COMPILE) -c requirements.txt pyproject.toml --extra service -o requirements-service.txt
	@$(COMPILE) -c requirements-service.txt pyproject.toml --extra service --group dev -o requirements-dev.txt

include deploy/deploy.mk

.PHONY: clean
clean: ## delete what make created: .venv, .local, caches; stops nothing
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local clean; fi
	@rm -rf .venv .venv.new .venv.old .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
