# groupvpn.junos: `make demo` and `make test` do everything from a fresh checkout.

PYTHON ?= python3
VENV ?= .venv
REQUIREMENTS ?= dev/requirements.txt
# The Python of dev/requirements-newest.txt.
NEWEST := 3.13
# Relative: a path with blanks is no obstacle then.
BIN := $(VENV)/bin
COLLECTION := build/collections/ansible_collections/groupvpn/junos
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/build/collections
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Where no home can be written to, Ansible and pip keep their files here.
ifeq ($(shell test -w "$${HOME:-/nowhere}" && echo yes),)
export ANSIBLE_HOME := $(CURDIR)/build/ansible-home
export PIP_CACHE_DIR := $(CURDIR)/build/pip-cache
endif
# Ansible refuses every other one, also one that is named and not installed.
ifneq ($(shell locale charmap 2>/dev/null),UTF-8)
export LC_ALL := $(if $(filter Darwin,$(shell uname)),en_US.UTF-8,C.UTF-8)
endif

# Directories, too: theirs is the date that changes when a file goes or is called otherwise.
SOURCES := $(shell find plugins extensions meta playbooks roles changelogs tests/sanity tests/config.yml \
	galaxy.yml README.md LICENSE CHANGELOG.md .ansible-lint -not -name '*.pyc' -not -name __pycache__ \
	2>/dev/null)

.PHONY: help env demo schema test clients matrix bench fuzz soak lint style types roles-lint \
	changelog-lint sanity sanity-newest mutation faults house docs site pictures release clean

help:  ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

env: $(VENV)/.ready $(COLLECTION)/.ready  ## the environment of everything else: .venv and build/collections

# Looked at each time: dev/environment knows what an environment was made from.
.PHONY: FORCE
$(VENV)/.ready: FORCE
	@dev/environment "$(PYTHON)" $(VENV) $(REQUIREMENTS) dev/requirements-collections.txt

$(COLLECTION)/.ready: $(SOURCES) | $(VENV)/.ready
	rm -rf build/artifact $(COLLECTION)
	$(BIN)/ansible-galaxy collection build --output-path build/artifact . >/dev/null
	$(BIN)/ansible-galaxy collection install --force --no-deps --offline -p build/collections \
		build/artifact/groupvpn-junos-*.tar.gz >/dev/null
	touch $@

demo: env  ## a Group VPN of 49 emulated devices: built, changed, observed, audited
	$(BIN)/python -m dev.demo

# More workers than cores: for three quarters of its time a play waits for a process or a clock. In
# the order of their folders, so that long tests do not come last; which stay together,
# tests/workers.py says.
WORKERS ?= 4
# Tests and ansible-lint start hundreds of programs. Where the surroundings forbid bytecode, each of
# them would compile its libraries anew: as much CPU again. It is kept in build, so that none lies
# among the sources.
test types roles-lint sanity site: export PYTHONDONTWRITEBYTECODE =
test types roles-lint sanity site: export PYTHONPYCACHEPREFIX = $(CURDIR)/build/bytecode
test: env  ## all tests, on one interpreter; its last lines say what was skipped
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# Clients that cannot stand beside those of dev/requirements.txt; tests that need them skip without.
CLIENTS := scrapli-1 libssh rulebook
clients: $(CLIENTS:%=build/venv-%/.ready)  ## more clients, each in an environment of its own, for tests that skip without

$(CLIENTS:%=build/venv-%/.ready): build/venv-%/.ready: FORCE
	@dev/environment "$(PYTHON)" build/venv-$* dev/requirements-$*.txt

