# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module's ``main`` in this process, and return what it would print."""

from __future__ import annotations

import json
import typing as t
from unittest import mock

from ansible.module_utils import basic
from ansible.module_utils.common.text.converters import to_bytes


class Ended(Exception):
    """How a module ends: its result, and whether it failed."""

    def __init__(self, result: dict[str, t.Any], failed: bool) -> None:
        super().__init__(str(result)[:500])
        self.result = result
        self.failed = failed


def _ends(failed: bool) -> t.Callable[..., t.NoReturn]:
    def end(module: t.Any, **result: t.Any) -> t.NoReturn:
        raise Ended(json.loads(json.dumps(result)), failed)

    return end


def run_module(main: t.Callable[[], None], options: t.Mapping[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
    """Return the result of a module run; a failed one has ``failed``, warnings are in ``warned``."""
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": "/tmp"}
    warned: list[str] = []
    replaced = {
        "_ANSIBLE_ARGS": to_bytes(json.dumps({"ANSIBLE_MODULE_ARGS": arguments})),
        "_ANSIBLE_PROFILE": "legacy",
    }
    with (
        mock.patch.multiple(basic, create=True, **replaced),
        mock.patch.multiple(
            basic.AnsibleModule,
            exit_json=_ends(False),
            fail_json=_ends(True),
            warn=lambda _module, text: warned.append(text),
        ),
    ):
        try:
            main()
        except Ended as ended:
            return {**ended.result, "failed": ended.failed, "warned": warned}
    raise AssertionError("the module did not end")
