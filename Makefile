SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Two for each core of a small machine: half of the time a test waits for a process of its own.
WORKERS ?= 4
STAMP := $(VENV)/.installed
AZURITE := tools/azurite/node_modules/.installed

CLIENTS := .venv-az/.installed .venv-c7n/.installed

.DEFAULT_GOAL := help
.PHONY: help setup azurite run demo sim test test-az check lint types imports bench crash chaos proof package lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(STAMP) ## Virtual environment and dependencies

$(STAMP): requirements.txt requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed ($(PYTHON) was not found; set PYTHON=...)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@touch $@

azurite: $(AZURITE) ## Azurite, on which the Azure side of the store is tested

$(AZURITE): tools/azurite/package-lock.json
	@command -v npm >/dev/null || { echo "Node.js and npm are needed: the store is tested on Azurite"; exit 1; }
	npm ci --prefix tools/azurite --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

run: setup ## The main job, walked through; then serve until Ctrl-C
	$(BIN)/python -m tools.demo --serve

demo: setup ## The main job, walked through; exit 0 when every step held
	$(BIN)/python -m tools.demo

sim: setup ## Only the simulator, on port 8443
	$(BIN)/python -m simulator

test: setup azurite ## Every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-az: setup $(CLIENTS) ## The simulator, driven by the Azure CLI and Cloud Custodian
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/az tests/c7n

# Each client pins its own half of the Azure SDK, so each has an environment, made from its hash-locked list.
.venv-%/.installed: tests/%/requirements.txt | $(STAMP)
	$(PYTHON) -m venv --clear $(@D)
	$(BIN)/uv pip install --quiet --python $(@D)/bin/python --require-hashes -r $<
	@touch $@

lint: setup ## ruff: rules and format
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup ## mypy --strict
	$(BIN)/mypy

imports: setup ## import-linter: who may import whom
	$(BIN)/lint-imports

check: lint types imports test ## ruff, mypy --strict, import-linter, tests

bench: setup azurite ## Every number, as a table and as JSON
	$(BIN)/python -m bench

crash: setup ## The crash test at every call and every store write
	CRASH_CASES=all $(BIN)/python -m pytest tests/crash

chaos: setup ## 200 lives of a workspace while one call in ten goes wrong (CHAOS_SEEDS)
	$(BIN)/python -m tests.support.chaos_lanes 1 $${CHAOS_SEEDS:-200}

proof: setup ## make proof ID=S1-37: the test of one requirement
	$(BIN)/python -m tools.proof $(ID)

package: setup ## The deployment zip: build/package.zip
	$(BIN)/python -m tools.package

lock: setup ## Write the requirements files anew
	$(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 --no-header requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 --no-header tests/az/requirements.in -o tests/az/requirements.txt
	$(BIN)/uv pip compile -q --generate-hashes --python-version 3.11 --no-header tests/c7n/requirements.in -o tests/c7n/requirements.txt

clean: ## Remove what runs and builds left behind
	rm -rf $(VENV) .venv-az .venv-c7n tools/azurite/node_modules .local build .pytest_cache .mypy_cache .ruff_cache .hypothesis
