# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
import tracemalloc
import typing as t

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.foundry.ee.plugins.module_utils._core import yaml_source
from ansible_collections.foundry.ee.plugins.module_utils._core.yaml_source import Node, from_value, plain, read, write


def data_of(text: str) -> t.Any:
    root = read(text).root
    assert root is not None
    return plain(root)


def refusal(text: str | bytes) -> tuple[str, int | None, int | None]:
    source = read(text, "ee.yml")
    assert source.root is None
    (problem,) = source.problems
    assert problem.hint
    assert problem.place.path == "ee.yml"
    return problem.message, problem.place.line, problem.place.column


def test_values_know_where_they_stand_and_how_they_were_written():
    root = read("a: 1.10\nb:\n  - 'x'\n  - |\n    one\n    two\n").root
    assert root is not None
    number, texts = root.value["a"], root.value["b"].value
    assert (number.value, number.source, number.line, number.column) == (1.1, "1.10", 1, 4)
    assert (texts[0].value, texts[0].source, texts[0].line, texts[0].column) == ("x", None, 3, 5)
    assert texts[1].block
    assert (root.names["b"].line, root.names["b"].column) == (2, 1)


@pytest.mark.parametrize("text", ["", "---\n", "# only a comment\n", "\ufeff"])
def test_an_empty_document_is_an_empty_mapping(text):
    assert data_of(text) in ({}, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v: 1.10", {"v": "1.10"}),
        ("v: 010", {"v": "010"}),
        ("v: 2024-01-01", {"v": "2024-01-01"}),
        ("v: on", {"v": "on"}),
        ("v: 1:30", {"v": "1:30"}),
        ("v: ~", {"v": None}),
        ("\ufeffv: x", {"v": "x"}),
        ("a: &x {k: 1}\nb: *x", {"a": {"k": "1"}, "b": {"k": "1"}}),
        ("a: &x {k: '1', l: '2'}\nb: {<<: *x, k: '3'}", {"a": {"k": "1", "l": "2"}, "b": {"k": "3", "l": "2"}}),
        ("a: {<<: [{k: '1'}, {k: '2', m: x}]}", {"a": {"k": "1", "m": "x"}}),
        ("'<<': x", {"<<": "x"}),
    ],
)
def test_plain_data_is_what_was_written(text, expected):
    assert data_of(text) == expected


def test_a_key_given_twice_is_told_and_the_last_one_counts():
    source = read("a: x\nb: y\na: z\n", "ee.yml")
    assert source.root is not None
    assert plain(source.root) == {"a": "z", "b": "y"}
    (advice,) = source.advice
    assert "`a` is given twice" in advice.message
    assert "line 1" in advice.message
    assert (advice.place.line, advice.place.column) == (3, 1)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a: {b: 1, c: 2, b: 3}\n", "a.b"),
        ("a:\n- x\n- b: 1\n  b: 2\n", "a[1].b"),
        ("- {a: [{b: 1, b: 2}]}\n", "[0].a[0].b"),
        ("a: &x {b: 1}\nc: {<<: *x, d: {e: 1, e: 2}}\n", "c.d.e"),
        ("? {a: 1, a: 2}\n: x\n", "?.a"),
        ("? [a]\n: {b: 1, b: 2}\n", "?.b"),
    ],
)
def test_a_key_given_twice_is_told_with_its_path(text, key):
    (advice,) = yaml_source.read(text, "x.yml").advice
    assert advice.place.key == key
    assert f"`{key}` is given twice" in advice.message


