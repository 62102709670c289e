# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("importlib-metadata==6.0\n", "importlib_metadata==6.0\n"),
        ("PyYAML == 6.0\n", "pyyaml==6.0\n"),
        ("pywinrm[kerberos,credssp]==0.4.3\n", "PyWinRM[credssp, Kerberos]==0.4.3\n"),
        ('six>=1,<2; python_version < "3.9"\n', "six<2,>=1 ; python_version<'3.9'\n"),
        ("Loc_pkg @ file:///srv/loc\n", "loc-pkg @ file:///srv/loc\n"),
    ],
)
def test_another_spelling_is_no_other_environment(one, other):
    assert only(environment("/venv/a", one), environment("/venv/b", other)).environments == ("/venv/a", "/venv/b")


@pytest.mark.parametrize(
    "other", ["pywinrm[credssp]==0.4.3", "pywinrm==0.4.3", "pywinrm[kerberos]==0.4.3; python_version<'3'"]
)
def test_other_extras_or_markers_are_another_environment(other):
    found = [environment("/venv/a", "pywinrm[kerberos]==0.4.3"), environment("/venv/b", other)]
    assert len(venv_plan.propose(found, venv_plan.Wishes())[0]) == 2


def names(*paths, **given):
    """The names for environments that differ, by path."""
    found = [environment(path, f"six==1.{number}") for number, path in enumerate(paths)]
    proposals, _left = venv_plan.propose(found, venv_plan.Wishes(names=given.get("given", {})))
    return {one.environments[0]: one.name for one in proposals}


def test_another_version_is_another_environment_and_none_gets_the_name_of_another():
    both = names("/venv/a", "/other/a")
    assert both["/venv/a"] != both["/other/a"]
    assert all(re.fullmatch("a-[0-9a-f]{6}", name) for name in both.values())
    assert names("/srv/a", "/other/a", "/venv/a").items() >= both.items()
    assert names("/venv/a") == {"/venv/a": "a"}


def test_a_name_that_was_given_is_nobody_elses():
    # As when one was moved before the other, which comes before it, was there; or is looked at alone.
    known = {"/venv/a": "a"}
    both = names("/other/a", "/venv/a", given=known)
    assert both["/venv/a"] == "a"
    assert both["/other/a"].startswith("a-")
    assert names("/other/a", given=known) == {"/other/a": both["/other/a"]}
    assert names("/other/a", "/venv/b", given={"/other/a": "x", "/venv/b": "x"})["/venv/b"].startswith("x-")


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


VCS = "ansible-core @ git+https://git.example.com/ansible.git@abc"


@pytest.mark.parametrize(
    ("text", "base", "own", "conflict"),
    [
        ("ansible-core==2.15.3", "2.19.1", "ansible-core==2.15.3", "2.15.3"),
        ("ansible_core==2.15.3", None, "ansible-core==2.15.3", None),
        (VCS, None, VCS.replace(" ", ""), None),
        (VCS, "2.19.1", VCS.replace(" ", ""), VCS),
        ("ansible-core>=2.15, <3 ; python_version>'3'", None, "ansible-core>=2.15,<3", None),
        ("ansible-core", None, "ansible-core", None),
        ("ansible-core", "2.19.1", None, None),
        ("ansible-runner==2.3.0", "2.4.1", "ansible-runner==2.3.0", "2.3.0"),
        ("ansible-runner @ git+https://example.com/r@abc", None, "ansible-runner@git+https://example.com/r@abc", None),
    ],
)
def test_what_has_a_key_of_its_own_is_kept_and_told(text, base, own, conflict):
    name = text[:14].partition("@")[0].strip() if text.startswith("ansible-runner") else "ansible-core"
    proposal = only(environment("/venv/a", f"{text}\nsix==1.17.0"), base_packages={name: base} if base else {})
    dependencies = proposal.definition["dependencies"]
    assert dependencies.get(name.replace("-", "_")) == (own and {"package_pip": own})
    assert proposal.conflicts == ((({"package": name, "base": base, "environment": conflict}),) if conflict else ())
    assert dependencies["python"] == ["six==1.17.0"]
    assert definition.from_mapping({**proposal.definition, "images": {"base_image": {"name": "b:1"}}}).problems == ()


def test_what_the_base_image_has_by_a_key_of_its_own_is_told():
    text = "ansible-core==2.19.1\nansible-runner==2.4.1\nsix==1.17.0"
    proposal = only(environment("/venv/a", text), base_packages={"ansible_core": "2.19.1", "ansible-runner": "2.4.1"})
    assert [one["package"] for one in proposal.left_out] == ["ansible-core==2.19.1", "ansible-runner==2.4.1"]
    assert proposal.definition["dependencies"] == {"python": ["six==1.17.0"]}


def test_git_for_ansible_itself_is_wanted_before_system_packages():
    advice = only(environment("/venv/a", f"{VCS}\nsix==1.17.0", python="3.9")).advice
    assert [one for one in advice if "base image itself needs git" in one]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-e git+https://git.example.com/ansible.git@abc#egg=ansible\nsix==1.17.0", "may be or bring another Ansible"),
        (
            "ansible-base @ git+https://git.example.com/ansible.git@abc\nsix==1.17.0",
            "takes the place of ansible-base @",
        ),
        ("ansible-core==2.15.3\nansible==2.9.27", "takes the place of ansible 2.9.27"),
    ],
)
def test_two_ansibles_are_advised_about(text, words):
    assert words in only(environment("/venv/a", text, python="3.9")).advice[0]


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
        ("six==1.16.0", "3.1", "if that is 3.10, write it in quotes"),
        ("six==1.16.0\nfutures==3.3.0", None, "futures"),
        ("ansible==2.8.20", "3.6", "ansible 2.8.20"),
        ("", "3.8", "empty or broken"),
    ],
)
def test_what_is_refused(text, python, why):
    assert why in refusal(environment("/venv/old", text, python=python))


@pytest.mark.parametrize("python", ["3", "", None])
def test_a_version_that_is_not_known_refuses_nothing(python):
    assert only(environment("/venv/a", "six==1.16.0", python=python)).advice == ()


def test_secrets_go_nowhere():
    text = (
        "--extra-index-url https://me:s3cret@example.com/simple\n"
        "-e git+ssh://git:s3cret@example.com/lib@abc#egg=lib\n"
        "weird https://me:s3cret@example.com\n"
        "Requests @ https://s3cret@example.com/requests.zip\n"
    )
    found = environment("/venv/a", text)
    proposal = only(found, base_packages={"requests": "2.31.0"})
    assert "s3cret" not in f"{found.as_result()}{proposal.as_result()}"
    assert len(proposal.left_out) == 2


def test_definitions_pass_their_own_check():
    proposal = only(environment("/venv/a", "psycopg2==2.9.9\nnetaddr==0.9.0\n"), base_image="reg.example.com/base:1")
    parsed = definition.from_mapping(proposal.definition)
    assert parsed.problems == ()
    assert parsed.definition is not None
