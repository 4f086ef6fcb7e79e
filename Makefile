# WorldSeat. `make` alone lists the targets. Everything made here lives in .venv and var.

PORT ?= 8000
# The Python that builds .venv; left empty, the first of python3, python3.13, 3.12 and 3.11 that is
# new enough is taken. Has no effect once .venv exists (`make clean` first).
PYTHON ?=
# What is needed to compare with the foils is installed too; FOILS=no leaves it out.
FOILS ?= yes
ifeq ($(filter yes no,$(FOILS)),)
$(error FOILS is yes or no)
endif
# Extra words for pytest, for example: make test PYTEST_ARGS='-k seat -x'
PYTEST_ARGS ?=
# A folder for the tests' reports in JUnit's format; none by default.
REPORTS ?=

VENV := .venv
BIN := $(VENV)/bin

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory --no-builtin-rules

# Scripts in a virtual environment name its full path, and an interrupted install leaves half a
# package: when the clone was moved or the last install did not finish, install afresh.
ifneq ($(shell cat $(VENV)/.path 2>/dev/null)$(wildcard $(VENV)/.installing),$(CURDIR))
STALE := stale
endif

##@ Use

.PHONY: help
help:  ## list the targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

# exec: signals reach the app itself, and make reports its exit status.
.PHONY: run
run: $(VENV)/.ready-$(if $(filter no,$(FOILS)),run,foils)  ## start WorldSeat on http://127.0.0.1:8000 (PORT=n to change); Ctrl-C stops all of it
	@exec $(BIN)/worldseat up --port $(PORT)

.PHONY: foils
foils: $(VENV)/.ready-foils  ## install what the foils need, after `make run FOILS=no`

.PHONY: clean
clean:  ## remove all that make and the app made here (the app must be stopped)
	@shopt -s nullglob
	for lock in var/owner.lock var/*/owner.lock; do
	  if ! flock --nonblock "$$lock" true; then
	    echo "make clean: WorldSeat still runs from var/ ($$lock is held). Stop it first (Ctrl-C)." >&2
	    exit 1
	  fi
	done
	# What had to be outside of var/ (a socket path has 107 bytes) is listed in var/*/elsewhere.
	for list in var/*/elsewhere; do
	  while IFS= read -r path; do
	    case "$$path" in */worldseat-*) rm -rf -- "$$path" ;; esac
	  done < "$$list"
	done
	rm -rf $(VENV) var .hypothesis .schemathesis .import_linter_cache dist build
	rm -rf .pytest_cache .mypy_cache .ruff_cache
	find . -path ./.git -prune -o \( -name __pycache__ -o -name '*.egg-info' \) -prune -exec rm -rf {} +

##@ Work on it

.PHONY: test
test: $(VENV)/.ready-dev  ## run the tests: the product's where no foil is, and the foils'
	@if ! command -v chromium chromium-browser google-chrome >/dev/null; then
	  echo "No Chromium found: the browser tests are skipped. To have them: apt-get install chromium"
	fi
	exec $(BIN)/python -m tests.parts test '$(REPORTS)' $(PYTEST_ARGS)

.PHONY: check
check: format-check lint types imports templates licences removals  ## run all that must hold before a commit, apart from `make test`

.PHONY: format-check
format-check: $(VENV)/.ready-dev
	@$(BIN)/ruff format --check .

.PHONY: lint
lint: $(VENV)/.ready-dev
	@$(BIN)/ruff check .

.PHONY: types
types: $(VENV)/.ready-dev
	@$(BIN)/mypy

.PHONY: imports
imports: $(VENV)/.ready-dev
	@$(BIN)/lint-imports --cache-dir var/cache/imports

