# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``ee_default`` against a stand-in controller, and against files."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.foundry.ee.plugins.modules import ee_default
from ansible_collections.foundry.ee.tests.services.controller_stand_in.kinds import forbidden
from ansible_collections.foundry.ee.tests.services.controller_stand_in.server import Site
from ansible_collections.foundry.ee.tests.unit.services.module_run import run_module
from ansible_collections.foundry.ee.tests.unit.services.stand_in import controller, options

WRITES = ("POST", "PATCH", "PUT", "DELETE")
ENVIRONMENT = {"organizations": "default_environment", "projects": "default_environment"}


class Bench:
    """A controller, and the module run against it: in check mode, for real, and again."""

    def __init__(self, host: str, site: Site) -> None:
        self.host = host
        self.site = site

    def run(self, check: bool = False, **given: t.Any) -> dict[str, t.Any]:
        self.site.asked.clear()
        result = run_module(ee_default.main, options(self.host, **{"global_job_images": [], **given}), check=check)
        if check:
            assert not [request for request in self.site.asked if request.startswith(WRITES)]
        if not result["failed"]:
            assert result["requests"] == len(self.site.asked)
        return result

    def change(self, **given: t.Any) -> dict[str, t.Any]:
        """Return the real run's result, after comparing it with check mode's; the same again changes nothing."""
        predicted = self.run(check=True, **given)
        real = self.run(**given)
        assert not real["failed"], real["msg"]
        for key in ("changed", "diff", "before", "after", "affected"):
            assert predicted[key] == real[key]
        assert real["changed"]
        again = self.run(**given)
        assert (again["changed"], again["affected"]) == (False, [])
        assert again["before"] == again["after"] == real["after"]
        assert again["requests"] <= 2
        return real

    def refused(self, **given: t.Any) -> str:
        """Return the message of the failure, which is the same in check mode."""
        predicted, real = self.run(check=True, **given), self.run(**given)
        assert predicted["failed"], predicted
        assert real["failed"], real
        assert predicted["msg"] == real["msg"]
        assert not [request for request in self.site.asked if request.startswith(WRITES)]
        return str(real["msg"])

    def one(self, kind: str, name: str, number: int = 0) -> dict[str, t.Any]:
        key = "identifier" if kind == "workflow_job_template_nodes" else "name"
        return [record for record in self.site.world.records[kind].values() if record[key] == name][number]

    def environment(self, kind: str, name: str, number: int = 0) -> str | None:
        """Return the name of what is set on a record."""
        field = ENVIRONMENT.get(kind, "execution_environment")
        found = self.site.world.find("execution_environments", self.one(kind, name, number)[field])
        return None if found is None else found["name"]


@pytest.fixture(name="bench")
def _bench():
    with controller() as (host, site):
        yield Bench(host, site)


PLACES: list[tuple[dict[str, t.Any], str, str, int]] = [
    ({"scope": "organization", "name": "Network"}, "organizations", "Network", 0),
    ({"scope": "project", "name": "playbooks", "organization": "Network"}, "projects", "playbooks", 0),
    ({"scope": "project", "name": "playbooks", "organization": "Web"}, "projects", "playbooks", 1),
    ({"scope": "job_template", "name": "backup"}, "job_templates", "backup", 0),
    ({"scope": "inventory_source", "name": "cloud"}, "inventory_sources", "cloud", 0),
    ({"scope": "inventory_source", "name": "cloud", "inventory": "servers"}, "inventory_sources", "cloud", 0),
    ({"scope": "workflow_node", "name": "first"}, "workflow_job_template_nodes", "first", 0),
    ({"scope": "schedule", "name": "daily", "template": "prompt"}, "schedules", "daily", 0),
]


