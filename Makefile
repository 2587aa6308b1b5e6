# `make demo` and `make test` do all their set-up themselves; `make help` lists the rest.

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo quick check test mutation-test fault-test fuzz sbom wheels bench peers requirements clean

PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
# `make test PYTHON=python3.12` has an environment of its own beside that of the usual Python
VENV := $(if $(filter command,$(firstword $(origin PYTHON))),.venv-$(notdir $(firstword $(PYTHON))),.venv)
BIN := $(VENV)/bin
export VENV
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# It holds what was asked of it last by purpose: core, dev (core, viewer and tests) or bench (dev
# and the peers to measure against). It grows and is never cut back, so make demo after make test
# keeps the tests' tools.
HELD := $(firstword $(wildcard $(VENV)/.bench) $(wildcard $(VENV)/.dev))
CORE := $(or $(HELD),$(VENV)/.core)
DEV := $(or $(HELD),$(VENV)/.dev)

QUICK := tests/unit/domain tests/unit/response tests/unit/agreement tests/spec \
	tests/architecture/test_sources.py

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(CORE) ## build .venv with opp-mri in it (no Qt)

demo: setup ## write a synthetic cohort into demo/, measure and classify it, and draw the page
	$(BIN)/opp-mri demo demo

quick: $(DEV) ## lint, format, import contracts, and the tests of the rules and of the sources
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 $(QUICK)

check: $(DEV) ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check ## everything: check, and all tests, those of the window where they can run
	@tools/test.sh

mutation-test: $(VENV)/.uv ## change the response rules and list changes that no test notices: MUTANTS='*draws*'
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-mutation
	$(BIN)/uv pip sync --quiet --python .venv-mutation/bin/python --require-hashes \
		requirements/mutation.txt
	$(BIN)/uv pip install --quiet --python .venv-mutation/bin/python --no-deps \
		--build-constraints requirements/build.txt --editable .
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 nice -n 10 .venv-mutation/bin/mutmut run --max-children 1 $(if $(MUTANTS),'$(MUTANTS)')
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 .venv-mutation/bin/mutmut results

fault-test: $(DEV) ## kills, flipped bits, edits, forged packages, many at once: nothing lost or unnoticed
	@PYTHONPATH=tests $(BIN)/python tests/faults/fault_table.py $(FAULTS)

fuzz: $(DEV) ## send changed inputs through each door: SECONDS=60 for each of TARGETS="headers zip"
	@PYTHONPATH=tests $(BIN)/python tests/fuzz/run.py $(if $(SECONDS),--seconds $(SECONDS)) $(TARGETS)

sbom: $(DEV) ## write what opp_mri is made of to dist/opp-mri.cdx.json (CycloneDX)
	@mkdir -p dist
	@$(BIN)/python tools/sbom.py requirements/viewer.txt > dist/opp-mri.cdx.json
	@echo dist/opp-mri.cdx.json

wheels: $(VENV)/.uv ## build the wheels twice, compare their bytes, and put them into dist/
	@tools/wheels.sh dist

bench: $(VENV)/.bench ## measure speed next to the peers, and write docs/reference/benchmarks-measured.md
	$(BIN)/python -m benchmarks.bench $(BENCH)

peers: $(VENV)/.uv ## install the registration peers (1.5 GB) in .venv-peers, apart from everything
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-peers
	$(BIN)/uv pip sync --python .venv-peers/bin/python --require-hashes requirements/peers.txt

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate $(UPGRADE)
CORE_IN = pyproject.toml --extra pdf
VIEWER = $(CORE_IN) requirements/viewer.in
requirements: $(VENV)/.uv ## lock again (UPGRADE=--upgrade takes the newest of everything)
	$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(LOCK) requirements/build.in -o requirements/build.txt
	$(LOCK) $(CORE_IN) -o requirements/core.txt
	$(LOCK) $(VIEWER) -c requirements/core.txt -o requirements/viewer.txt
	$(LOCK) $(VIEWER) --extra dev -c requirements/viewer.txt -o requirements/dev.txt
	$(LOCK) $(VIEWER) --extra dev --extra bench -c requirements/dev.txt -o requirements/bench.txt
	$(LOCK) requirements/peers.in -o requirements/peers.txt
	$(LOCK) $(CORE_IN) requirements/mutation.in -c requirements/dev.txt -o requirements/mutation.txt

clean: ## remove .venv and its like, the demo and all caches
	rm -rf .venv .venv-python* .venv-mutation mutants demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: uv itself, then one for each purpose.

$(VENV)/.uv: requirements/bootstrap.txt
	@tools/make-venv.sh $(PYTHON)
	$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r $<
	@touch $@

$(VENV)/.%: requirements/%.txt requirements/build.txt $(VENV)/.uv pyproject.toml plugins/napari-opp-mri/pyproject.toml
	$(BIN)/uv pip sync --python $(BIN)/python --require-hashes --compile-bytecode $<
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --build-constraints requirements/build.txt \
		--editable . $(if $(filter core,$*),,--editable plugins/napari-opp-mri)
	@touch $@
