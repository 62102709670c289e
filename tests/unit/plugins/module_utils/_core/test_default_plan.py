# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which execution environment is set where, decided from records as the API shows them."""

from __future__ import annotations

import typing as t
from urllib.parse import urlencode

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.default_plan import (
    LONGEST_FILTERS,
    NAMES_PER_REQUEST,
    Chosen,
    Target,
    affected,
    chosen_in,
    cut,
    diff,
    environment_filters,
    find_environment,
    known_by_id,
    pick,
    questions,
    read_targets,
    settle,
    unmet,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import from_listings


def ee(number: int, name: str, image: str, **fields: t.Any) -> dict[str, t.Any]:
    return {"id": number, "name": name, "image": image, "created": f"2026-01-{number:02}T00:00:00Z", **fields}


EES = [
    ee(1, "old", "hub/a:1"),
    ee(2, "new", "hub/a:1"),
    ee(3, "control", "hub/a:1", managed=True),
    ee(4, "only", "hub/c:1", managed=True),
    ee(5, "hub/a:1", "hub/odd:1"),
]


@pytest.mark.parametrize(
    ("text", "name", "warned"),
    [
        ("old", "old", False),
        ("hub/c:1", "only", False),
        ("hub/a:1", "hub/a:1", False),  # a name that looks like an image is a name all the same
        ("hub/none:1", None, False),
    ],
)
def test_find_environment(text, name, warned):
    found, warning = find_environment(text, EES)
    assert ((found and found.name), bool(warning)) == (name, warned)


def test_newest_of_an_image():
    found, warning = find_environment("hub/a:1", EES[:4])
    assert found == Chosen(2, "new", "hub/a:1")
    assert warning == "2 execution environments have the image hub/a:1 (`new`, `old`): the newest is taken."


def test_known_by_id():
    assert known_by_id(None, EES) is None
    assert known_by_id(1, EES) == Chosen(1, "old", "hub/a:1")
    assert known_by_id(99, EES) == Chosen(99)  # one that this user may not see


def test_unmet_and_filters():
    targets = [
        Target("organization", name, None, text)
        for name, text in (("a", "old"), ("b", "hub/a:1"), ("c", ""), ("d", "new"))
    ]
    before = dict(zip(targets, (Chosen(1, "old", "hub/a:1"), Chosen(1, "old", "hub/a:1"), Chosen(2), None)))
    assert unmet(targets, before) == ["new"]
    assert environment_filters(["new"], 7) == [("or__name", "new"), ("or__image", "new"), ("or__id", "7")]
    assert environment_filters([], None) == []


def test_questions_are_short():
    targets = [Target("project", f"p{number}", None, "") for number in range(NAMES_PER_REQUEST + 1)]
    targets += [Target("workflow_node", "n", None, ""), Target("global", None, None, ""), targets[0]]
    asked = questions(targets)
    assert [(one.path, len(one.filters)) for one in asked] == [
        ("projects/", NAMES_PER_REQUEST),
        ("projects/", 1),
        ("workflow_job_template_nodes/", 1),
    ]
    assert asked[2].filters == [("or__identifier", "n")]


def in_organization(number: int, name: str, organization: str) -> dict[str, t.Any]:
    return {"id": number, "name": name, "summary_fields": {"organization": {"name": organization}}}


def test_pick():
    records = [in_organization(1, "p", "one"), in_organization(2, "p", "two"), in_organization(3, "P", "one")]
    assert pick(Target("project", "p", "two", ""), records) == records[1]
    assert pick(Target("project", "P", None, ""), records) == records[2]
    assert pick(Target("project", "p", "three", ""), records) is None
    with pytest.raises(Conflict, match="Say which with `organization`: `one`, `two`"):
        pick(Target("project", "p", None, ""), records)


def test_chosen_in():
    shown = {"execution_environment": 8, "summary_fields": {"execution_environment": {"name": "e", "image": "i"}}}
    assert chosen_in(Target("job_template", "t", None, ""), shown) == Chosen(8, "e", "i")
    hidden = {"default_environment": 8, "summary_fields": {}}
    assert chosen_in(Target("project", "t", None, ""), hidden) == Chosen(8)
    assert chosen_in(Target("project", "t", None, ""), {"default_environment": None}) is None


@pytest.mark.parametrize(
    ("before", "wished", "after", "changed"),
    [
        (None, "", None, False),
        (None, "new", 2, True),
        (Chosen(1, "old", "hub/a:1"), "", None, True),
        (Chosen(1, "old", "hub/a:1"), "old", 1, False),
        (Chosen(1, "old", "hub/a:1"), "hub/a:1", 1, False),  # although a newer one has the image
        (Chosen(1, "old", "hub/a:1"), "new", 2, True),
        (Chosen(2), "new", 2, False),  # hidden from this user, but the same
    ],
)
def test_settle(before, wished, after, changed):
    record = in_organization(7, "p", "one")
    setting, _warning = settle(Target("project", "p", None, wished), record, before, EES[:4])
    assert ((setting.after and setting.after.id), setting.changed) == (after, changed)
    assert (setting.path, setting.field, setting.key) == ("projects/7/", "default_environment", "project `p` of `one`")


def test_diff():
    record = in_organization(7, "p", "one")
    same, _warning = settle(Target("project", "p", None, ""), record, None, [])
    hidden, _warning = settle(Target("global", None, None, "new"), None, Chosen(9), EES)
    assert diff([same, hidden]) == {"before": {"the global default": "#9"}, "after": {"the global default": "new"}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"scope": "global"}, "needs `scope` and `environment`"),
        ({"environment": "x"}, "needs `scope` and `environment`"),
        ({"scope": "global", "name": "x", "environment": ""}, "takes no `name`"),
        ({"scope": "project", "environment": ""}, "needs the `name` of the project"),
        ({"scope": "schedule", "name": "s", "workflow": "w", "environment": ""}, "`template` says which"),
        ({"defaults": [{"scope": "global", "environment": "a"}, {"scope": "global", "environment": "b"}]}, "2 times"),
    ],
)
def test_targets_refused(given, words):
    with pytest.raises(Invalid, match=words):
        read_targets(given)


