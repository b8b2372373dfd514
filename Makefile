# make run: set up and start Lossdeck. make test: set up and run every test. make help: the rest.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -q
# Without hashes and what they depend on: on Linux that would be CUDA, which the build of PyTorch for CPUs has not.
PINS := uv pip compile --universal --python-version 3.11 --no-header --no-annotate -q --no-deps
# A file of tests stays in one process, and so do the servers that its tests share.
TWO := -n 2 --dist loadfile --no-loadscope-reorder
.DEFAULT_GOAL := help
.PHONY: help install run test test-fast bench gallery check fix lock debian clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

install: .venv/.installed  ## make .venv with the pinned requirements

run: .venv/.installed  ## start the server and the workers; options by ARGS="..."
	@$(BIN)/lossdeck up --demo $(ARGS)

test: .venv/.dev debian  ## every test, in two processes; some of them by ARGS="tests/learning -k momentum"
	@$(BIN)/python -m pytest $(TWO) $(ARGS)

test-fast: .venv/.dev  ## the tests that are not slow and need neither Chromium nor PostgreSQL, within a minute
	@$(BIN)/python -m pytest $(TWO) -m "not (slow or browser or postgres)" $(ARGS)

bench: .venv/.bench  ## Lossdeck beside NumPy, scikit-learn, PyTorch and Optuna, about an hour; options by ARGS="..."
	@$(BIN)/python -m benchmarks --report docs/benchmarks.md $(ARGS)

gallery: .venv/.dev  ## a picture of every page in its states, into docs/gallery, to be looked at
	@$(BIN)/python -m benchmarks.gallery docs/gallery $(ARGS)

check: .venv/.dev  ## lint, format and types; edits nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: .venv/.dev  ## let ruff mend and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: .venv/.dev  ## compute the requirements files anew (needs uv)
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) pyproject.toml --extra dev -c requirements.txt -o requirements-dev.txt
	echo 'psycopg[binary]' | $(COMPILE) - -c requirements-dev.txt -o requirements-postgres.txt
	$(PINS) pyproject.toml --extra bench -c requirements.txt -o requirements-bench.txt
	echo hatchling | $(COMPILE) - -c requirements-dev.txt -o requirements-build.txt

.venv/.python:
	@$(PYTHON) -c 'import sys; sys.exit("Lossdeck needs Python 3.11.4 or newer; name one with PYTHON=...") if sys.version_info < (3, 11, 4) else None'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.installed: .venv/.python requirements.txt pyproject.toml
	@echo "Installing what Lossdeck needs into .venv (once)"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

.venv/.dev: .venv/.installed requirements-dev.txt
	@echo "Installing what the tests need into .venv (once)"
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

.venv/.bench: .venv/.installed requirements-bench.txt
	@echo "Installing what the benchmarks compare with into .venv (once)"
	@$(BIN)/pip install -q --disable-pip-version-check -r requirements-bench.txt
	@touch $@

debian: .venv/.dev
	@$(BIN)/python tests/system.py

clean:  ## remove the environment
	rm -rf .venv
