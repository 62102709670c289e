# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``ee_environment`` against a stand-in controller: what it does, what it says, and how often it asks."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.foundry.ee.plugins.modules import ee_environment
from ansible_collections.foundry.ee.tests.services.controller_stand_in.server import Site
from ansible_collections.foundry.ee.tests.unit.services.module_run import run_module
from ansible_collections.foundry.ee.tests.unit.services.stand_in import controller, options

WRITES = ("POST", "PATCH", "PUT", "DELETE")


class Bench:
    """A controller, and the module run against it: in check mode, for real, and again."""

    def __init__(self, host: str, site: Site) -> None:
        self.host = host
        self.site = site

    def run(self, check: bool = False, **given: t.Any) -> dict[str, t.Any]:
        self.site.asked.clear()
        result = run_module(ee_environment.main, options(self.host, **given), check=check)
        if check:
            assert not [request for request in self.site.asked if request.startswith(WRITES)]
        if not result["failed"]:
            assert result["requests"] == len(self.site.asked)
        return result

    def change(self, **given: t.Any) -> dict[str, t.Any]:
        """Return the real run's result, after comparing it with check mode's; the same again changes nothing."""
        predicted = self.run(check=True, **given)
        real = self.run(**given)
        assert (predicted["changed"], predicted["diff"]) == (real["changed"], real["diff"]), real
        assert real["changed"]
        again = self.run(**given)
        assert not again["changed"], again
        assert again["requests"] <= 2
        return real

    def refused(self, **given: t.Any) -> dict[str, t.Any]:
        """Return the failure, which is the same in check mode."""
        predicted, real = self.run(check=True, **given), self.run(**given)
        assert predicted["failed"], predicted
        assert real["failed"], real
        assert predicted["msg"] == real["msg"]
        assert not [request for request in self.site.asked if request.startswith(WRITES)]
        return real

    def stored(self, name: str) -> dict[str, t.Any]:
        return next(ee for ee in self.site.world.records["execution_environments"].values() if ee["name"] == name)


@pytest.fixture(name="bench", params=["awx", "fork"])
def _bench(request):
    with controller(flavour=request.param) as (host, site):
        yield Bench(host, site)


def test_create(bench):
    result = bench.change(name="new", image="hub.example.com/new:1")
    assert result["diff"]["before"] == {}
    assert result["diff"]["after"] == {
        "name": "new",
        "image": "hub.example.com/new:1",
        "pull": "",
        "credential": "",
        "organization": "",
        "description": "",
    }
    assert result["environment"] == {"id": bench.stored("new")["id"], **result["diff"]["after"], "managed": False}


def test_create_with_everything(bench):
    given = {"pull": "never", "credential": "pull", "organization": "Network", "description": "words"}
    result = bench.change(name="full", image="hub.example.com/full@sha256:" + "a" * 64, **given)
    assert {name: result["environment"][name] for name in given} == given
    assert result["requests"] == 5  # is it there, who asks, the organization, the credential, the record


def test_check_mode_has_no_number_for_what_is_not_there(bench):
    assert bench.run(check=True, name="new", image="a/b:1")["environment"]["id"] is None


def test_nothing_to_do_is_one_request(bench):
    before = dict(bench.stored("net"))
    result = bench.run(name="net", image="hub.example.com/net:1", credential="pull", organization="Network")
    assert (result["changed"], result["requests"]) == (False, 1)
    assert bench.stored("net") == before  # not even the moment of its last change


def test_only_what_differs_is_written(bench):
    bench.change(name="web", image="hub.example.com/web:2")
    assert bench.stored("web")["pull"] == "always"
    bench.change(name="web", pull="missing")
    bench.change(name="web", description="for the web")
    assert bench.stored("web")["image"] == "hub.example.com/web:2"


def test_empty_clears(bench):
    bench.change(name="web", pull="")
    bench.change(name="all", description="")
    result = bench.change(name="net", credential="")
    assert result["diff"]["before"]["credential"] == "pull"
    assert bench.stored("net")["credential"] is None


