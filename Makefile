# SPDX-License-Identifier: GPL-3.0-or-later
.DEFAULT_GOAL := help
.PHONY: help demo test lint unit integration soak bench matrix build bed clean
RUN := tests/tools/in-venv

help: ## what can be made
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 20

demo: ## loses a cluster and its registry on this machine, and brings both back
	@PYTHONPATH=tests $(RUN) python examples/demo/run.py

test: lint unit integration ## all that must pass before a change is merged

lint: ## style, types, ansible-lint, ansible-test sanity, documentation
	@$(RUN) python tests/tools/lint.py

unit: ## tests that need nothing but Python
	@$(RUN) python -m pytest -n 2 tests/unit

integration: ## tests on real components, faults included
	@$(RUN) python -m pytest -n 2 --dist loadfile tests/integration tests/faults

soak: ## the tests that are too long for every run
	@$(RUN) python -m pytest -m soak

bench: ## measured ratios; ONLY=<word> runs a part
	@PYTHONPATH=tests $(RUN) python tests/benchmarks/run.py $(ONLY)

matrix: ## unit and integration tests on every Python found, each with the newest ansible-core it takes
	@$(RUN) python tests/tools/matrix.py

build: ## the collection's tarball, into build/
	@$(RUN) ansible-galaxy collection build --force --output-path build

bed: ## brings up a broker and a registry to try things on
	@cd tests && tools/in-venv python -m testbed up kafka registry
	@echo "As an inventory (cd tests && tools/in-venv python -m testbed inventory > /tmp/lifeboat-bed.yml), for the playbook init first:"
	@cd tests && tools/in-venv python -m testbed inventory
	@echo "To end it: cd tests && tools/in-venv python -m testbed down"

clean: ## removes what was built in the checkout (the cache directory stays)
	@rm -rf build .hypothesis .ansible tests/output
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
