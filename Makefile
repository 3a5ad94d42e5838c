# Everything installs into .venv; nothing else on the machine is touched.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help quickstart test lab phone-runner check docs format proto proto-check clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is %s; run make PYTHON=…" % sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/quickstart: .venv/python pyproject.toml constraints.txt
	@echo "Installing help-fleet into .venv (once; a few minutes on a slow line) …"
	@$(PIP) install -c constraints.txt -e '.[agent,coordinator]'
	@touch $@

.venv/dev: .venv/quickstart
	@echo "Installing the tools for tests and checks into .venv (once) …"
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@

quickstart: .venv/quickstart ## Find the best networks for this very machine, in two minutes
	@$(BIN)/help-coord quickstart

test: .venv/dev ## Run the tests
	@$(BIN)/python -m pytest -n auto --dist loadfile

lab: .venv/dev ## Run the tests on emulated boards (installs Debian packages when root)
	@bash tests/lab/install.sh
	@$(BIN)/python -m pytest -m lab --timeout=600 -n 2 --dist loadfile tests/lab

phone-runner: .venv/quickstart ## Compile what measures on phones (COMPILER=… of the NDK, OUT=…)
	@$(BIN)/python -m agent.boards.android.build $(if $(COMPILER),--compiler $(COMPILER)) $(if $(OUT),--out $(OUT))

check: .venv/dev proto-check ## Lint, formatting, types, protos and what they may not break
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/buf lint proto
	@$(BIN)/buf breaking proto --against proto/released.binpb

docs: .venv/dev ## Build the documentation into docs/_build; warnings are errors
	@$(BIN)/python -m sphinx -q -W --keep-going docs docs/_build

format: .venv/dev ## Format and mend what can be mended
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

proto: .venv/dev ## Generate the code of the protos
	@$(BIN)/python proto/generate.py

proto-check: .venv/dev ## Fail if the committed code of the protos is not what they generate
	@$(BIN)/python proto/generate.py --check

clean: ## Remove what make has made
	@rm -rf .venv quickstart-output dist build docs/_build