# Oldest and newest supported pairs; an interpreter that is not there is a named skip.
matrix:  ## the tests on every supported interpreter that is installed
	@for pair in 3.11:dev/requirements.txt 3.12:dev/requirements.txt $(NEWEST):dev/requirements-newest.txt; do \
		version=$${pair%%:*}; \
		if python=$$(dev/find-python $$version); then \
			echo "== $$python, $${pair##*:}"; \
			$(MAKE) --no-print-directory test PYTHON=$$python VENV=build/venv-$$version \
				REQUIREMENTS=$${pair##*:} || exit 1; \
		else echo "== Python $$version: SKIPPED, python$$version is not installed"; fi; \
	done

bench: env  ## docs/benchmarks.md again; PARTS="fleet whole": some of its tables; AGAINST=DIR: beside another checkout
	$(BIN)/python -m tests.benchmarks $(PARTS)

# A million inputs, mutated by what they reach; findings are left in build/fuzz.
# FUZZ="-max_total_time=60 -seed=1" for other options of libFuzzer.
FUZZ ?= -runs=1000000
fuzz: env  ## a million inputs, mutated by what they reach; FUZZ= for options of libFuzzer
	nice $(BIN)/python -m tests.fuzz $(FUZZ)

# Break the code, see whether the tests notice. MUTATION="--count 50 --only keyserver/ike" for a part.
mutation:  ## break the code, see whether the tests notice; MUTATION= for a part
	$(MAKE) --no-print-directory env VENV=build/venv-mutation REQUIREMENTS=dev/requirements-mutation.txt
	nice build/venv-mutation/bin/python -m dev.mutation $(MUTATION)

house: env  ## the floors of both halves, which room imports which, lines per room
	@$(BIN)/python -m dev.house

soak: env  ## many members on bad links for hours of their own time: who understood whom
	$(BIN)/python -m dev.soak

faults: env  ## every stage of a change crossed with every fault of a device, as a table
	$(BIN)/python -m dev.fault_table

docs: env  ## pages that are made from the sources: docs/modules, the NETCONF checklist
	$(BIN)/python -m dev.module_pages docs/modules
	$(BIN)/python -m tests.interop.checklist

site: env build/docs/.ready  ## the documentation as a site, build/site/html/index.html
	$(BIN)/python -m dev.site build/site build/docs/bin

# docs/images, from runs of the key server, of the role and of the demonstration; needs chromium and
# chromedriver.
pictures: env  ## docs/images, from runs; needs chromium and chromedriver
	$(BIN)/python -m dev.ladders
	$(BIN)/python -m dev.sides
	$(BIN)/python -m dev.pictures

build/docs/.ready: FORCE
	@dev/environment "$(PYTHON)" build/docs dev/requirements-docs.txt

lint: style types roles-lint changelog-lint sanity  ## style, types, roles, changelog, sanity; make -j2 lint: two at a time

style: build/lint/.ready
	build/lint/bin/ruff format --check .
	build/lint/bin/ruff check .

types: env build/lint/.ready
	build/lint/bin/mypy
	MYPYPATH=build/collections build/lint/bin/mypy --namespace-packages \
		--explicit-package-bases -p ansible_collections.groupvpn.junos.plugins

roles-lint: env build/lint/.ready
	PATH="$(CURDIR)/build/lint/bin:$$PATH" && cd $(COLLECTION) && ansible-lint

changelog-lint: build/lint/.ready
	PATH="$(CURDIR)/build/lint/bin:$$PATH" build/lint/bin/antsibull-changelog lint

release: build/lint/.ready  ## VERSION=1.2.3: both halves and the changelog say so; the tag v1.2.3 does the rest
	@echo "$(VERSION)" | grep -qxE '[0-9]+\.[0-9]+\.[0-9]+' || { echo "make release VERSION=1.2.3"; exit 2; }
	sed -i.old 's/^version: .*/version: $(VERSION)/' galaxy.yml
	sed -i.old 's/^__version__ = .*/__version__ = "$(VERSION)"/' keyserver/__init__.py
	rm galaxy.yml.old keyserver/__init__.py.old
	PATH="$(CURDIR)/build/lint/bin:$$PATH" build/lint/bin/antsibull-changelog release

schema: env  ## the key server's table of statements against Juniper's YANG in JUNOS_YANG_DIR
	$(BIN)/python -m dev.schema

build/lint/.ready: FORCE
	@dev/environment "$(PYTHON)" build/lint dev/requirements-lint.txt

sanity: env
	$(BIN)/python -m dev.sanity $(COLLECTION)

sanity-newest: env  ## the sanity tests on the newest ansible-core, which wants a newer Python
	@if python=$$(dev/find-python $(NEWEST)); then \
		$(MAKE) --no-print-directory sanity PYTHON=$$python VENV=build/venv-$(NEWEST) \
			REQUIREMENTS=dev/requirements-newest.txt; \
	else echo "sanity on the newest ansible-core: SKIPPED, python$(NEWEST) is not installed"; fi

clean:  ## remove what was built
	rm -rf .venv build
