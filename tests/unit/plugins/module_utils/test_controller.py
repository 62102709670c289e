# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of a controller, against a stand-in behind real HTTP."""

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _http_json
from ansible_collections.foundry.ee.plugins.module_utils._controller import open_controller, split_host
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import (
    Conflict,
    Denied,
    Invalid,
    NotFound,
    Unreachable,
)
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import LISTINGS
from ansible_collections.foundry.ee.tests.services.controller_stand_in.kinds import Refused
from ansible_collections.foundry.ee.tests.services.controller_stand_in.server import Answer
from ansible_collections.foundry.ee.tests.unit.services.stand_in import controller, options

ORGANIZATIONS = "organizations/"


@pytest.mark.parametrize(
    ("host", "address", "root"),
    [
        ("https://c.example.com", "https://c.example.com", None),
        ("https://c.example.com/", "https://c.example.com", None),
        ("c.example.com", "https://c.example.com", None),
        ("http://127.0.0.1:8052/api/", "http://127.0.0.1:8052", None),
        ("https://gw.example.com/api/controller/", "https://gw.example.com", "/api/controller/v2/"),
        ("https://gw.example.com/api/controller/v2/", "https://gw.example.com", "/api/controller/v2/"),
        ("https://[::1]:8443", "https://[::1]:8443", None),
    ],
)
def test_host(host, address, root):
    assert split_host(host) == (address, root)


@pytest.mark.parametrize(
    "host",
    [
        "ftp://c.example.com",
        "https://",
        "https://me:secret@c.example.com",
        "ftp://me:secret@c",
        "https://[x",
        "c:99999",
    ],
)
def test_host_that_is_none(host):
    with pytest.raises(Invalid) as refused:
        split_host(host)
    assert "secret" not in str(refused.value)


def test_listing_reads_every_page_and_counts():
    records = {"organizations": [{"name": f"org-{number}"} for number in range(450)]}
    with controller(records=records, users=[]) as (host, site):
        client = open_controller(options(host), read_only=True)
        names = [record["name"] for record in client.listing(ORGANIZATIONS)]
        assert names == ["Default", *(f"org-{number}" for number in range(450))]
        assert client.requests == len(site.asked) == 3
        assert all("page_size=200" in request for request in site.asked)


def test_server_that_gives_smaller_pages():
    records = {"organizations": [{"name": f"org-{number}"} for number in range(95)]}
    with controller(records=records, users=[], largest_page=10) as (host, _site):
        client = open_controller(options(host), read_only=True)
        assert len(client.listing(ORGANIZATIONS)) == 96
        assert client.requests == 10


def test_listings_in_parallel():
    with controller() as (host, _site):
        client = open_controller(options(host), read_only=True)
        found = client.listings({"ees": "execution_environments/", "templates": "job_templates/"})
        assert [one["name"] for one in found["templates"]] == ["backup", "deploy", "prompt"]
        assert len(found["ees"]) == 5
        assert client.requests == 2


def test_everything_that_decides_costs_one_request_a_page():
    records = {"job_templates": [{"name": f"t{number}"} for number in range(1001)]}
    with controller(records=records, users=[]) as (host, site):
        client = open_controller(options(host), read_only=True)
        assert len(client.listings(LISTINGS)["templates"]) == 1001
        assert client.requests == len(site.asked) == len(LISTINGS) + 5 == 13


def test_filters():
    with controller() as (host, site):
        client = open_controller(options(host), read_only=True)
        assert [one["name"] for one in client.listing("execution_environments/", managed=False, name="net")] == ["net"]
        assert "managed=false" in site.asked[0]
        both = client.search("execution_environments/", [("or__name", "net"), ("or__name", "web")])
        assert [one["name"] for one in both] == ["net", "web"]


