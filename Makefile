# Entente. `make` without a target says what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FIRST := $(VENV)/.first
export PYTHONPATH := hack:examples
export PYTHONDONTWRITEBYTECODE := 1

# What a run may be told: `make demo HOLD=1`, `make demo KIND=1`, `make test ARGS="-k reclaim"`
HOLD ?=
KIND ?=
STORY ?=
ARGS ?=
TRACES ?=
ONLY ?=
POLICIES ?=
DAYS ?=
JOBS ?=
OUT ?=

.PHONY: help
help: ## Say what there is
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

define MAKE_VENV
@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Entente needs Python 3.11 or newer, not " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
endef
PIP_INSTALL := $(BIN)/python -m pip install -q --disable-pip-version-check

$(READY): requirements/dev.txt pyproject.toml
	$(MAKE_VENV)
	@echo "installing what Entente needs into $(VENV) ..."
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

# What `make demo` and `make estate` need to say something within seconds: a part of the lock. The rest follows.
FIRST_PACKAGES := annotated-types|cffi|cryptography|markdown-it-py|mdurl|pycparser|pydantic|pydantic-core|pygments|pyyaml|rich|typing-extensions|typing-inspection
$(FIRST): requirements/dev.txt
	$(MAKE_VENV)
	@echo "installing the simulator into $(VENV) ..."
	@awk '/^[a-z]/ {keep = /^($(FIRST_PACKAGES))==/} keep' requirements/dev.txt > $@.txt
	@$(PIP_INSTALL) --require-hashes -r $@.txt
	@touch $@

# Ctrl-C is how these end: no error of make's after it.
UNLESS_INTERRUPTED := || { code=$$?; test $$code -eq 130 || exit $$code; }

##@ Try it

.PHONY: demo
demo: $(FIRST) ## Run the main job: two labs share 256 GPUs (HOLD=1 keeps it up, KIND=1 on a kind cluster, STORY=1 tells it on the simulator first)
	@HOLD=$(HOLD) KIND=$(KIND) STORY=$(STORY) PYTHONPATH=operator:$(PYTHONPATH) $(BIN)/python -m demo.prelude --story demo $(UNLESS_INTERRUPTED)

.PHONY: estate
estate: $(FIRST) ## An estate of 32 hosts with the operator, to try things on, until Ctrl-C
	@PYTHONPATH=operator:$(PYTHONPATH) $(BIN)/python -m demo.prelude demo.standing .estate $(UNLESS_INTERRUPTED)

.PHONY: plane
plane: $(READY) ## A control plane with fake GPU nodes and without the operator, until Ctrl-C
	@$(BIN)/python -m localplane up --nodes 32 --blocks 2 --racks 4 $(UNLESS_INTERRUPTED)

##@ Test it

.PHONY: test
test: $(READY) ## All tests but kind's: unit, property, and on a real control plane (ARGS="-k reclaim": some)
	@$(BIN)/python $(if $(ARGS),-m pytest -m "not e2e" $(ARGS),hack/lanes.py)
	@$(if $(ARGS),true,$(BIN)/python hack/floor.py)

.PHONY: test-unit
test-unit: $(READY) ## Only the tests that need no control plane
	@$(BIN)/python -m pytest tests/unit tests/property $(ARGS)

.PHONY: docs-test
docs-test: $(READY) ## Run the command blocks of README, tutorial and how-tos, and compare what they print (ARGS=install: one page)
	@$(BIN)/python -m docstest $(ARGS)

.PHONY: docs-update
docs-update: $(READY) ## The same, and write what they print into the pages
	@$(BIN)/python -m docstest --update $(ARGS)

.PHONY: soak-engine
soak-engine: $(READY) ## The engine's invariants on random estates, at least 200,000 decisions (an hour; ARGS="-k live")
	@ENTENTE_PROPERTIES=soak $(BIN)/python -m pytest --timeout=0 tests/property $(ARGS)

.PHONY: mutants
mutants: $(READY) ## Break each rule of the engine in turn, and see that the tests notice (minutes; ARGS="--only NoThrash")
	@$(BIN)/python hack/mutants.py $(ARGS)

.PHONY: coverage
coverage: $(READY) ## Which lines no unit test reaches (minutes)
	@$(BIN)/python -m pytest -q --cov --cov-report=term tests/unit $(ARGS)

.PHONY: dist-check
dist-check: $(READY) ## Build wheel and sdist, install each and a clone afresh, and compare what they say
	@$(BIN)/python hack/dist.py

.PHONY: lowest-check
lowest-check: $(READY) ## Run the tests of what uses dependencies on the lowest that pyproject.toml allows
	@$(BIN)/python hack/matrix.py --only lowest

