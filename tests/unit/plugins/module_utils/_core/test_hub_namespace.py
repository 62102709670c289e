# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import hub_namespace
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Conflict, Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.hub_namespace import Assignment, Namespace

OWNER = hub_namespace.CREATORS_ROLE
HELPER = "galaxy.execution_environment_collaborator"
ROLES = [  # galaxy-ng 4.9.2, 2026-11-20, some
    {"name": HELPER, "permissions": ["container.namespace_push_containerdistribution"]},
    {"name": OWNER, "permissions": ["container.change_containernamespace"]},
    {"name": "galaxy.collection_admin", "permissions": ["ansible.delete_collection", "galaxy.delete_namespace"]},
    {"name": "galaxy.execution_environment_admin", "permissions": ["galaxy.add_x", "container.add_containernamespace"]},
]


def said(*entries):
    return hub_namespace.assignments(
        [{"role": role, "groups": list(groups), "users": list(users)} for role, groups, users in entries]
    )


HELD = said((OWNER, [], ["admin"]), (HELPER, ["devs", "ops"], []))
CURRENT = Namespace("1", "team", HELD)


def plan(wanted, mode="present", current=CURRENT, creator=None):
    return hub_namespace.plan_present("team", current, wanted, mode, creator)


def test_there_and_back():
    assert hub_namespace.listed(HELD) == [
        {"role": HELPER, "groups": ["devs", "ops"], "users": []},
        {"role": OWNER, "groups": [], "users": ["admin"]},
    ]
    assert hub_namespace.assignments(hub_namespace.listed(HELD)) == HELD


@pytest.mark.parametrize(
    ("mode", "wanted", "add", "remove"),
    [
        ("present", said((HELPER, ["devs"], [])), (), ()),
        ("present", said((HELPER, ["new"], ["bob"])), said((HELPER, ["new"], ["bob"])), ()),
        ("exact", HELD, (), ()),
        ("exact", said((HELPER, ["devs"], [])), (), said((OWNER, [], ["admin"]), (HELPER, ["ops"], []))),
        ("exact", said(), (), HELD),
        ("absent", said((HELPER, ["ops", "strangers"], [])), (), said((HELPER, ["ops"], []))),
        ("absent", said((OWNER, ["devs"], [])), (), ()),
    ],
)
def test_roles(mode, wanted, add, remove):
    planned = plan(wanted, mode)
    assert (planned.add, planned.remove) == (frozenset(add), frozenset(remove))
    assert planned.changed == bool(add or remove)


def test_roles_that_nobody_asked_for_are_left_alone():
    planned = plan(None, "exact", Namespace("1", "team"))
    assert not planned.changed
    assert "roles" not in planned.result["namespace"]


def test_the_creator_becomes_owner():
    planned = plan(said((HELPER, ["devs"], [])), "present", None, "alice")
    assert planned.create
    assert planned.after == {
        "name": "team",
        "roles": [
            {"role": HELPER, "groups": ["devs"], "users": []},
            {"role": OWNER, "groups": [], "users": ["alice"]},
        ],
    }
    exact = plan(said((HELPER, ["devs"], [])), "exact", None, "alice")
    assert exact.remove == frozenset({Assignment(OWNER, "users", "alice")})


@pytest.mark.parametrize("name", ["Team", "team/ee", "", "a b"])
def test_names_that_the_hub_would_take(name):
    with pytest.raises(Invalid, match="no name of a namespace"):
        hub_namespace.plan_present(name, None, None, "present")


def test_absent():
    assert not hub_namespace.plan_absent(None, [], False).changed
    assert hub_namespace.plan_absent(CURRENT, [], False).delete
    with pytest.raises(Conflict, match="holds repositories: team/a, team/b") as caught:
        hub_namespace.plan_absent(CURRENT, ["team/a", "team/b"], False)
    assert caught.value.details == {"repositories": ["team/a", "team/b"]}
    forced = hub_namespace.plan_absent(CURRENT, ["team/a"], True)
    assert forced.diff == {"before": {"name": "team", "repositories": ["team/a"]}, "after": {}}


def test_only_what_the_hub_can_assign():
    assert hub_namespace.assignable(ROLES) == {HELPER, OWNER, "galaxy.execution_environment_admin"}
    hub_namespace.check_roles(HELD, ROLES)
    with pytest.raises(Invalid, match=r"`galaxy\.collection_admin`, `none`\. It can assign `galaxy\.execution"):
        hub_namespace.check_roles(said(("none", ["a"], []), ("galaxy.collection_admin", ["a"], [])), ROLES)


def test_only_who_is_there():
    hub_namespace.check_names("groups", HELD, ["devs", "ops", "more"])
    with pytest.raises(Invalid, match="has no groups `ops`"):
        hub_namespace.check_names("groups", HELD, ["devs"])
    with pytest.raises(Invalid, match="has no users `admin`"):
        hub_namespace.check_names("users", HELD, [])
