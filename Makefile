# make run: the page. make test: lint, types and all tests. make bench: speed against peers.
PYTHON ?= python3
PORT ?= 8050
BIN := .venv/bin

.PHONY: run test bench lint resolve browser clean

run: .venv/run
	$(BIN)/python -m app serve --port $(PORT)

# The browser's tests compile for speed, as visitors have it; the others plainly (tests/conftest.py). They are three at
# a time, as they also wait for their pages.
test:
	$(MAKE) --jobs 3 browser resolve lint
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/browser
	XLA_FLAGS= $(BIN)/python -m pytest -n 3 --dist loadfile tests/browser

lint: .venv/test
	$(BIN)/ruff check .
	$(BIN)/mypy

# The pinned versions exist together for every Python promised.
resolve: .venv/test
	for v in 3.11 3.12 3.13; do \
	  $(BIN)/uv pip compile --quiet --python-version $$v --only-binary :all: requirements-dev.txt -o /dev/null || exit 1; \
	done

browser:
	sh tests/browser/install.sh

bench: .venv/bench
	$(BIN)/python -m bench

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/run: requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

# uv installs in seconds what takes pip more than a minute; where it cannot, pip does.
.venv/test: requirements-dev.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $$(grep '^uv==' requirements-dev.txt)
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements-dev.txt || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ .venv/run

.venv/bench: requirements-bench.txt .venv/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	touch $@

clean:
	rm -rf .venv