@pytest.mark.parametrize(
    ("text", "words", "line", "column"),
    [
        ("a: 1\n---\nb: 2\n", "A second YAML document", 2, 1),
        ("a: !thing x\n", "The tag `!thing`", 1, 4),
        ("a: !!python/object:os.system x\n", "The tag `!!python/object:os.system`", 1, 4),
        ("a: !!seq x\n", "The tag `!!seq`", 1, 4),
        ("a: !!map [x]\n", "The tag `!!map`", 1, 4),
        ("a: *none\n", "an anchor that is not there", 1, 4),
        ("a: &x [*x]\n", "stands inside what it refers to", 1, 8),
        ("? [a]\n: b\n", "A key cannot be a list", 1, 3),
        ("a: {<<: x}\n", "`<<` can only bring in a mapping", 1, 9),
        ("a: 2024-99-99\n", "is no timestamp", 1, 4),
        ("a: !!int x\n", "is no int", 1, 4),
        ("a: =\n", "The tag `!!value`", 1, 4),
        ("a: 'x\n", "This is not YAML", 2, 1),
        ("a:\n\tb: 1\n", "This is not YAML", 2, 1),
        ("a\t: 1\n", "This is not YAML", 1, 2),
        ("a: b: c\n", "This is not YAML: mapping values are not allowed", 1, 5),
        ("a: {{ x }}\n", "A key cannot be a mapping", 1, 5),
        ("a: \x01\n", "control character", 1, None),
        ("a: \ud800\n", "half a character", 1, None),
        (b"a: x\nb: \xff\xfe\n", "Byte 0xff is not UTF-8", 2, 4),
        (b"\x7fELF\x02\x01\x01\x00\xff", "Byte 0xff is not UTF-8", 1, 9),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text, words, line, column):
    message, at_line, at_column = refusal(text)
    assert words in message
    assert (at_line, at_column) == (line, column)


def test_tabs_get_a_hint_of_their_own():
    assert "spaces" in read("a:\n\tb: 1\n").problems[0].hint


def test_a_bomb_of_aliases_does_not_go_off():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    message, _line, _column = refusal("\n".join(lines))
    assert "more than 50000 values" in message


@pytest.mark.parametrize(
    "text", ["[" * 500_000, "{a: " * 200_000, "- " * 400_000, "? " * 400_000, "a:\n" * 9 + "[" * 90]
)
def test_depth_has_an_end(text):
    begun = time.monotonic()
    message, _line, _column = refusal(text)
    assert "nested more than" in message or "not YAML" in message
    assert time.monotonic() - begun < 60


def test_a_large_text_is_refused_before_anything_is_made_of_it():
    text = "x" * (yaml_source.LARGEST_BYTES + 1)
    tracemalloc.start()
    message, _line, _column = refusal(text)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "at most" in message
    assert peak < 1024 * 1024


def test_a_long_number_is_refused():
    assert "is no int" in refusal("a: " + "9" * 100_000)[0]


def test_loaded_data_has_the_same_bounds():
    deep: t.Any = []
    for _depth in range(100):
        deep = [deep]
    assert "nested more than" in from_value(deep).problems[0].message
    assert "more than 50000 values" in from_value([0] * 60_000).problems[0].message
    endless: list[t.Any] = []
    endless.append(endless)
    assert from_value(endless).root is None


def test_without_libyaml_it_is_the_same(monkeypatch):
    texts = ["a: 1.10\nb: [x, {c: d}]\n", "a: b: c\n", "a: *x\n", "a: 1\n---\nb: 2\n", "? [a]\n: b\n"]
    fast = [read(text) for text in texts]
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    slow = [read(text) for text in texts]
    assert [source.root for source in slow] == [source.root for source in fast]
    places = [[finding.place for finding in source.problems] for source in fast]
    assert [[finding.place for finding in source.problems] for source in slow] == places


TOKENS = [*"{}[],'\"#=|>é\n\t\x00\x85\u2028a", "b: ", "- ", "? ", ": ", "  ", "&a ", "*a", "<<: ", "!!int ", "!x "]
TOKENS += ["|\n", "---\n", "...\n", "1.10", "~", "2020-01-01", "%YAML 1.1\n"]


@given(st.one_of(st.text(), st.binary(), st.lists(st.sampled_from(TOKENS)).map("".join)))
def test_any_text_gives_a_tree_or_a_problem(text):
    source = read(text)
    assert isinstance(source.root, Node) != bool(source.problems)
    for problem in source.problems:
        assert problem.message
        assert problem.hint


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TREES = st.recursive(
    TEXTS | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXTS.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(TREES)
def test_what_is_written_is_read_back(data):
    for for_people in (False, True):
        assert data_of(write({"data": data}, for_people=for_people)) == {"data": data}


@pytest.mark.parametrize("text", ["a: &x [b]\nc: &x [d]\n", "a: &x b\nc: &x {d: e}\n"])
def test_an_anchor_given_twice_is_refused_with_its_place(text):
    source = yaml_source.read(text, "ee.yml")
    assert source.root is None
    (problem,) = source.problems
    assert (problem.place.line, problem.place.column) == (2, 4)
    assert "`&x` is given a second time" in problem.message
