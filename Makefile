# Everything Monostack does for its users and developers. `make help` lists it.
SHELL := /bin/bash
BIN := .venv/bin
IMAGE := build/guest-image/monostack-guest.qcow2
# Guests and networks need root; everything else runs as whoever you are.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -E)
.DEFAULT_GOAL := help
.PHONY: help demo up down dev test lint types bench docs setup setup-test guest-image lock

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup guest-image ## from nothing to an SSH session in a first server
	@$(SUDO) $(BIN)/monostack demo --image $(IMAGE)

up: setup ## start the cloud of this machine in the background
	@$(SUDO) $(BIN)/monostack up

down: ## stop it; PURGE=1 also removes everything it made
	@$(SUDO) $(BIN)/monostack down $(if $(PURGE),--purge)

dev: setup ## run the emulator: the whole API on simulated hosts, without root
	@$(BIN)/monostack dev $(ARGS)

test: setup-test ## run every check and test; SUITES="lint unit" runs only those
	@tests/run.sh $(SUITES)

lint: setup-test ## ruff, pyright and the import contracts
	@tests/run.sh lint types contracts

bench: setup-test ## measure, each figure beside its floor
	@$(BIN)/python tests/bench $(ARGS)

docs: setup-test ## write again what is generated in docs/
	@$(BIN)/python -m monostack.core.config.reference > docs/configuration.md
	@$(BIN)/python tests/reached.py keep
	@$(BIN)/python -m monostack.cli.compatibility docs/tested-by.txt > docs/compatibility.md
	@$(BIN)/python -m monostack.cli.compatibility docs/tested-by.txt zh-CN > docs/compatibility.zh-CN.md

guest-image: ## build the test guest image from Debian packages
	@$(SUDO) deploy/guest-image/build.sh $(IMAGE)

setup: ## install what the cloud needs
	@deploy/setup.sh

setup-test: ## install what the tests need too
	@deploy/setup.sh --test

lock: setup-test ## pin the newest versions that pyproject.toml admits
	@deploy/lock.sh
