# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.action import ee_run
from ansible_collections.foundry.ee.plugins.module_utils._core.run_result import OUTPUT_LIMIT


@pytest.fixture
def shown(monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr(ee_run.display, "display", lambda text, **_how: lines.append(text))
    return lines


def printer(way="plain"):
    return ee_run._Printer(way, "web1", lambda: "", 1.0)


def test_each_line_is_printed_once_and_only_when_it_is_complete(shown):
    watcher = printer()
    watcher.see("one\ntw")
    watcher.see("one\ntwo\nthr")
    watcher.finish({"stdout": "one\ntwo\nthree"})
    assert shown == ["web1 | one", "web1 | two", "web1 | three"]


def test_a_terminal_gets_colours_and_others_do_not(shown):
    printer("terminal").see("\x1b[0;32mok\x1b[0m\n")
    printer("plain").see("\x1b[0;32mok\x1b[0m\n")
    assert shown == ["web1 | \x1b[0;32mok\x1b[0m", "web1 | ok"]


def test_what_a_far_terminal_adds_to_line_ends_does_not_matter(shown):
    watcher = printer()
    watcher.see("one\r\ntwo\r\n")
    watcher.see("one\r\ntwo\r\nthree\r\n")
    assert shown == ["web1 | one", "web1 | two", "web1 | three"]


def test_an_output_without_its_beginning_is_not_counted(shown):
    watcher = printer()
    watcher.finish({"stdout": "x\n" * OUTPUT_LIMIT})
    watcher.finish({})
    assert shown == []
