# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Introspection: beside what ansible-builder found in recorded trees of collections, and what we do better."""

from __future__ import annotations

import re

import pytest
import yaml

from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import introspect, pip_lists
from ansible_collections.foundry.ee.tests.unit import goldens


def load_yaml(text):
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def look(folder, **exclusions):
    return introspect.introspect(folder, introspect.Exclusions(**exclusions), load_yaml)


def lines_of(requirements):
    """Return requirements as ansible-builder writes them: who asks stands behind what it understood."""
    return [
        line.line if line.name is None else f"{line.line}  # from collection {line.collection}" for line in requirements
    ]


class Recorded:
    """What a recorded run was asked, and what it answered."""

    def __init__(self, case, folder):
        self.case = case
        self.folder = folder
        self.options = dict(word[2:].split("=", 1) for word in case.argv if word.startswith("--") and "=" in word)

    def entries(self, option):
        path = self.options.get(option)
        text = (self.folder / path).read_text() if path else ""
        return tuple(line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#"))

    def theirs(self, part):
        return (self.case.raw.get(f"write_{part}") or "").splitlines()

    def ours(self):
        report = look(
            self.folder,
            python=self.entries("exclude-pip-reqs"),
            system=self.entries("exclude-bindep-reqs"),
            collections=self.entries("exclude-collection-reqs"),
        )
        python = [*report.python, *map(introspect.parse_user_requirement, self.entries("user-pip"))]
        system = [introspect.Requirement(line, "user", line) for line in self.entries("user-bindep")]
        return report, lines_of(python), lines_of([*report.system, *system])


# Each rule changes what was recorded into what it should have been; the guide to the rendered file has them as a table.


def spelled_alike(recorded, lines):
    """Names of Python packages are compared as pip compares them (PEP 503), by built-in and own exclusions."""
    entries = [entry for entry in recorded.entries("exclude-pip-reqs") if not entry.startswith("~")]
    unwanted = {*map(introspect.normalize, entries), *introspect.BUILT_IN_EXCLUSIONS}
    from_collection = re.compile(r"(?P<name>[A-Za-z0-9._-]+).*  # from collection (?!user$)")

    def wanted(line):
        match = from_collection.match(line)
        return match is None or introspect.normalize(match["name"]) not in unwanted

    return [line for line in lines if wanted(line)]


def own_list_stays(recorded, lines):
    """Excluding a collection named `user` does not take the user's own list away."""
    if "user" not in recorded.entries("exclude-collection-reqs"):
        return lines
    return [*lines, *(f"{line}  # from collection user" for line in recorded.entries("user-pip"))]


def constraints_apart(recorded, lines):
    """Constraint files of collections are carried along as such, with their content."""
    return [line for line in lines if not pip_lists.included(line)[0]]


def corrected(recorded):
    lines = recorded.theirs("pip")
    for rule in (spelled_alike, own_list_stays, constraints_apart):
        lines = rule(recorded, lines)
    return lines


def lists_of_collections(case):
    return [
        content.get("text", "") for path, content in case.input.items() if path.endswith(".txt") and path.count("/") > 2
    ]


def why_different(recorded, report):
    """Return the documented difference that the input calls for, None where there is none."""
    texts = lists_of_collections(recorded.case)
    if report.problems and not recorded.case.accepted:
        return "what is wrong in one collection is reported and does not end the run"
    if any(re.search(r"^(-r\S|\s+-r|--requirement=)", text, re.MULTILINE) for text in texts):
        return "every spelling of -r that pip knows is followed"
    if any(re.search(r"\\$|--hash", text, re.MULTILINE) for text in texts):
        return "continued lines are one, hashes of collections are left out"
    if any("execution-environment" in path for path in recorded.case.input) and not recorded.case.accepted:
        return "lists within the metadata, and metadata that says nothing, are understood"
    return None


@pytest.mark.parametrize("case", goldens.cases_of("intro"), ids=lambda case: case.id)
def test_recorded(case, tmp_path):
    case.write(tmp_path)
    recorded = Recorded(case, tmp_path)
    report, python, system = recorded.ours()
    same = case.accepted and python == corrected(recorded) and system == recorded.theirs("bindep")
    goldens.settle(
        case,
        case.accepted if same else not case.accepted,
        f"{python} {system} {report.problems}",
        None if same else why_different(recorded, report),
    )


def collection(tmp_path, name="ns.col", **files):
    folder = tmp_path / "ansible_collections" / name.replace(".", "/")
    folder.mkdir(parents=True)
    (folder / "MANIFEST.json").write_text("{}")
    for path, text in files.items():
        place = folder / path.replace("__", "/").replace("_txt", ".txt").replace("_yml", ".yml").replace("EE", "-e")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


def test_one_wrong_collection_does_not_spoil_the_rest(tmp_path):
    collection(tmp_path, "a.missing", requirements_txt="-r nowhere.txt\nsix\n")
    (collection(tmp_path, "b.meta") / "meta").mkdir()
    (tmp_path / "ansible_collections/b/meta/meta/execution-environment.yml").write_text("dependencies: [\n")
    (collection(tmp_path, "c.bytes") / "requirements.txt").write_bytes(b"\xff\xfe")
    collection(tmp_path, "d.good", requirements_txt="netaddr\n", bindep_txt="git\n")
    report = look(tmp_path)
    assert [problem.collection for problem in report.problems] == ["a.missing", "b.meta", "c.bytes"]
    assert [(line.collection, line.line) for line in report.python] == [("a.missing", "six"), ("d.good", "netaddr")]
    assert [line.line for line in report.system] == ["git"]


@pytest.mark.parametrize(
    ("meta", "python", "problems"),
    [
        ("", [], 0),
        ("dependencies:\n", [], 0),
        ("version: 3\ndependencies:\n  python: [six, netaddr]\n", ["six", "netaddr"], 0),
        ("dependencies: nonsense\n", [], 1),
        ("dependencies:\n  python: {a: b}\n", [], 1),
        ("- a list\n", [], 1),
        ("dependencies:\n  python: /etc/passwd\n", [], 1),
        ("dependencies:\n  python: ../../other/col/requirements.txt\n", [], 1),
    ],
)
def test_metadata(tmp_path, meta, python, problems):
    (collection(tmp_path, requirements_txt="root\n") / "meta").mkdir()
    (tmp_path / "ansible_collections/ns/col/meta/execution-environment.yml").write_text(meta)
    report = look(tmp_path)
    assert [line.line for line in report.python] == python
    assert len(report.problems) == problems


def test_a_list_that_includes_itself_ends(tmp_path):
    collection(tmp_path, requirements_txt="six\n-r requirements.txt\n")
    report = look(tmp_path)
    assert any("includes itself" in problem.message for problem in report.problems)


def test_a_link_out_of_the_collection_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("password\n")
    (collection(tmp_path) / "requirements.txt").symlink_to(tmp_path / "secret")
    report = look(tmp_path)
    assert not report.python
    assert "not a file of the collection" in report.problems[0].message


def test_constraints_are_carried_along(tmp_path):
    collection(tmp_path, requirements_txt="-c constraints.txt\nsix\n", constraints_txt="six<2  # why\n")
    report = look(tmp_path)
    assert report.constraints == {"ns.col": ["six<2"]}
    assert [line.line for line in report.python] == ["six"]


def test_exclusions_say_why(tmp_path):
    collection(
        tmp_path,
        requirements_txt="Foo.Bar>=1\nPyYAML\nmatched-by-pattern\nansible_lint\nkept\n",
        bindep_txt="git [platform:rpm]\nGcc\n",
    )
    report = look(tmp_path, python=("foo_bar", "~matched-.*", "~[", "kept>=1"), system=("gcc",))
    assert [(left.line, left.because) for left in report.excluded] == [
        ("Foo.Bar>=1", "foo_bar"),
        ("PyYAML", "built-in"),
        ("matched-by-pattern", "~matched-.*"),
        ("ansible_lint", "built-in"),
        ("Gcc", "gcc"),
    ]
    assert [line.line for line in report.python] == ["kept"]
    assert "no regular expression" in report.problems[0].message


def test_a_whole_collection_excluded(tmp_path):
    collection(tmp_path, "a.b", requirements_txt="six\n", bindep_txt="git\n")
    collection(tmp_path, "c.d", requirements_txt="netaddr\n")
    report = look(tmp_path, collections=("A.B",))
    assert [line.line for line in report.python] == ["netaddr"]
    assert [(left.line, left.because) for left in report.excluded] == [("six", "A.B"), ("git", "A.B")]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("six", "six"),
        ("Foo.Bar_baz>=1,<2", "Foo.Bar_baz"),
        ("requests[socks, security] >= 2.8.1 , == 2.8.* ; python_version < '3'", "requests"),
        ("pip @ https://example.org/pip.whl", "pip"),
        ("name (>=1,<2)", "name"),
        ("name~=1.0", "name"),
        ("name===weird", "name"),
        ("git+https://example.org/x.git#egg=x", None),
        ("-e .", None),
        ("--no-binary=psutil", None),
        ("./local.whl", None),
        ("two words", None),
        ("name>=", None),
        ("name==1 --hash=sha256:abc", "name"),
    ],
)
def test_names(line, name):
    assert introspect.parse_requirement(line).name == name


def test_merging_joins_what_pip_would_join():
    asked = ["foo", "Foo>=1", "foo<3", "foo>=1", "bar[b,A]>1", "bar[a,b]", "x; python_version<'3'", "x", "-e .", "-e ."]
    assert introspect.merged(map(introspect.parse_requirement, asked)) == [
        "foo>=1,<3",
        "bar[a,b]>1",
        "x ; python_version<'3'",
        "x",
        "-e .",
    ]