@pytest.mark.parametrize(("place", "kind", "name", "number"), PLACES)
def test_set_and_clear(bench, place, kind, name, number):
    result = bench.change(**place, environment="all")
    assert bench.environment(kind, name, number) == "all"
    assert (result["before"][0]["environment"], result["after"][0]["environment"]["name"]) == (None, "all")
    assert list(result["diff"]["before"].values()) == [None]
    assert list(result["diff"]["after"].values()) == ["all"]
    result = bench.change(**place, environment="")
    assert bench.environment(kind, name, number) is None
    assert result["before"][0]["environment"]["image"] == "hub.example.com/all:1"
    assert result["after"][0]["environment"] is None


@pytest.mark.parametrize(("place", "kind", "name", "number"), PLACES)
def test_nothing_to_do_is_one_request(bench, place, kind, name, number):
    bench.run(**place, environment="all")
    for environment in ("all", "hub.example.com/all:1"):
        assert bench.run(**place, environment=environment)["requests"] == 1


def test_global(bench):
    result = bench.change(scope="global", environment="all")
    assert result["diff"] == {"before": {"the global default": None}, "after": {"the global default": "all"}}
    assert bench.run(scope="global", environment="all")["requests"] == 2
    assert (
        bench.site.world.settings["system"]["DEFAULT_EXECUTION_ENVIRONMENT"]
        == bench.one("execution_environments", "all")["id"]
    )
    result = bench.change(scope="global", environment="hub.example.com/web:1")
    assert result["before"][0]["environment"]["name"] == "all"
    bench.change(scope="global", environment="")
    assert bench.run(scope="global", environment="")["requests"] == 1


def test_by_image_it_is_the_newest_that_is_not_managed(bench):
    image = "quay.io/ansible/awx-ee:latest"
    result = bench.change(scope="organization", name="Web", environment=image)
    assert result["after"][0]["environment"]["name"] == "AWX EE (latest)"
    assert result["warned"] == []
    bench.site.world.insert("execution_environments", name="newer", image=image)
    assert not bench.run(scope="organization", name="Web", environment=image)["changed"]
    result = bench.run(scope="organization", name="Network", environment=image)
    assert result["after"][0]["environment"]["name"] == "newer"
    assert "2 execution environments have the image" in result["warned"][0]


def test_the_only_one_with_an_image_may_be_managed(bench):
    bench.site.world.remove("execution_environments", 1)
    result = bench.change(scope="organization", name="Web", environment="quay.io/ansible/awx-ee:latest")
    assert result["after"][0]["environment"]["name"] == "Control Plane Execution Environment"


