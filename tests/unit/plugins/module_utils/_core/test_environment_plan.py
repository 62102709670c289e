# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to an execution environment's record, decided from records as the API shows them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.environment_plan import (
    PLACES,
    SHOWN_USES,
    Use,
    Wish,
    check_kept,
    face,
    plan_absent,
    plan_present,
    read_wish,
    refuse_use,
    uses,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Denied, Failed, Invalid


def record(**fields: t.Any) -> dict[str, t.Any]:
    """Return a record as the API shows it (fixtures/controller, 04_ee_create/02_full)."""
    return {
        "id": 9,
        "name": "ee-two",
        "image": "quay.example.com:5000/team/ee-two:1",
        "pull": "always",
        "credential": 3,
        "organization": None,
        "description": "full one",
        "managed": False,
        "summary_fields": {
            "credential": {"id": 3, "name": "quay pull"},
            "user_capabilities": {"edit": True, "delete": True, "copy": True},
        },
        **fields,
    }


def test_face():
    assert face(record()) == {
        "name": "ee-two",
        "image": "quay.example.com:5000/team/ee-two:1",
        "pull": "always",
        "credential": "quay pull",
        "organization": "",
        "description": "full one",
    }


def test_face_of_what_this_user_may_not_see():
    assert face(record(organization=4, summary_fields={}))["organization"] == "#4"


@pytest.mark.parametrize(
    ("wish", "fields"),
    [
        ({}, {}),
        ({"image": "quay.example.com:5000/team/ee-two:1", "pull": "always", "credential": "quay pull"}, {}),
        ({"image": " quay.example.com:5000/team/ee-two:1 "}, {}),  # the controller strips texts, too
        ({"pull": ""}, {"pull": ""}),
        ({"pull": "never"}, {"pull": "never"}),
        ({"description": ""}, {"description": ""}),
        ({"credential": ""}, {"credential": ""}),
        ({"credential": "other"}, {"credential": "other"}),
        ({"organization": ""}, {}),
        ({"new_name": "ee-2"}, {"name": "ee-2"}),
        ({"new_name": "ee-two"}, {}),
    ],
)
def test_change(wish, fields):
    change = plan_present(read_wish({"name": "ee-two", **wish}), [record()])
    assert change.fields == fields
    assert change.changed == bool(fields)
    assert {**change.diff["before"], **fields} == change.diff["after"]


def test_new():
    change = plan_present(Wish("new", image="a/b:1", pull="always", description=""), [])
    assert change.id is None
    assert change.fields == {"name": "new", "image": "a/b:1", "pull": "always"}
    assert change.diff["before"] == {}


def test_renamed_already():
    change = plan_present(Wish("ee-one", new_name="ee-two"), [record()])
    assert (change.id, change.changed) == (9, False)


def test_credential_by_number():
    """Of two with one name the number tells them apart."""
    wish = Wish("ee-two", credential="quay pull++Org Two")
    assert not plan_present(wish, [record()], 3).changed
    assert plan_present(wish, [record()], 4).fields == {"credential": "quay pull++Org Two"}


MANAGED = record(managed=True)
FOREIGN = record(organization=4, summary_fields={"organization": {"name": "Org Two"}})
READ_ONLY = record(summary_fields={"user_capabilities": {"edit": False, "delete": False}})


@pytest.mark.parametrize(
    ("wish", "found", "kind", "words"),
    [
        ({"name": "x"}, [], Invalid, "needs an `image`"),
        ({"name": "x", "image": ""}, [], Invalid, "needs an `image`"),
        ({"name": "x", "new_name": "y", "image": "a/b"}, [], Invalid, "nothing to rename"),
        ({"name": "ee-two", "image": ""}, [record()], Invalid, "without an image"),
        ({"name": "ee-two", "new_name": "b"}, [record(), record(name="b")], Conflict, "another"),
        ({"name": "ee-two", "organization": "Org One"}, [record()], Conflict, "belongs to no organization"),
        ({"name": "ee-two", "organization": "Org One"}, [FOREIGN], Conflict, "belongs to organization `Org Two`"),
        ({"name": "ee-two", "image": "a/b"}, [MANAGED], Denied, "only `pull`"),
        ({"name": "ee-two", "pull": "never"}, [READ_ONLY], Denied, "may not edit"),
    ],
)
def test_refused(wish, found, kind, words):
    with pytest.raises(kind, match=words):
        plan_present(read_wish(wish), found)


@pytest.mark.parametrize("found", [[MANAGED], [READ_ONLY]])
def test_nothing_to_change_is_never_refused(found):
    assert not plan_present(Wish("ee-two", pull="always"), found).changed


def test_delete():
    change = plan_absent(Wish("ee-two"), [record()])
    assert (change.id, change.changed, change.after) == (9, True, None)
    assert not plan_absent(Wish("EE-two"), [record()]).changed  # names are told apart by case


@pytest.mark.parametrize(("found", "words"), [(MANAGED, "lets nobody delete it"), (READ_ONLY, "may not delete")])
def test_delete_refused(found, words):
    with pytest.raises(Denied, match=words):
        plan_absent(Wish("ee-two"), [found])


def test_uses():
    listings: dict[str, list[dict[str, t.Any]]] = {listing: [] for listing in PLACES}
    organization = {"organization": {"name": "Org One"}}
    listings["organizations"] = [{"id": 3, "name": "Org One", "summary_fields": {}}]
    listings["job_templates"] = [{"id": 16, "name": "JT", "summary_fields": organization}]
    listings["workflow_job_template_nodes"] = [
        {"id": 1, "identifier": "n2", "summary_fields": {"workflow_job_template": {"name": "WF"}}}
    ]
    assert uses(listings, is_default=True) == (
        Use("setting", "DEFAULT_EXECUTION_ENVIRONMENT"),
        Use("organization", "Org One", None, 3),
        Use("job_template", "JT", "Org One", 16),
        Use("workflow_node", "n2", "WF", 1),
    )


def test_many_uses_are_counted():
    found = [Use("job_template", f"t{number}", "Org", number) for number in range(SHOWN_USES + 5)]
    error = refuse_use("ee", found)
    assert "and 5 more" in str(error)
    assert len(error.details["used_by"]) == SHOWN_USES + 5


def test_what_was_not_kept():
    change = plan_present(Wish("ee-two", pull="never"), [record()])
    check_kept(change, {**face(record()), "pull": "never"})
    with pytest.raises(Failed, match="did not keep `pull`"):
        check_kept(change, face(record()))


@pytest.mark.parametrize("digest", ["md5:" + "0" * 32, "sha256:" + "a" * 40, "sha256:" + "A" * 64, "a+b.c:" + "0" * 33])
def test_digests_that_a_controller_takes(digest):
    """MD5 and 32 digits were recorded with status 201 (04_ee_create/37 and 39); the rest is the grammar's."""
    assert read_wish({"name": "x", "image": f"hub.example.com/a@{digest}"}).image


@pytest.mark.parametrize("digest", ["", "sha256:" + "a" * 31, "sha256:" + "g" * 64, "a" * 64])
def test_digests_that_a_controller_refuses(digest):
    with pytest.raises(Invalid, match="no digest"):
        read_wish({"name": "x", "image": f"hub.example.com/a@{digest}"})
