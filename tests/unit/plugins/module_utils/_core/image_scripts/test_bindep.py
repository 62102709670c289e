# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of OS packages, beside what bindep 2.14.0 says of the same lines and systems."""

from __future__ import annotations

import json
import pathlib

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core.image_scripts import bindep

RECORDED = json.loads((pathlib.Path(__file__).parents[5] / "fixtures/bindep/verdicts.json").read_text())
# What bindep cannot read and people write all the same: it stands in published collections.
READ_BY_US = ("a", " lead", "pkg>=1.2 [platform:rpm]", "foo[a]", "foo:amd64")


def rule_of(line):
    rule = bindep.parse_line(line)
    assert rule is not None
    return rule


def os_release(system):
    name, version, codename = system.split(" ", 2)
    return {"ID": name, "VERSION_ID": version, "VERSION": f"{version} ({codename})"}


def profiles(system, others):
    return {*others.split(), *bindep.platform_profiles(os_release(system))}


@pytest.mark.parametrize("system", RECORDED["platforms"])
def test_platforms(system):
    theirs = {profile for profile in RECORDED["platforms"][system] if not profile.endswith("-")}
    ours = bindep.platform_profiles(os_release(system))
    # bindep does not know the newer names of Oracle's and Amazon's systems; both have Python 3.
    assert ours - theirs <= {"platform:oracle", "platform:oracle-8", "platform:oracle-8.9", "platform:base-py3"}
    assert theirs <= ours


@pytest.mark.parametrize("line", [line for line, verdict in RECORDED["rules"].items() if verdict is not None])
def test_active_where_bindep_says_so(line):
    systems = {system for system, _others in (pair for verdict in RECORDED["rules"].values() for pair in verdict or ())}
    rule = rule_of(line)
    ours = [
        [system, others]
        for system in RECORDED["platforms"]
        if system in systems
        for others in RECORDED["profiles"]
        if rule.active(profiles(system, others))
    ]
    assert sorted(ours) == sorted(RECORDED["rules"][line])


@pytest.mark.parametrize("line", [line for line, verdict in RECORDED["rules"].items() if verdict is None])
def test_what_bindep_cannot_read(line):
    if line in READ_BY_US:
        assert rule_of(line).package == line.split("[")[0].split(">")[0].strip()
    else:
        with pytest.raises(bindep.Unreadable):
            bindep.parse_line(line)


@pytest.mark.parametrize("line", ["", "   ", "# comment", "  # comment"])
def test_nothing(line):
    assert bindep.parse_line(line) is None


def test_packages_are_sorted_and_named_once():
    rules = [rule_of(line) for line in ("b", "a [x]", "b [default]", "c [y]")]
    assert bindep.packages(rules, {"default", "x"}) == ["a", "b"]


def test_os_release():
    text = 'NAME="Debian GNU/Linux"\nID=debian\n# VERSION_ID=11\nVERSION_ID="12"\nodd line\nID_LIKE=\'a b\'\n'
    assert bindep.parse_os_release(text) == {
        "NAME": "Debian GNU/Linux",
        "ID": "debian",
        "VERSION_ID": "12",
        "ID_LIKE": "a b",
    }


def test_an_unknown_system_takes_after_its_family():
    assert {"platform:rpm", "platform:redhat"} <= bindep.platform_profiles(
        {"ID": "newdistro", "ID_LIKE": "fedora rhel"}
    )
    assert bindep.platform_profiles({}) == {"platform:linux", "platform:base-py3"}
