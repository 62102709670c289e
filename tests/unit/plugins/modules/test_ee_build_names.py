# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.model import Definition, Options
from ansible_collections.foundry.ee.plugins.modules.ee_build import read_names

ONE, TWO = "hub.example.com/ee/one", "hub.example.com/ee/two"


def names(*tags: str, **changes: object) -> list[str]:
    params = {"image": None, "tags": [], "push": True, "push_tags": True, **changes}
    return [str(name) for name in read_names(params, Definition(version=3, options=Options(tags=tags)))]


def test_a_push_brings_several_tags_of_one_repository():
    assert names(f"{ONE}:1", f"{ONE}:latest", tags=["stable"]) == [f"{ONE}:1", f"{ONE}:latest", f"{ONE}:stable"]


def test_a_push_does_not_bring_an_image_into_several_repositories():
    with pytest.raises(Invalid, match=f"{ONE}, {TWO}"):
        names(f"{ONE}:1", f"{TWO}:1")
    assert names(f"{ONE}:1", f"{TWO}:1", push=False) == [f"{ONE}:1", f"{TWO}:1"]
    assert names(f"{ONE}:1", f"{TWO}:1", image=f"{ONE}:2") == [f"{ONE}:2"]
