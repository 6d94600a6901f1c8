# make run, make test: each makes the virtual environment it needs. ARGS="..." goes to the command.
# JOBS=1 runs the tests one after another.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# A test often waits for a process, a server or a signal: three of them keep two cores busy.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) \* 3 / 2)
SIDE_BY_SIDE := --numprocesses $(JOBS) --maxprocesses 4 --dist loadgroup
NONE_FOUND := 5

# The tests start hundreds of Pythons; without its cache each would compile our sources anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run ui quick test lint format bench gpu docs wheel clean

help:  ## what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

run: $(READY)  ## run an experiment: make run ARGS="experiment=matmul device=cpu"
	$(BIN)/python -m runner $(ARGS)

ui: $(READY)  ## browse the runs
	$(BIN)/python -m runner.ui $(ARGS)

quick: $(READY)  ## the tests that take no time: for each save
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not (slow or alone or cluster or browser)" $(ARGS)

test: lint  ## lint, types, import rules and all tests
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not alone" $(ARGS) || [ $$? -eq $(NONE_FOUND) ]
	$(BIN)/python -m pytest -m alone $(ARGS) || [ $$? -eq $(NONE_FOUND) ]

lint: $(READY)  ## formatting, lint, types, import rules, dependencies, dead code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/vulture

format: $(READY)  ## put the code into its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)  ## the project's own speed, written to benchmarks/README.md (about twenty minutes)
	$(BIN)/python -m benchmarks $(ARGS)

gpu: $(READY)  ## what there is to find out on a GPU, into gpu-report/ (eight minutes at most)
	[ -z "$(wildcard /dev/nvidia0 /usr/lib/wsl/lib/nvidia-smi)" ] || $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,gpu]'
	$(BIN)/python -m benchmarks.gpu $(ARGS)

docs: $(READY)  ## the documentation as a site, with search, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheel: $(READY)  ## dist/*.whl
	$(BIN)/python -m build --wheel

clean:  ## everything that can be made again; mlruns/ stays
	rm -rf $(VENV) build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
