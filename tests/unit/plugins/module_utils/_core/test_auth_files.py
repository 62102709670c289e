# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import auth_files as files
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Invalid
from ansible_collections.foundry.ee.plugins.module_utils._core.registry_auth import Credentials


def pair(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_most_telling_key_wins():
    content = {
        "auths": {
            "r.example.com": {"auth": pair("host:1")},
            "r.example.com/team": {"auth": pair("team:2")},
            "r.example.com/team/ee": {"auth": pair("ee:3")},
        }
    }
    users = [
        files.find_in_file(content, "r.example.com", repository, "f") for repository in ("team/ee", "team/x", "x", None)
    ]
    assert [u.username if isinstance(u, Credentials) else u for u in users] == ["ee", "team", "host", "host"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": pair("u:p:q")}, Credentials("u", "p:q")),
        ({"username": "u", "password": "p"}, Credentials("u", "p")),
        ({"identitytoken": "t", "auth": pair("u:")}, Credentials(identity_token="t")),
        ({"registrytoken": "t"}, Credentials(bearer="t")),
        ({}, None),
    ],
)
@pytest.mark.parametrize("key", ["r.example.com:5000", "https://r.example.com:5000/v1/", "https://r.example.com:5000"])
def test_entries(entry, expected, key):
    assert files.find_in_file({"auths": {key: entry}}, "r.example.com:5000", "a/b", "f") == expected


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"])
def test_docker_hub_entries(key):
    found = files.find_in_file({"auths": {key: {"auth": pair("u:p")}}}, "docker.io", "debian", "f")
    assert found == Credentials("u", "p")


def test_another_hosts_entry_is_not_used():
    content = {"auths": {"r.example.com": {"auth": pair("u:p")}, "r.example.com/other": {"auth": pair("o:p")}}}
    for registry in ("r.example.com:5000", "example.com", "x.r.example.com", "r.example.co"):
        assert files.find_in_file(content, registry, "team/ee", "f") is None


def test_helpers():
    content = {"credHelpers": {"r.example.com": "special"}, "credsStore": "usual", "auths": {"q.example.com": {}}}
    assert files.find_in_file(content, "r.example.com", "x", "f") == "special"
    assert files.find_in_file(content, "q.example.com", "x", "f") == "usual"


@pytest.mark.parametrize("name", ["../../bin/sh", "-x", "a b", 7])
def test_helpers_with_no_name_of_one(name):
    with pytest.raises(Invalid, match="no name of one"):
        files.find_in_file({"credsStore": name}, "r.example.com", None, "f")


@pytest.mark.parametrize("content", [[], "x", None])
def test_no_credentials_file(content):
    with pytest.raises(Invalid, match="no credentials file"):
        files.find_in_file(content, "r.example.com", None, "f")


@pytest.mark.parametrize("auth", ["%%%", base64.b64encode(b"\xff:\xfe").decode(), pair("nocolon")])
def test_entries_that_cannot_be_read(auth):
    with pytest.raises(Invalid, match="Log in again"):
        files.find_in_file({"auths": {"r.example.com": {"auth": auth}}}, "r.example.com", None, "f")


def test_helper_answers():
    assert files.from_helper({"Username": "u", "Secret": "s"}, "h") == Credentials("u", "s")
    assert files.from_helper({"Username": "<token>", "Secret": "s"}, "h") == Credentials(identity_token="s")
    with pytest.raises(Invalid):
        files.from_helper({"Username": "u"}, "h")