class TestAffected:
    def test_organization(self, bench):
        affected = bench.change(scope="organization", name="Network", environment="net")["affected"]
        before = {"name": "all", "image": "hub.example.com/all:1", "level": "newest_global"}
        after = {"name": "net", "image": "hub.example.com/net:1", "level": "organization"}
        assert affected == [{"kind": "job", "name": "backup", "before": before, "after": after}]

    def test_list_of_images_of_the_controllers_file(self, bench):
        images = [{"name": "x", "image": "quay.io/ansible/awx-ee:latest"}, "hub.example.com/other:1"]
        given = {"scope": "organization", "name": "Network", "environment": "net", "global_job_images": images}
        before = bench.change(**given)["affected"][0]["before"]
        assert (before["name"], before["level"]) == ("AWX EE (latest)", "global_job_images")

    @pytest.mark.parametrize("environment", ["net", "web", "all"])
    @pytest.mark.parametrize(
        "place",
        [
            {"scope": "global"},
            {"scope": "organization", "name": "Network"},
            {"scope": "organization", "name": "Web"},
            {"scope": "project", "name": "playbooks", "organization": "Web"},
            {"scope": "job_template", "name": "deploy"},
        ],
    )
    def test_as_the_controller_itself_resolves(self, bench, place, environment):
        """The stand-in resolves by code of its own; the recordings have checked it (11_job_templates/11 to 15)."""

        def resolved() -> dict[str, str]:
            records = bench.site.world.records["job_templates"].values()
            return {one["name"]: bench.site.world.resolved("job_templates", one)["name"] for one in records}

        before = resolved()
        affected = bench.run(**place, environment=environment)["affected"]
        after = resolved()
        told = {one["name"]: (one["before"]["name"], one["after"]["name"]) for one in affected if one["kind"] == "job"}
        assert told == {name: (before[name], after[name]) for name in after if before[name] != after[name]}

    def test_list_of_images_that_was_not_told(self, bench):
        given = {"scope": "organization", "name": "Network", "global_job_images": None}
        assert "GLOBAL_JOB_EXECUTION_ENVIRONMENTS" in bench.run(**given, environment="net")["warned"][0]
        assert bench.run(**given, environment="all")["warned"] == []  # from the organization's to the organization's

    def test_nobody_where_something_closer_is_set(self, bench):
        given = {"scope": "project", "name": "playbooks", "organization": "Web", "environment": "all"}
        assert bench.change(**given)["affected"] == []  # one has its own, the other got this one already

    def test_global(self, bench):
        affected = bench.change(scope="global", environment="web")["affected"]
        assert [(one["kind"], one["name"]) for one in affected] == [
            ("job", "backup"),
            ("job", "prompt"),
            ("inventory_update", "cloud"),
        ]

    def test_many_count_together(self, bench):
        one = {"scope": "organization", "name": "Web", "environment": "web"}
        other = {"scope": "job_template", "name": "prompt", "environment": "all"}
        names = [one["name"] for one in bench.change(defaults=[one, other])["affected"]]
        assert names == ["cloud"]  # of prompt the one outweighs the other

    def test_workflow_node(self, bench):
        affected = bench.change(scope="workflow_node", name="first", environment="net")["affected"]
        assert [(one["name"], one["before"]["name"], one["after"]["name"]) for one in affected] == [
            ("prompt (workflow node `first` of `nightly`)", "all", "net")
        ]
        assert affected[0]["after"]["level"] == "launch"

    def test_schedule(self, bench):
        assert len(bench.change(scope="schedule", name="daily", environment="net")["affected"]) == 1

    def test_schedule_of_a_template_that_does_not_ask(self, bench):
        bench.one("job_templates", "prompt")["ask_execution_environment_on_launch"] = False
        assert bench.change(scope="schedule", name="daily", environment="net")["affected"] == []


@pytest.mark.parametrize(("place", "kind", "name", "number"), PLACES[:4])
def test_set_on_the_fork(place, kind, name, number):
    with controller(flavour="fork") as (host, site):
        bench = Bench(host, site)
        bench.change(**place, environment="all")
        assert bench.environment(kind, name, number) == "all"


def test_many(bench):
    defaults = [{**place, "environment": "all"} for place, *_rest in PLACES if "inventory" not in place]
    result = bench.run(defaults=[*defaults, {"scope": "global", "environment": "web"}])
    assert result["changed"]
    assert len(result["after"]) == 8
    again = bench.run(defaults=[*defaults, {"scope": "global", "environment": "web"}])
    assert not again["changed"]
    assert again["requests"] == 8  # one for each of six scopes, two for the setting
    del defaults[0]["name"]
    assert "needs the `name`" in bench.refused(defaults=defaults)


def test_many_names_are_asked_for_a_few_at_a_time(bench):
    web = bench.one("organizations", "Web")["id"]
    for number in range(90):
        bench.site.world.insert("projects", name=f"p{number}", organization=web)
    defaults = [{"scope": "project", "name": f"p{number}", "environment": ""} for number in range(90)]
    result = bench.run(defaults=defaults)
    assert (result["changed"], result["requests"]) == (False, 3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"scope": "organization", "name": "Webb", "environment": "all"}, "Did you mean `Web`"),
        ({"scope": "organization", "name": "Web", "environment": "al"}, "name or the image `al`"),
        ({"scope": "organization", "name": "Web", "environment": "wbe"}, "Did you mean `web`"),
        (
            {"scope": "project", "name": "playbooks", "environment": "all"},
            "Say which with `organization`: `Network`, `Web`",
        ),
        (
            {"scope": "job_template", "name": "deploy", "organization": "Network", "environment": ""},
            "There is no job template `deploy` of `Network`. There is one of `Web`.",
        ),
        ({"scope": "global", "name": "x", "environment": "all"}, "takes no `name`"),
        ({"scope": "organization", "environment": "all"}, "Scope `organization` needs the `name`"),
        ({"scope": "organization", "name": "Web", "organization": "Web", "environment": ""}, "takes no `organization`"),
        ({"scope": "project", "name": "p", "inventory": "Web", "environment": ""}, "takes no `inventory`"),
        ({"scope": "organization", "name": "Web"}, "needs `scope` and `environment`"),
        ({"defaults": [{"scope": "global", "environment": ""}] * 2}, "the global default is named 2 times"),
    ],
)
def test_refused_before_anything_is_written(bench, given, words):
    assert words in bench.refused(**given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"environment": "all"},
        {"scope": "everything", "environment": ""},
        {"scope": "global", "environment": "", "defaults": []},
        {"target": "navigator"},
        {"target": "runner", "environment": "a/b:1"},
    ],
)
def test_options_that_do_not_go_together(bench, given):
    assert bench.run(**given)["failed"]
    assert bench.site.asked == []


def test_refused_by_the_controller_after_a_first_change(bench, monkeypatch):
    """What was done before the failure is told."""
    defaults = [
        {"scope": "organization", "name": "Network", "environment": "all"},
        {"scope": "organization", "name": "Web", "environment": "all"},
    ]
    really = bench.site.world.change

    def change(user, kind, record, *args, **kwargs):
        if record["name"] == "Web":
            raise forbidden()
        really(user, kind, record, *args, **kwargs)

    monkeypatch.setattr(bench.site.world, "change", change)
    result = bench.run(defaults=defaults)
    assert result["failed"]
    assert "do not have permission" in result["msg"]
    assert result["applied"] == ["organization `Network`"]


def test_a_node_whose_template_does_not_ask(bench):
    """The controller answers 400 (recorded: 13_workflows/04_node_ee_not_asked), so it is refused before."""
    defaults = [
        {"scope": "organization", "name": "Network", "environment": "all"},
        {"scope": "workflow_node", "name": "second", "environment": "all"},
    ]
    assert "what it starts does not ask for one" in bench.refused(defaults=defaults)
    assert bench.environment("organizations", "Network") is None
    project = bench.one("projects", "playbooks")["id"]
    bench.one("workflow_job_template_nodes", "second")["unified_job_template"] = project
    assert "does not ask for one" in bench.refused(scope="workflow_node", name="second", environment="all")


def test_clearing_a_node_whose_template_does_not_ask_any_more(bench):
    bench.run(scope="workflow_node", name="first", environment="all")
    bench.one("job_templates", "prompt")["ask_execution_environment_on_launch"] = False
    assert bench.run(scope="workflow_node", name="first", environment="")["changed"]


REFUSED = [place for place, *_rest in PLACES if "inventory" not in place]


@pytest.mark.parametrize("place", REFUSED)
@pytest.mark.parametrize("login", [{"controller_username": "auditor"}, {"controller_oauthtoken": "reads"}])
def test_who_may_only_read_is_refused_before_anything_is_written(bench, place, login):
    assert "may not edit the" in bench.refused(**place, environment="all", **login)
    assert not bench.run(**place, environment="", **login)["changed"]


@pytest.mark.parametrize("login", [{"controller_username": "auditor"}, {"controller_oauthtoken": "reads"}])
def test_who_may_only_read_the_global_default(bench, login):
    assert "but not change it" in bench.refused(scope="global", environment="all", **login)
    bench.run(scope="global", environment="all")
    assert "but not change it" in bench.refused(scope="global", environment="", **login)


