# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Note the names of what this collection's modules return, and no values. ``returned.py`` reads it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: returned_values
type: notification
short_description: Notes the names of returned values
description: Appends a JSON line for each result of a module of foundry.ee to C(tests/output/returned.jsonl).
"""

import json
import os
import pathlib

from ansible.plugins.callback import CallbackBase

COLLECTION = "foundry.ee."


def names(value, prefix="", depth=3):
    """Yield the path of every value in a result: ``builds``, ``builds.image``; those in lists under the list's own."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from names(item, prefix, depth)
    elif isinstance(value, dict) and depth:
        for key, inner in value.items():
            path = f"{prefix}.{key}" if prefix else str(key)
            yield path
            yield from names(inner, path, depth - 1)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "returned_values"

    def _note(self, result, failed):
        task = result._task
        action = getattr(task, "resolved_action", None) or task.action
        output = os.environ.get("JUNIT_OUTPUT_DIR")  # of ansible-test, below tests/output
        if not action.startswith(COLLECTION) or output is None:
            return
        for one in result._result.get("results", [result._result]) if task.loop else [result._result]:
            if "skipped" not in one:
                own = {key: value for key, value in one.items() if key != one.get("ansible_loop_var")}
                line = {"module": action[len(COLLECTION) :], "failed": failed, "names": sorted(set(names(own)))}
                with pathlib.Path(output, "..", "returned.jsonl").open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result):
        self._note(result, failed=False)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._note(result, failed=True)
