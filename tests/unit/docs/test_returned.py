# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``tests/integration/returned.py`` holds RETURN against what was returned; here, that it finds what is wrong."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.foundry.ee.tests.integration.returned import documented, mistakes, unseen

RETURN = """
requests: {type: int}
labels: {type: dict}
builds:
  type: list
  contains:
    image: {type: str}
"""
ALL = {
    "requests",
    "labels",
    "labels.any",
    "builds",
    "builds.image",
    "changed",
    "diff",
    "diff.before",
    "_ansible_no_log",
}


def found(seen, look=mistakes):
    return list(look("ee_x", dict(documented(yaml.safe_load(RETURN))), seen))


def test_what_is_promised_and_seen_is_right():
    assert found(ALL) == []
    assert found(ALL, unseen) == []


@pytest.mark.parametrize("name", ["reqeusts", "builds.iamge"])
def test_what_return_does_not_know_is_found(name):
    assert found({*ALL, name}) == [f"ee_x returned {name}, which RETURN does not know"]


@pytest.mark.parametrize("name", ["requests", "builds.image"])
def test_what_nobody_saw_is_found(name):
    assert found(ALL - {name}, unseen) == [f"ee_x: no test saw {name}, which RETURN promises"]
