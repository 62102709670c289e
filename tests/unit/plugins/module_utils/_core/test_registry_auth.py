# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import registry_auth as a
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied, Invalid


def pair(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Basic", [("basic", {})]),
        ('Basic realm="x"', [("basic", {"realm": "x"})]),
        (
            'Bearer realm="https://h/token",service="reg",scope="repository:a/b:pull,push"',
            [("bearer", {"realm": "https://h/token", "service": "reg", "scope": "repository:a/b:pull,push"})],
        ),
        ('Basic realm="a, b", Bearer realm=c', [("basic", {"realm": "a, b"}), ("bearer", {"realm": "c"})]),
        (r'BEARER Realm="a\"b"', [("bearer", {"realm": 'a"b'})]),
        ("Negotiate, Basic realm=x", [("negotiate", {}), ("basic", {"realm": "x"})]),
        ("=?", []),
    ],
)
def test_challenges(header, expected):
    assert [(c.scheme, c.parameters) for c in a.parse_challenges(header)] == expected


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("https://r.example.com", "https://r.example.com/token"),
        ("https://r.example.com", "https://R.example.com:443/token"),
        ("https://r.example.com", "https://auth.example.com/token"),
        ("http://127.0.0.1:5001", "http://127.0.0.1:5001/token/"),
    ],
)
def test_realms_that_may_see_the_credentials(registry, realm):
    assert a.check_realm(realm, registry) == realm


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("https://r.example.com", "http://r.example.com/token"),
        ("https://r.example.com", "http://auth.example.com/token"),
        ("http://127.0.0.1:5001", "https://auth.example.com/token"),
        ("http://127.0.0.1:5001", "http://127.0.0.1:5002/token"),
        ("http://127.0.0.1:5001", "http://localhost:5001/token"),
        ("https://r.example.com", ""),
        ("https://r.example.com", "/token"),
        ("https://r.example.com", "file:///etc/passwd"),
        ("https://r.example.com", "https://r.example.com@evil.example.com/token"),
    ],
)
def test_realms_that_may_not(registry, realm):
    with pytest.raises(Denied):
        a.check_realm(realm, registry)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:1", "[::1]:5000", "a.localhost"]
)
def test_loopback(host):
    assert a.is_loopback(host)


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1:5000", "localhost.example.com", "[fe80::1]", "128.0.0.1"])
def test_not_loopback(host):
    assert not a.is_loopback(host)


def test_docker_hub_has_another_host_and_a_library():
    assert a.api_host("docker.io") == "registry-1.docker.io"
    assert a.api_repository("docker.io", "debian") == "library/debian"
    assert a.api_repository("docker.io", "team/ee") == "team/ee"
    assert a.api_repository("quay.example.com", "debian") == "debian"


def test_the_most_telling_key_wins():
    content = {
        "auths": {
            "r.example.com": {"auth": pair("host:1")},
            "r.example.com/team": {"auth": pair("team:2")},
            "r.example.com/team/ee": {"auth": pair("ee:3")},
        }
    }
    users = [
        a.find_in_file(content, "r.example.com", repository, "f") for repository in ("team/ee", "team/x", "x", None)
    ]
    assert [u.username if isinstance(u, a.Credentials) else u for u in users] == ["ee", "team", "host", "host"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": pair("u:p:q")}, a.Credentials("u", "p:q")),
        ({"username": "u", "password": "p"}, a.Credentials("u", "p")),
        ({"identitytoken": "t", "auth": pair("u:")}, a.Credentials(identity_token="t")),
        ({"registrytoken": "t"}, a.Credentials(bearer="t")),
        ({}, None),
    ],
)
@pytest.mark.parametrize("key", ["r.example.com:5000", "https://r.example.com:5000/v1/", "https://r.example.com:5000"])
def test_entries(entry, expected, key):
    assert a.find_in_file({"auths": {key: entry}}, "r.example.com:5000", "a/b", "f") == expected


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"])
def test_docker_hub_entries(key):
    found = a.find_in_file({"auths": {key: {"auth": pair("u:p")}}}, "docker.io", "debian", "f")
    assert found == a.Credentials("u", "p")


def test_another_hosts_entry_is_not_used():
    content = {"auths": {"r.example.com": {"auth": pair("u:p")}, "r.example.com/other": {"auth": pair("o:p")}}}
    for registry in ("r.example.com:5000", "example.com", "x.r.example.com", "r.example.co"):
        assert a.find_in_file(content, registry, "team/ee", "f") is None


def test_helpers():
    content = {"credHelpers": {"r.example.com": "special"}, "credsStore": "usual", "auths": {"q.example.com": {}}}
    assert a.find_in_file(content, "r.example.com", "x", "f") == "special"
    assert a.find_in_file(content, "q.example.com", "x", "f") == "usual"


@pytest.mark.parametrize("name", ["../../bin/sh", "-x", "a b", 7])
def test_helpers_with_no_name_of_one(name):
    with pytest.raises(Invalid, match="no name of one"):
        a.find_in_file({"credsStore": name}, "r.example.com", None, "f")


@pytest.mark.parametrize("content", [[], "x", None])
def test_no_credentials_file(content):
    with pytest.raises(Invalid, match="no credentials file"):
        a.find_in_file(content, "r.example.com", None, "f")


@pytest.mark.parametrize("auth", ["%%%", base64.b64encode(b"\xff:\xfe").decode(), pair("nocolon")])
def test_entries_that_cannot_be_read(auth):
    with pytest.raises(Invalid, match="Log in again"):
        a.find_in_file({"auths": {"r.example.com": {"auth": auth}}}, "r.example.com", None, "f")


def test_helper_answers():
    assert a.from_helper({"Username": "u", "Secret": "s"}, "h") == a.Credentials("u", "s")
    assert a.from_helper({"Username": "<token>", "Secret": "s"}, "h") == a.Credentials(identity_token="s")
    with pytest.raises(Invalid):
        a.from_helper({"Username": "u"}, "h")


def test_secrets_are_not_shown():
    assert "hidden" not in repr(a.Credentials("u", "hidden", "hidden", "hidden"))
