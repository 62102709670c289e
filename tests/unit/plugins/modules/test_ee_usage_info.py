# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
import yaml

from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.modules import ee_usage_info
from ansible_collections.foundry.ee.tests.unit.services.stand_in import controller, options

FACTS = {
    "controller_execution_environments": [
        {"name": "a", "image": "hub.example.com/a:1"},
        {"name": "b", "image": "hub.example.com/b:1"},
    ],
    "controller_templates": [{"name": "t"}],
}


def look(**params):
    return ee_usage_info.look({**dict.fromkeys(ee_usage_info.ARGUMENTS), **params})


def test_facts_from_variables_need_no_server():
    found = look(variables=FACTS, global_job_images=[{"name": "A", "image": "hub.example.com/a:1"}])
    assert [(one["kind"], one["environment"], one["level"]) for one in found["usage"]] == [
        ("job_template", "a", "global_job_images")
    ]
    assert found["requests"] == 0
    assert "affected" not in found


def test_what_if():
    change = {"scope": "execution_environment", "name": "b", "state": "absent"}
    found = look(variables=FACTS, what_if=[change])
    assert [(one["before"]["name"], one["after"]["name"]) for one in found["affected"]] == [("b", "a")]


def test_without_facts():
    with pytest.raises(Invalid, match="Give `controller_host`"):
        look()


def test_every_return_value_is_documented():
    documented = yaml.safe_load(ee_usage_info.RETURN)
    found = look(variables=FACTS, explain=True, what_if=[])
    assert set(found) == set(documented)
    assert set(found["usage"][0]) == set(documented["usage"]["contains"])
    assert set(found["environments"][0]) == set(documented["environments"]["contains"])


def test_a_controller_is_asked_about_schedules_only_where_nothing_else_uses_an_environment():
    with controller() as (host, site):
        number = next(key for key, one in site.world.records["execution_environments"].items() if one["name"] == "net")
        found = look(**options(host))
        assert "net" in found["unused"]
        assert found["requests"] == len(site.asked) == 7 + 1 + 2
        next(iter(site.world.records["schedules"].values()))["execution_environment"] = number
        assert "net" not in look(**options(host))["unused"]
        for one in list(site.world.records["execution_environments"].values()):
            if one["name"] not in ("web", "all", "Control Plane Execution Environment"):
                site.world.remove("execution_environments", one["id"])
        site.asked.clear()
        assert look(**options(host))["unused"] == []
        assert len(site.asked) == 7 + 1
