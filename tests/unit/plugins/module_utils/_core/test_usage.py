# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import effective, usage
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import EEError, Invalid, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import from_listings, from_variables
from ansible_collections.foundry.ee.plugins.module_utils._core.usage import ImageState

HUB = "hub.example.com/ee"
SHOP = {
    "controller_execution_environments": [
        {"name": "control", "image": f"{HUB}/control:1", "managed": True},
        {"name": "old", "image": f"{HUB}/old:1"},
        {"name": "net", "image": f"{HUB}/net:1", "organization": "Network"},
        {"name": "base", "image": f"{HUB}/base:1"},
    ],
    "controller_organizations": [
        {"name": "Network", "default_environment": "net"},
        {"name": "Base", "default_environment": "net"},
    ],
    "controller_projects": [
        {"name": "switches", "organization": "Network"},
        {"name": "base", "organization": "Base", "default_environment": "base"},
    ],
    "controller_inventories": [{"name": "plant", "organization": "Network"}],
    "controller_inventory_sources": [{"name": "cloud", "inventory": "plant"}],
    "controller_templates": [
        {"name": "patch", "project": "base"},
        {"name": "backup", "project": "switches"},
        {"name": "lost", "project": "swiches"},
    ],
}
NOW = datetime.datetime(2026, 11, 20, tzinfo=datetime.timezone.utc)


def shop(**changes):
    return from_variables({**SHOP, **changes})


def by_name(records, kind=None):
    return {one["name"]: one for one in records if kind is None or one["kind"] == kind}


def test_every_record_has_a_line():
    found = usage.survey(shop())
    lines = [
        (one["kind"], one["name"], one["organization"], one["environment"], one["level"]) for one in found["usage"]
    ]
    assert lines == [
        ("job_template", "patch", "Base", "base", "project"),
        ("job_template", "backup", "Network", "net", "organization"),
        ("job_template", "lost", None, None, None),
        ("inventory_source", "cloud", "Network", "net", "inventory_organization"),
        ("project", "switches", "Network", "control", "control_plane"),
        ("project", "base", "Base", "control", "control_plane"),
        ("organization", "Network", "Network", "net", "organization"),
        ("organization", "Base", "Base", "net", "organization"),
    ]
    assert found["summary"] == {
        "job_template": 3,
        "inventory_source": 1,
        "project": 2,
        "organization": 2,
        "environments": 4,
        "unused": 1,
        "orphans": 1,
        "dangling": 1,
    }


def test_reasons_are_told_where_asked_for():
    assert "skipped" not in usage.survey(shop())["usage"][0]
    lines = by_name(usage.survey(shop(), explain=True)["usage"], "job_template")
    assert [one["level"] for one in lines["patch"]["skipped"]] == ["launch", "template"]
    assert lines["lost"]["skipped"] == []


def test_what_cannot_be_resolved_is_an_orphan_and_says_why():
    (orphan,) = usage.survey(shop())["orphans"]
    assert orphan["name"] == "lost"
    assert "Did you mean `switches`?" in orphan["why"]


def test_environments_tell_where_they_are_set_and_who_gets_them():
    found = by_name(usage.survey(shop())["environments"])
    assert found["net"]["set_on"] == [
        {"scope": "organization", "name": "Network"},
        {"scope": "organization", "name": "Base"},
    ]
    assert found["net"]["used_by"] == {"job_template": 1, "inventory_source": 1, "organization": 2}
    assert [name for name, one in found.items() if one["unused"]] == ["old"]
    assert found["control"]["unused"] is False


def test_every_image_of_the_controller_is_in_use():
    assert usage.survey(shop())["in_use"] == [f"{HUB}/{name}:1" for name in ("base", "control", "net", "old")]


def test_a_default_of_another_organization_dangles():
    assert usage.survey(shop())["dangling"] == [
        {
            "scope": "organization",
            "name": "Base",
            "environment": "net",
            "why": "it belongs to organization `Network`",
        }
    ]


@pytest.mark.parametrize(
    ("default", "why"), [("control", "it is the controller's own (managed) environment"), ("ba5e", "Did you mean")]
)
def test_a_global_default_dangles(default, why):
    found = usage.survey(shop(controller_settings={"DEFAULT_EXECUTION_ENVIRONMENT": default}))
    assert why in by_name(found["dangling"])["DEFAULT_EXECUTION_ENVIRONMENT"]["why"]


def test_what_the_registries_say():
    day = datetime.datetime(2026, 11, 10, 12, tzinfo=datetime.timezone.utc)
    states = {
        f"{HUB}/net:1": ImageState(problem="Image net is not in its registry.", missing=True),
        f"{HUB}/base:1": ImageState(digest="sha256:1", created=day),
        f"{HUB}/old:1": ImageState(problem="No answer."),
    }
    found = usage.survey(shop(), images=states, now=NOW)
    base = by_name(found["environments"])["base"]
    assert (base["digest"], base["image_created"], base["age_days"]) == ("sha256:1", "2026-11-10T12:00:00Z", 9)
    assert by_name(found["environments"])["old"]["image_problem"] == "No answer."
    assert [one["name"] for one in found["orphans"]] == ["backup", "lost", "cloud", "Network", "Base"]
    assert [one["name"] for one in found["dangling"]] == ["Network", "Base"]


