# `make` alone lists the targets.
PY := .venv/bin/python
WORKERS ?= 4
# The tests start a thousand processes; each would compile all it imports.
unexport PYTHONDONTWRITEBYTECODE
# The tests of whatever speaks SQL of its own, for a server that is not the embedded one.
OWN_SQL := $(addprefix tests/fund/,audit registry exchange authorisations claims payments notices)

.PHONY: help setup demo test quick lint bench soak docs messages pictures lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:  ## make .venv with everything that is locked
	@sh scripts/setup.sh dev

demo:  ## the main job, embedded: a laboratory sends its month, the fund answers, the laboratory books
	@sh scripts/setup.sh fund
	@$(PY) -m demo

test: setup  ## all checks and tests, in parallel, on the embedded PostgreSQL and on Debian's
	@sh scripts/debian-packages.sh
	@$(MAKE) --no-print-directory lint
	@sh scripts/with-postgresql.sh $(PY) -m pytest -n 2 -q --dist worksteal $(OWN_SQL)
	@$(PY) -m pytest -n $(WORKERS) --dist worksteal -m "not soak and not browser" tests
	@$(PY) -m pytest -n 2 -m "browser and not soak" tests/fund

quick: setup  ## the tests that need no server
	@$(PY) -m pytest -n 2 tests/agreement tests/provider tests/spec tests/house

lint: setup  ## style, types and import rules
	@.venv/bin/ruff check src tests demo
	@.venv/bin/ruff format --check src tests demo
	@.venv/bin/mypy
	@.venv/bin/lint-imports --verbose >/dev/null || .venv/bin/lint-imports

bench: setup  ## measurements, as ratios to a peer in the same run
	@sh scripts/debian-packages.sh
	@$(PY) -m tests.bench

soak: setup  ## the slow runs: every kill point many times, long damage runs, new examples
	@$(PY) -m pytest -n 2 -m "soak or hypothesis" --hypothesis-profile=explore tests

docs: setup  ## print the generated documents again
	@$(PY) -m tests.house.generated write

messages: setup  ## extract the interface's texts into the catalogues, and compile them
	@$(PY) -m tests.house.messages write

pictures: setup  ## take the pictures of the front office in docs/pictures again
	@sh scripts/debian-packages.sh
	@$(PY) -m tests.browser.pictures

lock:  ## resolve the locked requirements again
	@sh scripts/lock.sh

clean:  ## remove what set-up and demo made
	rm -rf .venv demo-home .pytest_cache .mypy_cache .ruff_cache
