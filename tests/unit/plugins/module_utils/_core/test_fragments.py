# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import definition, fragments, requirements
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.fragments import Part, expand, merge
from ansible_collections.foundry.ee.plugins.module_utils._core.model import (
    BuildFile,
    ContainerInit,
    Exclude,
    Image,
    Requirements,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import Node, from_value, plain


def part(folder: str = ".", **keys: object) -> Part:
    parsed = definition.from_mapping(keys, prepare=expand)
    assert parsed.definition is not None, parsed.problems
    lists: tuple[requirements.Kind, ...] = ("galaxy", "python", "system")
    wanted = {kind: getattr(parsed.definition, kind) for kind in lists}
    contents = {kind: value.content or f"from {value.file}\n" for kind, value in wanted.items() if value is not None}
    return Part(parsed.definition, parsed.places, contents, folder)


def node(value: object) -> Node:
    root = from_value(value).root
    assert root is not None
    return root


def test_short_names_are_written_out():
    given = {"base_image": "a:1", "collections": ["a.b"], "python": ["six"], "ansible_core": "ansible-core"}
    assert plain(expand(node(given))) == {
        "version": "3",
        "images": {"base_image": {"name": "a:1"}},
        "dependencies": {
            "galaxy": {"collections": ["a.b"]},
            "python": ["six"],
            "ansible_core": {"package_pip": "ansible-core"},
        },
    }


def test_a_short_name_beside_its_long_form_is_refused():
    parsed = definition.from_mapping({"python": ["a"], "dependencies": {"python": ["b"]}}, prepare=expand)
    assert [finding.place.key for finding in parsed.problems] == ["python"]
    given = {"collections": ["a.b"], "dependencies": {"galaxy": "requirements.yml"}}
    parsed = definition.from_mapping(given, prepare=expand)
    assert [finding.place.key for finding in parsed.problems] == ["collections"]


def test_a_given_mapping_is_not_changed():
    given = {"dependencies": {"python": ["a"]}, "system": ["b"]}
    root = node(given)
    assert plain(expand(root)) != given
    assert plain(root) == given


def test_a_fragment_in_a_file_may_leave_out_what_an_inline_one_may():
    text = "base_image: a:1\npython: [six]\nwrong: 1\n"
    parsed = definition.parse(text, "team.yml", expand)
    assert [(finding.place.line, finding.place.key) for finding in parsed.problems] == [(3, "wrong")]
    found = definition.parse(text.replace("wrong: 1", ""), "team.yml", expand)
    assert found.definition is not None
    assert found.definition.base_image == Image("a:1")
    assert found.places["images.base_image.name"].line == 1
    assert definition.parse("", "team.yml", expand).definition == definition.from_mapping({"version": 3}).definition
    assert definition.parse("- a\n", "team.yml", expand).definition is None


def test_files_that_a_pip_list_includes_are_named_as_seen_from_the_whole():
    text = "-r common.txt  # ours\n--constraint=../c.txt\n-c /etc/c.txt\n-r https://x.example.com/r.txt\nsix -r\n"
    assert fragments.rebased(text, "company").split("\n") == [
        "-r company/common.txt",
        "--constraint=c.txt",
        "-c /etc/c.txt",
        "-r https://x.example.com/r.txt",
        "six -r",
        "",
    ]


def test_the_later_one_wins_by_name():
    whole = merge(
        [
            part(
                base_image="company:1",
                collections=[{"name": "a.b", "version": "1"}, "c.d"],
                python=["Six>=1", "psutil"],
                system=["git [platform:rpm]", "gcc [compile]"],
            ),
            part(collections=["a.b:2", "e.f"], python=["six==2", "-c more.txt"], system=["git"]),
            part(base_image="mine:1"),
        ]
    )
    assert whole.base_image == Image("mine:1")
    assert whole.galaxy == Requirements(content="collections:\n- a.b:2\n- c.d\n- e.f\n")
    assert whole.python == Requirements(content="six==2\npsutil\n-c more.txt\n")
    assert whole.system == Requirements(content="git\ngcc [compile]\n")


def test_everything_else_is_joined_by_key_or_added():
    whole = merge(
        [
            part(
                build_arg_defaults={"PKGMGR_PRESERVE_CACHE": "always"},
                dependencies={"exclude": {"python": ["a", "b"]}},
                additional_build_files=[{"src": "a", "dest": "x"}],
                additional_build_steps={"append_final": ["RUN one"]},
                options={"user": "root", "workdir": "/w", "container_init": {}},
            ),
            part(
                "../team",
                build_arg_defaults={"ANSIBLE_GALAXY_CLI_ROLE_OPTS": "-v"},
                dependencies={"exclude": {"python": ["b", "c"]}},
                additional_build_files=[{"src": "a", "dest": "x"}, {"src": "/etc/b", "dest": "x"}],
                additional_build_steps={"append_final": ["RUN two"], "prepend_base": ["RUN zero"]},
                options={"user": "1000", "container_init": {"cmd": "c"}},
            ),
        ]
    )
    assert whole.build_args == {"PKGMGR_PRESERVE_CACHE": "always", "ANSIBLE_GALAXY_CLI_ROLE_OPTS": "-v"}
    assert whole.exclude == Exclude(python=("a", "b", "c"))
    assert whole.build_files == (BuildFile("a", "x"), BuildFile("../team/a", "x"), BuildFile("/etc/b", "x"))
    assert whole.steps == {"prepend_base": ("RUN zero",), "append_final": ("RUN one", "RUN two")}
    assert (whole.options.user, whole.options.workdir) == ("1000", "/w")
    assert whole.options.container_init == ContainerInit(None, None, "c")


def test_a_list_of_one_part_stays_where_it_is():
    whole = merge([part(), part("team", python="requirements.txt"), part(system=["git"])])
    assert whole.python == Requirements(file="team/requirements.txt")
    assert whole.system == Requirements(content="git")


def test_the_whole_is_a_definition_that_can_be_written():
    whole = merge([part(base_image="a:1", python=["six"]), part(python=["psutil"], options={"user": "root"})])
    assert definition.parse(definition.dump(whole)).definition == whole


def test_a_galaxy_list_that_is_none_is_refused():
    broken = replace(part(), contents={"galaxy": "a: [b"})
    with pytest.raises(Invalid):
        fragments.merge([broken, broken])
