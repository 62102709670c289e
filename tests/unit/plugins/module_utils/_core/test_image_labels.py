# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

from ansible_collections.foundry.ee.plugins.module_utils._core.build_plan import Wanted
from ansible_collections.foundry.ee.plugins.module_utils._core.image_labels import (
    LONGEST_LABEL,
    label_instruction,
    labels_of,
    not_of_its_own,
)

WANTED = Wanted(("localhost/ee:1",), "a" * 64, {"b": "2", "a": "1"}, "base:1", "sha256:" + "1" * 64)
FACTS = {
    "collections": [{"name": "ansible.posix", "version": "2.1.0"}],
    "python_packages": [{"name": "six", "version": "1.17.0"}],
}


def made(**changes):
    known = {"created": 1700000000, "revision": "c0ffee", "version": "1", "facts": FACTS, "content": "c" * 64}
    return labels_of(WANTED, **{**known, **changes})


def test_all_labels():
    assert made() == {
        "io.foundry.ee.build-key": "a" * 64,
        "io.foundry.ee.content": "c" * 64,
        "io.foundry.ee.inputs": '{"a":"1","b":"2"}',
        "io.foundry.ee.collections": '{"ansible.posix":"2.1.0"}',
        "io.foundry.ee.python": '{"six":"1.17.0"}',
        "org.opencontainers.image.base.name": "base:1",
        "org.opencontainers.image.base.digest": "sha256:" + "1" * 64,
        "org.opencontainers.image.created": "2023-11-14T22:13:20Z",
        "org.opencontainers.image.revision": "c0ffee",
        "org.opencontainers.image.version": "1",
    }


def test_what_is_not_known_has_no_label():
    labels = made(created=None, revision=None, version=None, facts=None)
    assert not [name for name in labels if name.endswith(("created", "revision", "version", "collections", "python"))]


def test_a_list_that_is_too_long_is_left_out():
    many = [{"name": f"package-{number}", "version": "1.0"} for number in range(LONGEST_LABEL // 10)]
    labels = made(facts={"collections": [], "python_packages": many})
    assert "io.foundry.ee.python" not in labels
    assert json.loads(labels["io.foundry.ee.collections"]) == {}


def test_a_package_without_a_version_does_not_hide_the_others():
    facts = {"collections": [], "python_packages": [{"name": "broken", "version": None}, *FACTS["python_packages"]]}
    assert json.loads(made(facts=facts)["io.foundry.ee.python"]) == {"broken": "unknown", "six": "1.17.0"}


def test_what_is_said_of_the_image_below_is_not_said_of_this_one():
    inherited = ["org.opencontainers.image.revision", "io.foundry.ee.python", "io.foundry.ee.builder", "vendor"]
    labels = made(revision=None, facts=None, inherited=inherited)
    assert {name for name, value in labels.items() if not value} == set(inherited[:3])
    assert made(inherited=inherited)["org.opencontainers.image.revision"] == "c0ffee"


def test_a_label_that_the_definition_writes_is_its_own():
    text = "FROM base\nLABEL org.opencontainers.image.revision=mine"
    labels = ("org.opencontainers.image.revision", "org.opencontainers.image.version", "by-hand")
    assert not_of_its_own(labels, [text, "by-hand=1"]) == {"org.opencontainers.image.version"}


def test_values_stand_for_themselves():
    text = label_instruction({"b": 'say "$HOME" \\ two\nlines', "a": "1"})
    assert text == 'LABEL "a"="1" "b"="say \\"\\$HOME\\" \\\\ two lines"'
