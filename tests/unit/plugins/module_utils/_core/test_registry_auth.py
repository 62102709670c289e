# Copyright (c) 2026 Foundry maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.foundry.ee.plugins.module_utils._core import registry_auth as a
from ansible_collections.foundry.ee.plugins.module_utils._core.errors import Denied


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


def test_docker_hub_has_another_host_and_a_library():
    assert a.api_host("docker.io") == "registry-1.docker.io"
    assert a.api_repository("docker.io", "debian") == "library/debian"
    assert a.api_repository("docker.io", "team/ee") == "team/ee"
    assert a.api_repository("quay.example.com", "debian") == "debian"


def test_secrets_are_not_shown():
    assert "hidden" not in repr(a.Credentials("u", "hidden", "hidden", "hidden"))
