# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules of a hub as Ansible runs them, against answers of galaxy-ng 4.9.2.

The integration targets walk through them with the server itself; here is what that one does not do at will.
"""

from __future__ import annotations

import json
import typing as t
from urllib.parse import urlsplit

import pytest

from ansible_collections.foundry.ee.plugins.module_utils import _hub, _hub_sync
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._http import Response
from ansible_collections.foundry.ee.plugins.modules import (
    ee_hub_namespace,
    ee_hub_repository,
    ee_hub_sync,
    ee_registry_image,
    ee_registry_prune,
)
from ansible_collections.foundry.ee.tests.unit.services.module_run import run_module

G = "/api/galaxy/"
MISSING = (404, {"errors": [{"status": "404", "title": "Not found."}]})
RIGHTLESS = (403, {"detail": "You do not have permission to perform this action."})


class FakeHub:
    """Answers by ``METHOD path`` below Galaxy's root; a list is said one after another. ``log`` is what was asked."""

    def __init__(self, answers: dict[str, t.Any]) -> None:
        self.answers = answers
        self.log: list[str] = []

    def __call__(self, request):
        what = f"{request.method} {urlsplit(request.url).path.replace(G, '', 1)}"
        self.log.append(what)
        answer = self.answers.get(what, MISSING)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return Response(status, {}, json.dumps(body).encode())

    def asked(self, method):
        return [what.partition(" ")[2] for what in self.log if what.startswith(method + " ")]


@pytest.fixture
def hub(monkeypatch):
    fake = FakeHub({"GET _ui/v1/me/": {"username": "alice"}})
    monkeypatch.setattr(_hub, "sender", lambda *_args: fake)
    monkeypatch.setattr(_hub, "POLLS", (0.01,))
    return fake


