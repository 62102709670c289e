# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode is "do not apply": the bridge alone decides it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _run
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied


class Ended(Exception):
    def __init__(self, result: dict[str, t.Any]) -> None:
        super().__init__()
        self.result = result


class FakeModule:
    def __init__(self, check_mode: bool = False) -> None:
        self.check_mode = check_mode
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise Ended(result)

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise Ended({"failed": True, **result})


@dataclass
class Plan:
    changed: bool
    diff: dict[str, str] = field(default_factory=lambda: {"before": "a", "after": "b"})
    result: dict[str, t.Any] = field(default_factory=lambda: {"tag": "x", "digest": None})
    warnings: tuple[str, ...] = ()


def end(module: t.Any, plan: t.Callable[[], Plan], apply: t.Callable[[Plan], t.Any]) -> dict[str, t.Any]:
    with pytest.raises(Ended) as ended:
        _run.converge(module, plan, apply)
    return ended.value.result


def test_applies_what_was_planned():
    result = end(FakeModule(), lambda: Plan(changed=True), lambda plan: {"digest": "sha256:1"})
    assert result == {"changed": True, "diff": {"before": "a", "after": "b"}, "tag": "x", "digest": "sha256:1"}


@pytest.mark.parametrize(("check_mode", "changed"), [(True, True), (True, False), (False, False)])
def test_applies_nothing_in_check_mode_or_without_change(check_mode, changed):
    result = end(FakeModule(check_mode), lambda: Plan(changed), lambda plan: pytest.fail("applied"))
    assert result == {"changed": changed, "diff": {"before": "a", "after": "b"}, "tag": "x", "digest": None}


def test_warns_in_check_mode_too():
    module = FakeModule(check_mode=True)
    end(module, lambda: Plan(changed=True, warnings=("mind the gap",)), lambda plan: None)
    assert module.warned == ["mind the gap"]


@pytest.mark.parametrize("where", ["plan", "apply"])
def test_an_error_is_told_in_words_and_for_a_rescue(where):
    error = Denied(
        "No push.", hint="Ask for the right.", status=403, method="PUT", url="https://h/v2/", details={"tags": {}}
    )

    def refuse(*_args: t.Any) -> t.NoReturn:
        raise error

    planned = refuse if where == "plan" else lambda: Plan(changed=True)
    assert end(FakeModule(), planned, refuse) == {
        "failed": True,
        "msg": "No push. Ask for the right.",
        "error": {"kind": "denied", "status": 403, "method": "PUT", "url": "https://h/v2/"},
        "tags": {},
    }


def test_a_bug_is_not_an_error_of_the_user():
    module: t.Any = FakeModule()
    with pytest.raises(ZeroDivisionError):
        _run.report(module, lambda: {"never": 1 // 0})


def test_report_changes_nothing():
    module: t.Any = FakeModule()
    with pytest.raises(Ended) as ended:
        _run.report(module, lambda: {"images": []})
    assert ended.value.result == {"changed": False, "images": []}
