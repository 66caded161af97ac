# Works with the make of Linux and of macOS (3.81). `make` alone lists what there is.

PYTHON ?= python3
PORT ?= 8000
# Not taken from the environment: some shells export HOST as the machine's name.
HOST = 127.0.0.1

VENV = .venv
BIN = $(VENV)/bin
ENGINES = $(BIN)/python -m tests.engines

.PHONY: help run venv install install-dev test test-all lint bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

run: install ## start the site with demo data (PORT=8000, HOST=127.0.0.1)
	@$(BIN)/python -m tradingsite.ops.port $(HOST) $(PORT)
	@$(BIN)/python -m tradingsite.ops.environment
	@$(BIN)/python manage.py bootstrap --demo --address http://$(HOST):$(PORT)
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0
	@echo
	@echo "Serving on http://$(HOST):$(PORT) until you press Ctrl-C."
	@exec $(BIN)/gunicorn tradingsite.wsgi --bind $(HOST):$(PORT) --worker-class gthread --workers 2 --threads 8 \
	  --no-control-socket

# Made anew when it is missing, half-made, or its Python has gone.
venv:
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Python 3.11 or newer is needed; $(PYTHON) is not. Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	    exit 1; }; \
	  echo "Making $(VENV) ..."; \
	  $(PYTHON) -m venv --clear $(VENV); }

# The installed lock is kept beside what it installed: nothing is done while they are equal.
install: venv
	@cmp -s requirements.txt $(VENV)/installed.txt || cmp -s requirements-dev.txt $(VENV)/installed-dev.txt || { \
	  echo "Installing the locked requirements (a minute or two) ..."; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt && \
	  cp requirements.txt $(VENV)/installed.txt; }

install-dev: venv ## install what working on the software needs
	@cmp -s requirements-dev.txt $(VENV)/installed-dev.txt || { \
	  echo "Installing the locked development requirements (a minute or two) ..."; \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt && \
	  cp requirements-dev.txt $(VENV)/installed-dev.txt; }

test: install-dev ## the whole suite on SQLite
	@$(ENGINES) run --only sqlite

test-all: install-dev ## the whole suite on SQLite, PostgreSQL and MySQL/MariaDB
	@$(ENGINES) run

lint: install-dev ## format, lint, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

# Benchmarks of one process, then those that a database decides, on each engine that answers.
BENCHMARKS = import_bars archive audit_verify authentication

bench: install-dev ## measure against named yardsticks, on each engine
	@$(BIN)/python -m benchmarks.startup
	@for url in $$($(ENGINES) urls); do for name in $(BENCHMARKS); do \
	  DATABASE_URL=$$url $(BIN)/python -m benchmarks.$$name || exit 1; done; done

lock: install-dev ## write requirements*.txt anew from requirements*.in
	@for name in requirements requirements-dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-emit-index-url --no-emit-find-links $$name.in -o $$name.txt || exit 1; done

clean: ## remove caches and collected files; data, .env and .venv stay
	@rm -rf staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +
