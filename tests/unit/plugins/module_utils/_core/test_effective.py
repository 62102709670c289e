# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import effective, estate
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid, NotFound
from ansible_collections.foundry.ee.tests.unit.agreement import Agreement
from ansible_collections.foundry.ee.tests.unit.batches import batches, check_each

FIXTURE = pathlib.Path(__file__).parents[4] / "fixtures" / "precedence" / "vectors.json"
VECTORS = json.loads(pathlib.Path(os.environ.get("FOUNDRY_EE_VECTORS") or FIXTURE).read_text())
AGREEMENT = Agreement("precedence vectors")
FROM_VARIABLES = Agreement("precedence vectors told in variables")

# The vectors' words for what runs → our kind. What a node or a slice runs is a job like any other.
KINDS = {
    "job": "job",
    "job_template": "job_template",
    "job_prompted_ee": "job",
    "job_prompted_inventory": "job",
    "job_relaunch": "job",
    "job_slice_node": "job",
    "workflow_node_job": "job",
    "workflow_node_inventory_update": "inventory_update",
    "workflow_node_project_update": "project_update",
    "ad_hoc_command": "ad_hoc_command",
    "inventory_source": "inventory_source",
    "inventory_source_constructed": "inventory_source",
    "inventory_update": "inventory_update",
    "inventory_update_scm": "inventory_update",
    "inventory_update_moved": "inventory_update",
    "inventory_update_constructed": "inventory_update",
    "project": "project",
    "project_update": "project_update",
    "system_job": "system_job",
    "system_job_template": "system_job",
    "workflow_job": "workflow_job",
    "workflow_job_template": "workflow_job_template",
}
LEVELS = {
    "launch": "0_launch",
    "template": "1_template",
    "project": "2_project",
    "organization": "3_job_org",
    "inventory_organization": "4_inventory_org",
    "default": "5_default_setting",
    "global_job_images": "6_global_job_images",
    "newest_global": "7_newest_global",
    "control_plane": "control_plane",
}


class Listings:
    """The API's listings of a controller that is set up as a vector says."""

    def __init__(self, vector):
        self.kind = vector["kind"]
        self.config = vector["config"]
        self.rows: dict[str, list[dict[str, object]]] = {part: [] for part in estate.LISTINGS}
        self.environments = {}
        self.organizations = {}
        for one in self.config["execution_environments"]:
            organization = self.organization(one["organization"])
            self.environments[one["name"]] = self.add("environments", {**one, "organization": organization})
        for which in ("job_org", "inventory_org", "prompted_inventory_org", "workflow_org"):
            if self.config.get(which) is not None:
                row = self.rows["organizations"][self.organization(self.config[which]) - 1]
                row["default_environment"] = self.environment(self.config[f"{which}_default"])

    def add(self, part, row):
        number = len(self.rows[part]) + 1
        self.rows[part].append({"id": number, "name": f"{part} {number}", **row})
        return number

    def organization(self, name):
        if name is None:
            return None
        if name not in self.organizations:
            self.organizations[name] = self.add("organizations", {"name": name, "default_environment": None})
        return self.organizations[name]

    def environment(self, name):
        return None if name is None else self.environments[name]

    def inventory(self, which):
        kind = "constructed" if self.kind.endswith("constructed") else ""
        return self.add("inventories", {"organization": self.organization(self.config[which]), "kind": kind})

    def asked(self):
        config, kind = self.config, KINDS[self.kind]
        template = config["template_ee"]
        if self.kind == "job_relaunch":
            template = config["template_ee_at_relaunch"]
        common = {
            "execution_environment": self.environment(template),
            "organization": self.organization(config["job_org"]),
        }
        project = {"organization": common["organization"], "default_environment": None}
        project["default_environment"] = self.environment(config["project_default"])
        launch = self.environment(config["launch_ee"])
        if kind in ("job", "job_template"):
            row = {
                **common,
                "project": self.add("projects", project) if config.get("project_present", True) else None,
                "inventory": self.inventory("inventory_org") if config.get("inventory_present", True) else None,
                "ask_execution_environment_on_launch": config.get("ask_execution_environment_on_launch", False),
                "ask_inventory_on_launch": self.kind == "job_prompted_inventory",
            }
            prompted = self.inventory("prompted_inventory_org") if self.kind == "job_prompted_inventory" else None
            return effective.Asked(kind, self.add("templates", row), launch=launch, inventory=prompted)
        if kind == "ad_hoc_command":
            return effective.Asked(kind, self.inventory("inventory_org"), launch=launch)
        if kind in ("inventory_update", "inventory_source"):
            own = "job_org" if self.kind == "inventory_update_moved" else "inventory_org"
            summary = {"organization": {"id": self.organization(config[own])}}
            row = {**common, "inventory": self.inventory("inventory_org"), "summary_fields": summary}
            return effective.Asked(kind, self.add("sources", row))
        if kind in ("project", "project_update"):
            return effective.Asked(kind, self.add("projects", {**common, **project}))
        if kind == "system_job":
            return effective.Asked(kind, self.add("system_jobs", common))
        inventory = self.inventory("inventory_org") if config["workflow_inventory"] else None
        return effective.Asked(kind, self.add("workflows", {**common, "inventory": inventory}))

    def question(self):
        asked = self.asked()
        dangling = self.config.get("default_setting_dangling_id")
        facts = estate.from_listings(
            self.rows,
            default_environment=dangling or self.environment(self.config["default_setting"]),
            global_job_images=self.config["global_job_images"],
        )
        return facts, asked