def test_a_member_may_not_edit(bench):
    given = {"scope": "organization", "name": "Network", "environment": "all", "controller_username": "member"}
    assert "may not edit the organization `Network`" in bench.refused(**given)


def test_one_place_by_two_names(bench):
    """Each run would set it twice."""
    one = {"scope": "job_template", "name": "backup", "environment": "all"}
    other = {**one, "organization": "Network", "environment": "net"}
    assert "job template `backup` is named 2 times in one task" in bench.refused(defaults=[one, other])


def test_many_environments_are_asked_for_in_addresses_of_moderate_length(bench):
    defaults = []
    web = bench.one("organizations", "Web")["id"]
    for number in range(120):
        image = f"hub.example.com/a/rather/long/path/to/an/execution/environment/{number}:1"
        bench.site.world.insert("execution_environments", name=f"ee {number}", image=image)
        bench.site.world.insert("projects", name=f"p{number}", organization=web)
        defaults.append({"scope": "project", "name": f"p{number}", "environment": image})
    assert bench.run(defaults=defaults)["changed"]
    assert max(map(len, bench.site.asked)) < 8000
    assert bench.environment("projects", "p119") == "ee 119"


class TestNamesakes:
    """Of two organizations, in things that do not show theirs."""

    @pytest.fixture(autouse=True)
    def _double(self, bench):
        insert = bench.site.world.insert
        network = bench.one("organizations", "Network")["id"]
        inventory = insert("inventories", name="servers", organization=network)
        insert("inventory_sources", name="cloud", inventory=inventory["id"], source="ec2")
        workflow = insert("workflow_job_templates", name="nightly", organization=network)
        project = bench.one("projects", "playbooks")["id"]
        template = insert(
            "job_templates",
            name="prompt",
            project=project,
            inventory=inventory["id"],
            ask_execution_environment_on_launch=True,
        )
        ids = {"workflow_job_template": workflow["id"], "unified_job_template": template["id"]}
        insert("workflow_job_template_nodes", identifier="first", **ids)
        insert("schedules", name="daily", unified_job_template=template["id"], rrule="x")

    @pytest.mark.parametrize(
        ("place", "kind"),
        [
            ({"scope": "inventory_source", "name": "cloud"}, "inventory_sources"),
            ({"scope": "inventory_source", "name": "cloud", "inventory": "servers"}, "inventory_sources"),
            ({"scope": "workflow_node", "name": "first", "workflow": "nightly"}, "workflow_job_template_nodes"),
            ({"scope": "schedule", "name": "daily"}, "schedules"),
        ],
    )
    def test_the_organization_tells_them_apart(self, bench, place, kind):
        assert "say which with `organization`" in bench.refused(**place, environment="all")
        result = bench.change(**place, organization="Network", environment="net")
        assert (bench.environment(kind, place["name"], 0), bench.environment(kind, place["name"], 1)) == (None, "net")
        assert next(iter(result["diff"]["after"])).endswith("of `Network`")
        bench.change(**place, organization="Web", environment="web")
        assert bench.environment(kind, place["name"], 0) == "web"
        assert "There is no" in bench.refused(**place, organization="Default", environment="net")

    def test_both_in_one_task(self, bench):
        one = {"scope": "schedule", "name": "daily", "template": "prompt", "environment": "all"}
        both = [{**one, "organization": name} for name in ("Network", "Web")]
        assert len(bench.change(defaults=both)["diff"]["after"]) == 2
        assert bench.run(defaults=both)["requests"] == 2

    def test_what_nothing_tells_apart(self, bench):
        template = bench.one("job_templates", "prompt")["id"]
        bench.site.world.insert("schedules", name="daily", unified_job_template=template, rrule="x")
        given = {"scope": "schedule", "name": "daily", "template": "prompt", "organization": "Web"}
        assert "rename one of them" in bench.refused(**given, environment="all")