@pytest.mark.parametrize("flavour", ["awx", "fork"])
def test_gateway_is_found_by_asking(flavour):
    with controller(prefix="/api/controller/", flavour=flavour) as (host, site):
        client = open_controller(options(host), read_only=True)
        assert len(client.listing(ORGANIZATIONS)) == 3
        client.listing(ORGANIZATIONS)
        assert [request.split("?")[0] for request in site.asked] == [
            "GET /api/v2/organizations/",
            "GET /api/",
            "GET /api/controller/v2/organizations/",
            "GET /api/controller/v2/organizations/",
        ]


def test_gateway_that_was_told_is_not_asked_for():
    with controller(prefix="/api/controller/") as (host, site):
        client = open_controller(options(f"{host}/api/controller"), read_only=True)
        assert len(client.listings({"a": ORGANIZATIONS, "b": "projects/"})["a"]) == 3
        assert len(site.asked) == 2


def test_proxy_that_puts_a_path_before_the_controllers_own():
    with controller() as (host, site):
        really = site.answer

        def strip(method, target, *args):
            if not target.startswith("/awx/api/"):
                return Answer(404, {"detail": "Not here."})
            return really(method, target.replace("/awx/", "/", 1), *args)

        site.answer = strip  # type: ignore[method-assign]
        client = open_controller(options(f"{host}/awx"), read_only=True)
        assert len(client.listing(ORGANIZATIONS)) == 3
        client.listing(ORGANIZATIONS)
        assert client.requests == 4  # the wrong place, the question, and twice the right one


def test_path_that_leads_nowhere():
    with controller() as (host, _site):
        client = open_controller(options(f"{host}/nowhere"), read_only=True)
        with pytest.raises(NotFound, match="/nowhere/v2/organizations/"):
            client.listing(ORGANIZATIONS)


def test_record_that_is_not_there_stays_so():
    with controller() as (host, site):
        client = open_controller(options(host), read_only=True)
        with pytest.raises(NotFound, match=r"No Organization matches"):
            client.get("organizations/999/")
        assert site.asked == ["GET /api/v2/organizations/999/", "GET /api/"]


def test_token_and_password():
    with controller() as (host, _site):
        assert open_controller({"controller_host": host, "controller_oauthtoken": "writes"}, True).listing(
            ORGANIZATIONS
        )
        with pytest.raises(Denied, match="Nobody to log in as"):
            open_controller({"controller_host": host}, True)
        with pytest.raises(Denied, match="401: it does not accept the user and password, or the token"):
            open_controller(options(host, controller_password="wrong"), True).listing(ORGANIZATIONS)


def test_reading_token_may_not_write():
    with controller() as (host, _site):
        client = open_controller({"controller_host": host, "controller_oauthtoken": "reads"}, read_only=False)
        with pytest.raises(Denied, match="a token that may only read"):
            client.save("execution_environments/", None, {"name": "x", "image": "a/b:1"})


def test_check_mode_cannot_write():
    with controller() as (host, site):
        client = open_controller(options(host), read_only=True)
        with pytest.raises(AssertionError, match="in check mode"):
            client.delete("execution_environments/1/")
        assert site.asked == []


def test_words_of_a_refused_body():
    with controller() as (host, _site):
        client = open_controller(options(host), read_only=False)
        with pytest.raises(Invalid, match=r"400: name: Execution environment with this Name already exists") as refused:
            client.save("execution_environments/", None, {"name": "net", "image": "a/b:1"})
        assert refused.value.as_result()["status"] == 400


