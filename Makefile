# `make demo` and `make test` need Python 3.11+, make and the package registries; all else is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := src tests tools benchmarks

.PHONY: demo test test-long check bench format clean

# The newest file of each set stands for the whole: it is touched when everything before it succeeded.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/run.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
	touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	touch $@

demo: $(VENV)/run.stamp
	$(BIN)/coda-executive run block-production

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not long" -q

test-long: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n auto --dist loadgroup -q

check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/check_sizes.py $(SOURCES)
	$(BIN)/vulture

bench: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/run_all.py

format: $(VENV)/dev.stamp
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
