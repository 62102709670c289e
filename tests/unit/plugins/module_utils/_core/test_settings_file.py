# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings files are changed in place: everything that was not asked for stays, to the character."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.settings_file import edit, get, read

IMAGE = ("ansible-navigator", "execution-environment", "image")
NEW = "hub.example.com/team/ee:2"

# name: (before, after setting the image, after removing it)
CASES = {
    "nothing": (
        "",
        "ansible-navigator:\n  execution-environment:\n    image: hub.example.com/team/ee:2\n",
        "",
    ),
    "only comments": (
        "---\n# mine\n",
        "---\n# mine\nansible-navigator:\n  execution-environment:\n    image: hub.example.com/team/ee:2\n",
        "---\n# mine\n",
    ),
    "comments everywhere": (
        "---\n# top\nansible-navigator:  # root\n  # above\n  execution-environment:\n    # which\n"
        "    image: old/ee:1  # keep me\n    enabled: true\n  # below\n  mode: stdout\n# end\n",
        "---\n# top\nansible-navigator:  # root\n  # above\n  execution-environment:\n    # which\n"
        "    image: hub.example.com/team/ee:2  # keep me\n    enabled: true\n  # below\n  mode: stdout\n# end\n",
        "---\n# top\nansible-navigator:  # root\n  # above\n  execution-environment:\n    # which\n"
        "    enabled: true\n  # below\n  mode: stdout\n# end\n",
    ),
    "the only key": (
        "ansible-navigator:\n  execution-environment:\n    # which\n    image: old/ee:1\n",
        "ansible-navigator:\n  execution-environment:\n    # which\n    image: hub.example.com/team/ee:2\n",
        "ansible-navigator:\n  execution-environment:\n    # which\n    {}\n",
    ),
    "quotes stay": (
        "ansible-navigator:\n  execution-environment:\n    image: 'old/ee:1'\n    enabled: true\n",
        "ansible-navigator:\n  execution-environment:\n    image: 'hub.example.com/team/ee:2'\n    enabled: true\n",
        "ansible-navigator:\n  execution-environment:\n    enabled: true\n",
    ),
    "added below the last entry, above the comment": (
        "ansible-navigator:\n  execution-environment:\n    enabled: true  # yes\n    # image: none yet\n\n"
        "  mode: stdout\n",
        "ansible-navigator:\n  execution-environment:\n    enabled: true  # yes\n    image: hub.example.com/team/ee:2\n"
        "    # image: none yet\n\n  mode: stdout\n",
        None,
    ),
    "a parent without a value": (
        "ansible-navigator:\n  execution-environment:  # todo\n  mode: stdout\n",
        "ansible-navigator:\n  execution-environment:  # todo\n    image: hub.example.com/team/ee:2\n  mode: stdout\n",
        None,
    ),
    "a parent that is null": (
        "ansible-navigator:\n  execution-environment: null\n",
        "ansible-navigator:\n  execution-environment:\n    image: hub.example.com/team/ee:2\n",
        None,
    ),
    "an empty parent": (
        "ansible-navigator:\n  execution-environment: {}\n  mode: stdout\n",
        "ansible-navigator:\n  execution-environment:\n    image: hub.example.com/team/ee:2\n  mode: stdout\n",
        None,
    ),
    "no parent": (
        "ansible-navigator:\n  mode: stdout\n  # more to come\n",
        "ansible-navigator:\n  mode: stdout\n  execution-environment:\n    image: hub.example.com/team/ee:2\n"
        "  # more to come\n",
        None,
    ),
    "no line end at the end": (
        "ansible-navigator:\n  mode: stdout",
        "ansible-navigator:\n  mode: stdout\n  execution-environment:\n    image: hub.example.com/team/ee:2\n",
        None,
    ),
    "four blanks": (
        "ansible-navigator:\n    execution-environment:\n        image: old/ee:1\n        enabled: true\n",
        "ansible-navigator:\n    execution-environment:\n        image: hub.example.com/team/ee:2\n"
        "        enabled: true\n",
        "ansible-navigator:\n    execution-environment:\n        enabled: true\n",
    ),
    "flow": (
        "ansible-navigator: {execution-environment: {image: old/ee:1, enabled: true}}  # short\n",
        "ansible-navigator: {execution-environment: {image: hub.example.com/team/ee:2, enabled: true}}  # short\n",
        "ansible-navigator: {execution-environment: {enabled: true}}  # short\n",
    ),
    "flow, the only key": (
        "ansible-navigator: {execution-environment: {image: old/ee:1}}\n",
        "ansible-navigator: {execution-environment: {image: hub.example.com/team/ee:2}}\n",
        "ansible-navigator: {execution-environment: {}}\n",
    ),
    "flow, the last key": (
        "ansible-navigator: {execution-environment: {enabled: true, image: old/ee:1}}\n",
        "ansible-navigator: {execution-environment: {enabled: true, image: hub.example.com/team/ee:2}}\n",
        "ansible-navigator: {execution-environment: {enabled: true}}\n",
    ),
    "flow, no parent": (
        "ansible-navigator: {mode: stdout}\n",
        "ansible-navigator: {execution-environment: {image: hub.example.com/team/ee:2}, mode: stdout}\n",
        None,
    ),
    "windows": (
        "ansible-navigator:\r\n  execution-environment:\r\n    image: old/ee:1\r\n    enabled: true\r\n",
        "ansible-navigator:\r\n  execution-environment:\r\n    image: hub.example.com/team/ee:2\r\n"
        "    enabled: true\r\n",
        "ansible-navigator:\r\n  execution-environment:\r\n    enabled: true\r\n",
    ),
    "lists and long texts": (
        "ansible-navigator:\n  execution-environment:\n    volume-mounts:\n      - src: /a\n        dest: /b\n"
        "    # note\n  banner: |\n    two\n    lines\n",
        "ansible-navigator:\n  execution-environment:\n    volume-mounts:\n      - src: /a\n        dest: /b\n"
        "    image: hub.example.com/team/ee:2\n    # note\n  banner: |\n    two\n    lines\n",
        None,
    ),
    "a comment of a list": (
        "ansible-navigator:\n  execution-environment:\n    volume-mounts:\n      - src: /a\n      # - src: /b\n\n"
        "      # - src: /c\n    # of the next\n  mode: stdout\n",
        "ansible-navigator:\n  execution-environment:\n    volume-mounts:\n      - src: /a\n      # - src: /b\n\n"
        "      # - src: /c\n    image: hub.example.com/team/ee:2\n    # of the next\n  mode: stdout\n",
        None,
    ),
    "a block text": (
        "ansible-navigator:\n  execution-environment:\n    image: >-\n      old/ee:1\n\n    enabled: true\n",
        "ansible-navigator:\n  execution-environment:\n    image: hub.example.com/team/ee:2\n\n    enabled: true\n",
        "ansible-navigator:\n  execution-environment:\n    enabled: true\n",
    ),
    "an alias": (
        "i: &i old/ee:1\nansible-navigator:\n  execution-environment:\n    image: *i  # the usual\n    enabled: true\n",
        "i: &i old/ee:1\nansible-navigator:\n  execution-environment:\n    image: hub.example.com/team/ee:2"
        "  # the usual\n    enabled: true\n",
        "i: &i old/ee:1\nansible-navigator:\n  execution-environment:\n    enabled: true\n",
    ),
    "json with tabs": (
        '{\n\t"ansible-navigator": {\n\t\t"execution-environment": {\n\t\t\t"image": "old/ee:1"\n\t\t}\n\t}\n}\n',
        '{\n\t"ansible-navigator": {\n\t\t"execution-environment": {\n'
        '\t\t\t"image": "hub.example.com/team/ee:2"\n\t\t}\n\t}\n}\n',
        '{\n\t"ansible-navigator": {\n\t\t"execution-environment": {}\n\t}\n}\n',
    ),
    "an image that is empty": (
        "ansible-navigator:\n  execution-environment:\n    image:\n    enabled: true\n",
        "ansible-navigator:\n  execution-environment:\n    image: hub.example.com/team/ee:2\n    enabled: true\n",
        None,
    ),
    "json": (
        '{\n  "ansible-navigator": {\n    "execution-environment": {\n      "image": "old/ee:1"\n    }\n  }\n}\n',
        '{\n  "ansible-navigator": {\n    "execution-environment": {\n      "image": "hub.example.com/team/ee:2"\n'
        "    }\n  }\n}\n",
        '{\n  "ansible-navigator": {\n    "execution-environment": {}\n  }\n}\n',
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_set(case):
    before, after, _removed = CASES[case]
    assert edit(before, IMAGE, NEW, "x.yml") == after
    assert edit(after, IMAGE, NEW, "x.yml") == after


@pytest.mark.parametrize("case", CASES)
def test_remove(case):
    before, _after, removed = CASES[case]
    assert edit(before, IMAGE, None, "x.yml") == (before if removed is None else removed)


def test_other_values():
    text = "container_image: a/b:1\n"
    assert edit(text, ("process_isolation",), True, "settings") == "container_image: a/b:1\nprocess_isolation: true\n"
    assert edit("a: 1.10\nb: no # never\n", ("b",), True, "x") == "a: 1.10\nb: true # never\n"
    assert edit("a: yes\n", ("a",), "true", "x") == 'a: "true"\n'


@pytest.mark.parametrize(
    "value",
    ["1.10", "yes", "null", "a: b", "a #b", "- a", "ends:", "'", '"', "ü", "{a}", "0x10", "1e3", "~", "2026-01-01"],
)
def test_values_that_need_quotes(value):
    for text in ("", "k: v\n", "k: 'v'\n", 'k: "v"\n', "{j: 1, k: v}\n"):
        assert yaml.safe_load(edit(text, ("k",), value, "x"))["k"] == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", "no mapping"),
        ("a: [\n", "no YAML"),
        ("a: b: c\n", "line 1"),
        ("a: 1\n---\nb: 2\n", "no YAML"),
        ("ansible-navigator: text\n", "`ansible-navigator` in x.yml is no mapping"),
        ("base: &b {image: a}\nansible-navigator:\n  execution-environment: *b\n", "cannot be changed"),
        ("a: " + "b" * 1100000, "more than"),
        ("---\n# c\n...\n", "cannot be changed in x.yml as it is written"),
        (
            "ansible-navigator:\n  execution-environment:\n    image: &i old/ee:1\nother: *i\n",
            "cannot be changed in x.yml as it is written",
        ),
    ],
)
def test_what_is_refused(text, words):
    with pytest.raises(Invalid, match=words):
        edit(text, IMAGE, NEW, "x.yml")


_SETTINGS = st.recursive(
    st.one_of(st.booleans(), st.integers(-9, 9), st.text("ab:#'\"{}[], \n-", max_size=8), st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b c", "image", "x: y"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["a", "top", "z"]), _SETTINGS, max_size=3),
    st.sampled_from([True, False, None]),
    st.booleans(),
    st.sampled_from([NEW, None]),
)
def test_any_file_means_what_it_should_or_is_refused(settings, flow, as_json, value):
    keys = ("top", "image")
    text = json.dumps(settings, indent=2) if as_json else yaml.safe_dump(settings, default_flow_style=flow)
    meant = read(text, "x")
    inner = meant.get("top")
    try:
        edited = read(edit(text, keys, value, "x"), "x")
    except Invalid:
        assert inner is not None
        assert not isinstance(inner, dict) or not as_json
        return
    assert get(edited, keys) == value or value is None
    assert {key: other for key, other in edited.items() if key != "top"} == {
        key: other for key, other in meant.items() if key != "top"
    }