def run(module: t.Any, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    return run_module(module.main, {"hub_host": "hub.example.com", "hub_token": "t", **options}, check=check)


def listing(*records):
    return {"meta": {"count": len(records)}, "count": len(records), "data": list(records)}


def pulp_listing(*records):
    return {"count": len(records), "results": list(records)}


def ended(number: t.Any, state: str = "completed", **more: t.Any) -> dict[str, t.Any]:
    return {"pulp_href": f"{G}{_hub.TASKS}{number}/", "name": "x", "state": state, "child_tasks": [], **more}


def started(number: t.Any) -> dict[str, str]:
    return {"task": f"{G}{_hub.TASKS}{number}/"}


def ee(name: str, registry: str | None = None, **remote: t.Any) -> dict[str, t.Any]:
    """Return an EE's record; one that is synced if a registry's id is given."""
    kind = "container.container-push" if registry is None else "container.container"
    synced = {"id": f"m-{name}", "registry": registry, "upstream_name": "up/ee", "exclude_tags": [], **remote}
    return {
        "name": name,
        "description": None,
        "namespace": {"name": name.partition("/")[0]},
        "pulp": {
            "repository": {
                "id": f"r-{name.replace('/', '-')}",
                "pulp_type": kind,
                "remote": None if registry is None else synced,
            },
            "distribution": {"id": f"d-{name}"},
        },
    }


def served(name: str, kind: str = "container-push", private: bool = False) -> dict[str, t.Any]:
    return {
        "pulp_href": f"{G}{_hub.DISTRIBUTIONS}d-{name}/",
        "name": name,
        "description": None,
        "private": private,
        "repository": f"{G}{_hub.REPOSITORIES}{kind}/r-{name}/",
    }


# ee_hub_namespace


def test_a_namespace_goes_with_what_has_no_address_in_it(hub):
    hub.answers |= {
        f"GET {_hub.NAMESPACES}": pulp_listing({"id": "n", "name": "a"}),
        f"GET {_hub.EES}": listing(ee("a/aa"), ee("a/b/c")),
        f"DELETE {_hub.repository_path('a/aa')}": (202, started(1)),
        f"DELETE {_hub.NAMESPACES}n/": (202, started(2)),
        f"GET {_hub.TASKS}1/": ended(1),
        f"GET {_hub.TASKS}2/": ended(2),
    }
    predicted = run(ee_hub_namespace, check=True, name="a", state="absent", force=True)
    done = run(ee_hub_namespace, name="a", state="absent", force=True)
    assert not predicted["failed"]
    assert not done["failed"]
    assert predicted["diff"] == done["diff"]
    assert done["repositories"] == ["a/aa", "a/b/c"]
    assert hub.asked("DELETE") == [_hub.repository_path("a/aa"), f"{_hub.NAMESPACES}n/"]


def test_who_is_to_lose_a_role_is_not_looked_up(hub):
    hub.answers |= {
        f"GET {_hub.NAMESPACES}": pulp_listing({"id": "n", "name": "a"}),
        f"GET {_hub.NAMESPACES}n/list_roles/": {"roles": []},
    }
    roles = [{"role": "no.role", "groups": ["nobody"], "users": ["nobody"]}]
    result = run(ee_hub_namespace, name="a", roles=roles, roles_mode="absent")
    assert not result["changed"]
    assert not result["failed"]
    assert result["requests"] == 2


# ee_hub_repository


@pytest.fixture
def repositories(hub):
    hub.answers |= {
        f"GET {_hub.REGISTRIES}": listing({"id": "1", "name": "quay"}, {"id": "2", "name": "other"}),
        f"GET {_hub.DISTRIBUTIONS}": pulp_listing(
            served("a/p"), served("a/q", "container"), served("a/r", "container")
        ),
        f"GET {_hub.EES}": listing(ee("a/p"), ee("a/q", "1"), ee("a/r", "2")),
        f"GET {_hub.repository_path('a/p')}": ee("a/p"),
        f"GET {_hub.repository_path('a/q')}": ee("a/q", "1"),
    }
    for name in ("a/p", "a/q", "a/r"):
        hub.answers[f"GET {_hub.repository_path(name)}_content/readme/"] = {"text": "# Hi"}
    return hub


def test_nothing_to_do_to_a_pushed_repository_takes_two_requests(repositories):
    result = run(ee_hub_repository, name="a/p", description="", private=False, readme="# Hi")
    assert not result["changed"]
    assert result["repository"] == {
        "name": "a/p", "pushed": True, "description": "", "private": False, "readme": "# Hi"
    }  # fmt: skip
    assert result["requests"] == len(repositories.log) == 2


def test_nothing_to_do_to_a_synced_repository_takes_what_is_documented(repositories):
    result = run(ee_hub_repository, name="a/q", registry="quay", upstream_name="up/ee", private=False, readme="# Hi")
    assert not result["changed"]
    assert result["repository"]["registry"] == "quay"
    assert result["requests"] == 4


def test_a_list_reads_together_what_it_can(repositories):
    wanted = [
        {"name": "a/p", "readme": "# Hi"},
        {"name": "a/q", "registry": "quay", "readme": "# Hi"},
        {"name": "a/r", "registry": "other", "readme": "# Hi"},
    ]
    result = run(ee_hub_repository, repositories=wanted, private=False)
    assert not result["changed"]
    assert not result["failed"]
    assert result["requests"] == 6, "two for each: the readmes, the registries, and two listings"


@pytest.mark.parametrize("listed", [pulp_listing(), RIGHTLESS])
def test_who_sees_no_distribution_sees_the_repository(repositories, listed):
    repositories.answers[f"GET {_hub.DISTRIBUTIONS}"] = listed
    repositories.answers[f"GET {_hub.DISTRIBUTIONS}d-a/p/"] = served("a/p", private=True)
    assert not run(ee_hub_repository, name="a/p", private=True)["changed"]
    repositories.answers[f"GET {_hub.DISTRIBUTIONS}d-a/p/"] = RIGHTLESS
    assert run(ee_hub_repository, name="a/p", private=True)["denied_for"] == "rights"


def test_the_name_of_the_registry_before_comes_from_the_same_list(repositories):
    result = run(ee_hub_repository, check=True, name="a/q", registry="other")
    assert (result["diff"]["before"]["registry"], result["diff"]["after"]["registry"]) == ("quay", "other")
    assert result["requests"] == 2
    repositories.answers[f"GET {_hub.REGISTRIES}"] = listing({"id": "2", "name": "other"})
    result = run(ee_hub_repository, check=True, name="a/q", registry="other")
    assert result["diff"]["before"]["registry"] == "(deleted)"


@pytest.mark.parametrize("check", [True, False])
def test_a_name_given_twice_is_refused_before_anything_is_done(repositories, check):
    wanted = [{"name": "a/q", "state": "absent"}, {"name": "a/q", "registry": "quay", "upstream_name": "up/ee"}]
    result = run(ee_hub_repository, check=check, repositories=wanted)
    assert result["error"]["kind"] == "invalid"
    assert "`repositories` has twice: `a/q`" in result["msg"]
    assert repositories.log == []


def test_a_changed_repository_is_read_anew(repositories):
    client = _hub.open_hub({"hub_host": "hub.example.com", "hub_token": "t"}, read_only=False)
    repositories.answers[f"DELETE {_hub.repository_path('a/q')}"] = (202, started(1))
    repositories.answers[f"GET {_hub.TASKS}1/"] = ended(1)
    params = {**dict.fromkeys(ee_hub_repository.ONE), "name": "a/q", "state": "absent", "wait_timeout": 5.0}
    ee_hub_repository.apply(client, params, ee_hub_repository.plan(client, params, False))
    repositories.answers[f"GET {_hub.repository_path('a/q')}"] = MISSING
    assert not ee_hub_repository.plan(client, params, False).changed


def test_a_list_with_what_has_no_address(repositories):
    result = run(ee_hub_repository, repositories=[{"name": "a/b/c"}, {"name": "a/p"}], private=False)
    assert "one slash at most" in result["repositories"][0]["msg"]
    assert result["repositories"][1]["repository"]["name"] == "a/p"


# ee_registry_image, ee_registry_prune


@pytest.mark.parametrize("module", [ee_registry_image, ee_registry_prune])
def test_how_long_a_hub_may_take_is_an_option(module):
    assert module.ARGUMENTS["wait_timeout"] == {"type": "float", "default": 120.0}


# ee_hub_sync


def tags(**digests: str) -> dict[str, t.Any]:
    return listing(*({"name": name, "tagged_manifest": {"digest": digest}} for name, digest in digests.items()))


def ended_sync(name: str, number: int, version: int = 2) -> dict[str, t.Any]:
    repository = f"{G}{_hub.REPOSITORIES}container/r-{name.replace('/', '-')}/"
    made = [f"{repository}versions/{version}/"]
    return ended(number, reserved_resources_record=[repository], created_resources=made)


@pytest.fixture
def syncs(hub):
    """A hub with s/1 and s/2, each synced from a registry of its own."""
    for number in (1, 2):
        path = _hub.repository_path(f"s/{number}")
        hub.answers |= {
            f"GET {path}": ee(f"s/{number}", str(number)),
            f"GET {path}_content/tags/": tags(latest=f"d{number}"),
            f"POST {path}_content/sync/": (202, started(number)),
            f"GET {_hub.TASKS}{number}/": ended_sync(f"s/{number}", number),
            f"GET {_hub.REGISTRIES}{number}/": {
                "id": str(number),
                "name": f"r{number}",
                "url": f"https://r{number}.example.com",
            },
        }
    return hub


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("upstream", [{"username": "u", "password": "p"}, {"token": "t"}])
def test_credentials_go_to_one_upstream_only(syncs, monkeypatch, check, upstream):
    monkeypatch.setattr(_hub_sync, "open_registry", lambda *_args, **_more: pytest.fail("a registry was asked"))
    result = run(ee_hub_sync, check=check, repositories=["s/1", "s/2"], upstream=upstream)
    assert result["error"]["kind"] == "invalid"
    assert "synced from r1.example.com and r2.example.com. Give `upstream.authfile`" in result["msg"]
    assert syncs.asked("POST") == []


@pytest.mark.parametrize(
    ("names", "upstream", "other"),
    [
        (["s/1"], {"username": "u", "password": "p"}, "https://r2.example.com"),
        (["s/1", "s/2"], {"authfile": "/tmp/a.json"}, "https://r2.example.com"),
        (["s/1", "s/2"], {"token": "t"}, "https://r1.example.com"),
    ],
)
def test_credentials_that_may_go_where_they_are_asked_for(syncs, monkeypatch, names, upstream, other):
    def refuse(*_args, **_more):
        raise Invalid("What the registry client refuses is a warning.")

    monkeypatch.setattr(_hub_sync, "open_registry", refuse)
    syncs.answers[f"GET {_hub.REGISTRIES}2/"]["url"] = other
    result = run(ee_hub_sync, check=True, repositories=names, upstream=upstream)
    assert not result["failed"]
    assert "is a warning" in result["warned"][0]


def test_an_upstream_at_no_address(syncs):
    syncs.answers[f"GET {_hub.REGISTRIES}1/"]["url"] = "https://[::zz]"
    result = run(ee_hub_sync, check=True, repositories=["s/1"])
    assert not result["failed"]
    assert "registry `r1` has no address that can be reached" in result["warned"][0]


def test_all_are_looked_at_before_one_is_started(syncs, monkeypatch):
    monkeypatch.setattr(_hub_sync.Foreteller, "_upstream", lambda *_args: {})
    syncs.answers[f"GET {_hub.repository_path('s/2')}"] = ee("s/2", "2", include_tags=["9.*"])
    result = run(ee_hub_sync, repositories=["s/1", "s/2"])
    assert "no sync was started" in result["msg"]
    assert syncs.asked("POST") == []


def test_what_was_started_is_not_lost_when_the_next_cannot_be(syncs):
    syncs.answers[f"POST {_hub.repository_path('s/2')}_content/sync/"] = RIGHTLESS
    result = run(ee_hub_sync, repositories=["s/1", "s/2"])
    assert result["error"] == {
        "kind": "denied",
        "status": 403,
        "method": "POST",
        "url": f"https://hub.example.com{G}{_hub.repository_path('s/2')}_content/sync/",
    }
    assert "Syncs of `s/1` were started before, and go on" in result["msg"]
    assert (result["denied_for"], len(result["tasks"])) == ("rights", 1)
    picked_up = run(ee_hub_sync, tasks=result["tasks"])
    assert [one["name"] for one in picked_up["repositories"]] == ["s/1"]
    syncs.answers[f"POST {_hub.repository_path('s/1')}_content/sync/"] = RIGHTLESS
    assert "tasks" not in run(ee_hub_sync, repositories=["s/1", "s/2"])


@pytest.mark.parametrize(
    ("answer", "outcome", "words", "changed"),
    [
        ((202, started(9)), ended(9), "`s/1` would lose every tag (latest); the sync was taken back.", False),
        (
            (202, started(9)),
            ended(9, "failed", error={"description": "No."}),
            "`s/1` lost every tag (latest), and the sync is not known to be taken back: The hub's task "
            f"{G}{_hub.TASKS}9/ (x) ended as failed: No.",
            True,
        ),
        (RIGHTLESS, None, "only an administrator of the hub may take a sync back", True),
        ((500, {}), None, "the sync is not known to be taken back: DELETE", True),
    ],
)
def test_a_sync_that_emptied_is_taken_back_or_said_not_to_be(syncs, answer, outcome, words, changed):
    syncs.answers |= {
        f"GET {_hub.repository_path('s/1')}_content/tags/": [tags(latest="d1"), tags()],
        f"DELETE {_hub.REPOSITORIES}container/r-s-1/versions/2/": answer,
        f"GET {_hub.TASKS}9/": outcome,
    }
    result = run(ee_hub_sync, repositories=["s/1", "s/2"])
    assert result["error"]["kind"] == "conflict"
    assert words in result["msg"]
    assert [(one["name"], one["changed"]) for one in result["repositories"]] == [("s/1", changed), ("s/2", False)]
    assert result["repositories"][0]["removed"] == ({"latest": "d1"} if changed else {})
    assert result["repositories"][1]["failure"] is None


def test_a_sync_that_failed_beside_is_told_too(syncs):
    syncs.answers |= {
        f"GET {_hub.repository_path('s/1')}_content/tags/": [tags(latest="d1"), tags()],
        f"DELETE {_hub.REPOSITORIES}container/r-s-1/versions/2/": (202, started(9)),
        f"GET {_hub.TASKS}9/": ended(9),
        f"GET {_hub.TASKS}2/": ended(2, "failed", error={"description": "404, message='Not Found'."}),
    }
    result = run(ee_hub_sync, repositories=["s/1", "s/2"])
    assert "the sync was taken back; `s/2`: 404, message='Not Found'." in result["msg"]