class TestHidden:
    """What this user may not read is of another organization."""

    MINE: t.ClassVar[dict[str, str]] = {"controller_username": "netadmin"}

    def schedule(self, bench: Bench, **fields: t.Any) -> dict[str, t.Any]:
        template = bench.one("job_templates", "backup")
        template["ask_execution_environment_on_launch"] = True
        given = {"name": "weekly", "unified_job_template": template["id"], "rrule": "x"}
        bench.site.world.insert("schedules", **given, **fields)
        return {"scope": "schedule", "name": "weekly", **self.MINE}

    def test_environment(self, bench):
        place = self.schedule(bench, execution_environment=bench.one("execution_environments", "web")["id"])
        affected = bench.change(**place, environment="all")["affected"]
        assert [(one["before"]["name"], one["after"]["name"]) for one in affected] == [("web", "all")]

    def test_inventory(self, bench):
        place = self.schedule(bench, inventory=bench.one("inventories", "servers")["id"])
        affected = bench.change(**place, environment="net")["affected"]
        assert [(one["before"], one["after"]["name"]) for one in affected] == [(None, "net")]

    def test_the_setting(self, bench):
        """It is set, and decides; this user may not know what it says, and is told nothing else."""
        bench.run(scope="global", environment="web")
        result = bench.run(scope="organization", name="Network", environment="net", **self.MINE)
        assert [(one["before"], one["after"]["name"]) for one in result["affected"]] == [(None, "net")]
        assert "`affected` says null" in result["warned"][0]


def test_rights(bench):
    mine = {"controller_username": "netadmin"}
    result = bench.run(scope="organization", name="Network", environment="net", **mine)
    assert result["changed"]
    assert "may not see the setting" in result["warned"][0]
    assert "answered 403" in bench.run(scope="global", environment="all", **mine)["msg"]
    assert (
        "no execution environment" in bench.run(scope="organization", name="Network", environment="web", **mine)["msg"]
    )


def test_what_the_controller_did_not_keep(bench):
    bench.site.world.change_settings = lambda *args: None
    result = bench.run(scope="global", environment="all")
    assert "did not keep DEFAULT_EXECUTION_ENVIRONMENT of the global default" in result["msg"]


