# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.action import ee_build
from ansible_collections.foundry.ee.plugins.module_utils._core.progress import Progress, to_json
from ansible_collections.foundry.ee.plugins.plugin_utils import _live


@pytest.mark.parametrize(
    ("mode", "terminal", "callback", "environment", "way"),
    [
        ("auto", True, "default", {}, "terminal"),
        ("auto", True, "ansible.builtin.default", {"TERM": "xterm"}, "terminal"),
        ("auto", True, "community.general.yaml", {}, "terminal"),
        ("auto", False, "default", {}, "none"),
        ("auto", True, "json", {}, "none"),
        ("auto", True, "ansible.posix.json", {}, "none"),
        ("auto", True, "awx_display", {}, "none"),
        ("auto", True, "default", {"AWX_ISOLATED_DATA_DIR": "/x"}, "none"),
        ("auto", True, "default", {"TERM": "dumb"}, "none"),
        ("plain", False, "json", {"AWX_ISOLATED_DATA_DIR": "/x"}, "plain"),
        ("none", True, "default", {}, "none"),
    ],
)
def test_who_sees_what(mode, terminal, callback, environment, way):
    assert _live.way_to_show(mode, terminal, callback, environment) == way


@pytest.fixture
def shown(monkeypatch):
    lines: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(ee_build.display, "display", lambda text, **how: lines.append((text, how)))
    return lines


def watched(way, texts):
    """Show what a file holds, one text after the other."""
    remaining = list(texts)
    shower = ee_build._Shower(way, "b", lambda: remaining.pop(0) if remaining else "", 0.001)
    with shower:
        while remaining:
            pass


def test_a_terminal_has_one_line_that_goes_in_the_end(shown):
    watched("terminal", [to_json(Progress(1, 2, "FROM x")), "", "{", to_json(Progress(2, 2, "RUN y", "out")), ""])
    texts = [text for text, how in shown]
    assert texts[0].startswith("\x1b[Kb: step 1 of 2 | 00:00 | FROM x")
    assert texts[1].startswith("\x1b[Kb: step 2 of 2 | 00:00 | RUN y | out")
    assert all(text.endswith("\r") for text in texts[:-1])
    assert texts[-1] == "\x1b[K"
    assert all(how == {"screen_only": True, "newline": False} for text, how in shown)


def test_plain_has_a_line_for_each_step(shown):
    first, second = to_json(Progress(1, 2, "FROM x")), to_json(Progress(2, 2, "RUN y", "out"))
    watched("plain", [first, first, second, second, ""])
    assert [text for text, how in shown] == ["b: step 1 of 2 after 0 s: FROM x", "b: step 2 of 2 after 0 s: RUN y"]


def test_nothing_is_shown_where_nothing_is_told(shown):
    watched("terminal", ["", ""])
    assert shown == []
