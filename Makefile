# make run     a working proxy with its own small servers, on loopback ports
# make test    lint, types, imports, tests
# make bench   paired measurements against HAProxy
# make docs    the manual, as HTML

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run test lint types imports tests bench docs programs clean

run: $(VENV)/installed
	$(BIN)/python etc/demo.py etc/demo.cfg

test: programs lint types imports tests

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/codespell

types: $(VENV)/ready
	$(BIN)/mypy

imports: $(VENV)/ready
	$(BIN)/lint-imports

# scenarios wait more than they work: they run beside all others, and so do, behind them, rooms that are compared
# with HAProxy by the thousand; both tell at the end
BESIDE := tests/samples tests/rules tests/sites tests/transport tests/session tests/report
tests: $(VENV)/ready
	@{ $(BIN)/python -m pytest tests/scenarios $(PYTEST_OPTIONS) >.scenarios.log 2>&1; told=$$?; \
	$(BIN)/python -m pytest $(BESIDE) $(PYTEST_OPTIONS) >.beside.log 2>&1 && exit $$told; } & beside=$$!; \
	others=0; $(BIN)/python -m pytest $(addprefix --ignore=,tests/scenarios $(BESIDE)) $(PYTEST_OPTIONS) || others=$$?; \
	told=0; wait $$beside || told=$$?; \
	for part in beside scenarios; do echo "== $$part"; cat .$$part.log; rm -f .$$part.log; done; \
	[ $$others = 0 ] && [ $$told = 0 ]

bench: $(VENV)/ready programs
	$(BIN)/python -m benchmarks

docs: $(VENV)/ready
	$(BIN)/pip install -q -e '.[docs]'
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

# haproxy, varnishtest and the like, where apt-get is at hand; tests that miss one are skipped
programs:
	@sh .ci/programs

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Debian: apt-get install python3-venv"; exit 1; }

$(VENV)/installed: $(VENV)/bin/python setup.py
	$(BIN)/pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/ready: $(VENV)/bin/python setup.py pyproject.toml
	$(BIN)/pip install -q --disable-pip-version-check -e '.[test,lint]'
	@touch $(VENV)/installed $@

clean:
	rm -rf $(VENV) build dist *.egg-info docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