def decided_by(vector):
    """A source's own organization is no level apart where it is that of its inventory."""
    config = vector["config"]
    if vector["kind"] == "inventory_update_moved" and config["job_org"] == config["inventory_org"]:
        return vector["decided_by"].replace("3_job_org", "4_inventory_org")
    return vector["decided_by"]


def name(vector):
    return f"{vector['kind']} {vector['id']}"


@batches(VECTORS, name)
def test_the_answer_of_a_real_controller(batch):
    check_each(batch, name, compare_answers)


def compare_answers(vector):
    AGREEMENT.check(name(vector), answer_of(*Listings(vector).question()), theirs(vector))


def theirs(vector):
    return vector["expected"], decided_by(vector), vector["error"] is not None


def answer_of(facts, asked):
    try:
        answer = effective.resolve(facts, asked)
    except NotFound:
        return None, "error", True
    chosen = answer.environment and {"image": answer.environment.image, "name": answer.environment.name}
    none = "workflow" if answer.kind == "workflow_job_template" else "none"
    return chosen, none if answer.level is None else LEVELS[answer.level], False


def in_variables(vector):
    """Whether the configuration-as-code shape can tell a case: it has no ids, no moved sources, no system jobs."""
    kind = KINDS.get(vector["kind"], "workflow")
    dangles = "default_setting_dangling_id" in vector["config"]
    own = kind in ("project", "system_job") or kind.startswith("workflow") or vector["kind"] == "inventory_update_moved"
    return not dangles and not own


def as_variables(vector):
    """Return the variables that tell a case, and the question: kind, name, what is given at launch."""
    config, kind = vector["config"], KINDS[vector["kind"]]
    organizations = {
        config[which]: config[f"{which}_default"] for which in ("job_org", "inventory_org") if config[which]
    }
    for one in config["execution_environments"]:
        organizations.setdefault(one["organization"], None)
    if config.get("prompted_inventory_org"):
        organizations[config["prompted_inventory_org"]] = config["prompted_inventory_org_default"]
    relaunched = vector["kind"] == "job_relaunch"
    own = config["template_ee_at_relaunch"] if relaunched else config["template_ee"]
    common = {"name": "it", "execution_environment": own, "organization": config["job_org"]}
    inventory = {"name": "inventory", "organization": config["inventory_org"]}
    if vector["kind"].endswith("constructed"):
        inventory["kind"] = "constructed"
    template = {**common, "project": "it", "inventory": "inventory", "ask_inventory_on_launch": True}
    template["ask_execution_environment_on_launch"] = config.get("ask_execution_environment_on_launch", False)
    if not config.get("project_present", True):
        del template["project"]
    if not config.get("inventory_present", True):
        del template["inventory"]
    return {
        "controller_execution_environments": config["execution_environments"],
        "controller_organizations": [
            {"name": name, "default_environment": default} for name, default in organizations.items() if name
        ],
        "controller_projects": [
            {"name": "it", "organization": config["job_org"], "default_environment": config["project_default"]}
        ],
        "controller_inventories": [
            inventory,
            {"name": "prompted", "organization": config["prompted_inventory_org"]},
        ],
        "controller_inventory_sources": [{**common, "inventory": "inventory", "organization": None}],
        "controller_templates": [template] if kind in ("job", "job_template") else [],
        "controller_settings": {"settings": {"DEFAULT_EXECUTION_ENVIRONMENT": config["default_setting"]}},
    }