@pytest.fixture(name="pauses")
def _pauses(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(_http_json.time, "sleep", slept.append)
    return slept


@pytest.mark.parametrize("status", [429, 502, 503])
def test_reads_are_repeated(pauses, status):
    with controller() as (host, site):
        site.faults = [status, status]
        client = open_controller(options(host), read_only=True)
        assert len(client.listing(ORGANIZATIONS)) == 3
        assert client.requests == 3
        assert len(pauses) == 2


def test_reads_are_repeated_only_so_often(pauses):
    with controller() as (host, site):
        site.faults = [502] * 9
        with pytest.raises(Unreachable, match="answered 502"):
            open_controller(options(host), read_only=True).listing(ORGANIZATIONS)
        assert len(site.asked) == 4


@pytest.mark.parametrize("write", ["post", "patch"])
def test_writes_are_not_repeated(pauses, write):
    with controller() as (host, site):
        client = open_controller(options(host), read_only=False)
        site.faults = [502]
        with pytest.raises(Unreachable):
            client.save(ORGANIZATIONS, None if write == "post" else 1, {"name": "x"})
        assert client.requests == 1


def test_deletion_that_worked_although_its_answer_was_lost(pauses, monkeypatch):
    with controller() as (host, site):
        client = open_controller(options(host), read_only=False)
        client.listing(ORGANIZATIONS)
        really = site.world.delete

        def delete_and_stumble(*args):
            really(*args)
            raise Refused(502, {})

        monkeypatch.setattr(site.world, "delete", delete_and_stumble)
        client.delete("execution_environments/1/")
        assert [request.split()[0] for request in site.asked] == ["GET", "DELETE", "DELETE"]


def test_setting():
    with controller(setting="all") as (host, site):
        client = open_controller(options(host), read_only=True)
        assert (
            client.setting("DEFAULT_EXECUTION_ENVIRONMENT")
            == site.world.settings["system"]["DEFAULT_EXECUTION_ENVIRONMENT"]
        )
        with pytest.raises(NotFound, match="no setting `GLOBAL_JOB_EXECUTION_ENVIRONMENTS`"):
            client.setting("GLOBAL_JOB_EXECUTION_ENVIRONMENTS")
        with pytest.raises(Denied):
            open_controller(options(host, controller_username="member"), True).setting("DEFAULT_EXECUTION_ENVIRONMENT")


def test_nearest_name():
    with controller() as (host, _site):
        client = open_controller(options(host), read_only=True)
        with pytest.raises(NotFound, match=r"no organization `Netwrk`.*Did you mean `Network`"):
            client.named(ORGANIZATIONS, "Netwrk", "organization")


def test_credential():
    with controller() as (host, site):
        client = open_controller(options(host), read_only=True)
        ids = {}
        for number, record in site.world.records["credentials"].items():
            ids[record["name"], site.world.records["organizations"][record["organization"]]["name"]] = number
        assert client.credential("pull", "Web") == (ids["pull", "Network"], "pull")
        assert client.credential("shared", "Web") == (ids["shared", "Web"], "shared")
        assert client.credential("shared++Network", "Web") == (ids["shared", "Network"], "shared")
        with pytest.raises(Conflict, match=r"Say which: `shared\+\+Network`, `shared\+\+Web`"):
            client.credential("shared", "")
        with pytest.raises(Invalid, match="not for a container registry, but of kind `ssh`"):
            client.credential("machine", "Web")
        with pytest.raises(NotFound, match="no credential `shared` in `Nowhere`"):
            client.credential("shared++Nowhere", None)


def test_credential_without_an_organization_and_with_the_separator_in_its_name():
    with controller() as (host, site):
        registry = {"credential_type": 18, "kind": "registry"}
        network = next(iter(site.world.records["credentials"].values()))["organization"]
        alone = site.world.insert("credentials", name="shared", **registry)["id"]
        odd = site.world.insert("credentials", name="C++ hub", organization=network, **registry)["id"]
        client = open_controller(options(host), read_only=True)
        assert client.credential("shared++", "Web") == (alone, "shared")
        assert client.credential("shared", "") == (alone, "shared")
        assert client.credential("C++ hub", None) == (odd, "C++ hub")
        assert client.credential("C++ hub++Network", None) == (odd, "C++ hub")
        assert client.requests == 4
        with pytest.raises(NotFound, match="no credential `pull` without an organization"):
            client.credential("pull++", None)


def test_nobody_answers():
    with pytest.raises(Unreachable, match=r"no answer from 127\.0\.0\.1:1"):
        open_controller(options("http://127.0.0.1:1"), read_only=True).listing(ORGANIZATIONS)
