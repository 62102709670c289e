# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Every command sets up what it needs by itself; see README.md.

.PHONY: quickstart test check bench docs clean

quickstart: ## the main job: define, build, publish, resolve and run an execution environment
	.ci/quickstart

test: ## everything CI runs
	.ci/test

check: ## lint, types and unit tests
	.ci/check

bench: ## side by side with the peers
	.ci/bench

docs: ## the documentation site, in .work/site
	.ci/docs

clean: ## what the commands above left in the clone, and the quickstart's registry (what they keep in ~/.cache/foundry-ee stays)
	REGISTRY_HOME=$(CURDIR)/.work/quickstart/registry tests/services/registry stop
	rm -rf .work tests/output
