# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A laptop's settings files: which one, and what becomes of it."""

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.laptop import File, Place, check_options, find


@pytest.mark.parametrize(
    ("target", "given", "there", "file"),
    [
        ("navigator", None, [], "/home/me/.ansible-navigator.yml"),
        ("navigator", None, ["/home/me/.ansible-navigator.yaml"], "/home/me/.ansible-navigator.yaml"),
        ("navigator", "/p", ["/p"], "/p/ansible-navigator.yml"),
        ("navigator", "/p/", ["/p/", "/p/ansible-navigator.json"], "/p/ansible-navigator.json"),
        ("navigator", "/p/mine.yml", ["/p/mine.yml"], "/p/mine.yml"),
        ("runner", "/p/", ["/p/"], "/p/env/settings"),
    ],
)
def test_find(target, given, there, file):
    found = find(target, given, "/home/me", lambda path: path in there and "." not in path, lambda path: path in there)
    assert found == file


def test_two_settings_files():
    with pytest.raises(Conflict, match="one settings file in a folder"):
        find("navigator", None, "/home/me", lambda path: False, lambda path: True)


def test_no_project():
    with pytest.raises(NotFound, match="no folder /p"):
        find("runner", "/p", "/home/me", lambda path: False, lambda path: False)


@pytest.mark.parametrize(
    ("text", "image", "after", "warned"),
    [
        (None, "a/b:1", "container_image: a/b:1\nprocess_isolation: true\n", False),
        (None, "", None, False),
        (
            "container_image: a/b:1\nprocess_isolation: true\n",
            "a/b:1",
            "container_image: a/b:1\nprocess_isolation: true\n",
            False,
        ),
        ("# x\ncontainer_image: a/b:1\n", "a/b:2", "# x\ncontainer_image: a/b:2\nprocess_isolation: true\n", False),
        ("process_isolation: true\nidle_timeout: 1\n", "", "process_isolation: true\nidle_timeout: 1\n", False),
        ("process_isolation_executable: /usr/bin/podman\n", "a/b:1", None, False),
        ("process_isolation_executable: bwrap\n", "a/b:1", None, True),
    ],
)
def test_runner(text, image, after, warned):
    changed = File("runner", text).with_image(image, "settings")
    assert after is None or changed.text == after
    assert changed.image("settings") == (image or None)
    assert bool(changed.warnings) == warned


def test_side():
    place = Place("navigator", "/p/ansible-navigator.yml")
    text = "ansible-navigator: {execution-environment: {image: a/b:1}}"
    assert File("navigator", text).side(place) == {
        "scope": "navigator",
        "name": "/p/ansible-navigator.yml",
        "within": None,
        "environment": {"id": None, "name": None, "image": "a/b:1"},
    }
    assert File("navigator", None).side(place)["environment"] is None


@pytest.mark.parametrize(
    ("given", "words"),
    [({"defaults": []}, "`defaults` is for a controller"), ({"environment": "A/B"}, "no image reference")],
)
def test_options(given, words):
    with pytest.raises(Invalid, match=words):
        check_options({"target": "runner", "environment": "a/b:1", **given})
