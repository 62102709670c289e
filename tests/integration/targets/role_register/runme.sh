#!/usr/bin/env bash
# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# The role in check mode, for real, and again: three runs, since a whole role in check mode is a run of its own.
set -eu
home=$(mktemp -d)
python=${ANSIBLE_TEST_PYTHON_INTERPRETER:-python3}
service=../../../services/controller
export CONTROLLER_HOME=$home FAKE_AWX_MANAGE_LOG=$home/awx-manage CONTROLLER_PASSWORD=password CONTROLLER_USERNAME=admin
trap '"$python" "$service" stop; rm -rf "$home"' EXIT
CONTROLLER_HOST=$("$python" "$service" start)
export CONTROLLER_HOST
for phase in check real again; do
    options=(--inventory "localhost," --connection local --extra-vars "phase=$phase python=$python")
    if [ "$phase" = check ]; then options+=(--check); fi
    ansible-playbook "${options[@]}" "$@" play.yml
done
