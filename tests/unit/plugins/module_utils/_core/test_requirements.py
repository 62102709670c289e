# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import requirements
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Six", "six"),
        ("ruamel.yaml>=0.17 ; python_version < '3.9'", "ruamel-yaml"),
        ("pytest_xdist[psutil] ~= 3.0", "pytest-xdist"),
        ("pkg @ https://x.example.com/pkg.tar.gz", "pkg"),
        ("a  # why", "a"),
        ("git+https://x.example.com/a.git#egg=a", "git+https://x.example.com/a.git#egg=a"),
        ("https://x.example.com/a.tar.gz", "https://x.example.com/a.tar.gz"),
        ("-c constraints.txt", "-c constraints.txt"),
    ],
)
def test_names_of_python_requirements(line, name):
    assert requirements.python_name(line) == name


def test_lines_that_belong_together_stay_together():
    joined = requirements.join("python", ["a==1 \\\n  --hash=sha256:00\n# gone\n\nb\n", "b==2\n"])
    assert joined == "a==1 \\\n  --hash=sha256:00\nb==2\n"


def test_several_lines_for_one_name_are_replaced_together():
    below = "a<2; python_version<'3'\na>=2; python_version>='3'\nb\n"
    assert requirements.join("python", [below, "A==3\n"]) == "A==3\nb\n"
    assert requirements.join("python", ["a\n", below]) == below


def test_os_packages_are_known_by_their_name_alone():
    assert requirements.join("system", ["gcc[compile]\ngit\n", "gcc [test]\n"]) == "gcc [test]\ngit\n"


def test_galaxy_lists_are_joined_by_kind_and_name():
    below = "collections:\n- a.b\n- name: https://x.example.com/c.git\n  type: git\nroles:\n- name: r\n  version: 1.0\n"
    above = "- src: s\n- name: r\n"
    assert requirements.join("galaxy", [below, above]) == (
        "collections:\n- a.b\n- name: https://x.example.com/c.git\n  type: git\nroles:\n- name: r\n- src: s\n"
    )


def test_collections_are_pinned_and_dependencies_added():
    content = (
        "collections:\n- a.b:>=1\n- name: c.d\n  source: s\n- name: git@x.example.com:e.git\n  type: git\nroles: [r]\n"
    )
    text, unknown = requirements.pin_collections(content, {"a.b": "1.10", "c.d": "2.0", "z.z": "3"})
    assert requirements.read_galaxy(text) == {
        "collections": [
            {"name": "a.b", "version": "1.10"},
            {"name": "c.d", "source": "s", "version": "2.0"},
            {"name": "git@x.example.com:e.git", "type": "git"},
            {"name": "z.z", "version": "3"},
        ],
        "roles": ["r"],
    }
    assert unknown == ["git@x.example.com:e.git"]


@pytest.mark.parametrize("content", ["a: [", "just text", "collections: a.b", "3"])
def test_what_is_no_galaxy_list_is_refused(content):
    with pytest.raises(Invalid):
        requirements.read_galaxy(content)