def test_back_to_global(bench):
    bench.change(name="net", organization="")
    assert bench.stored("net")["organization"] is None


def test_rename(bench):
    number = bench.stored("net")["id"]
    result = bench.change(name="net", new_name="network", image="hub.example.com/net:2")
    assert result["environment"]["id"] == number
    assert result["environment"]["name"] == "network"


def test_credential_of_another_organization_of_the_same_name(bench):
    bench.change(name="web", credential="shared")
    home = bench.site.world.records["credentials"][bench.stored("web")["credential"]]["organization"]
    assert home == bench.stored("web")["organization"]
    predicted = bench.run(check=True, name="web", credential="shared++Network")
    real = bench.change(name="web", credential="shared++Network")
    assert predicted["environment"] == real["environment"]
    assert real["environment"]["credential"] == "shared"
    assert real["diff"]["before"]["credential"] != real["diff"]["after"]["credential"]
    assert bench.site.world.records["credentials"][bench.stored("web")["credential"]]["organization"] != home


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "gone", "new_name": "away"}, "nothing to rename"),
        ({"name": "net", "new_name": "web"}, "another execution environment called `web`"),
        ({"name": "new"}, "a new one needs an `image`"),
        ({"name": "net", "image": ""}, "cannot be without an image"),
        ({"name": "net", "image": "https://hub.example.com/net:1"}, "it starts with a scheme"),
        ({"name": "net", "image": "hub.example.com/Net:1"}, "upper-case"),
        ({"name": "net", "image": "[::1]:5000/net:1"}, "no IPv6"),
        ({"name": " ", "image": "a/b:1"}, "no name for an execution environment"),
        ({"name": "n" * 513, "image": "a/b:1"}, "1 to 512"),
        ({"name": "net", "organization": "Web"}, "does not let it move to `Web`"),
        ({"name": "all", "organization": "Web"}, "belongs to no organization"),
        ({"name": "new", "image": "a/b:1", "organization": "Webb"}, "Did you mean `Web`"),
        ({"name": "net", "credential": "machine"}, "not for a container registry"),
        ({"name": "all", "credential": "shared"}, "Say which: `shared++Network`, `shared++Web`"),
        ({"name": "net", "credential": "pul"}, "Did you mean `pull`"),
        ({"name": "Control Plane Execution Environment", "image": "a/b:1"}, "only `pull` can be changed, not `image`"),
        ({"name": "Control Plane Execution Environment", "state": "absent"}, "lets nobody delete it"),
        ({"name": "Control Plane Execution Environment", "state": "absent", "force": True}, "lets nobody delete it"),
    ],
)
def test_refused_before_anything_is_written(bench, given, words):
    assert words in bench.refused(**given)["msg"]


def test_pull_of_a_managed_one(bench):
    bench.change(name="Control Plane Execution Environment", pull="always")


def test_delete(bench):
    result = bench.change(name="net", state="absent")
    assert result["diff"]["after"] == {}
    assert result["used_by"] == []
    assert "net" not in [ee["name"] for ee in bench.site.world.records["execution_environments"].values()]


def test_delete_what_is_not_there_is_one_request(bench):
    result = bench.run(name="gone", state="absent")
    assert (result["changed"], result["requests"], result["environment"]) == (False, 1, {})


def _use_everywhere(site: Site, number: int) -> None:
    world = site.world
    for kind in ("organizations", "projects"):
        next(one for one in world.records[kind].values() if one["name"] in ("Web", "playbooks"))[
            "default_environment"
        ] = number
    for kind in ("job_templates", "inventory_sources", "schedules", "workflow_job_template_nodes"):
        next(iter(world.records[kind].values()))["execution_environment"] = number
    world.change_settings("system", {"DEFAULT_EXECUTION_ENVIRONMENT": number})


USERS = [
    ("setting", "DEFAULT_EXECUTION_ENVIRONMENT", None),
    ("organization", "Web", None),
    ("project", "playbooks", "Network"),
    ("job_template", "backup", "Network"),
    ("inventory_source", "cloud", "servers"),
    ("workflow_node", "first", "nightly"),
    ("schedule", "daily", "prompt"),
]


