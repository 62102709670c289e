# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.inventory import (
    Contents,
    compare,
    from_facts,
    from_labels,
    normalized,
)

FACTS = {
    "collections": [{"name": "ansible.posix", "version": "2.1.0", "path": "/usr/share/ansible/collections"}],
    "python_packages": [{"name": "ansible_core", "version": "2.19.14", "license": None}],
    "roles": [{"name": "geerlingguy.docker", "version": "7.4.1"}],
    "system_packages": {
        "type": "rpm",
        "packages": [
            {"name": "git", "version": "2.43.0-1.el9", "arch": "x86_64"},
            {"name": "gpg-key", "version": "1"},
            {"name": "gpg-key", "version": "2"},
        ],
    },
    "python": {"version": "3.11.2", "executable": "/usr/bin/python3"},
    "os": {"ID": "rhel"},
}


def test_labels_tell_a_part():
    labels = {"io.foundry.ee.collections": '{"a.b":"1"}', "io.foundry.ee.python": '{"ansible-core":"2.19"}'}
    contents = from_labels(labels)
    assert contents == Contents(collections={"a.b": "1"}, python_packages={"ansible-core": "2.19"})
    assert not contents.complete


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "null"])
def test_damaged_labels_tell_nothing(text):
    assert from_labels({"io.foundry.ee.collections": text}).collections is None


def test_a_look_tells_all():
    contents = from_facts(FACTS)
    assert contents.complete
    assert contents.roles == {"geerlingguy.docker": "7.4.1"}
    assert contents.system_packages == {"git": "2.43.0-1.el9", "gpg-key": "1, 2"}
    assert contents.python_package("ansible-core") == "2.19.14"
    assert contents.python_package("ansible-runner") is None


def test_an_image_without_package_manager():
    assert from_facts({**FACTS, "system_packages": None}).system_packages == {}


def test_names_have_one_spelling():
    assert normalized("Ruamel.YAML_clib") == "ruamel-yaml-clib"


def test_differences_are_told_in_words():
    before = Contents(collections={"a.b": "1", "c.d": "1"}, python_packages={"six": "1.16"}, roles={})
    after = Contents(collections={"a.b": "2", "e.f": "3"}, python_packages={"six": "1.16"})
    collections, python = compare(before, after)
    assert collections.lines == [
        "collection a.b 1 -> 2",
        "collection c.d 1 is gone",
        "collection e.f 3 is new",
    ]
    assert collections.as_result() == {
        "added": {"e.f": "3"},
        "removed": {"c.d": "1"},
        "changed": {"a.b": {"before": "1", "after": "2"}},
    }
    assert python.lines == []