def asked_in_variables(facts, vector):
    kind = KINDS[vector["kind"]]
    find = {
        "job": lambda: facts.find_template("it"),
        "job_template": lambda: facts.find_template("it"),
        "ad_hoc_command": lambda: facts.find_inventory("inventory"),
        "project_update": lambda: facts.find_project("it"),
    }.get(kind, lambda: facts.find_source("it"))
    launch = vector["config"]["launch_ee"]
    prompted = facts.find_inventory("prompted") if vector["kind"] == "job_prompted_inventory" else None
    return effective.Asked(
        kind, find(), launch=None if launch is None else facts.find_environment(launch), inventory=prompted
    )


@batches([one for one in VECTORS if in_variables(one)], name)
def test_the_same_from_variables(batch):
    check_each(batch, name, compare_answers_from_variables)


def compare_answers_from_variables(vector):
    images = vector["config"]["global_job_images"]
    facts = estate.from_variables(as_variables(vector), global_job_images=images)
    FROM_VARIABLES.check(name(vector), answer_of(facts, asked_in_variables(facts, vector)), theirs(vector))


SHOP = {
    "controller_execution_environments": [
        {"name": "old", "image": "hub.example.com/ee/old:1"},
        {"name": "net", "image": "hub.example.com/ee/net:1", "organization": "Network", "pull": "always"},
        {"name": "new", "image": "hub.example.com/ee/new:1", "credential": "hub"},
    ],
    "controller_organizations": [{"name": "Network", "default_environment": "net"}, {"name": "Base"}],
    "controller_projects": [
        {"name": "switches", "organization": "Network"},
        {"name": "base", "organization": "Base"},
    ],
    "controller_inventories": [
        {"name": "plant", "organization": "Network"},
        {"name": "all", "organization": "Base", "kind": "constructed"},
    ],
    "controller_inventory_sources": [{"name": "cloud", "inventory": "all"}],
    "controller_templates": [
        {"name": "patch", "project": "base", "inventory": "plant"},
        {"name": "backup", "project": "switches", "execution_environment": "old"},
        {"name": "lost", "project": "swiches"},
    ],
    "controller_workflows": [{"name": "flow", "organization": "Network"}],
}


def shop(**changes):
    return estate.from_variables({**SHOP, **changes})


def job(facts, name, **given):
    return effective.resolve(facts, effective.Asked("job", facts.find_template(name), **given))


def test_every_level_before_the_winner_says_why_it_did_not_decide():
    answer = job(shop(), "patch")
    assert answer.as_result() == {
        "kind": "job",
        "target": "patch",
        "name": "net",
        "image": "hub.example.com/ee/net:1",
        "pull": "always",
        "credential": None,
        "level": "inventory_organization",
        "because": "default of the inventory's organization `Network`",
        "skipped": [
            {"level": "launch", "why": "nothing was given at launch"},
            {"level": "template", "why": "`patch` has no environment set"},
            {"level": "project", "why": "project `base` has no default environment"},
            {"level": "organization", "why": "organization `Base` has no default environment"},
        ],
        "warnings": [],
    }


def test_levels_that_a_kind_does_not_know_are_named():
    facts = shop()
    answer = effective.resolve(facts, effective.Asked("ad_hoc_command", facts.find_inventory("plant")))
    assert [(one.level, one.why) for one in answer.skipped] == [
        ("launch", "nothing was given at launch"),
        ("template", "does not count for an ad hoc command"),
        ("project", "does not count for an ad hoc command"),
        ("organization", "does not count for an ad hoc command"),
    ]


