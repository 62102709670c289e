# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in for a controller answers as two real ones did: every recorded exchange that it covers, in order.

Compared are the status, the kind of body, where a redirect or a new record points to, all words of a refusal, and of a
record every field but moments and what jobs leave behind (``VOLATILE``). Of ``summary_fields`` it is EEs,
organizations, credentials and what the user may do with an EE. The recordings left some steps out (records made between
two exchanges): ``UNRECORDED`` has them.
"""

from __future__ import annotations

import base64
import json
import pathlib
import typing as t

import pytest

from ansible_collections.foundry.ee.tests.services.controller_stand_in.kinds import KINDS
from ansible_collections.foundry.ee.tests.services.controller_stand_in.rights import User
from ansible_collections.foundry.ee.tests.services.controller_stand_in.server import Answer, Site
from ansible_collections.foundry.ee.tests.services.controller_stand_in.world import SETTING, World

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures" / "controller"
VOLATILE = {
    "created",
    "modified",
    "status",
    "expires",
    "token",
    "dtstart",
    "next_run",
    "next_job_run",
    "local_path",
    "summary_fields",
}
VOLATILE |= {"email", "type", "url"}  # of a listing's short entries; compared where whole records are
PASSWORD = "password"
FILES = {"awx": "awx-24.6.jsonl", "fork": "fork-25.5.jsonl"}


class Replay:
    """One server's recording against one stand-in. ``ids`` of the two servers differ: names lead to them."""

    def __init__(self, flavour: str) -> None:
        self.flavour = flavour
        lines = (FIXTURES / FILES[flavour]).read_text(encoding="utf-8").splitlines()
        self.exchanges = [json.loads(line) for line in lines]
        self.world = World(flavour, [])
        self.tokens: dict[str, str] = {}
        self.site = Site(self.world)
        self._first_records()

    def one(self, kind: str, name: str, organization: str = "") -> dict[str, t.Any]:
        """Return the record of a name."""
        home = self.one("organizations", organization)["id"] if organization else None
        records = self.world.records[kind].values()
        return next(r for r in records if r["name"] == name and home in (None, r.get("organization")))

    def _first_records(self) -> None:
        world = self.world
        for number, username in enumerate(["admin", "ee_admin", "org_admin", "member", "outsider", "project_admin"], 1):
            world.add_user(User(number, username, PASSWORD, superuser=username == "admin"))
        world.add_user(User(7, "auditor", PASSWORD, auditor=True))
        world.insert("credential_types", id=1, name="Machine", kind="ssh", namespace="ssh", managed=True)
        recorded = self.recorded("18_credentials/01_credential_type_by_name")["results"][0]
        world.insert("credential_types", **_plain(recorded))
        first = self.recorded("02_auth/07_read_token_get")["results"]
        image = "quay.io/ansible/awx-ee:latest" if self.flavour == "awx" else "ghcr.io/ctrliq/ascender-ee:latest"
        world.insert("execution_environments", id=1, name=first[1]["name"], image=image)
        world.insert("execution_environments", id=2, name=first[0]["name"], image=image, managed=True)
        world.global_job_images = [image]
        for record in self.recorded("16_system_jobs/01_list")["results"]:
            world.insert("system_job_templates", id=record["id"], name=record["name"])
        world.records["system_job_templates"][2].update(_plain(self.recorded("16_system_jobs/02_get")))
        if self.flavour == "awx":
            world.insert("organizations", id=1, name="Default")
            world.insert("organizations", id=2, name="Legacy Org")
            world.insert("inventories", id=1, name="Demo Inventory", organization=1)
            world.insert("inventories", id=2, name="Legacy Inv", organization=2)
            demo = {"playbook": "hello_world.yml", "project": 6}
            world.insert("projects", id=6, name="Demo Project", organization=1)
            world.insert("projects", id=8, name="Legacy Project", organization=2)
            world.insert("job_templates", id=7, name="Demo Job Template", inventory=1, **demo)
            for number, name in ((9, 'Legacy "JT": ünïcode, #1'), (10, "Second JT"), (12, "Trailing slash JT")):
                fields = {
                    "project": 8,
                    "inventory": 2,
                    "playbook": "x.yml",
                    "custom_virtualenv": "/srv/controller/venvs/ansible29",
                }
                world.insert("job_templates", id=number, name=name, **fields)
            world.insert("inventory_sources", id=11, name="Legacy Source", inventory=2)

    def recorded(self, file: str) -> t.Any:
        return next(exchange["answer"] for exchange in self.exchanges if exchange["file"] == file)

    def ask(self, exchange: dict[str, t.Any]) -> Answer:
        headers = {"Accept": "application/json", "Content-Type": "application/json", **exchange.get("headers", {})}
        auth = exchange["auth"]
        if auth.startswith("token:"):
            headers["Authorization"] = "Bearer " + self.tokens.get(auth, "nobody's")
        elif auth != "anonymous":
            password = "wrong" if "bad_password" in exchange["file"] else PASSWORD
            headers["Authorization"] = "Basic " + base64.b64encode(f"{auth}:{password}".encode()).decode()
        body = exchange.get("body")
        data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        return self.site.answer(exchange["method"], exchange["path"], headers, data)

    def learn(self, exchange: dict[str, t.Any], answer: Answer) -> None:
        """Keep the tokens that were made, and give users their roles once their organization is there."""
        names = {
            "02_auth/04_token_create_basic": "token:admin_write",
            "02_auth/06_token_create_read_scope": "token:admin_read",
        }
        names["02_auth/14_token_create_as_member"] = "token:member"
        if exchange["file"] in names:
            self.tokens[names[exchange["file"]]] = answer.body["token"]
        if exchange["file"] == "09_organizations/01_create":
            one = answer.body["id"]
            held = {
                "ee_admin": {"member", "execution_environment_admin"},
                "org_admin": {"member", "admin"},
                "member": {"member"},
                "project_admin": {"member", "project_admin"},
            }
            for username, roles in held.items():
                user = self.world.users[username]
                self.world.add_user(User(user.id, username, PASSWORD, roles={one: frozenset(roles)}))


