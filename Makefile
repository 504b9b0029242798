# Everything goes through `make`. It needs git, make, Python 3.11+ and the package registries; all else it installs by itself.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# Some builds of Python take half as long again for everything (pyenv's, unless asked for better), so the system's own
# is taken if it will do.
ifndef PYTHON
PYTHON := $(or $(shell /usr/bin/python3 -c 'import ensurepip, sys; sys.version_info < (3, 11) or print(sys.executable)' 2> /dev/null),python3)
endif
UV_VERSION := 0.13.9
UV := .tools/uv/bin/uv
export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON := $(PYTHON)
RUN := $(UV) run --locked --all-extras --no-sync

##@ Use
.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n\033[1m%s\033[0m\n", substr($$0, 5)} /^[a-zA-Z_-]+:.*##/ {printf "  \033[36m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: setup ## Run a network of four sites on this machine, with a real model (ISOCHRONE_PORT=8080, UP="--help")
	@$(RUN) isochrone up examples/quickstart --simulate-wan $(UP)

##@ Develop
.PHONY: generate
generate: setup ## Write what is generated: CRDs, places, people, the configuration's JSON Schema, parts of the charts
	@$(RUN) python hack/generate.py

.PHONY: format
format: setup ## Format the code
	@$(RUN) ruff check --fix --quiet . ; $(RUN) ruff format --quiet .

.PHONY: lint
lint: setup ## Lint, check types and import contracts
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy
	@$(RUN) lint-imports --no-logo

# While the tests run that need nothing built, the rest is built, and the compiled package is tried. Each part is run
# whatever became of the others. Tests on clusters have the machine to themselves: they are many processes.
BESIDE := $(MAKE) --keep-going --jobs=2
IN_ONE_PIECE := | { shown=$$(cat); printf '%s\n' "$$shown"; }

.PHONY: test
test: setup ## Run every test, those on real API servers too, and the gateway's again on the compiled package
	@$(BESIDE) test-fast cluster-tools test-compiled IS_BESIDE=1 || failed=1; \
	$(MAKE) test-cluster || failed=1; \
	exit $${failed:-0}

# What is compiled, and what runs on top of it; of the properties, those of the gateway.
PROPERTIES := body decisions hop http1 proxy_protocol route sharing sse upstream
COMPILED_TESTS := $(addprefix tests/unit/,wire route server upstream pipeline ledger supervisor) \
	$(PROPERTIES:%=tests/property/test_%.py) tests/conformance tests/faults

.PHONY: test-compiled
test-compiled: compile ## Run the gateway's tests on the compiled package
	@echo "==> The gateway's tests, on the compiled package"
	@ISOCHRONE_COMPILED=1 PYTHONPATH=$(CURDIR)/build/compiled $(RUN) pytest -m "not interpreted" $(COMPILED_TESTS) $(if $(IS_BESIDE),$(IN_ONE_PIECE))

.PHONY: test-cluster
test-cluster: setup cluster-tools ## Run the tests on real API servers and nodes
	@$(RUN) pytest -m cluster

.PHONY: test-fast
test-fast: setup ## Run the tests that need no cluster
	@$(RUN) pytest -m "not cluster"

.PHONY: soak
soak: cluster-tools ## Run the long properties in full
	@ISOCHRONE_SOAK=1 $(RUN) pytest -m soak -o faulthandler_timeout=14400
	@$(RUN) python -m tests.bench.memory

.PHONY: compile
compile: setup ## Compile the gateway's request path into build/compiled
	@command -v cc > /dev/null || $(UV) pip install --quiet ziglang==0.17.1
	@nice -n 10 $(RUN) python hack/compile.py build/compiled

.PHONY: bench
bench: setup ## Measure the gateway beside its peers, about 25 minutes (BENCH="--quick" for a look)
	@$(UV) sync --locked --all-extras --group bench --quiet
	@$(RUN) python -m tests.bench $(BENCH)
	@$(RUN) python -m tests.bench.mask
	@$(RUN) python -m tests.bench.evidence

.PHONY: mutants
mutants: setup ## Change law, planner, verifier and the gateway's choice in small ways; a test must notice each: 15 minutes for the law, hours for all (MUTANTS=PATH)
	@nice -n 10 $(RUN) python -m tests.mutants $(MUTANTS)

.PHONY: fuzz
fuzz: setup ## Feed the HTTP server random bytes for half an hour (FUZZ_SECONDS=1800)
	@$(RUN) python -m tests.fuzz.http1 --seconds $(or $(FUZZ_SECONDS),1800)

.PHONY: check
check: generate lint test ## What a change must pass: generated files are current, lint, types, contracts, tests
	@git diff --exit-code || { echo "make check: the files above changed; commit what 'make generate' and 'make format' write"; exit 1; }

##@ Tools
# Named after the interpreter, so that another one gets what it needs.
SYNCED := .venv/.synced$(subst /,-,$(PYTHON))

.PHONY: setup
setup: $(SYNCED) ## Install what the project needs into .venv

$(SYNCED): pyproject.toml uv.lock | $(UV)
	@echo "==> Installing Python packages into .venv"
	@$(UV) sync --locked --all-extras --quiet
	@touch $@

$(UV):
	@echo "==> Installing uv $(UV_VERSION) into .tools"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .tools/uv || { echo "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv"; rm -rf .tools/uv; exit 1; }
	@.tools/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.PHONY: bench-plan
bench-plan: setup ## Measure planning and rendering, and how they grow, about 10 minutes (BENCH="--quick" for a look)
	@$(UV) sync --locked --all-extras --group bench --quiet
	@$(RUN) python -m tests.bench_plan $(BENCH)

.PHONY: bench-verify
bench-verify: setup ## Measure a proof of 330 sites and 200 routes, about 2 minutes (BENCH="--files" reads them from files)
	@$(RUN) python -m tests.bench_verify $(BENCH)

.PHONY: bench-audit
bench-audit: setup ## Measure how fast a million lines of evidence are verified, shown and exported, about 5 minutes (BENCH="--repeat 1" for a look)
	@$(RUN) python -m tests.bench_audit $(BENCH)

.PHONY: bench-operator
bench-operator: setup cluster-tools ## Measure the operator against a real API server, about 15 minutes (BENCH="--quick" for a look)
	@$(UV) sync --locked --all-extras --group bench --quiet
	@$(RUN) python -m tests.bench_operator $(BENCH)

.PHONY: images
images: compile ## Build the container images into build/images, without a container engine (IMAGES="gateway")
	@$(RUN) python -m images.build --compiled build/compiled $(IMAGES)

# What tests run that others have made; each is built once, and cached.
CLUSTER_TOOLS ?= kube helm promtool
soak bench-operator: CLUSTER_TOOLS := kube

.PHONY: cluster-tools
cluster-tools: setup ## Build what the tests run: a Kubernetes control plane, Helm, promtool (once, cached outside the work tree)
	@nice -n 15 $(RUN) python -m tests.cluster.tools $(CLUSTER_TOOLS)

.PHONY: clean
clean: ## Remove what was built in the work tree
	rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache .hypothesis dist build
