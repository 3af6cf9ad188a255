# Two commands on a fresh machine: `make run` and `make test`. Only python3 (3.11 or newer) and make are assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DOCS ?= $(VENV)/docs
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Modules are compiled when they are first imported, not all of them here.
INSTALL = $(PIP) install --quiet --no-compile
# One more than two cores: tests wait for other processes for an eighth of their time.
WORKERS ?= 3
# A file of tests a process; 0 runs all in this one.
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: run test pytest thorough faults fuzz audit same-bytes lint format types unit test-formats lock golden wheel-check docs notebooks docs-links docs-tutorial clean help

help:            ## say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

run: $(VENV)/base ## prepare the sample sky (200 simulated galaxies) into ./gz2-shards
	$(BIN)/gzprep run --runner DirectRunner

test: lint ## all: lint, types, every kind of test (WORKERS=5 for four cores)
	$(MAKE) --no-print-directory --jobs 2 types pytest

pytest: $(VENV)/compiled
	$(PYTEST) -m "not thorough"

# In a new environment modules are compiled by one process, while mypy works, and not by each that runs tests.
# What is wrong with a file, pytest says when it runs.
$(VENV)/compiled: $(VENV)/dev
	-@$(BIN)/python -m pytest --collect-only -qq >$@

unit: $(VENV)/dev ## for every save: the tests that are quick
	$(PYTEST) -m "not slow and not thorough"

thorough: $(VENV)/dev ## further cases of what `make test` shows with fewer: other clouds, models, schemes, moments
	$(PYTEST) -m thorough

lint: $(VENV)/dev ## ruff, lint and format; no lines that stand in two packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/repeated_lines.py

types: $(VENV)/dev ## mypy, strict
	$(BIN)/mypy

format: $(VENV)/dev ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(VENV)/dev ## make the golden files again, and say what changed
	$(BIN)/python tests/golden/regenerate_labels.py
	$(BIN)/python tests/golden/regenerate_records.py

faults: $(VENV)/dev ## more than 200 faults: kills, full disks, two runs at once ...; writes the table of docs/reliability.md
	$(BIN)/python -m pytest --override-ini addopts=-q tests/faults/test_mounts.py
	$(BIN)/python -m tests.faults.run --all --table docs/reliability.md

SECONDS ?= 600

fuzz: $(VENV)/dev ## search for documents that our parsers cannot cope with, for so long (CPU time): make fuzz SECONDS=600
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS)

same-bytes: $(VENV)/dev engines-fetch ## every recipe, made in every way, gives the recorded bytes; training its weights
	GZPREP_ALL_ENGINES=1 $(BIN)/python -m pytest --override-ini addopts=-q tests/same_bytes

test-formats: $(VENV)/dev $(VENV)/formats/installed ## converted data sets in the readers of their communities; samples/s beside ours
	$(BIN)/python -m pytest --override-ini addopts=-q tests/formats

audit: $(VENV)/dev ## licences of what is pinned, known advisories, and bills of materials (CycloneDX) in build/sbom
	$(BIN)/python tools/licences.py
	$(BIN)/python tools/advisories.py $(VENV)/audit

$(VENV)/lock/bin/uv: | $(VENV)/bin/python
	$(BIN)/python -m venv $(VENV)/lock
	$(VENV)/lock/bin/pip install --quiet uv

wheel-check: $(VENV)/lock/bin/uv ## install the wheel in an empty folder under each Python that is here, and run the README there
	$(BIN)/python tools/wheel_check.py $(VENV)/lock/bin/uv

lock: $(VENV)/lock/bin/uv ## compile requirements/*.txt from pyproject.toml
	for target in base dev train cloud docs; do \
	  groups="--group build"; \
	  test $$target != dev || groups="$$groups --group dev --all-extras --constraint requirements/base.txt"; \
	  test $$target != train || groups="--extra train --constraint requirements/dev.txt"; \
	  test $$target != docs || groups="$$groups --group docs --extra report --extra train --extra jax --constraint requirements/dev.txt"; \
	  test $$target != cloud || groups="$$groups --extra gcp --extra aws --constraint requirements/dev.txt"; \
	  $(VENV)/lock/bin/uv pip compile pyproject.toml $$groups --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url --quiet --output-file requirements/$$target.txt || exit 1; \
	done
	$(VENV)/lock/bin/uv pip compile requirements/formats.in --constraint requirements/dev.txt --universal \
	  --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet \
	  --output-file requirements/formats.txt
	$(VENV)/lock/bin/uv pip compile pyproject.toml requirements/gpu.in --group build --extra gcp --extra aws \
	  --constraint requirements/dev.txt --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --quiet --output-file requirements/gpu.txt

docs: $(DOCS)/installed ## build the documentation site into docs/_build/html; a warning is an error
	PYTHONPATH=. $(DOCS)/bin/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build/html

notebooks: | $(VENV)/bin/python ## write the notebooks of the documentation into build/notebooks, as files for Jupyter
	$(BIN)/python tools/notebooks.py build/notebooks

docs-links: $(DOCS)/installed ## look for every address that the documentation names (needs the network)
	PYTHONPATH=. $(DOCS)/bin/python -m sphinx --builder linkcheck --keep-going --quiet docs docs/_build/links

docs-tutorial: $(BIN)/python ## run every command of the tutorial in a new clone, and write what it printed (10 minutes)
	$(BIN)/python docs/generators/run_tutorial.py

clean:           ## remove what make made
	rm -rf $(VENV) gz2-shards gz2-sky docs/_build docs/generated

include benchmarks/bench.mk
-include engines/engines.mk
include pipelines/dataflow/dataflow.mk

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "gzprep needs Python 3.11 or newer"'
	$(PYTHON) -m venv $(VENV)

$(VENV)/base: requirements/base.txt pyproject.toml | $(VENV)/bin/python
	$(INSTALL) --no-deps --require-hashes --requirement requirements/base.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev: requirements/dev.txt $(VENV)/base
	$(INSTALL) --no-deps --require-hashes --requirement requirements/dev.txt
	touch $@

$(DOCS)/installed: requirements/docs.txt | $(VENV)/bin/python
	$(BIN)/python -m venv $(DOCS)
	$(DOCS)/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes --requirement requirements/docs.txt
	touch $@

$(VENV)/formats/installed: requirements/formats.txt | $(VENV)/bin/python
	$(BIN)/python -m venv $(VENV)/formats
	$(VENV)/formats/bin/python -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes --requirement requirements/formats.txt
	touch $@