def _plain(shown: dict[str, t.Any]) -> dict[str, t.Any]:
    return {key: value for key, value in shown.items() if key not in ("type", "url", "summary_fields", "related")}


Step = t.Callable[[Replay], None]


def _ees(*names: str, image: str = "quay.io/a/b:1", first: int, org: str | None = None) -> Step:
    def step(replay: Replay) -> None:
        home = None if org is None else replay.one("organizations", org)["id"]
        for number, name in enumerate(names, first):
            replay.world.insert("execution_environments", id=number, name=name, image=image, organization=home)

    return step


def _defaults(project: int | None, one: int | None, two: int | None, setting: int | None) -> Step:
    """Point the project, both organizations and the setting at EEs."""

    def step(replay: Replay) -> None:
        replay.one("projects", "Proj")["default_environment"] = project
        replay.one("organizations", "Org One")["default_environment"] = one
        replay.one("organizations", "Org Two")["default_environment"] = two
        replay.world.change_settings("system", {SETTING: setting})

    return step


def _pages(replay: Replay) -> None:
    for number in range(1, 6):
        _ees(f"page-{number}", image=f"registry.example.com/page/ee:{number}", first=number + 2)(replay)


def _credential_without_secret(replay: Replay) -> None:
    replay.one("credentials", "quay pull", "Org One")["inputs"] = {"host": "quay2.example.com"}


def _machine_credential(replay: Replay) -> None:
    number = 7 if replay.flavour == "awx" else 6
    replay.world.insert("credentials", id=number, name="machine", credential_type=1, kind="ssh")


def _inventories(replay: Replay) -> None:
    first = 3 if replay.flavour == "awx" else 1
    for number, (name, org) in enumerate((("Inv", "Org One"), ("Inv Two", "Org Two")), first):
        home = replay.one("organizations", org)["id"]
        replay.world.insert("inventories", id=number, name=name, organization=home)


def _unset_template(replay: Replay) -> None:
    replay.one("job_templates", "JT", "Org One")["execution_environment"] = None