def test_what_is_given_at_launch_counts_only_where_the_template_asks():
    facts = shop()
    answer = job(facts, "backup", launch=facts.find_environment("new"), inventory=facts.find_inventory("plant"))
    assert answer.environment is not None
    assert answer.environment.name == "old"
    assert [one for one in answer.warnings if "ask_execution_environment_on_launch" in one]
    assert [one for one in answer.warnings if "ask_inventory_on_launch" in one]


def test_several_candidates_are_told_and_the_last_listed_is_the_newest():
    facts = shop(controller_organizations=[{"name": "Network"}, {"name": "Base"}])
    answer = job(facts, "patch")
    assert (answer.level, answer.environment and answer.environment.name) == ("newest_global", "new")
    assert answer.warnings == (
        "2 environments are global (`new`, `old`): the newest wins (as listed: the last is taken for the newest), "
        "`new`.",
    )


def test_created_outdoes_the_order_of_the_list():
    environments = [
        {"name": "a", "image": "a:1", "created": "2026-11-20T08:42:49.135139Z"},
        {"name": "b", "image": "b:1", "created": "2026-11-20T08:42:49Z"},
    ]
    facts = estate.from_variables({"controller_execution_environments": environments})
    answer = effective.resolve(facts, effective.Asked("job"))
    assert answer.environment is not None
    assert answer.environment.name == "a"


def test_a_project_that_is_nowhere_names_the_nearest():
    with pytest.raises(NotFound, match=r"no project `swiches` in the variables\. Did you mean `switches`\?"):
        job(shop(), "lost")


def test_nobody_gets_an_environment():
    facts = estate.from_variables({})
    answer = effective.resolve(facts, effective.Asked("job"))
    assert (answer.environment, answer.level) == (None, None)
    assert [one.level for one in answer.skipped][-3:] == ["default", "global_job_images", "newest_global"]


def test_an_update_of_a_constructed_inventory_needs_the_control_plane():
    facts = shop()
    with pytest.raises(NotFound, match="managed"):
        effective.resolve(facts, effective.Asked("inventory_update", facts.find_source("cloud")))


def test_unknown_kinds_are_refused():
    with pytest.raises(Invalid, match="`jobs` is no kind of job"):
        effective.resolve(shop(), effective.Asked("jobs"))


def test_who_is_affected_by_another_default():
    before = shop()
    network = before.find_organization("Network")
    after = before.with_setting("organization", network, before.find_environment("new"))
    assert effective.affected(before, after) == [
        {
            "kind": "job",
            "name": "patch",
            "before": {"name": "net", "image": "hub.example.com/ee/net:1", "level": "inventory_organization"},
            "after": {"name": "new", "image": "hub.example.com/ee/new:1", "level": "inventory_organization"},
        }
    ]
    assert effective.affected(before, before) == []


def test_what_cannot_be_resolved_is_affected_by_nothing():
    templates = [{"name": "t", "project": "p"}, {"name": "u", "project": "none"}]
    before = shop(controller_projects=[{"name": "p"}, {"name": "p"}], controller_templates=templates)
    after = before.with_setting("global", None, before.find_environment("old"))
    assert [one["name"] for one in effective.affected(before, after)] == []


def test_who_is_affected_by_a_deletion():
    before = shop()
    old = before.find_environment("old")
    assert before.settings_of(old) == [("job_template", before.find_template("backup"))]
    changes = effective.affected(before, before.without_environment(old))
    assert [(one["name"], one["before"]["name"], one["after"]["name"]) for one in changes] == [("backup", "old", "net")]


def test_what_a_job_of_an_organization_gets():
    facts = shop()
    answers = [effective.organization_default(facts, key) for key in facts.organizations]
    assert [(one.target, one.environment and one.environment.name, one.level) for one in answers] == [
        ("Network", "net", "organization"),
        ("Base", "new", "newest_global"),
    ]
    assert [one.level for one in answers[1].skipped] == ["organization", "default", "global_job_images"]
