# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import definition, venv, venv_plan
from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import bindep


def environment(path, text, python="3.8", **used_by):
    users = {kind: used_by.get(kind, []) for kind in venv.KINDS_OF_USERS}
    return venv.Environment(path, venv.parse_freeze(text), "saved", python, users)


def only(*environments, **wishes):
    (proposal,), refused = venv_plan.propose(environments, venv_plan.Wishes(**wishes))
    assert refused == ()
    return proposal


def refusal(found):
    proposals, (refused,) = venv_plan.propose([found], venv_plan.Wishes())
    assert proposals == ()
    return refused.reason


def test_pins_are_kept_and_the_definition_is_good():
    proposal = only(environment("/venv/net", "netaddr==0.9.0\nrequests==2.31.0\n"), base_image="reg.example.com/base:1")
    assert proposal.definition == {
        "version": 3,
        "images": {"base_image": {"name": "reg.example.com/base:1"}},
        "dependencies": {
            "ansible_core": {"package_pip": "ansible-core"},
            "ansible_runner": {"package_pip": "ansible-runner"},
            "python": ["netaddr==0.9.0", "requests==2.31.0"],
        },
    }


def test_equal_environments_get_one_in_common():
    jt = {"id": 1, "name": "JT"}
    org = {"id": 2, "name": "Org"}
    proposal = only(
        environment("/venv/b", "six==1.17.0\nnetaddr==0.9.0\n", python="3.9", job_templates=[jt]),
        environment("/venv/a", "netaddr==0.9.0\nsix==1.17.0\n", job_templates=[jt], organizations=[org]),
    )
    assert proposal.name == "a"
    assert proposal.environments == ("/venv/a", "/venv/b")
    assert proposal.as_result()["users"] == [{"scope": "job_template", **jt}, {"scope": "organization", **org}]
    assert proposal.used_by == {"job_templates": [jt], "organizations": [org], "projects": [], "inventory_sources": []}


def test_another_version_is_another_environment():
    proposals, _left = venv_plan.propose(
        [environment("/venv/a", "six==1.17.0"), environment("/other/a", "six==1.16.0")], venv_plan.Wishes()
    )
    assert [(one.name, one.environments) for one in proposals] == [("a", ("/other/a",)), ("a-2", ("/venv/a",))]


def test_names_may_be_given():
    found = environment("/venv/Net Work_29", "six==1.17.0")
    assert only(found).name == "net-work-29"
    assert only(found, names={"/venv/Net Work_29": "network"}).name == "network"


def test_what_the_base_image_has_is_left_out_or_told():
    proposal = only(
        environment("/venv/a", "PyYAML==6.0.1\nrequests==2.31.0\nnetaddr==0.9.0\n"),
        base_packages={"pyyaml": "6.0.1", "Requests": "2.32.0", "ansible-core": "2.19.1", "ansible-runner": "2.4.1"},
    )
    assert proposal.definition["dependencies"] == {"python": ["requests==2.31.0", "netaddr==0.9.0"]}
    assert proposal.left_out == ({"package": "PyYAML==6.0.1", "reason": "the base image has it in this version"},)
    assert proposal.conflicts == ({"package": "requests", "base": "2.32.0", "environment": "2.31.0"},)


def test_what_cannot_be_installed_elsewhere_is_told():
    proposal = only(environment("/venv/a", "six==1.17.0\n-e /srv/own\n-i https://pypi.example.com\n"))
    assert [one["package"] for one in proposal.left_out] == ["-e /srv/own", "-i https://pypi.example.com"]
    assert all(one["reason"] for one in proposal.left_out)


@pytest.mark.parametrize(
    ("text", "core", "python", "advised"),
    [
        ("ansible-core==2.15.3\nsix==1.17.0", "ansible-core==2.15.3", ["six==1.17.0"], False),
        (
            "ansible==8.5.0\nansible-core==2.15.5\nsix==1.17.0",
            "ansible-core==2.15.5",
            ["ansible==8.5.0", "six==1.17.0"],
            False,
        ),
        ("ansible==2.9.27\nsix==1.17.0", "ansible-core", ["six==1.17.0"], True),
        ("ansible==3.4.0\nansible-base==2.10.17\nsix==1.17.0", "ansible-core", ["six==1.17.0"], True),
        ("six==1.17.0", "ansible-core", ["six==1.17.0"], False),
    ],
)
def test_ansible_itself(text, core, python, advised):
    proposal = only(environment("/venv/a", text, python="3.9"))
    assert proposal.definition["dependencies"]["ansible_core"] == {"package_pip": core}
    assert proposal.definition["dependencies"]["python"] == python
    assert bool(proposal.advice) is advised


def test_the_runner_stays_pinned():
    proposal = only(environment("/venv/a", "ansible-runner==2.3.0\nsix==1.17.0"))
    assert proposal.definition["dependencies"]["ansible_runner"] == {"package_pip": "ansible-runner==2.3.0"}


def test_system_packages_are_guessed_and_marked():
    proposal = only(environment("/venv/a", "psycopg2==2.9.9\nlib @ git+https://git.example.com/lib@abc\n"))
    lines = proposal.definition["dependencies"]["system"]
    assert "libpq5 [platform:dpkg]  # a guess, for psycopg2" in lines
    assert "git [compile platform:rpm]  # a guess, for requirements from git" in lines
    assert all("# a guess" in line for line in lines)
    assert all(bindep.parse_line(line) is not None for line in lines)


def test_old_pins_are_advised_about():
    assert any("3.6.8" in one for one in only(environment("/venv/a", "six==1.17.0", python="3.6.8")).advice)


@pytest.mark.parametrize(
    ("text", "python", "why"),
    [
        ("six==1.16.0", "2.7.18", "Python 2"),
        ("six==1.16.0", "3.5", "Python 3.5"),
        ("six==1.16.0\nfutures==3.3.0", None, "futures"),
        ("ansible==2.8.20", "3.6", "ansible 2.8.20"),
        ("", "3.8", "empty or broken"),
    ],
)
def test_what_is_refused(text, python, why):
    assert why in refusal(environment("/venv/old", text, python=python))


def test_definitions_pass_their_own_check():
    proposal = only(environment("/venv/a", "psycopg2==2.9.9\nnetaddr==0.9.0\n"), base_image="reg.example.com/base:1")
    parsed = definition.from_mapping(proposal.definition)
    assert parsed.problems == ()
    assert parsed.definition is not None
