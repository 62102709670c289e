# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import pathlib

import pytest

ROLE = pathlib.Path(__file__).parents[3] / "roles" / "report"
PAGE = (ROLE / "templates" / "report.html.j2").read_text()


@pytest.mark.parametrize(("directive", "file"), [("script-src", "report.js"), ("style-src", "report.css")])
def test_the_policy_names_what_is_inlined(directive, file):
    """The page's policy runs exactly this script, whatever a name in the data might smuggle in."""
    digest = base64.b64encode(hashlib.sha256((ROLE / "files" / file).read_bytes()).digest()).decode()
    assert f"{directive} 'sha256-{digest}';" in PAGE, f"put sha256-{digest} into report.html.j2"


@pytest.mark.parametrize("word", ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http"])
def test_the_script_writes_text_and_loads_nothing(word):
    script = (ROLE / "files" / "report.js").read_text().split("\n", 3)[3]
    assert word not in script


def test_what_is_inlined_cannot_end_its_element():
    assert "</script" not in (ROLE / "files" / "report.js").read_text()
    assert "</style" not in (ROLE / "files" / "report.css").read_text()