def test_affected():
    listings = {
        "environments": [ee(1, "old", "hub/a:1"), ee(2, "new", "hub/b:1")],
        "organizations": [{"id": 1, "name": "one", "default_environment": None}],
        "projects": [{"id": 1, "name": "p", "organization": 1, "default_environment": 2}],
        "templates": [
            {"id": 5, "name": "free", "organization": 1, "project": None, "ask_execution_environment_on_launch": True},
            {"id": 6, "name": "bound", "organization": 1, "project": 1},
        ],
    }
    estate = from_listings(listings)
    record = {"id": 1, "name": "one", "summary_fields": {}}
    organization, _warning = settle(Target("organization", "one", None, "old"), record, None, EES)
    changes = affected(estate, [organization])
    assert [(one["name"], one["before"]["name"], one["after"]["name"]) for one in changes] == [("free", "new", "old")]
    started = {"id": 3, "name": "daily", "unified_job_template": 5, "summary_fields": {}}
    schedule, _warning = settle(Target("schedule", "daily", None, "new"), started, None, EES)
    assert [one["name"] for one in affected(estate, [organization, schedule])] == ["free"]  # the schedule keeps its own
    started = {"id": 3, "name": "daily", "unified_job_template": 77, "summary_fields": {}}
    project_update, _warning = settle(Target("schedule", "daily", None, "new"), started, None, EES)
    assert affected(estate, [project_update]) == []


def test_filters_are_cut_by_the_length_of_their_address():
    parts = cut([("or__name", "ü" * 300)] * 2 + [("or__name", f"{number} " + "ü" * 300) for number in range(9)])
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    assert all(len(urlencode(part)) <= LONGEST_FILTERS for part in parts)
    assert cut([]) == []
    assert len(cut([("or__name", "ü" * 5000)])) == 1
