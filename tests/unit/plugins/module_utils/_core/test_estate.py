# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import datetime

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import estate
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid, NotFound

EE = {"name": "ee", "image": "hub.example.com/ee:1"}


def facts(**variables):
    return estate.from_variables(variables)


def error(ref):
    """Return what a reference that leads nowhere says where it decides."""
    assert isinstance(ref, estate.Unknown)
    return str(ref.error())


@pytest.mark.parametrize(
    "settings",
    [
        {"DEFAULT_EXECUTION_ENVIRONMENT": "ee"},
        {"settings": {"DEFAULT_EXECUTION_ENVIRONMENT": "ee"}},
        [{"settings": {"OTHER": 1}}, {"settings": {"DEFAULT_EXECUTION_ENVIRONMENT": "ee"}}],
        [{"name": "OTHER", "value": 1}, {"name": "DEFAULT_EXECUTION_ENVIRONMENT", "value": "ee"}],
        {"DEFAULT_EXECUTION_ENVIRONMENT": "hub.example.com/ee:1"},
    ],
)
def test_settings_come_in_many_shapes(settings):
    found = facts(controller_execution_environments=[EE], controller_settings=settings)
    assert found.settings.default_environment == 1


def test_a_default_may_be_an_id_where_the_entries_tell_theirs():
    setting = {"DEFAULT_EXECUTION_ENVIRONMENT": 8}
    found = facts(controller_execution_environments=[{**EE, "id": 8}], controller_settings=setting)
    assert found.settings.default_environment == 1


@pytest.mark.parametrize(("entry", "fatal"), [({**EE, "id": 7}, False), (EE, True)])
def test_an_id_that_nobody_has_is_passed_over_only_if_ids_are_known(entry, fatal):
    setting = {"DEFAULT_EXECUTION_ENVIRONMENT": "8"}
    default = facts(controller_execution_environments=[entry], controller_settings=setting).settings.default_environment
    assert isinstance(default, estate.Unknown)
    assert default.fatal is fatal


@pytest.mark.parametrize(
    "images", [["a:1", "b:1"], [{"name": "A", "image": "a:1"}, {"name": "B", "image": "b:1"}, {"name": "C"}]]
)
def test_the_images_of_the_settings_file(images):
    found = facts(controller_settings={"GLOBAL_JOB_EXECUTION_ENVIRONMENTS": images})
    assert found.settings.global_job_images == {"a:1", "b:1"}


def test_images_given_apart_win_over_the_settings():
    variables = {"controller_settings": {"GLOBAL_JOB_EXECUTION_ENVIRONMENTS": ["a:1"]}}
    assert estate.from_variables(variables, global_job_images=["c:1"]).settings.global_job_images == {"c:1"}


def test_the_organization_of_a_template_is_its_project_s():
    found = facts(
        controller_organizations=[{"name": "One"}, {"name": "Two"}],
        controller_projects=[{"name": "p", "organization": "One"}, {"name": "p", "organization": "Two"}],
        controller_templates=[
            {"name": "by organization", "project": "p", "organization": "Two"},
            {"name": "by address", "project": "p++One"},
            {"name": "ambiguous", "project": "p"},
            {"name": "none", "organization": "Two"},
        ],
    )
    assert found.organization_name(found.templates[1].organization) == "Two"
    assert found.organization_name(found.templates[2].organization) == "One"
    assert error(found.templates[3].project) == (
        "2 projects in the variables are called `p`. Say which: `p++One`, `p++Two`."
    )
    assert found.organization_name(found.templates[4].organization) == "Two"


def test_names_are_told_apart_by_case_and_the_nearest_is_named():
    found = facts(controller_organizations=[{"name": "Network"}, {"name": "Storage"}])
    assert error(found.find_organization("network")) == (
        "There is no organization `network` in the variables. Did you mean `Network`?"
    )
    assert error(found.find_organization("zzz")) == "There is no organization `zzz` in the variables."


def test_plural_of_inventory():
    found = facts(controller_inventories=[{"name": "i", "organization": None}, {"name": "i"}])
    assert "2 inventories in the variables are called `i`" in error(found.find_inventory("i"))


def test_entries_that_are_to_be_absent_are_not_there():
    found = facts(controller_execution_environments=[{**EE, "state": "absent"}, {**EE, "name": "two"}])
    assert list(found.environments.names) == ["two"]


def test_only_what_is_looked_at_is_rendered():
    seen = []

    def render(value):
        seen.append(value)
        return {"{{ ee }}": "ee", "{{ t }}": {"name": "t2", "execution_environment": "ee"}}.get(value, value)

    variables = {
        "controller_execution_environments": [EE],
        "controller_templates": [{"name": "t1", "execution_environment": "{{ undefined }}"}, "{{ t }}"],
    }
    found = estate.from_variables(variables, render=render)
    assert found.templates[estate.known(found.find_template("t2"))].environment == 1
    assert "{{ undefined }}" not in seen


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"controller_templates": {"name": "t"}}, "`controller_templates` is a dict. Expected a list of mappings."),
        ({"controller_projects": "text"}, "`controller_projects` is a str."),
        ({"controller_projects": [{"name": "a"}, {"nam": "b"}]}, r"`controller_projects\[1\]` has no `name`."),
        ({"controller_settings": ["x"]}, "`controller_settings` has an entry that is no mapping."),
        ({"controller_settings": {"GLOBAL_JOB_EXECUTION_ENVIRONMENTS": "a:1"}}, "global job images is a str"),
    ],
)
def test_what_is_no_such_shape_is_refused(variables, message):
    with pytest.raises(Invalid, match=message):
        estate.from_variables(variables)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-20T08:42:49.135139Z", datetime.datetime(2026, 11, 20, 8, 42, 49, 135139)),
        ("2026-11-20T09:42:49+01:00", datetime.datetime(2026, 11, 20, 8, 42, 49)),
        (datetime.date(2026, 11, 20), datetime.datetime(2026, 11, 20)),
        (datetime.datetime(2026, 11, 20, 8), datetime.datetime(2026, 11, 20, 8)),
    ],
)
def test_times(written, read):
    assert estate.read_time(written, "x") == read.replace(tzinfo=datetime.timezone.utc)


def test_no_time():
    with pytest.raises(Invalid, match="`created` of x is `yesterday`: no time"):
        estate.read_time("yesterday", "x")


def test_an_environment_that_may_not_be_listed_is_known_from_those_who_use_it():
    secret = {"id": 9, "name": "secret", "image": "hub.example.com/secret:1"}
    template = {
        "id": 1,
        "name": "t",
        "execution_environment": 9,
        "summary_fields": {"execution_environment": secret},
    }
    found = estate.from_listings({"templates": [template]})
    assert found.environments[9].image == "hub.example.com/secret:1"


def test_an_organization_that_may_not_be_listed_is_unknown_where_it_decides():
    found = estate.from_listings({"templates": [{"id": 1, "name": "t", "organization": 5}]})
    assert error(found.templates[1].organization) == "There is no organization `5` in the controller."


def test_a_source_keeps_its_organization_where_the_inventory_moved():
    organizations = [{"id": 1, "name": "old"}, {"id": 2, "name": "new"}]
    inventory = {"id": 3, "name": "i", "organization": 2, "kind": ""}
    sources = [
        {"id": 4, "name": "moved", "inventory": 3, "summary_fields": {"organization": {"id": 1}}},
        {"id": 5, "name": "stayed", "inventory": 3, "summary_fields": {"organization": {"id": 2}}},
    ]
    found = estate.from_listings({"organizations": organizations, "inventories": [inventory], "sources": sources})
    assert (found.sources[4].organization, found.sources[5].organization) == (1, None)


def test_known_raises_for_what_is_not():
    with pytest.raises(NotFound):
        estate.known(estate.Unknown("project", "p", "here"))
    with pytest.raises(AssertionError):
        estate.known(None)


def test_a_table_with_a_record_more_and_one_less():
    table = facts(controller_organizations=[{"name": "a"}, {"name": "b"}]).organizations
    grown = table.put({7: estate.Organization("c")})
    assert (len(grown), list(grown), grown.names["c"]) == (3, [1, 2, 7], [7])
    shrunk = grown.drop(1)
    assert ([one.name for one in shrunk.values()], list(shrunk.names)) == (["b", "c"], ["b", "c"])
    with pytest.raises(KeyError):
        shrunk[1]
    assert len(table) == 2


TWICE = {
    "controller_organizations": [{"name": "Net"}, {"name": "Web"}],
    "controller_inventories": [{"name": "i", "organization": "Net"}, {"name": "i", "organization": "Web"}],
    "controller_projects": [{"name": "p", "organization": "Net"}, {"name": "p", "organization": "Web"}],
}


def test_a_mapping_tells_the_organization_of_what_it_names():
    """As exports write it. The template's own organization is not that of its inventory."""
    there = {"name": "i", "organization": {"name": "Net", "type": "organization"}, "type": "inventory"}
    found = facts(
        **TWICE,
        controller_templates=[
            {"name": "t", "organization": "Web", "inventory": there, "project": {"name": "p", "organization": "Net"}},
            {"name": "u", "organization": "Web", "inventory": "i", "project": "p"},
            {"name": "v", "inventory": {"name": "i", "organization": "Nett"}},
        ],
    )
    assert (found.templates[1].inventory, found.templates[1].project) == (1, 1)
    assert (found.templates[2].inventory, found.templates[2].project) == (2, 2)
    assert error(found.templates[3].inventory) == (
        "There is no inventory `i` of `Nett` in the variables. Did you mean `Net`?"
    )


def test_an_organization_that_was_asked_for_is_not_ignored():
    found = facts(**TWICE, controller_templates=[{"name": "t", "project": "p++Web"}])
    assert found.find_template("t", "Web") == 1
    assert error(found.find_template("t", "Net")) == (
        "There is no job template `t` of `Net` in the variables. There is one of `Web`."
    )
    assert "Did you mean `Web`?" in error(found.find_template("t", "Wbe"))
    assert "There is one of `Web`." in error(found.find_template("t++Net"))


def test_sources_of_inventories_of_one_name():
    sources = [
        {"name": "cloud", "inventory": {"name": "i", "organization": "Net"}},
        {"name": "cloud", "inventory": {"name": "i", "organization": "Web"}},
        {"name": "a++b", "inventory": {"name": "i", "organization": "Web"}},
    ]
    found = facts(**TWICE, controller_inventory_sources=sources)
    assert "`cloud++i++Net`, `cloud++i++Web`" in error(found.find_source("cloud"))
    assert "`cloud++i++Net`, `cloud++i++Web`" in error(found.find_source("cloud++i"))
    assert found.find_source("cloud++i++Web") == found.find_source("cloud", "i", "Web") == 2
    assert found.find_source("cloud", None, "Net") == 1
    assert found.find_source("a++b") == found.find_source("a++b++i") == 3
    assert error(found.find_source("cloud", "i", "Wbe")).endswith("Did you mean `Web`?")
    assert error(found.find_source("cloud", "j")).endswith("There is one of `i++Net`, `i++Web`.")


def test_by_image_one_that_is_managed_is_not_meant_while_there_is_another():
    """As ee_default has it."""
    managed = {"name": "control", "image": EE["image"], "managed": True}
    assert facts(controller_execution_environments=[EE, managed]).find_environment(EE["image"]) == 1
    assert facts(controller_execution_environments=[managed]).find_environment(EE["image"]) == 1
