# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import hub_repository
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.hub_repository import (
    Filter,
    Registry,
    Remote,
    Repository,
    Wanted,
)

UP = Registry("r1", "up")
REMOTE = Repository("team/ee", Remote("m1", "r1", "up/ee", Filter(("1.*", "2"), ("*-source",))), "About", False, "# Hi")
PUSHED = Repository("team/pushed", None, "")


def plan(wanted, current=REMOTE, registry_name="up", tags=(), allow_empty=False):
    return hub_repository.plan_present("team/ee", wanted, current, registry_name, lambda: tags, allow_empty)


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        ((), (), ["1.0", "1.1-dev", "2", "latest"]),
        (("1.*",), (), ["1.0", "1.1-dev"]),
        (("1.*",), ("*-dev",), ["1.0"]),
        ((), ("*",), []),
        (("LATEST", "[12]"), (), ["2"]),
    ],
)
def test_filter(include, exclude, taken):
    chosen = Filter(include, exclude)
    assert [tag for tag in ("1.0", "1.1-dev", "2", "latest") if chosen.takes(tag)] == taken


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(),
        Wanted(registry=UP, upstream_name="up/ee"),
        Wanted(include_tags=("2", "1.*"), exclude_tags=("*-source",)),
        Wanted(description=" About\n", private=False, readme="# Hi\n"),
    ],
)
def test_nothing_to_do(wanted):
    planned = plan(wanted)
    assert not planned.changed
    assert (planned.remote, planned.distribution, planned.readme) == (None, None, None)


@pytest.mark.parametrize(
    ("wanted", "remote", "distribution", "readme"),
    [
        (Wanted(upstream_name="x"), {"upstream_name": "x"}, None, None),
        (Wanted(registry=Registry("r2", "other")), {"registry": "r2"}, None, None),
        (Wanted(include_tags=()), {"include_tags": []}, None, None),
        (Wanted(exclude_tags=("a",)), {"exclude_tags": ["a"]}, None, None),
        (Wanted(description=""), None, {"description": None}, None),
        (Wanted(description="New", private=True), None, {"description": "New", "private": True}, None),
        (Wanted(readme=""), None, None, ""),
        (Wanted(readme="new"), None, None, "new"),
    ],
)
def test_what_is_sent(wanted, remote, distribution, readme):
    planned = plan(wanted)
    if remote is not None:
        remote = {
            "name": "team/ee",
            "upstream_name": "up/ee",
            "registry": "r1",
            "include_tags": ["1.*", "2"],
            "exclude_tags": ["*-source"],
            **remote,
        }
    assert planned.changed
    assert (planned.remote, planned.distribution, planned.readme) == (remote, distribution, readme)


def test_filters_that_leave_some_tags_out_are_warned_of():
    planned = plan(Wanted(include_tags=("1.*",)), tags=("1.0", "2", "latest"))
    assert planned.refusal is None
    assert "takes away: 2, latest" in planned.warnings[0]


def test_filters_that_leave_nothing_are_refused_unless_that_is_meant():
    planned = plan(Wanted(include_tags=("3",)), tags=("1.0", "2"))
    assert planned.refusal is not None
    assert "every tag it has now (1.0, 2)" in planned.refusal
    assert plan(Wanted(include_tags=("3",)), tags=("1.0", "2"), allow_empty=True).refusal is None
    assert plan(Wanted(include_tags=("3",)), tags=()).refusal is None, "an empty one has nothing to lose"


def test_tags_are_read_only_if_they_matter():
    def unwanted():
        raise AssertionError

    assert hub_repository.plan_present("team/ee", Wanted(upstream_name="x"), REMOTE, "up", unwanted).changed


def test_another_registry_shows_by_name():
    planned = plan(Wanted(registry=Registry("r2", "other")))
    assert (planned.diff["before"]["registry"], planned.diff["after"]["registry"]) == ("up", "other")
    assert "registry" not in plan(Wanted(description="x")).diff["before"]


def test_a_deleted_registry_is_replaced():
    orphan = Repository("team/ee", Remote("m1", None, "up/ee", Filter()), "")
    planned = plan(Wanted(registry=UP), orphan, None)
    assert planned.remote is not None
    assert planned.remote["registry"] == "r1"
    assert planned.diff["before"]["registry"] == "(deleted)"
    with pytest.raises(Invalid, match="was deleted"):
        plan(Wanted(upstream_name="x"), orphan, None)


def test_a_pushed_one_is_not_synced():
    with pytest.raises(Conflict, match="is pushed to"):
        plan(Wanted(registry=UP), PUSHED)
    assert plan(Wanted(description="x"), PUSHED).distribution == {"description": "x"}


def test_new():
    planned = plan(Wanted(registry=UP, upstream_name="up/ee", readme="x\n", private=False), None)
    assert planned.create == "remote"
    assert planned.remote == {
        "name": "team/ee",
        "upstream_name": "up/ee",
        "registry": "r1",
        "include_tags": [],
        "exclude_tags": ["*-source"],
    }
    assert (planned.distribution, planned.readme) == (None, "x")
    exact = plan(Wanted(registry=UP, upstream_name="up/ee", exclude_tags=()), None)
    assert exact.remote is not None
    assert exact.remote["exclude_tags"] == []
    pushed = plan(Wanted(description="x", private=True), None)
    assert (pushed.create, pushed.remote) == ("pushed", None)
    assert pushed.distribution == {"description": "x", "private": True}


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        (Wanted(registry=UP), "upstream_name"),
        (Wanted(upstream_name="x"), "registry"),
        (Wanted(include_tags=("1",)), "registry"),
        (Wanted(registry=UP, upstream_name=""), "upstream_name"),
    ],
)
def test_half_of_a_new_one(wanted, missing):
    with pytest.raises(Invalid, match=f"`{missing}` is not given"):
        plan(wanted, None)


def test_no_upstream_name_is_refused():
    with pytest.raises(Invalid, match="`upstream_name` is empty"):
        plan(Wanted(upstream_name=""))


def test_absent():
    assert not hub_repository.plan_absent(None).changed
    planned = hub_repository.plan_absent(REMOTE)
    assert planned.delete
    assert planned.changed


def test_a_record_is_read():
    # galaxy-ng 4.9.2, 2026-11-20, without the fields that we do not read
    record = {
        "name": "synced/ee",
        "pulp": {
            "repository": {
                "remote": {
                    "id": "m1",
                    "upstream_name": "upstream/ee",
                    "registry": "r1",
                    "include_tags": None,
                    "exclude_tags": ["*-dev"],
                }
            }
        },
        "description": None,
    }
    read = Repository.from_record(record, "m1", None, None)
    assert read == Repository("synced/ee", Remote("m1", "r1", "upstream/ee", Filter((), ("*-dev",))), "")