def test_delete_what_is_in_use(bench):
    _use_everywhere(bench.site, bench.stored("all")["id"])
    result = bench.refused(name="all", state="absent")
    assert [(use["kind"], use["name"], use["within"]) for use in result["used_by"]] == USERS
    assert result["error"]["kind"] == "conflict"
    assert "job template `backup` of `Network`" in result["msg"]
    assert "`force: true`" in result["msg"]


def test_delete_by_force(bench):
    _use_everywhere(bench.site, bench.stored("all")["id"])
    result = bench.change(name="all", state="absent", force=True)
    assert [(use["kind"], use["name"], use["within"]) for use in result["used_by"]] == USERS
    assert bench.site.world.settings["system"]["DEFAULT_EXECUTION_ENVIRONMENT"] is None


@pytest.mark.parametrize("place", ["organizations", "projects", "job_templates", "inventory_sources", "schedules"])
def test_each_use_is_found(bench, place):
    field = "default_environment" if place in ("organizations", "projects") else "execution_environment"
    next(iter(bench.site.world.records[place].values()))[field] = bench.stored("all")["id"]
    assert len(bench.refused(name="all", state="absent")["used_by"]) == 1


def test_default_is_found(bench):
    bench.site.world.change_settings("system", {"DEFAULT_EXECUTION_ENVIRONMENT": bench.stored("all")["id"]})
    assert bench.refused(name="all", state="absent")["used_by"][0]["kind"] == "setting"


class TestRights:
    def test_own_organization(self, bench):
        mine = {"controller_username": "netadmin"}
        bench.change(name="mine", image="a/b:1", organization="Network", **mine)
        result = bench.run(name="mine", state="absent", **mine)
        assert result["changed"]
        assert "may not see the setting" in result["warned"][0]

    def test_global_one(self, bench):
        result = bench.refused(name="all", pull="always", controller_username="netadmin")
        assert "may not edit" in result["msg"]
        assert "may not delete" in bench.refused(name="all", state="absent", controller_username="netadmin")["msg"]

    @pytest.mark.parametrize(
        ("user", "given", "words"),
        [
            ("netadmin", {"name": "new", "image": "a/b:1"}, "may not make `new` a global"),
            ("netadmin", {"name": "net", "organization": ""}, "may not make `net` a global"),
            ("member", {"name": "new", "image": "a/b:1"}, "may not make `new` a global"),
            ("auditor", {"name": "new", "image": "a/b:1", "organization": "Network"}, "is an auditor"),
        ],
    )
    def test_what_only_the_user_tells(self, bench, user, given, words):
        """As recorded in 07_rbac/03, 12, 30 and 39."""
        result = bench.refused(controller_username=user, **given)
        assert words in result["msg"]
        assert result["error"]["kind"] == "denied"
        assert len([request for request in bench.site.asked if "/me/" in request]) == 1

    def test_a_new_one_by_a_token_that_may_only_read(self, bench):
        given = {"name": "new", "image": "a/b:1", "organization": "Network", "controller_oauthtoken": "reads"}
        assert "token may only read" in bench.refused(**given)["msg"]

    def test_nobody_is_asked_who_they_are_for_an_ordinary_change(self, bench):
        bench.change(name="net", pull="always")
        assert not [request for request in bench.site.asked if "/me/" in request]

    def test_another_organizations_name_is_taken(self, bench):
        """It does not show to this user, but its name is taken: the controller's words reach the user."""
        result = bench.run(name="web", image="a/b:1", organization="Network", controller_username="netadmin")
        assert "already exists" in result["msg"]

    def test_nobody(self, bench):
        result = bench.refused(name="net", pull="always", controller_password="wrong")
        assert result["error"] | {"url": ""} == {"kind": "denied", "status": 401, "method": "GET", "url": ""}

    def test_token_that_may_only_read(self, bench):
        result = bench.refused(name="net", pull="always", controller_oauthtoken="reads")
        assert "token that may only read" in result["msg"]

    def test_no_token_is_made(self, bench):
        bench.change(name="net", pull="always")
        assert bench.site.world.next_ids.get("tokens") is None


