# `make corpus` and `make test` each do all their own set-up in .venv; nothing else is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: corpus test test-all lint clean help

help:
	@echo "make corpus   set up and build the default corpus into corpus/default"
	@echo "make test     set up and run the tests"
	@echo "make test-all the slow tests too"
	@echo "make lint     ruff, mypy and the import contracts"

corpus: $(STAMP)
	$(BIN)/exempla build
	$(BIN)/exempla verify corpus/default

MARKS := not slow
test: $(STAMP)
	$(PYTEST) -m "$(MARKS)"

test-all: MARKS := slow or not slow
test-all: test

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" -c constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt "torch==2.13.0"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e . --group dev
	touch $(STAMP)

clean:
	rm -rf $(VENV)
