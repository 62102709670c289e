#!/usr/bin/env bash
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The role works on the hosts of a play, so it needs plays of its own.
set -eux
export ANSIBLE_ROLES_PATH=..
ansible-playbook -i inventory.yml test.yml -e @../../integration_config.yml "$@"