def _copied_template(replay: Replay) -> None:
    template = replay.one("job_templates", "JT", "Org One")
    replay.world.insert("job_templates", **{**template, "id": template["id"] + 1, "name": "JT copied"})


def _source_without_ee(replay: Replay) -> None:
    replay.one("inventory_sources", "src")["execution_environment"] = None
    replay.one("projects", "Proj")["default_environment"] = 8


def _project_without_ee(replay: Replay) -> None:
    replay.one("projects", "Proj")["default_environment"] = None


def _asks(asks: bool) -> Step:
    def step(replay: Replay) -> None:
        replay.one("job_templates", "JT", "Org One")["ask_execution_environment_on_launch"] = asks

    return step


def _used_everywhere(replay: Replay) -> None:
    _ees("del-used", first=43)(replay)
    _defaults(43, 43, None, 43)(replay)
    replay.one("job_templates", "JT", "Org One")["execution_environment"] = 43


def _doomed_organization(replay: Replay) -> None:
    number = 6 if replay.flavour == "awx" else 5
    replay.world.insert("organizations", id=number, name="Doomed")
    _ees("of-doomed", first=45, org="Doomed")(replay)


def _doomed_credential(replay: Replay) -> None:
    number = 8 if replay.flavour == "awx" else 7
    replay.world.insert("credentials", id=number, name="doomed", credential_type=18, kind="registry")
    _ees("del-cred", image="quay.io/a/b:5", first=46)(replay)
    replay.world.records["execution_environments"][46]["credential"] = number


# the exchange before which a step belongs → the step
UNRECORDED: dict[str, Step] = {
    "18_credentials/16_list_by_name_and_type": _credential_without_secret,
    "03_ee_list/02_page_size_2": _pages,
    "04_ee_create/53_cred_wrong_kind": _machine_credential,
    "05_ee_patch/23_org_to_global": _ees("ee-org1-x", image="quay.example.com/team/x:1", first=36, org="Org One"),
    "10_projects/01_create_with_default": _ees("to-associate", first=40, org="Org One"),
    "11_job_templates/01_create": _inventories,
    "11_job_templates/11_resolved_project": _defaults(8, None, None, None),
    "11_job_templates/12_resolved_job_org": _defaults(None, 9, None, None),
    "11_job_templates/13_resolved_inventory_org": _defaults(None, None, 11, None),
    "11_job_templates/14_resolved_default_setting": _defaults(None, None, None, 10),
    "11_job_templates/15_resolved_global": _defaults(None, None, None, None),
    "11_job_templates/27_create_duplicate": _copied_template,
    "12_inventory_sources/05_get_project_default_not_used": _source_without_ee,
    "12_inventory_sources/08_create_missing_ee": _project_without_ee,
    "13_workflows/04_node_ee_not_asked": _asks(False),
    "13_workflows/05_node_ee_asked": _asks(True),
    "06_ee_delete/01_unused": _ees("unused", first=42),
    "06_ee_delete/04_in_use_before_jt": _used_everywhere,
    "06_ee_delete/12_in_use_by_pending_job": _ees("pending", first=44),
    "06_ee_delete/14_delete_org_cascades": _doomed_organization,
    "06_ee_delete/16_delete_credential_in_use": _doomed_credential,
    "20_named_urls/17_ee_plain_number_get": _ees(
        "7", "with+plus", "with/slash", "with++two", "with[br]", "Ünïcode é", first=52
    ),
    "22_extra/10_filter_credential_name": _ees("race", first=61),
}


def run(flavour: str) -> list[str]:
    replay = Replay(flavour)
    wrong = []
    for exchange in replay.exchanges:
        if exchange["file"] in UNRECORDED:
            UNRECORDED[exchange["file"]](replay)
        _same_number(replay, exchange)
        answer = replay.ask(exchange)
        replay.learn(exchange, answer)
        wrong += [f"{exchange['file']}: {line}" for line in differences(exchange, answer)]
    return wrong


