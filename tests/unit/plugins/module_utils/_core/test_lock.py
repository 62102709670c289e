# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import definition, lock
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.lock import Lock
from ansible_collections.foundry.ee.plugins.module_utils._core.model import Definition, Image

DIGEST = f"sha256:{'a1' * 32}"
FACTS = {
    "labels": {lock.BASE_NAME_LABEL: "r.example.com/base:1", lock.BASE_DIGEST_LABEL: DIGEST, "other": "x"},
    "collections": {"c.d": "2.10", "a.b": "1.0.0"},
    "python_packages": {"Ruamel.Yaml": "0.17", "six": "1.16.0", "pip": "24.0", "setuptools": "70"},
    "image": "not looked at",
}
TEXT = f"""\
---
# What the image held; made by foundry.ee.ee_definition. Renew it with `lock_facts`, do not edit it.
lock: 1
base:
  name: r.example.com/base:1
  digest: {DIGEST}
collections:
  a.b: 1.0.0
  c.d: '2.10'
python:
  ruamel-yaml: '0.17'
  six: 1.16.0
"""
BASED = "version: 3\nimages: {base_image: {name: 'r.example.com/base:1'}}\n"


def defined(text: str) -> Definition:
    parsed = definition.parse(text).definition
    assert parsed is not None
    return parsed


def test_a_lock_is_made_of_an_images_facts():
    made = lock.from_facts(FACTS)
    assert lock.dump(made) == TEXT
    assert lock.parse(TEXT) == made
    assert made.constraints == ("ruamel-yaml==0.17", "six==1.16.0")


def test_versions_without_quotes_are_read_as_written():
    assert lock.parse("lock: 1\ncollections: {a.b: 1.10}\n") == Lock(collections={"a.b": "1.10"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "lock: 2",
        "a: [",
        "- lock",
        "lock: 1\nbase: {name: a}",
        "lock: 1\nbase: {name: a, digest: x}",
        "lock: 1\ncollections: [a.b]",
        "lock: 1\ncollections: {a.b: {}}",
        "lock: 1\ncollections: {'a b': '1'}",
        "lock: 1\ncollections: {a.b: '1\n --x'}",
        "lock: 1\npython: {'-r x': '1'}",
    ],
)
def test_what_is_no_lock_is_refused(text):
    with pytest.raises(Invalid):
        lock.parse(text, "ee.lock.yml")


@pytest.mark.parametrize(
    "facts", [{}, {"labels": {}}, {"collections": ["a.b"]}, {"python_packages": {"a": 1}}, {"collections": {"a.b": ""}}]
)
def test_facts_that_say_nothing_are_refused(facts):
    with pytest.raises(Invalid):
        lock.from_facts(facts)


def test_base_and_collections_are_pinned():
    image = "{name: 'r.example.com/base:1', signature_original_name: 'o:1'}"
    before = defined(f"version: 3\nimages:\n  base_image: {image}\n")
    pinned = lock.apply(before, lock.parse(TEXT), "collections: [a.b]\n")
    assert pinned.definition.base_image == Image(f"r.example.com/base@{DIGEST}", "o:1")
    assert pinned.definition.galaxy is not None
    assert pinned.definition.galaxy.content == (
        "collections:\n- name: a.b\n  version: 1.0.0\n- name: c.d\n  version: '2.10'\n"
    )
    assert pinned.advice == ()
    assert len(pinned.changes) == 3


def test_what_the_lock_does_not_know_is_told():
    before = defined("version: 3\nimages: {base_image: {name: 'r.example.com/base:2'}}\n")
    pinned = lock.apply(before, lock.parse(TEXT), "collections: [a.b, x.y]\n")
    assert pinned.definition.base_image == before.base_image
    assert ["base" in finding.message or "x.y" in finding.message for finding in pinned.advice] == [True, True]


def test_collections_of_the_ansible_package_are_not_asked_for_again():
    whole = lock.from_facts({**FACTS, "python_packages": {"ansible": "9.1.0"}})
    pinned = lock.apply(defined("version: 3\n"), whole, "collections: [a.b]\n")
    galaxy = pinned.definition.galaxy
    assert galaxy is not None
    assert galaxy.content == "collections:\n- name: a.b\n  version: 1.0.0\n"
    assert pinned.changes[0] == "1 collections pinned"
    assert whole.constraints == ("ansible==9.1.0",)


def test_a_collection_without_a_version_is_not_locked():
    assert lock.from_facts({"collections": {"a.b": "unknown", "c.d": "1.0.0"}}).collections == {"c.d": "1.0.0"}


def test_a_collection_from_git_is_told_to_be_held_by_its_commit():
    content = "collections:\n- name: https://x.example.com/y.git\n  type: git\n"
    (finding,) = lock.apply(defined(BASED), lock.parse(TEXT), content).advice
    assert "commit" in finding.hint


def test_what_is_not_from_galaxy_keeps_its_version():
    content = """\
collections:
- {name: a.b, type: git, source: https://x.example.com/y.git, version: main}
- {name: c.d, type: dir, source: ./c}
- {name: e.f, type: git, version: 0123456789012345678901234567890123456789}
"""
    pinned = lock.apply(defined(BASED), lock.parse(TEXT), content)
    assert pinned.definition.galaxy is not None
    assert pinned.definition.galaxy.content is not None
    assert lock.requirements.read_galaxy(pinned.definition.galaxy.content) == lock.requirements.read_galaxy(content)
    assert ["https://x.example.com/y.git" in finding.message for finding in pinned.advice] == [True]
    assert "0 collections pinned" in pinned.changes


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_base_that_nobody_named_is_the_default(version):
    before = defined(f"version: {version}\n")
    name = definition.DEFAULT_BASE_IMAGE
    pinned = lock.apply(before, Lock(name, DIGEST), None)
    assert pinned.definition.base_image == Image(f"quay.io/ansible/ansible-runner@{DIGEST}")
    (finding,) = lock.apply(before, Lock("r.example.com/other:1", DIGEST), None).advice
    assert "names none" in finding.message


def test_without_galaxy_requirements_none_come():
    before = defined("version: 3\n")
    assert lock.apply(before, lock.parse(TEXT), None).definition == before