class TestLaptop:
    def walk(self, expected: str, file: t.Any, **given: t.Any) -> dict[str, t.Any]:
        """Set in check mode, for real, and again; return the real result."""
        before = file.read_text() if file.exists() else None
        predicted = run_module(ee_default.main, given, check=True)
        assert (file.read_text() if file.exists() else None) == before
        real = run_module(ee_default.main, given)
        assert not real["failed"], real["msg"]
        for key in ("changed", "diff", "before", "after", "affected", "requests"):
            assert predicted[key] == real[key]
        assert real["changed"]
        assert file.read_text() == expected == real["diff"]["after"]
        assert not run_module(ee_default.main, given)["changed"]
        return real

    def test_navigator(self, tmp_path):
        path = tmp_path / "ansible-navigator.yml"
        path.write_text("# mine\nansible-navigator:\n  mode: stdout  # plain\n")
        text = "# mine\nansible-navigator:\n  mode: stdout  # plain\n  execution-environment:\n    image: a/b:1\n"
        result = self.walk(text, path, target="navigator", path=str(tmp_path), environment="a/b:1")
        assert result["after"][0]["environment"] == {"id": None, "name": None, "image": "a/b:1"}
        assert result["after"][0]["name"] == str(path)
        text = "# mine\nansible-navigator:\n  mode: stdout  # plain\n  execution-environment:\n    {}\n"
        self.walk(text, path, target="navigator", path=str(path), environment="")

    def test_navigator_at_home(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        text = "ansible-navigator:\n  execution-environment:\n    image: a/b:1\n"
        self.walk(text, tmp_path / ".ansible-navigator.yml", target="navigator", environment="a/b:1")

    def test_a_symbolic_link_stays_one(self, tmp_path):
        real = tmp_path / "dotfiles" / "navigator.yml"
        real.parent.mkdir()
        real.write_text("# mine\n")
        link = tmp_path / "ansible-navigator.yml"
        link.symlink_to(real)
        text = "# mine\nansible-navigator:\n  execution-environment:\n    image: a/b:1\n"
        self.walk(text, link, target="navigator", path=str(tmp_path), environment="a/b:1")
        assert link.is_symlink()
        assert real.read_text() == text

    def test_navigator_in_json(self, tmp_path):
        path = tmp_path / "ansible-navigator.json"
        path.write_text('{"ansible-navigator": {"execution-environment": {"enabled": true}}}')
        text = '{"ansible-navigator": {"execution-environment": {"enabled": true, "image": "a/b:1"}}}'
        self.walk(text, path, target="navigator", path=str(tmp_path), environment="a/b:1")

    def test_navigator_that_is_switched_off(self, tmp_path):
        path = tmp_path / "ansible-navigator.yml"
        path.write_text("ansible-navigator:\n  execution-environment:\n    enabled: false\n")
        result = run_module(ee_default.main, {"target": "navigator", "path": str(path), "environment": "a/b:1"})
        assert "does not use the image" in result["warned"][0]

    def test_runner(self, tmp_path):
        path = tmp_path / "env" / "settings"
        text = "container_image: hub.example.com/a:1\nprocess_isolation: true\n"
        self.walk(text, path, target="runner", path=str(tmp_path), environment="hub.example.com/a:1")
        path.write_text("# long\nidle_timeout: 600\n" + text)
        self.walk("# long\nidle_timeout: 600\n", path, target="runner", path=str(tmp_path), environment="")

    def test_runner_in_json(self, tmp_path):
        path = tmp_path / "env" / "settings"
        path.parent.mkdir()
        path.write_text('{"idle_timeout": 600}')
        run_module(ee_default.main, {"target": "runner", "path": str(tmp_path), "environment": "a/b:1"})
        assert json.loads(path.read_text()) == {
            "idle_timeout": 600,
            "container_image": "a/b:1",
            "process_isolation": True,
        }

    def test_runner_that_isolates_otherwise(self, tmp_path):
        (tmp_path / "env").mkdir()
        (tmp_path / "env" / "settings").write_text("process_isolation_executable: bwrap\n")
        result = run_module(ee_default.main, {"target": "runner", "path": str(tmp_path), "environment": "a/b:1"})
        assert "no container engine" in result["warned"][0]

    def test_clearing_where_there_is_no_file(self, tmp_path):
        result = run_module(ee_default.main, {"target": "runner", "path": str(tmp_path), "environment": ""})
        assert not result["changed"]
        assert not (tmp_path / "env").exists()

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"target": "navigator", "environment": "https://a/b"}, "starts with a scheme"),
            ({"target": "navigator", "environment": "a/b:1", "scope": "global"}, "`scope` is for a controller"),
            ({"target": "runner", "environment": "a/b:1", "path": "/nonexistent"}, "There is no folder /nonexistent"),
        ],
    )
    def test_refused(self, given, words):
        assert words in run_module(ee_default.main, given)["msg"]

    def test_two_files(self, tmp_path):
        for suffix in ("yml", "json"):
            (tmp_path / f"ansible-navigator.{suffix}").write_text("{}")
        given = {"target": "navigator", "path": str(tmp_path), "environment": "a/b:1"}
        assert "one settings file in a folder" in run_module(ee_default.main, given)["msg"]

    @pytest.mark.parametrize("content", [b"\xff\xfe", b"- a\n", b"a: [\n"])
    def test_file_that_is_none(self, tmp_path, content):
        path = tmp_path / "ansible-navigator.yml"
        path.write_bytes(content)
        result = run_module(ee_default.main, {"target": "navigator", "path": str(path), "environment": "a/b:1"})
        assert result["failed"]
        assert str(path) in result["msg"]
        assert path.read_bytes() == content