def test_an_environment_without_an_image_is_no_place_to_run():
    found = usage.survey(from_variables({"controller_execution_environments": [{"name": "a"}], **ONE}))
    assert found["orphans"][0]["why"] == "environment `a` has no image"


def test_nothing_to_run_in():
    assert usage.survey(from_variables(ONE))["orphans"][0]["why"] == "no level has an environment"


ONE = {"controller_templates": [{"name": "t"}]}


def supposed(*changes, facts=None):
    before = facts or shop()
    after = usage.suppose(before, changes)
    return {
        one["name"]: tuple(side and side["name"] for side in (one["before"], one["after"]))
        for one in effective.affected(before, after)
    }


def to(scope, name, environment, **which):
    return {"scope": scope, "name": name, "environment": environment, **which}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (to("organization", "Network", "old"), {"backup": ("net", "old"), "cloud": ("net", "old")}),
        (to("organization", "Network", ""), {"backup": ("net", "base"), "cloud": ("net", "base")}),
        (to("project", "base", f"{HUB}/old:1"), {"patch": ("base", "old")}),
        (to("job_template", "patch", "old", organization="Base"), {"patch": ("base", "old")}),
        (to("inventory_source", "cloud", "old", inventory="plant"), {"cloud": ("net", "old")}),
        ({"scope": "execution_environment", "name": "base", "state": "absent"}, {"patch": ("base", "net")}),
        ({"scope": "execution_environment", "name": "base", "image": f"{HUB}/base:2"}, {"patch": ("base", "base")}),
        ({"scope": "execution_environment", "name": "new", "image": f"{HUB}/new:1"}, {}),
        ({"scope": "global", "environment": "old"}, {}),
    ],
)
def test_what_would_change(change, expected):
    assert supposed(change) == expected


def test_suppositions_build_on_each_other():
    changes = (
        {"scope": "organization", "name": "Network", "environment": ""},
        {"scope": "execution_environment", "name": "new", "image": f"{HUB}/new:1"},
        {"scope": "global_job_images", "images": [f"{HUB}/old:1"]},
    )
    assert supposed(*changes[:2]) == {"backup": ("net", "new"), "cloud": ("net", "new")}
    assert supposed(*changes) == {"backup": ("net", "old"), "cloud": ("net", "old")}


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"scope": "organization", "name": "network", "environment": "old"}, NotFound, "Did you mean `Network`"),
        ({"scope": "organization", "name": "Network", "environment": "olt"}, NotFound, "Did you mean `old`"),
        ({"scope": "organization", "environment": "old"}, Invalid, "`name` is missing for scope `organization`"),
        (to("job_template", "patch", "old", organization="Network"), NotFound, "There is one of `Base`"),
        (to("job_template", "patch", "old", organization="Bsae"), NotFound, "Did you mean `Base`"),
        ({"scope": "global"}, Invalid, "`environment` is missing"),
        ({"scope": "execution_environment", "name": "old"}, Invalid, "`image` is missing"),
        ({"scope": "execution_environment", "name": "ol", "state": "absent"}, NotFound, "Did you mean `old`"),
        ({"scope": "global_job_images"}, Invalid, "`images` is missing"),
    ],
)
def test_what_cannot_be_supposed(change, kind, message):
    with pytest.raises(EEError, match=r"`what_if\[0\]`: .*" + message) as caught:
        usage.suppose(shop(), [change])
    assert caught.value.kind == kind.kind


def test_ten_thousand_templates_of_a_controller():
    rows = [{"id": 10 + i, "name": f"t{i}", "organization": 1, "project": 2} for i in range(10_000)]
    facts = from_listings(
        {
            "environments": [{"id": 3, "name": "ee", "image": "ee:1", "created": "2026-01-01T00:00:00Z"}],
            "organizations": [{"id": 1, "name": "o", "default_environment": 3}],
            "projects": [{"id": 2, "name": "p", "organization": 1, "default_environment": None}],
            "templates": rows,
        }
    )
    found = usage.survey(facts)
    assert (found["summary"]["job_template"], found["environments"][0]["used_by"]["job_template"]) == (10_000, 10_000)


def test_what_a_schedule_brings_along_is_not_unused():
    asked = []

    def starts(keys):
        asked.extend(keys)
        return {keys[0]: [("schedule", "daily")]}

    found = usage.survey(shop(), starts=starts)
    assert asked == [2]  # of the others it is known that they are used, or they are managed
    old = by_name(found["environments"])["old"]
    assert (old["set_on"], old["unused"]) == ([{"scope": "schedule", "name": "daily"}], False)
    assert (found["unused"], found["summary"]["unused"]) == ([], 0)


def test_a_source_by_the_organization_of_its_inventory():
    facts = shop(
        controller_inventories=[
            {"name": "plant", "organization": "Network"},
            {"name": "plant", "organization": "Base"},
        ],
        controller_inventory_sources=[
            {"name": "cloud", "inventory": {"name": "plant", "organization": "Network"}},
            {"name": "cloud", "inventory": {"name": "plant", "organization": "Base"}},
        ],
    )
    change = to("inventory_source", "cloud", "old", organization="Network")
    assert supposed(change, facts=facts) == {"cloud": ("net", "old")}
    with pytest.raises(Invalid, match=r"cloud\+\+plant\+\+Network"):
        usage.suppose(facts, [to("inventory_source", "cloud", "old")])