.PHONY: matrix
matrix: $(READY) ## All versions that are claimed: dependencies, Python, Kubernetes (an hour; ARGS="--only python3.13")
	@$(BIN)/python hack/matrix.py $(ARGS)

.PHONY: e2e
e2e: $(READY) ## The demo on a kind cluster (needs docker and kind; minutes)
	@$(BIN)/python -m pytest -m e2e $(ARGS)

##@ Measure it

.PHONY: bench
bench: $(READY) ## How soon a thousand jobs run; one JSON object last
	@PYTHONPATH=.:$(PYTHONPATH) $(BIN)/python bench/throughput.py

.PHONY: bench-engine
bench-engine: $(READY) ## How fast the engine decides about up to a million GPUs; one JSON object last (ARGS="--scale 10000")
	@PYTHONPATH=.:$(PYTHONPATH) $(BIN)/python -m bench.engine $(ARGS)

.PHONY: bench-plan
bench-plan: $(READY) ## How soon `entente plan` answers about 1,000 nodes and 2,000 jobs; one JSON object last
	@PYTHONPATH=.:$(PYTHONPATH) $(BIN)/python -m bench.plan $(ARGS)

.PHONY: replay
replay: $(READY) ## Replay the real traces with all policies, write docs/explanation/results.md; one JSON object last (TRACES=, ONLY=philly,itp DAYS="60 63" POLICIES= JOBS=2)
	@PYTHONPATH=.:$(PYTHONPATH) $(BIN)/python -m bench.replay $(if $(TRACES),--traces $(TRACES)) $(if $(ONLY),--only $(ONLY)) $(if $(POLICIES),--policies $(POLICIES)) $(if $(DAYS),--days $(DAYS)) $(if $(JOBS),--jobs $(JOBS)) $(if $(OUT),--out $(OUT))

.PHONY: replay-small
replay-small: $(READY) ## The same with the slice in the repository, into build/replay: seconds; one JSON object last
	@PYTHONPATH=.:$(PYTHONPATH) $(BIN)/python -m bench.replay --only small --out build/replay/small

.PHONY: demo-figures
demo-figures: $(READY) ## Run the demo and put its figures and its chart into README and docs
	@$(BIN)/python -m demo --record docs/demo.json
	@$(MAKE) --no-print-directory readme-chart

.PHONY: demo-fairness
demo-fairness: $(READY) ## Who gains and who loses by sharing, and why: replays on virtual time (minutes; ARGS="--seeds 5")
	@$(BIN)/python -m demo.fairness --out docs/fairness.json $(ARGS)
	@$(BIN)/python hack/figures.py

.PHONY: readme-chart
readme-chart: $(READY) ## Draw docs/chart.svg from docs/demo.json, which `make demo-figures` records
	@$(BIN)/python -m demo.chart docs/demo.json docs/chart.svg
	@$(BIN)/python hack/figures.py

##@ Work on it

.PHONY: venv
venv: $(READY) ## Make the virtual environment with everything locked

.PHONY: binaries
binaries: $(READY) ## Build the control plane's binaries (once; minutes)
	@$(BIN)/python -m localplane build

.PHONY: lint
lint: $(READY) ## Style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: $(READY) ## mypy, strict, also over tests, examples, hack and bench
	@$(BIN)/mypy operator/entente hack examples bench tests

.PHONY: layers
layers: $(READY) ## Import contracts of the layers
	@PYTHONPATH=operator $(BIN)/lint-imports

.PHONY: format
format: $(READY) ## Format, and repair what can be repaired
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: generate
generate: $(READY) ## Write what is generated: CRDs, the chart's copies of them, reference pages
	@$(BIN)/python hack/gencrds.py
	@$(BIN)/python hack/gendocs.py
	@$(BIN)/python hack/chart.py
	@$(BIN)/python -m demo.chart docs/demo.json docs/chart.svg
	@$(BIN)/python hack/figures.py

.PHONY: verify
verify: generate ## Generate anew and demand a clean tree
	@git diff --exit-code -- crds helm docs README.md || { echo "generated files are stale: commit what \`make generate\` wrote"; exit 1; }
	@test -z "$$(git status --porcelain -- crds helm docs README.md)" || { git status --short -- crds helm docs README.md; exit 1; }

.PHONY: check
check: lint types layers verify test dist-check lowest-check ## Everything that CI runs

.PHONY: clean
clean: ## Remove what was made here (the cache in ~/.cache/entente stays)
	@rm -rf $(VENV) .estate dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

##@ Release it

.PHONY: lock
lock: ## Lock the dependencies anew (needs uv)
	@hack/lock.sh

.PHONY: release-artifacts
release-artifacts: $(READY) ## Make wheel, sdist, chart, image, checksums and SBOM in dist/ (RELEASING.md)
	@$(BIN)/python hack/release.py $(ARGS)