def _same_number(replay: Replay, exchange: dict[str, t.Any]) -> None:
    """Make the next record get the number that the recording has: gaps come from what was not recorded."""
    location = exchange.get("location", "")
    if exchange["status"] == 201:
        kind, number = location.strip("/").split("/")[2:4]
        replay.world.next_ids[(KINDS[kind].counter if kind in KINDS else "") or kind] = int(number)


def differences(exchange: dict[str, t.Any], answer: Answer) -> t.Iterator[str]:
    if answer.status != exchange["status"]:
        yield f"status {answer.status} instead of {exchange['status']}: {str(answer.body)[:200]}"
        return
    if answer.html != exchange.get("html", False):
        yield "HTML and JSON confused"
    if answer.location != exchange.get("location"):
        yield f"location {answer.location} instead of {exchange.get('location')}"
    recorded = exchange["answer"]
    if exchange["method"] == "HEAD" or recorded is None or answer.html or exchange["path"] == "/api/v2/":
        return
    if "/settings/" in exchange["path"] and answer.status == 200:
        answer_body = {
            key: value for key, value in answer.body.items() if key.endswith(("ENVIRONMENT", "ENVIRONMENTS"))
        }
        if answer_body != recorded:
            yield f"settings {answer_body} instead of {recorded}"
        return
    if answer.status >= 400:
        if answer.body != recorded:
            yield f"{answer.body} instead of {recorded}"
        return
    yield from _compare(recorded, answer.body)


def _compare(recorded: dict[str, t.Any], shown: dict[str, t.Any]) -> t.Iterator[str]:
    if "results" in recorded:
        frame = [{key: value for key, value in body.items() if key != "results"} for body in (recorded, shown)]
        if frame[0] != frame[1]:
            yield f"{frame[1]} instead of {frame[0]}"
        names = [[one.get("name") for one in body["results"]] for body in (recorded, shown)]
        if names[0] != names[1]:
            yield f"{names[1]} instead of {names[0]}"
        elif recorded["results"] and "type" in recorded["results"][0]:
            yield from _compare(recorded["results"][0], shown["results"][0])
        return
    if set(recorded) - {"related"} != set(shown) - {"related"}:
        yield f"fields {set(recorded) ^ set(shown)}"
        return
    for name in sorted(set(recorded) - VOLATILE):
        if recorded[name] != shown[name]:
            yield f"{name} is {shown[name]!r} instead of {recorded[name]!r}"
    summary = recorded.get("summary_fields", {})
    may = summary.pop("user_capabilities", None)
    if may is not None and may != shown["summary_fields"]["user_capabilities"]:
        yield f"rights {shown['summary_fields']['user_capabilities']} instead of {may}"
    for name in summary:
        theirs = summary[name].get("name")
        ours = shown["summary_fields"].get(name, {}).get("name")
        if theirs != ours:
            yield f"summary of {name} is {ours!r} instead of {theirs!r}"


@pytest.mark.parametrize("flavour", ["awx", "fork"])
def test_answers_as_recorded(flavour):
    assert run(flavour) == []


@pytest.mark.parametrize(("flavour", "exchanges"), [("awx", 402), ("fork", 420)])
def test_no_recording_got_lost(flavour, exchanges):
    assert len(Replay(flavour).exchanges) == exchanges


def test_a_wrong_answer_is_noticed():
    exchange = {
        "file": "x",
        "method": "GET",
        "path": "/api/v2/organizations/1/",
        "status": 200,
        "answer": {"name": "A"},
    }
    assert list(differences(exchange, Answer(404, {}))) == ["status 404 instead of 200: {}"]
    assert list(differences(exchange, Answer(200, {"name": "B"}))) == ["name is 'B' instead of 'A'"]
    assert list(differences(exchange, Answer(200, {"name": "A", "more": 1}))) == ["fields {'more'}"]


def test_what_was_not_recorded_is_not_guessed():
    replay = Replay("awx")
    assert replay.ask({"file": "x", "auth": "admin", "method": "GET", "path": "/api/v2/hosts/"}).status == 501
    assert (
        replay.ask({"file": "x", "auth": "admin", "method": "POST", "path": "/api/v2/projects/6/update/"}).status == 501
    )
