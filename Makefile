# SPDX-License-Identifier: Apache-2.0
# What one does here. Each target sets up what it needs first (quick when that is done).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
# Every recipe runs with the Node, pnpm and clang of the set-up.
export BASH_ENV := $(CURDIR)/scripts/env.sh
MAKEFLAGS += --no-print-directory
JOBS ?= $(shell nproc)

# Folders with a Makefile of their own: BPF objects, the native binding, programs tests attack with.
COMPILED := $(patsubst %/Makefile,%,$(wildcard bpf/Makefile packages/libbpf/native/Makefile packages/sensor/native/Makefile packages/policy-test/native/Makefile e2e/attacks/Makefile bench/Makefile))
COMPILE := $(addprefix compile/,$(COMPILED))

.PHONY: help setup build dist image cluster install uninstall $(COMPILE) test test-all e2e lint typecheck host-tests kernel-tests siege demo bench fuzz clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo          a short attack on a real kernel in a virtual machine, and what Gander does about it'
	@echo 'make test          lint, types, tests here, all on kernel 6.12, and on 6.1 what depends on the kernel'
	@echo 'make test-all      the same, with every kernel test on both kernels, some on that of backports, and tests in a whole cluster'
	@echo 'make e2e           tests against a real Kubernetes control plane, built once [TESTS="FILE…"]'
	@echo 'make build         BPF objects, native binding'
	@echo 'make dist          the program as it is installed, in dist/'
	@echo 'make install       dist/ to PREFIX (default /usr/local), with the Node it runs on'
	@echo 'make image         container images as OCI archives, in build/image/ [IMAGE_REPOSITORY=localhost/gander]'
	@echo 'make cluster       a Kubernetes cluster on this machine, to try Gander in; its nodes are virtual machines [NODES="NAME:KERNEL…"]'
	@echo 'make bench         measurements in a virtual machine, and of an operator with simulated sensors'
	@echo 'make setup         what all of these need (they call it themselves)'
	@echo 'make host-tests    only the tests that need no kernel of their own'
	@echo 'make kernel-tests  only those in virtual machines [KERNEL=6.1|6.12|backports] [TESTS="FILE…"]'
	@echo 'make siege         attacks, faults and changes at random, in virtual machines [MINUTES=60] [KERNEL=6.1|6.12] [SEED=N] [STEPS=N]'
	@echo 'make fuzz          every parser of foreign input and the walk to a path, 10 minutes each [MINUTES=] [SEED=] [TARGETS="yaml …"]'
	@echo 'make lint, make typecheck'
	@echo 'make clean         remove what was built here (the cache of the set-up stays)'

setup:
	@scripts/setup

build: $(COMPILE)

# Built one folder after the other, each in parallel.
.NOTPARALLEL:
$(COMPILE): compile/%: setup
	@$(MAKE) -C $* -j$(JOBS)

dist: setup build
	@node packages/cli/scripts/bundle.ts

# Without a container engine; the Containerfile is for those who have one.
export IMAGE_REPOSITORY ?= localhost/gander
image: build
	@scripts/setup image
	@node packages/image/src/main.ts

cluster: image
	@scripts/setup cluster
	@e2e/cluster/up $(NODES)

# By an ordinary user first `make dist`, then `sudo make install`: it builds nothing by itself.
PREFIX ?= /usr/local
install:
	@scripts/install "$(DESTDIR)" "$(PREFIX)"

uninstall:
	rm -rf "$(DESTDIR)$(PREFIX)/lib/gander" "$(DESTDIR)$(PREFIX)/bin/gander" "$(DESTDIR)$(PREFIX)/bin/gander-operator"

test:
	@scripts/setup || { echo '0 passed, 1 failed'; exit 1; }
	@node scripts/test/main.ts

test-all:
	@scripts/setup backports cluster corpus image && $(MAKE) image || { echo '0 passed, 1 failed'; exit 1; }
	@node scripts/test/main.ts --all

e2e:
	@scripts/setup e2e && $(MAKE) build || { echo '0 passed, 1 failed'; exit 1; }
	@node e2e/cluster/main.ts $(TESTS)

lint: setup
	@pnpm exec biome check .
	@scripts/format-c --check

typecheck: setup
	@pnpm exec tsc --noEmit

host-tests: setup build
	@pnpm exec vitest run

kernel-tests: setup build
	$(if $(filter backports,$(KERNEL)),@scripts/setup backports)
	@node e2e/kernel-tests.ts $(addprefix --kernel ,$(KERNEL)) $(TESTS)

siege: setup build
	@node e2e/siege/main.ts $(addprefix --minutes ,$(MINUTES)) $(addprefix --kernel ,$(KERNEL)) $(addprefix --seed ,$(SEED)) $(addprefix --steps ,$(STEPS))

demo: setup build
	@e2e/demo

bench: setup build
	@bench/run
	@bench/fleet

fuzz: setup compile/bpf
	@node fuzz/main.ts $(addprefix --minutes ,$(MINUTES)) $(addprefix --seed ,$(SEED)) $(TARGETS)

clean:
	@for folder in $(COMPILED); do $(MAKE) -C $$folder clean; done
	rm -rf build dist