def test_environment_variables(bench, monkeypatch):
    """The usual ones, of which a task's own options win."""
    for name, value in {
        "CONTROLLER_HOST": bench.host,
        "TOWER_USERNAME": "admin",
        "CONTROLLER_PASSWORD": "password",
        "CONTROLLER_VERIFY_SSL": "no",
        "CONTROLLER_REQUEST_TIMEOUT": "7.5",
    }.items():
        monkeypatch.setenv(name, value)
    assert not run_module(ee_environment.main, {"name": "net"})["failed"]
    assert "401" in run_module(ee_environment.main, {"name": "net", "controller_password": "wrong"})["msg"]
    seen = {}
    really = ee_environment.open_controller

    def look(params, read_only):
        seen.update(params)
        return really(params, read_only)

    monkeypatch.setattr(ee_environment, "open_controller", look)
    run_module(ee_environment.main, {"name": "net"})
    assert (seen["validate_certs"], seen["timeout"]) == (False, 7.5)


def test_no_controller():
    assert "No controller is named" in run_module(ee_environment.main, {"name": "net"})["msg"]


def test_what_the_controller_did_not_keep(bench):
    """A controller that ignores a field answers 200 all the same."""
    bench.site.world.change = lambda *args, **kwargs: None
    result = bench.run(name="net", pull="always")
    assert result["failed"]
    assert "did not keep `pull`" in result["msg"]


MANY = [
    {"name": "new", "image": "hub.example.com/new:1", "organization": "Web"},
    {"name": "newer", "image": "hub.example.com/newer:1", "organization": "Web"},
    {"name": "net", "description": "switches"},
    {"name": "gone", "state": "absent"},
]


def test_many(bench):
    result = bench.change(environments=MANY)
    assert [one["changed"] for one in result["environments"]] == [True, True, True, False]
    assert [one["environment"].get("id") for one in result["environments"][:3]] == [
        bench.stored(name)["id"] for name in ("new", "newer", "net")
    ]
    assert result["diff"][0]["after"]["organization"] == "Web"
    assert result["diff"][2]["after"]["description"] == "switches"
    assert result["diff"][3] == {"before": {}, "after": {}}


def test_a_name_is_looked_up_once_for_many(bench):
    bench.run(environments=MANY)
    assert len([request for request in bench.site.asked if "organizations/" in request]) == 1


def test_many_in_order_take_a_request_for_every_forty(bench):
    many = [{"name": f"many {number}", "image": f"hub.example.com/many:{number}"} for number in range(50)]
    assert bench.change(environments=many)["requests"] == 53  # and who asks, once
    assert bench.run(environments=many)["requests"] == 2


def test_one_of_many_that_fails_does_not_keep_the_others_from_their_turn(bench):
    given = [
        {"name": "first", "image": "hub.example.com/first:1"},
        {"name": "lost", "image": "hub.example.com/lost:1", "organization": "Wbe"},
        {"name": "last", "image": "hub.example.com/last:1"},
    ]
    predicted, real = bench.run(check=True, environments=given), bench.run(environments=given)
    assert predicted["failed"]
    assert real["failed"]
    assert predicted["msg"] == real["msg"]
    assert real["msg"].startswith("1 of 3 failed. lost: There is no organization `Wbe`")
    assert [one["changed"] for one in real["environments"]] == [True, False, True]
    assert real["environments"][1]["error"]["kind"] == real["error"]["kind"] == "not_found"
    assert bench.stored("last")["image"] == "hub.example.com/last:1"


def test_a_list_that_contradicts_itself_is_refused_as_a_whole(bench):
    result = bench.refused(environments=[{"name": "net"}, {"name": "network", "new_name": "net"}])
    assert "named 2 times" in result["msg"]