.PHONY: templates
templates: $(VENV)/.ready-deploy  ## check the CloudFormation templates in deploy/ against AWS's definitions
	@$(BIN)/cfn-lint --regions us-east-1 us-east-2 -- deploy/*.yaml

.PHONY: licences
licences: $(VENV)/.ready-deploy
	@$(BIN)/python -m tests.licences

.PHONY: removals
removals: $(VENV)/.ready-dev  ## run all tests, the slow ones too, on this tree and without each foil and all
	@exec $(BIN)/python -m tests.parts check '$(REPORTS)' $(PYTEST_ARGS)

.PHONY: slow
slow: $(VENV)/.ready-dev  ## run the slow tests only, once each
	@exec $(BIN)/python -m tests.parts slow '$(REPORTS)' $(PYTEST_ARGS)

.PHONY: format
format: $(VENV)/.ready-dev  ## format the code and apply the safe fixes
	@$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: bench
bench: $(VENV)/.ready-run  ## list the benchmarks
	@ls benchmarks/*.py 2>/dev/null || echo "There are no benchmarks yet."

.PHONY: lock
lock:  ## write requirements*.txt anew from pyproject.toml (needs uv)
	@compile() {
	  uv pip compile --quiet --universal --python-version 3.11 --upgrade \
	    --generate-hashes --no-header --no-annotate pyproject.toml "$$@"
	}
	compile --group build --output-file requirements.txt
	compile --group build --all-extras --constraints requirements.txt \
	  --output-file requirements-foils.txt
	compile --group dev --all-extras --constraints requirements-foils.txt \
	  --output-file requirements-dev.txt
	compile --group deploy --constraints requirements-dev.txt --output-file requirements-deploy.txt

# Debian splits ensurepip out of Python, so the environment is made without pip and filled from
# outside by the pip of the Python that made it; where that has none or an old one, ensurepip helps.
define make_environment
	choose_python() {
	  for python in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11); do
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
	      echo "$$python"
	      return
	    fi
	  done
	  echo "WorldSeat needs Python 3.11 or newer. Install it, or name it: make run PYTHON=/path/to/python3" >&2
	  return 1
	}
	python=$$(choose_python)
	"$$python" -m venv --without-pip --clear $(VENV)
	if "$$python" -m pip --python $(BIN)/python --version >/dev/null 2>&1; then
	  echo "'$$python' -m pip --python $(BIN)/python" > $(VENV)/.pip
	elif $(BIN)/python -m ensurepip >/dev/null 2>&1; then
	  echo "$(BIN)/python -m pip" > $(VENV)/.pip
	else
	  echo "$$python has no pip of version 22.3 or newer. Install it (Debian: apt-get install python3-pip)." >&2
	  exit 1
	fi
	printf '%s' '$(CURDIR)' > $(VENV)/.path
endef

# $(1) is the requirements file. Its hashes pin every download, and the package itself is built in
# place by the hatchling pinned there, so nothing unpinned is fetched. The lock keeps two makes apart.
# What is never imported needs no compiling, and Python compiles the rest when it first is.
define install
	@mkdir -p var
	exec 9> var/install.lock
	flock 9
	if [ "$$(cat $(VENV)/.path 2>/dev/null)" != '$(CURDIR)' ] || [ -e $(VENV)/.installing ]; then
	  $(make_environment)
	fi
	if [ $@ -nt pyproject.toml ] && [ $@ -nt $(1) ]; then
	  exit 0  # Another make did it while this one waited.
	fi
	echo "Installing $(1) into $(VENV) (only when it changed; the first time takes about half a minute)"
	touch $(VENV)/.installing
	pip() {
	  eval "$$(cat $(VENV)/.pip)" install -qq --no-compile --disable-pip-version-check --no-input '"$$@"'
	}
	pip --require-hashes --only-binary :all: --requirement $(1)
	pip --no-deps --no-build-isolation --editable .
	rm $(VENV)/.installing
endef

$(VENV)/.ready-run: pyproject.toml requirements.txt $(STALE)
	$(call install,requirements.txt)
	touch $@

# Each of these files contains the one before it, in the same versions: run, foils, dev.
$(VENV)/.ready-foils: pyproject.toml requirements-foils.txt $(STALE)
	$(call install,requirements-foils.txt)
	touch $(VENV)/.ready-run $@

$(VENV)/.ready-dev: pyproject.toml requirements-dev.txt $(STALE)
	$(call install,requirements-dev.txt)
	touch $(VENV)/.ready-run $(VENV)/.ready-foils $@

# What `make check` needs besides, in versions that agree with requirements-dev.txt.
$(VENV)/.ready-deploy: $(VENV)/.ready-dev requirements-deploy.txt
	$(call install,requirements-deploy.txt)
	touch $@

.PHONY: stale
stale:
