# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._controller import open_controller
from ansible_collections.foundry.ee.plugins.module_utils._core import effective, usage
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied, NotFound
from ansible_collections.foundry.ee.plugins.module_utils._core.estate import LISTINGS
from ansible_collections.foundry.ee.plugins.module_utils._facts import (
    PARTS,
    RESTRICTED,
    SURVEY,
    read_estate,
    read_everything,
    read_starts,
)
from ansible_collections.foundry.ee.tests.services.controller_stand_in.kinds import forbidden
from ansible_collections.foundry.ee.tests.unit.services.stand_in import controller, options

RECORDS = {
    "environments": [{"id": 1, "name": "ee", "image": "hub.example.com/ee:1", "created": "2026-01-01T00:00:00Z"}],
    "organizations": [{"id": 1, "name": "with", "default_environment": 1}, {"id": 2, "name": "without"}],
    "templates": [
        {"id": 1, "name": "decided", "organization": 1},
        {"id": 2, "name": "undecided", "organization": 2},
    ],
    "system_jobs": [{"id": 1, "name": "cleanup"}],
}


class Ordinary:
    """A controller as one sees it who is neither superuser nor auditor."""

    def listings(self, paths, optional=()):
        if "system_jobs" in set(paths) - set(optional):
            raise Denied("Superuser privileges needed.")
        return {part: [] if part == "system_jobs" else RECORDS.get(part, []) for part in paths}

    def setting(self, name):
        raise Denied(f"{name} is not for you.")


def job(estate, name):
    return effective.resolve(estate, effective.Asked("job", estate.find_template(name)))


def test_who_may_not_read_the_setting_learns_so_where_it_decides():
    estate = read_estate(Ordinary(), PARTS["job"])  # type: ignore[arg-type]
    assert job(estate, "decided").level == "organization"
    with pytest.raises(NotFound, match="no setting `DEFAULT_EXECUTION_ENVIRONMENT` in what this user may read"):
        job(estate, "undecided")


def test_a_survey_leaves_out_what_may_not_be_listed():
    found = usage.survey(read_estate(Ordinary(), SURVEY, optional=RESTRICTED))  # type: ignore[arg-type]
    assert [(one["kind"], one["name"], one["environment"]) for one in found["usage"]] == [
        ("job_template", "decided", "ee"),
        ("job_template", "undecided", None),
        ("organization", "with", "ee"),
        ("organization", "without", None),
    ]
    assert found["dangling"] == []


def test_a_listing_that_is_asked_for_and_refused_is_an_error():
    with pytest.raises(Denied):
        read_estate(Ordinary(), PARTS["system_job"])  # type: ignore[arg-type]


def test_every_kind_knows_its_parts():
    assert set(PARTS) == set(effective.KINDS)
    assert set().union(*PARTS.values()) == set(LISTINGS)


def test_listings_that_are_refused_are_not_a_reason_to_read_the_others_again(monkeypatch):
    """Only superusers and auditors may list system jobs; that was not recorded."""
    with controller() as (host, site):
        really = site._list

        def refuse(method, path, kind, *args):
            if kind == "system_job_templates":
                raise forbidden()
            return really(method, path, kind, *args)

        monkeypatch.setattr(site, "_list", refuse)
        client = open_controller(options(host), read_only=True)
        found = read_everything(client)
        assert (found["system_jobs"], len(found["templates"])) == ([], 3)
        assert client.requests == len(LISTINGS)
        with pytest.raises(Denied):
            read_estate(client, PARTS["system_job"])


def test_schedules_and_nodes_that_bring_an_environment_along():
    with controller() as (host, site):
        ids = {one["name"]: number for number, one in site.world.records["execution_environments"].items()}
        next(iter(site.world.records["schedules"].values()))["execution_environment"] = ids["net"]
        next(iter(site.world.records["workflow_job_template_nodes"].values()))["execution_environment"] = ids["web"]
        client = open_controller(options(host), read_only=True)
        assert read_starts(client, [ids["net"], ids["web"], ids["all"]]) == {
            ids["net"]: [("schedule", "daily")],
            ids["web"]: [("workflow_node", "first")],
        }
        assert client.requests == 2
        assert read_starts(client, []) == {}
        assert client.requests == 2
